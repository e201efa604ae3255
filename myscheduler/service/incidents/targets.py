"""Follows the circuits of shared targets and the certificates of hosts, and keeps their incidents.

Both are in memory, so a look costs no query of the database unless something has begun or ended.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.certificates import Certificates
from myscheduler.core.dispatch.throttles import Pressure
from myscheduler.core.incidents.certificates import REMEMBERED, judge_certificate
from myscheduler.core.incidents.circuits import Standing, judge_circuit
from myscheduler.core.incidents.incident import Incident, IncidentKind
from myscheduler.core.incidents.judging import Step
from myscheduler.core.job.job import Job
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.changes import Changes
from myscheduler.service.incidents import keeping
from myscheduler.service.incidents.contacts import Contacts

LOOK_SEC = 1.0
"""Time between two looks."""
CALLED_LOOK = timedelta(minutes=1)
"""Time between two looks at what the jobs call, while the incident of something is open that may not be called."""

log = logging.getLogger(__name__)


class TargetWatch:
    """Looks at circuits and certificates again and again."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        contacts: Contacts,
        certificates: Certificates,
        *,
        pressures: Callable[[], Mapping[str, Pressure]],
        jobs: Callable[[], Sequence[tuple[Job, str]]],
        now: Callable[[], datetime],
        tell: Callable[[], None],
    ) -> None:
        """`pressures` returns what holds the declared targets back, by name, `jobs` all jobs with the keys of their
        hosts; `tell` is called when something is to be told.
        """
        self._store = store
        self._changes = changes
        self._contacts = contacts
        self._certificates = certificates
        self._pressures = pressures
        self._jobs = jobs
        self._now = now
        self._tell = tell
        self._known: dict[tuple[IncidentKind, str], Incident] | None = None
        """The open incidents; `None` if they have to be read."""
        self._soon: dict[str, tuple[datetime, datetime]] = {}
        """By host, the soonest end of a certificate that expires soon, and when it was last seen."""
        self._called: frozenset[tuple[IncidentKind, str]] | None = None
        """What the jobs call; `None` until it was looked at."""
        self._looked_for_called = now()
        self._edition: str | None = None
        """That of the channels with which the open incidents were told."""

    async def run(self) -> None:
        """Look again and again, until cancelled. Failures of the database are ignored: `StoreHealth` reports them."""
        while True:
            try:
                await self.look()
            except StoreUnavailableError as error:
                log.debug("incidents of targets are judged later: %s", error)
            except Exception:
                log.exception("a bug ended a look at the targets")
            await asyncio.sleep(LOOK_SEC)

    async def look(self) -> None:
        """Judge all targets and hosts as they stand now. Raises `StoreUnavailableError`; then the next look does it."""
        now = self._now()
        if self._known is None:
            found = await self._store.read(incident_rows.open_of_others)
            self._known = {(one.kind, one.subject): one for one in found}
        known = self._known
        if known and now - self._looked_for_called >= CALLED_LOOK:
            self._called, self._looked_for_called = await asyncio.to_thread(_called, self._jobs()), now
        steps = (*self._circuits(known, now), *self._hosts(known, now))
        joined = await self._joined(known, now)
        if steps or joined:
            await self._keep(steps, joined, now)
        self._edition = self._contacts.edition

    def _circuits(self, known: Mapping[tuple[IncidentKind, str], Incident], now: datetime) -> Iterator[Step]:
        standings = {name: _standing(one) for name, one in self._pressures().items()}
        is_open = {name for name, one in standings.items() if one.is_open}
        for name in sorted(is_open.union(_of(known, IncidentKind.CIRCUIT))):
            incident, is_called = known.get((IncidentKind.CIRCUIT, name)), self._is_called(IncidentKind.CIRCUIT, name)
            yield from judge_circuit(
                name, incident, standings.get(name), is_called=is_called, now=now, new_id=new_execution_id
            )

    def _hosts(self, known: Mapping[tuple[IncidentKind, str], Incident], now: datetime) -> Iterator[Step]:
        self._see(now)
        for host in sorted({*self._soon, *_of(known, IncidentKind.CERTIFICATE)}):
            soonest = self._soon[host][0] if host in self._soon else self._certificates.expires_at(host)
            incident = known.get((IncidentKind.CERTIFICATE, host))
            is_called = self._is_called(IncidentKind.CERTIFICATE, host)
            yield from judge_certificate(host, incident, soonest, is_called=is_called, now=now, new_id=new_execution_id)

    def _see(self, now: datetime) -> None:
        """Note the certificates that expire soon, and forget those that were not seen for long."""
        for host, (_, seen_at) in list(self._soon.items()):
            if now - seen_at >= REMEMBERED:
                del self._soon[host]
        for one in self._certificates.expiring(now):
            before = self._soon.get(one.host)
            soonest = one.expires_at if before is None else min(before[0], one.expires_at)
            seen_at = now if before is None or soonest == one.expires_at else before[1]
            self._soon[one.host] = soonest, seen_at

    def _is_called(self, kind: IncidentKind, subject: str) -> bool:
        return self._called is None or (kind, subject) in self._called

    async def _joined(
        self, known: Mapping[tuple[IncidentKind, str], Incident], now: datetime
    ) -> tuple[tuple[str, str], ...]:
        """What channels are to be told that `notifications.yaml` names only now."""
        if not known or self._edition == self._contacts.edition:
            return ()
        channels = [one.name for one in self._contacts.usual_channels]
        return await self._store.read(partial(_joining, channels=channels, now=now))

    async def _keep(self, steps: tuple[Step, ...], joined: tuple[tuple[str, str], ...], now: datetime) -> None:
        self._known = None
        judged = keeping.Judged(steps, tuple(one.name for one in self._contacts.usual_channels), joined=joined)
        changed, has_notices = await self._store.write(
            partial(keeping.keep, judged=[judged], contacts=self._contacts, now=now)
        )
        _report(changed)
        self._changes.of_incidents()
        if has_notices:
            self._tell()


def _standing(pressure: Pressure) -> Standing:
    return Standing(
        pressure.circuit,
        pressure.opened_at,
        pressure.failures,
        pressure.why,
        is_alive=pressure.alive_at is not None,
    )


def _of(known: Iterable[tuple[IncidentKind, str]], kind: IncidentKind) -> Iterator[str]:
    return (subject for one, subject in known if one is kind)


def _called(jobs: Iterable[tuple[Job, str]]) -> frozenset[tuple[IncidentKind, str]]:
    """The targets and hosts that jobs call. Runs in a thread: there may be many jobs."""
    found: set[tuple[IncidentKind, str]] = set()
    for job, host in jobs:
        found.add((IncidentKind.CERTIFICATE, host))
        if job.spec.target is not None:
            found.add((IncidentKind.CIRCUIT, job.spec.target))
    return frozenset(found)


def _joining(connection: Connection, *, channels: Collection[str], now: datetime) -> tuple[tuple[str, str], ...]:
    found = incident_rows.open_of_others(connection)
    begun = delivery_rows.begun_of(connection, [one.incident_id for one in found])
    return keeping.joining(found, channels, begun, now)


def _report(changed: Iterable[Incident]) -> None:
    for one in changed:
        names = {"target": one.target, "host": one.host, "incident_id": one.incident_id, "reason": one.end_reason}
        extra = {name: value for name, value in names.items() if value is not None}
        if one.is_open:
            log.warning("in trouble: %s", one.kind, extra=extra)
        else:
            log.info("no longer in trouble: %s", one.kind, extra=extra)
