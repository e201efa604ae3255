"""Executions that wait for their next attempt. A wait is state: it is in the row of its execution while it lasts."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import retry_waits as wait_rows
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.retrying import NOT_RETRIED, why_not_retried
from myscheduler.core.history.execution import RetryWait, is_of
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.flights import STOPPED, CutOff, Flight, Flights
from myscheduler.service.store_health import RETRY_SEC, StoreHealth

RECORD_PAUSE_SEC = 0.04
"""Seconds between transactions, so that waits that begin or end meanwhile share the next one."""

_CUT_OFFS = {reason: CutOff(reason, error=error, unsent=error) for reason, error in NOT_RETRIED.items()}


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """A wait that begins or ends, to be recorded."""

    flight: Flight
    wait: RetryWait | None
    """`None` if it ends."""
    recorded: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Cancelled if the execution is cut off in the meantime."""


class RetryWaits:
    """Records when waits begin and end, many at a time, and ends those that lost their purpose.

    Between `begin` and the commit of `end`, no request of the execution is in flight. So the row of one that waits is
    never in doubt: the next start goes on with it (see `Recovery`), whatever became of this process. A request leaves
    only after the commit of `end`, however long the database can't be used.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        agenda: Agenda,
        flights: Flights,
        changes: Changes,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._health = health
        self._agenda = agenda
        self._flights = flights
        self._changes = changes
        self._now = now
        self._open: list[_Change] = []
        """Changes not yet recorded."""
        self._has_changes = asyncio.Event()
        self.has_left = False
        """Whether a shutdown leaves waits to the next start."""

    async def begin(self, flight: Flight, seconds: float) -> bool:
        """Have an execution wait so long for its next attempt. Returns once that is recorded: whether this process
        makes the attempt, and does not leave it to the next start.
        """
        execution = flight.execution
        flight.next_attempt_at = at = self._now() + timedelta(seconds=seconds)
        self.review([execution.job_id])
        wait = RetryWait(execution.execution_id, execution.started_at, flight.attempts, flight.attempts_detail, at)
        await self._record(_Change(flight, wait))
        flight.is_wait_recorded = True
        if self.has_left:
            self._leave(flight)
        return not self.has_left

    async def until_due(self, flight: Flight) -> None:
        """Sleep until the next attempt is due. A clock that is set meanwhile neither shortens nor prolongs that."""
        if flight.next_attempt_at is not None:
            left = (flight.next_attempt_at - self._now()).total_seconds()
            await asyncio.sleep(min(left, flight.job.spec.retry.max_delay_sec))

    async def end(self, flight: Flight) -> None:
        """Record that the next attempt begins. Returns once that is committed: now the request may be sent."""
        if flight.is_unbegun:
            execution = flight.execution
            flight.execution = replace(
                execution, started_at=self._now(), digest=flight.job.digest, source=flight.job.source
            )
        if flight.next_attempt_at is not None:
            flight.is_wait_recorded = False
            await self._record(_Change(flight, None))
            flight.next_attempt_at = None

    def review(self, job_ids: Iterable[str]) -> None:
        """Cut off executions of these jobs that wait for an attempt which may not be made any more."""
        for job_id in job_ids:
            for flight in [one for one in self._flights.of_job(job_id) if one.next_attempt_at is not None]:
                current = self._agenda.find(job_id)
                if flight.is_unbegun and current is not None and is_of(current, flight.execution.execution_id):
                    # nothing was sent, so it is sent as it is declared now
                    flight.job, flight.host = current, host_key(current.spec.target_url)
                    continue
                why = why_not_retried(current, flight.execution, self._now())
                if why is not None:
                    self._flights.end(flight.execution.execution_id, _CUT_OFFS[why])

    def leave(self) -> None:
        """Stop waiting, at a shutdown: the rows stay as they are, for the next start."""
        self.has_left = True
        for flight in [one for one in self._flights if one.is_wait_recorded and one.cut_off is None]:
            self._leave(flight)
            if flight.task is not None:
                flight.task.cancel()

    def _leave(self, flight: Flight) -> None:
        flight.cut_off = STOPPED
        self._flights.close(flight)

    # --- recording ------------------------------------------------------------------------------------------------

    async def _record(self, change: _Change) -> None:
        self._open.append(change)
        self._has_changes.set()
        await change.recorded

    async def run(self) -> None:
        """Record changes as they come, until cancelled."""
        while True:
            await self._has_changes.wait()
            self._has_changes.clear()
            changes, self._open = self._open, []
            changes = await self._until_stored(changes)
            executions = [one.flight.execution for one in changes]
            job_ids, ids = [one.job_id for one in executions], [one.execution_id for one in executions]
            self._changes.of_executions(job_ids, ids, wrong=())
            for one in changes:
                if not one.recorded.done():
                    one.recorded.set_result(None)
            await asyncio.sleep(RECORD_PAUSE_SEC)

    async def _until_stored(self, changes: list[_Change]) -> list[_Change]:
        """Store the changes of executions that were not cut off meanwhile, and return them."""
        while changes := [one for one in changes if not one.recorded.done()]:
            try:
                await self._store.write(partial(_store, changes=changes))
            except StoreUnavailableError as error:
                self._health.failed(error)
                await asyncio.sleep(RETRY_SEC)
            else:
                break
        return changes


def _store(connection: Connection, changes: list[_Change]) -> None:
    begun = [one.wait for one in changes if one.wait is not None]
    first = [one.flight.execution for one in changes if one.wait is None and one.flight.is_unbegun]
    ended = [one.flight.execution.execution_id for one in changes if one.wait is None and not one.flight.is_unbegun]
    if begun:
        wait_rows.begin(connection, begun)
    if ended:
        wait_rows.end(connection, ended)
    if first:
        wait_rows.end_first(connection, first)
