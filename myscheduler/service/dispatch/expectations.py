"""Executions that make no call but wait for pings: each until a ping reports its end, or its deadline passes."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.dispatch.hearing import Ending, Heard, Signal, deadline_of, end_of, overdue
from myscheduler.core.history.execution import Status
from myscheduler.core.job.ping import Ping
from myscheduler.errors import StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.dispatch.endings import Endings
from myscheduler.service.dispatch.execution_log import log_start, names_of
from myscheduler.service.dispatch.flights import STOPPED, Flight, Flights

LOOK_SEC = 30.0
"""The most seconds until the clock is read again: it may have been set."""
ANSWER_SEC = 20.0
"""How many seconds a ping waits for its end to be recorded."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Expectation:
    """An execution that waits. `attempts` of its flight is 1 once a ping reported its start."""

    flight: Flight
    ping: Ping
    log: str | None = None
    """What a ping told in the meantime."""
    heard: asyncio.Future[Heard] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """The ping that ends it."""
    task: asyncio.Task[None] = field(init=False)


class Expectations:
    """All executions that wait, by id.

    What a ping reports is in the row of its execution before the ping is answered, so a restart loses nothing: the row
    stays `running` when the service ends, and the next start waits on (see `Recovery`).
    """

    def __init__(self, store: Store, flights: Flights, endings: Endings, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._flights = flights
        self._endings = endings
        self._now = now
        self._waiting: dict[str, Expectation] = {}
        self._wanted: dict[str, set[asyncio.Future[None]]] = {}
        """By job: who waits for an execution to begin."""
        self._has_left = False

    def begin(self, flight: Flight, ping: Ping, *, log: str | None = None) -> None:
        """Wait for the pings of an execution, whose flight is open and has no permit."""
        if self._has_left:
            self._flights.close(flight)
            return
        one = self._waiting[flight.execution.execution_id] = Expectation(flight, ping, log)
        one.task = flight.task = asyncio.create_task(self._wait(one))
        for wanted in self._wanted.pop(flight.execution.job_id, ()):
            if not wanted.done():
                wanted.set_result(None)

    def leave(self) -> None:
        """Stop waiting, at a shutdown: the rows stay as they are, for the next start."""
        self._has_left = True
        for one in self._waiting.values():
            if self._is_open(one):
                one.flight.cut_off = STOPPED
                self._flights.close(one.flight)
                one.task.cancel()

    async def _wait(self, one: Expectation) -> None:
        flight = one.flight
        flight.is_begun = True
        try:
            if flight.cut_off is not None:  # before this task's first step
                self._cut_off(flight)
                return
            log_start(flight.execution)
            self._end(one, await self._until_heard(one))
        except asyncio.CancelledError:
            self._cut_off(flight)
        except Exception:
            log.exception("a bug ended an execution", extra=names_of(flight.execution))
            self._endings.end(flight, Status.FAILED, flight.attempts, Outcome(error=said("bug")))
        finally:
            del self._waiting[flight.execution.execution_id]

    def _cut_off(self, flight: Flight) -> None:
        how = flight.cut_off or STOPPED
        if how is not STOPPED:
            self._endings.cut_off(flight, how, attempts=flight.attempts)
        elif self._flights.find(flight.execution.execution_id) is flight:
            self._flights.close(flight)

    async def _until_heard(self, one: Expectation) -> Heard | None:
        """The ping that ends it; `None` if its deadline passes first, which a start moves."""
        while not one.heard.done():
            deadline = deadline_of(one.ping, one.flight.execution, has_begun=one.flight.attempts > 0)
            left = (deadline - self._now()).total_seconds()
            if left <= 0:
                return None
            await asyncio.wait([one.heard], timeout=min(left, LOOK_SEC))
        return one.heard.result()

    def _end(self, one: Expectation, ping: Heard | None) -> None:
        flight, has_begun = one.flight, one.flight.attempts > 0
        if ping is None:
            ending = overdue(one.ping, has_begun=has_begun, log=one.log)
        else:
            ending = end_of(ping, one.log)
            flight.attempts = 1
            if not has_begun:  # nothing is known of when it began
                flight.execution = replace(flight.execution, started_at=self._now())
        self._record(flight, ending)

    def _record(self, flight: Flight, ending: Ending) -> None:
        self._endings.end(flight, ending.status, flight.attempts, ending.outcome, ending.reason)

    # --- pings ----------------------------------------------------------------------------------------------------

    async def hear(self, job_id: str, ping: Heard) -> bool:
        """Have an execution of the job hear a ping. Returns once that is recorded; false if no execution waits.

        Raises `StoreUnavailableError`.
        """
        one = self._find(job_id, ping.signal)
        if one is None:
            return False
        match ping.signal:
            case Signal.START:
                return await self._start(one)
            case Signal.LOG:
                return await self._note(one, ping.log)
            case _:
                one.heard.set_result(ping)
                return await self._until_recorded(one.flight)

    def _find(self, job_id: str, signal: Signal) -> Expectation | None:
        """The oldest that waits: for a start, preferably one that has not begun; else one that has."""
        found = (self._waiting.get(flight.execution.execution_id) for flight in self._flights.of_job(job_id))
        open_ones = [one for one in found if one is not None and self._is_open(one)]
        wants_begun = signal is not Signal.START
        preferred = (one for one in open_ones if (one.flight.attempts > 0) is wants_begun)
        return next(preferred, open_ones[0] if open_ones else None)

    @staticmethod
    def _is_open(one: Expectation) -> bool:
        return not one.heard.done() and one.flight.cut_off is None and one.flight.finish is None

    async def _start(self, one: Expectation) -> bool:
        flight, at = one.flight, self._now()
        execution_id = flight.execution.execution_id
        await self._store.write(partial(claim_rows.begin_pinged, execution_id=execution_id, at=at))
        if not self._is_open(one):
            return False
        flight.attempts, flight.execution = 1, replace(flight.execution, started_at=at)
        return True

    async def _note(self, one: Expectation, text: str | None) -> bool:
        execution_id = one.flight.execution.execution_id
        await self._store.write(partial(claim_rows.note_pinged, execution_id=execution_id, excerpt=text))
        one.log = text
        return True

    async def _until_recorded(self, flight: Flight) -> bool:
        flight.closed = flight.closed or asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SEC):
                await flight.closed.wait()
        if not flight.closed.is_set() or flight.finish is None:
            raise StoreUnavailableError(said("ping-not-recorded"))
        return True

    async def until_begun(self, job_id: str, seconds: float) -> None:
        """Wait until an execution of the job begins to wait, at most so long."""
        begun = asyncio.get_running_loop().create_future()
        waiting = self._wanted.setdefault(job_id, set())
        waiting.add(begun)
        try:
            await asyncio.wait([begun], timeout=seconds)
        finally:
            waiting.discard(begun)
            if not waiting and self._wanted.get(job_id) is waiting:
                del self._wanted[job_id]
