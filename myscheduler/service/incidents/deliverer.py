"""Sends what is to be told about incidents, each channel by itself, so that one that hangs delays no other.

What is sent is stored before: after a crash, the same message is sent again under the same id.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.incidents.delivery import (
    MOST_IN_MESSAGE,
    MOST_WITHOUT_DIGESTS,
    Channel,
    Delivered,
    Delivery,
    DeliveryState,
    Failed,
    Tried,
    chosen,
    compose,
    next_try,
    ready_at,
)
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.incidents.notice import JobFacts, Message, Notice
from myscheduler.core.job.job import Job
from myscheduler.core.secrets.literals import masked
from myscheduler.errors import StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.incidents.contacts import Contacts
from myscheduler.service.notifications.troubles import ChannelTroubles

LOOK_SEC = 1.0
"""Time between two looks at what waits."""
SEND_SEC = 60.0
"""After so long, a message that is being sent counts as failed, whatever its channel does."""
CHANNELS_AT_ONCE = 16
"""The most channels that messages are sent to at the same time."""

log = logging.getLogger(__name__)


class Deliverer:
    """Sends the notices that wait, and records how it went."""

    def __init__(
        self,
        store: Store,
        contacts: Contacts,
        troubles: ChannelTroubles,
        *,
        zone: str,
        now: Callable[[], datetime],
    ) -> None:
        """`troubles` is told how messages go. `zone` is the IANA zone of the service, in which jobs are told that name
        none.
        """
        self._store = store
        self._contacts = contacts
        self._troubles = troubles
        self._zone = zone
        self._now = now
        self._has_work = True
        """Whether something may wait."""
        self._not_before: dict[str, datetime] = {}
        """When a channel is looked at again."""
        self._busy: set[str] = set()
        """The channels that something is being sent to."""
        self.counts: Counter[tuple[str, str]] = Counter()
        """How often messages were `Tried` with which result, by channel, since the start."""

    def wake(self) -> None:
        """Say that there may be something to tell."""
        self._has_work = True

    async def run(self) -> None:
        """Send what waits as soon as it may be sent, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                if self._has_work:
                    await self._begin(group)
                await asyncio.sleep(LOOK_SEC)

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        try:
            channels = await self._store.read(delivery_rows.waiting_channels)
        except StoreUnavailableError as error:
            log.debug("notices are sent later: %s", error)
            return
        self._has_work = bool(channels)
        now = self._now()
        for name in channels:
            is_early = now < self._not_before.get(name, now)
            if name not in self._busy and not is_early and len(self._busy) < CHANNELS_AT_ONCE:
                self._busy.add(name)
                group.create_task(self._serve(name), name=f"notices for {name}")

    async def _serve(self, name: str) -> None:
        try:
            while await self.send_next(name):
                pass
        except StoreUnavailableError as error:
            log.debug("notices for %s are sent later: %s", name, error)
        except Exception:
            log.exception("a bug kept notices for %s from being sent", name)
        finally:
            self._busy.discard(name)

    async def send_next(self, name: str) -> bool:
        """Send the next message to a channel, if it is time. Returns whether there may be another one to send now.

        Raises `StoreUnavailableError`.
        """
        now = self._now()
        waiting = await self._store.read(partial(delivery_rows.waiting, channel=name, limit=MOST_IN_MESSAGE))
        ready = ready_at(waiting)
        if ready is None or ready > now:
            self._wait(name, ready)
            return False
        channel = self._contacts.find(name)
        if channel is None:
            why = said("channel-gone")
            await self._settle(waiting, DeliveryState.FAILED, error=why, is_attempt=False)
            self.counts[name, Tried.FAILED] += 1
            return True
        quiet_until = channel.quiet_until(now)
        if quiet_until is not None:
            self._wait(name, quiet_until)
            return False
        most = MOST_IN_MESSAGE if channel.takes_digests else MOST_WITHOUT_DIGESTS
        return await self._send(channel, chosen(waiting, most))

    def _wait(self, name: str, until: datetime | None) -> None:
        if until is None:
            self._not_before.pop(name, None)
        else:
            self._not_before[name] = until

    async def _send(self, channel: Channel, rows: Sequence[Delivery]) -> bool:
        compose_them = partial(_composed, rows=rows, channel=channel.name, at=self._now())
        found = await self._store.write(compose_them)
        if not found.told:
            return True
        message = await asyncio.to_thread(found.message, self._zone)  # masking the facts of a thousand jobs takes long
        result = await _within_limits(channel, message)
        sent = [*found.told, *found.merged]
        if isinstance(result, Delivered):
            await self._settle(sent, DeliveryState.SENT)
            self.counts[channel.name, Tried.DELIVERED] += 1
            self._troubles.delivered(channel.name)
            log.info("notices delivered", extra={"channel": channel.name, "notices": len(message.notices)})
            return True
        return await self._after_failure(channel.name, sent, result)

    async def _after_failure(self, name: str, sent: Sequence[Delivery], failed: Failed) -> bool:
        now, attempts = self._now(), sent[0].attempts + 1
        again = next_try(failed, attempts, at=min(one.at for one in sent), now=now)
        log.warning(
            "notices could not be delivered%s: %s",
            "" if again else " and are given up",
            failed.why,
            extra={"channel": name, "attempt": attempts},
        )
        self._troubles.failed(name, failed.why, is_given_up=again is None, at=now)
        if again is None:
            await self._settle(sent, DeliveryState.FAILED, error=failed.why)
            self.counts[name, Tried.FAILED] += 1
            return True
        ids = [one.delivery_id for one in sent]
        await self._store.write(partial(delivery_rows.postpone, delivery_ids=ids, until=again, error=failed.why))
        self.counts[name, Tried.RETRIED] += 1
        self._wait(name, again)
        return False

    async def _settle(
        self,
        rows: Sequence[Delivery],
        state: DeliveryState,
        *,
        error: str | None = None,
        is_attempt: bool = True,
    ) -> None:
        ids = [one.delivery_id for one in rows]
        work = partial(
            delivery_rows.settle, delivery_ids=ids, state=state, at=self._now(), error=error, is_attempt=is_attempt
        )
        await self._store.write(work)


