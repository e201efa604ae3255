"""Follows what happens to jobs, and keeps their incidents.

It is no part of the hot path: it hears what changed from `Changes`, and reads the history beside the calls. Only jobs
are judged with something that went wrong, an open incident, or a run that may be late. Nothing depends on hearing of
everything: at its start, and when it has missed something, it looks for all jobs that may be in trouble.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import chain_alarms
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.schedule.clock import Clock
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.incidents import keeping
from myscheduler.service.incidents.contacts import Contacts

LOOK_SEC = 1.0
"""Time between two looks at what changed."""
REST = 4
"""After some jobs are judged, the follower rests this many times as long: it takes at most a fifth of a processor."""
LATE_LOOK = timedelta(seconds=10)
"""Time between two searches for runs that are late."""
LATE_AGE = timedelta(seconds=30)
"""Runs whose slot is younger are not looked at, so a shorter grace takes effect with some delay."""
SETTLING = timedelta(minutes=1)
"""After the start, and after the database failed, no job is late yet: slots are caught up, and jobs that run often run
again.
"""
REMIND_LOOK = timedelta(minutes=1)
"""Time between two searches for incidents of which somebody is to be reminded; none is told more often."""
JOBS_AT_ONCE = 100
"""The most jobs that are judged together."""
MOST_FOUND = 5_000
"""The most jobs that one search finds."""

log = logging.getLogger(__name__)


class Follower:
    """Judges jobs that may be in trouble, one look after another."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        contacts: Contacts,
        chains: Chains,
        *,
        zone: str,
        now: Callable[[], datetime],
        tell: Callable[[], None],
    ) -> None:
        """`tell` is called when something is to be told. `zone` is the IANA zone of the service."""
        self._store = store
        self._changes = changes
        self._contacts = contacts
        self._chains = chains
        self._zone = zone
        self._now = now
        self._tell = tell
        self._well_since = now()
        """When the service started, or the database last failed."""
        self._pending: set[str] = set()
        """Jobs to be judged."""
        self._in_trouble: set[str] = set()
        """Jobs with open incidents."""
        self._heard: int | None = None
        """The number of the last change that was heard; `None` if some were missed."""
        self._edition = contacts.edition
        self._looked_for_late = self._well_since
        self._looked_for_reminders = self._well_since

    async def run(self) -> None:
        """Look again and again, until cancelled. Failures of the database are ignored: `StoreHealth` reports them."""
        while True:
            try:
                await self.look()
            except StoreUnavailableError as error:
                log.debug("incidents are judged later: %s", error)
            except Exception:
                log.exception("a bug ended a look at the jobs in trouble")
            await asyncio.sleep(LOOK_SEC)

    async def look(self) -> None:
        """Judge the jobs that may be in trouble now. Raises `StoreUnavailableError`; then the next look does it."""
        try:
            await self._look()
        except StoreUnavailableError:
            self._well_since = self._now()
            raise

    async def _look(self) -> None:
        await self._find_late()
        await self._hear()
        while some := list(islice(self._pending, JOBS_AT_ONCE)):
            began = time.monotonic()
            await self._judge(some)
            self._pending.difference_update(some)
            await asyncio.sleep(REST * (time.monotonic() - began))
        await self._remind()

    async def _hear(self) -> None:
        number, edition = self._changes.number, self._contacts.edition
        if edition != self._edition:  # whoever is in trouble may have other channels, or others may be in trouble
            self._heard, self._edition = None, edition
        wrong = None if self._heard is None else self._changes.wrong_since(self._heard)
        if self._heard is None or wrong is None:
            self._in_trouble = await self._store.read(incident_rows.jobs_in_trouble)
            self._pending |= await self._store.read(partial(incident_rows.wrong_lately, limit=MOST_FOUND))
            self._pending |= self._in_trouble
        else:
            self._pending |= wrong
            if self._in_trouble and number != self._heard:
                self._pending |= self._touched(self._changes.jobs_since(self._heard))
        self._heard = number

    def _touched(self, changed: frozenset[str] | None) -> set[str]:
        """The jobs in trouble that changed, or one of those below them in their chains; all if that is not known."""
        if not changed:
            return set(self._in_trouble)
        graph = self._chains.graph
        return {one for one in self._in_trouble if one in changed or not changed.isdisjoint(graph.below(one))}

    async def _find_late(self) -> None:
        """Find jobs with runs that may be late, and look again at those that are."""
        now = self._now()
        if now - self._looked_for_late < LATE_LOOK:
            return
        find = partial(incident_rows.suspects, moment=now - LATE_AGE, limit=MOST_FOUND)
        self._pending.update(await self._store.read(find))
        late_chains = partial(chain_alarms.late_firsts, moment=now - LATE_AGE, limit=MOST_FOUND)
        self._pending.update(await self._store.read(late_chains))
        if not self._is_settled(self._looked_for_late) and self._is_settled(now):
            self._heard = None  # slots of the downtime that were not caught up are late from now on
        self._looked_for_late = now

    def _is_settled(self, moment: datetime) -> bool:
        return moment - self._well_since >= SETTLING

    async def _judge(self, job_ids: list[str]) -> None:
        now = self._now()
        clock, may_be_late = Clock(now, self._zone), self._is_settled(now)
        read = partial(
            keeping.judge_jobs,
            job_ids=job_ids,
            contacts=self._contacts,
            graph=self._chains.graph,
            clock=clock,
            may_be_late=may_be_late,
        )
        outcome = await self._store.read(read)
        if outcome.judged:
            keep = partial(keeping.keep, judged=outcome.judged, contacts=self._contacts, now=now)
            changed, has_notices = await self._store.write(keep)
            self._report(changed)
            self._changes.of_incidents(step.incident.subject for one in outcome.judged for step in one.steps)
            if has_notices:
                self._tell()
        self._in_trouble.difference_update(outcome.looked_at)
        self._in_trouble |= outcome.in_trouble

    def _report(self, changed: list[Incident]) -> None:
        for one in changed:
            level, words = (logging.WARNING, "job is %s") if one.is_open else (logging.INFO, "job is no longer %s")
            extra = {"job_id": one.job_id, "incident_id": one.incident_id, "reason": one.end_reason}
            log.log(level, words, one.kind, extra={name: value for name, value in extra.items() if value is not None})

    async def _remind(self) -> None:
        now = self._now()
        if now - self._looked_for_reminders < REMIND_LOOK:
            return
        find = partial(keeping.due_reminders, contacts=self._contacts, before=now - REMIND_LOOK, now=now)
        if due := await self._store.read(find):
            await self._store.write(partial(keeping.remind, due=due, now=now))
            self._tell()
        self._looked_for_reminders = now