async def _within_limits(channel: Channel, message: Message) -> Delivered | Failed:
    try:
        async with asyncio.timeout(SEND_SEC):
            return await channel.send(message)
    except TimeoutError:
        return Failed(said("channel-slow", seconds=SEND_SEC))
    except Exception as error:
        log.exception("a bug of a channel", extra={"channel": channel.name})
        return Failed(said("channel-bug", kind=type(error).__name__))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message before its words, with its id, which is stored."""

    message_id: str
    told: tuple[Delivery, ...]
    """Empty if nothing is left to be told."""
    merged: tuple[Delivery, ...]
    incidents: Mapping[str, Incident]
    jobs: Mapping[str, Job]

    def message(self, zone: str) -> Message:
        return Message(self.message_id, tuple(self._notice(one, zone) for one in self.told))

    def _notice(self, one: Delivery, zone: str) -> Notice:
        incident = self.incidents[one.incident_id]
        if incident.job_id is None:
            return Notice(one.delivery_id, one.kind, one.at, None, incident, zone)
        job = self.jobs.get(incident.job_id)
        facts = facts_of(job, zone) if job else _facts_of_gone(incident.job_id, zone)
        return Notice(one.delivery_id, one.kind, one.at, facts, incident)


def _composed(connection: Connection, *, rows: Sequence[Delivery], channel: str, at: datetime) -> _Draft:
    """The message that these notices make up, unless they were withdrawn since they were read."""
    waiting = delivery_rows.still_waiting(connection, [one.delivery_id for one in rows])
    rows = [one for one in rows if one.delivery_id in waiting]
    incidents = incident_rows.by_ids(connection, list({one.incident_id for one in rows}))
    jobs = job_rows.find_jobs(connection, list({one.job_id for one in incidents.values() if one.job_id is not None}))
    orphaned = {name for name, one in incidents.items() if one.job_id is not None and one.job_id not in jobs}
    told = delivery_rows.begun_for(connection, channel, {one.incident_id for one in rows})
    found = compose(rows, told=told, stored=incidents, orphaned=orphaned)
    if found.withdrawn:
        ids = [one.delivery_id for one in found.withdrawn]
        delivery_rows.settle(connection, ids, DeliveryState.WITHDRAWN, at=at, is_attempt=False)
    message_id = next((one.message_id for one in rows if one.message_id), None) or new_execution_id(at)
    delivery_rows.assign(connection, [one.delivery_id for one in (*found.told, *found.merged)], message_id)
    return _Draft(message_id, found.told, found.merged, incidents, jobs)


def facts_of(job: Job, zone: str) -> JobFacts:
    """What messages say about a job, without credentials; `zone` is that of the service."""
    return JobFacts(
        job_id=job.job_id,
        name=masked_text(job.spec.name),
        labels=masked({"labels": job.spec.labels})["labels"],
        host=host_key(job.spec.target_url),
        zone=job.spec.timezone or zone,
        source=f"{job.source.path}:{job.source.line}" if job.source else None,
    )


def _facts_of_gone(job_id: str, zone: str) -> JobFacts:
    """What is left to say about a job that is deleted."""
    return JobFacts(job_id=job_id, name=job_id, labels={}, host="", zone=zone)
