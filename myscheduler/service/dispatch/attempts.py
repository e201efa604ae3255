"""Runs an execution: its attempts, one after another, until its end is decided."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.retry import asked_sec, retry_delay
from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.throttles import Throttles
from myscheduler.core.dispatch.turns import status_of
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Execution, Kind, Record, Status, final_status
from myscheduler.core.job.job import Job
from myscheduler.core.job.ping import Ping
from myscheduler.core.job.retry import MAX_DELAY_SEC
from myscheduler.core.reason import Reason
from myscheduler.messages.message import said
from myscheduler.service.dispatch.caller import Caller, SenderLostError
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.endings import Endings
from myscheduler.service.dispatch.execution_log import log_attempt, log_start, names_of, names_of_attempt
from myscheduler.service.dispatch.expectations import Expectations
from myscheduler.service.dispatch.flights import SENDER_LOST, STOPPED, CutOff, Flight, Flights
from myscheduler.service.dispatch.permits import Permits
from myscheduler.service.dispatch.retry_waits import RetryWaits
from myscheduler.service.dispatch.starts import Starts
from myscheduler.service.dispatch.tallies import Tallies

_UNSENT = {
    Failure.NO_FILE: Reason.NO_FILE,
    Failure.SECRET_MISSING: Reason.SECRET_MISSING,
    Failure.SECRET_UNUSABLE: Reason.SECRET_UNUSABLE,
    Failure.SECRET_NOT_ALLOWED: Reason.SECRET_NOT_ALLOWED,
    Failure.AUTH_FAILED: Reason.AUTH_FAILED,
    Failure.FILE_UNUSABLE: Reason.FILE_UNUSABLE,
    Failure.TEMPLATE: Reason.TEMPLATE,
    Failure.TARGET_NOT_ALLOWED: Reason.TARGET_NOT_ALLOWED,
}
"""Failures in which no request was sent, with their reasons; such attempts are not counted in the history."""

_REASONS = _UNSENT | {Failure.EXPECTATION: Reason.EXPECTATION}

TOO_MANY = 429

log = logging.getLogger(__name__)


class Attempts:
    """Runs executions whose claims are stored, each in its own task.

    The task loops: it acquires a permit, sends a request, returns the permit, and waits for the next attempt if the
    failure is one that the job retries. In every case it ends its flight exactly once, as `completed` or `failed` or as
    its `cut_off` says, or leaves it to the next start, and returns its permit.
    """

    def __init__(
        self,
        caller: Caller,
        flights: Flights,
        permits: Permits,
        throttles: Throttles,
        waits: RetryWaits,
        endings: Endings,
        tallies: Tallies,
        expectations: Expectations,
        chains: Chains,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._caller = caller
        self._flights = flights
        self._permits = permits
        self._throttles = throttles
        self._waits = waits
        self._endings = endings
        self._tallies = tallies
        self._expectations = expectations
        self._chains = chains
        self._now = now
        self.starts = Starts()
        """Executions that are claimed and wait for their turn of the event loop."""

    def begin(self, job: Job, execution: Execution, host: str, *, cut_off: CutOff | None = None) -> None:
        """Run an execution whose claim is stored and which has a permit, or have it wait for pings.

        With `cut_off`, end it at once instead.
        """
        flight = Flight(job, execution, host, has_permit=True)
        self._flights.open(flight)
        if job.spec.ping is not None and cut_off is None:
            self._permits.release(flight)
            self._expectations.begin(flight, job.spec.ping)
            return
        if how := cut_off or self._flights.cut_off:
            self._permits.release(flight)
            self._endings.cut_off(flight, how, attempts=0)
            return
        if execution.kind is Kind.MANUAL and flight.lane != host:
            self._permits.release_manual(host)  # it was claimed at once; now it waits for its target
            flight.has_permit = False
        self.starts.add(partial(self._start, flight))

    def _start(self, flight: Flight) -> None:
        flight.execution = self._chains.placed(flight.execution.begun(self._now()))
        self._tallies.begun(flight.execution)
        flight.task = asyncio.create_task(self._run(flight))

    def expect(self, job: Job, ping: Ping, row: Record, host: str) -> None:
        """Wait on for the pings of an execution of an earlier process."""
        flight = Flight(job, row.execution(), host, has_permit=False, attempts=row.attempts)
        self._flights.open(flight)
        self._expectations.begin(flight, ping, log=row.excerpt)

    def resume(
        self, job: Job, execution: Execution, host: str, *, attempts: int, known: tuple[Attempt, ...] = ()
    ) -> None:
        """Run an execution of an earlier process, which may have sent `attempts`, again; it waits for a permit.

        `known` are those of its attempts that the earlier process recorded.
        """
        self._resume(Flight(job, execution, host, has_permit=False, attempts=attempts, attempts_detail=known))

    def wait_on(self, job: Job, row: Record, host: str) -> None:
        """Wait on for the next attempt of an execution of an earlier process, or leave it to a later one."""
        if self._waits.has_left:
            return
        execution, known = row.execution(), row.attempts_detail()
        flight = Flight(job, execution, host, has_permit=False, attempts=row.attempts, attempts_detail=known)
        flight.next_attempt_at, flight.is_wait_recorded = row.next_attempt_at, True
        self._resume(flight)

    def follow(self, job: Job, execution: Execution) -> None:
        """Run an execution that the end of another has started, when it is its turn; or leave it to the next start."""
        if self._waits.has_left or self._flights.cut_off is not None or self._flights.find(execution.execution_id):
            return
        flight = Flight(job, execution, host_key(job.spec.target_url), has_permit=False, is_counted=False)
        flight.next_attempt_at, flight.is_wait_recorded = execution.started_at, True
        self._resume(flight)

    def _resume(self, flight: Flight) -> None:
        self._flights.open(flight)
        flight.task = asyncio.create_task(self._run(flight))

    async def _run(self, flight: Flight) -> None:
        if flight.cut_off is not None:  # cut off before this task's first step
            self._permits.release(flight)
            self._endings.cut_off(flight, flight.cut_off, attempts=flight.attempts)
            return
        flight.is_begun = True
        try:
            if flight.is_unbegun and (why := await self._chains.turn(flight)):
                self._endings.end(flight, status_of(why), 0, Outcome(), why)
                return
            log_start(flight.execution)
            await self._attempt_until_decided(flight)
        except asyncio.CancelledError:
            self._permits.release(flight)
            if self._flights.find(flight.execution.execution_id) is flight:  # else it is left to the next start
                self._endings.cut_off(flight, flight.cut_off or STOPPED, attempts=flight.attempts)
        except Exception:
            log.exception("a bug ended an execution", extra=names_of(flight.execution))
            outcome = Outcome(error=said("bug"))
            self._endings.end(flight, Status.FAILED, flight.attempts, outcome)

    async def _attempt_until_decided(self, flight: Flight) -> None:
        """Send attempts until the end is decided. The first may hold a permit from the claim; others acquire one."""
        trace_id = flight.execution.parent.trace_id if flight.execution.parent else None
        if flight.job.spec.templates and not flight.is_unbegun:
            await self._chains.inform(flight)
        while _may_send(flight) or await self._until_permitted(flight):
            flight.execution = self._chains.placed(flight.execution)  # only now it is sure that all jobs are armed
            outcome = await self._sent(flight, trace_id)
            if outcome is None:
                if not self._goes_on(flight):
                    return
                continue
            delay = self._delay(flight, outcome) if outcome.failure else None
            if not isinstance(delay, float):
                self._end(flight, outcome, delay)
                return
            names = names_of_attempt(flight.execution, flight.attempts)
            log.warning("attempt %d failed, next in %g s: %s", flight.attempts, delay, outcome.error, extra=names)
            if not await self._waits.begin(flight, delay):
                return

    async def _until_permitted(self, flight: Flight) -> bool:
        """Wait until the next attempt is due and permitted; if there is to be none, end the execution, and return
        false.
        """
        await self._waits.until_due(flight)
        if is_first := flight.is_unbegun:
            if why := await self._until_first(flight):
                self._endings.end(flight, status_of(why), 0, Outcome(), why)
                return False
        elif not flight.has_permit:
            await self._permits.acquire(flight)
        await self._waits.end(flight)
        if is_first:
            self._tallies.begun(flight.execution)
        return True

    def _end(self, flight: Flight, outcome: Outcome, reason: Reason | None) -> None:
        """End an execution by the outcome of its last attempt; `reason` is why it is not retried, if there is one."""
        reason = reason or (_REASONS.get(outcome.failure) if outcome.failure else None)
        unsent = sum([one.failure in _UNSENT for one in flight.attempts_detail if one.failure])
        self._endings.end(flight, final_status(outcome), flight.attempts - unsent, outcome, reason)

    async def _sent(self, flight: Flight, trace_id: str | None) -> Outcome | None:
        """Make one attempt, with the permit that the flight holds, and return its outcome; `None` if its sender was
        lost.
        """
        flight.attempts += 1
        attempt, before = Attempt(flight.attempts, self._now(), trace_id=trace_id), flight.attempts_detail
        flight.attempts_detail = (*before, attempt)
        outcome = None
        try:
            outcome = await self._caller.call(flight.job, flight.execution, flight.attempts)
        except SenderLostError:
            return None
        finally:
            now = self._now()
            self._permits.release(flight)
            self._tallies.attempted(outcome)
            self._pace(flight.lane, outcome, now)
        flight.attempts_detail = (*before, attempt.ended(outcome, now))
        log_attempt(flight.execution, flight.attempts, flight.host, outcome)
        return outcome

    def _goes_on(self, flight: Flight) -> bool:
        """Whether an execution whose sender was lost makes another attempt, as after a crash; if not, it is ended."""
        if may_resend(flight.job, flight.execution, self._now()):
            names = names_of_attempt(flight.execution, flight.attempts)
            log.warning("attempt %d was lost, and is sent again", flight.attempts, extra=names)
            return True
        self._endings.cut_off(flight, SENDER_LOST, attempts=flight.attempts)
        return False

    async def _until_first(self, flight: Flight) -> Reason | None:
        """Acquire a permit for an execution whose turn in a chain has come, as its job is then. Returns why it does not
        begin, or `None`; then it holds a permit.
        """
        while True:
            self._chains.renew(flight)
            await self._chains.inform(flight)
            await self._permits.acquire(flight)
            why = self._chains.why_not(flight)
            if why is None and self._chains.is_current(flight):
                return None
            self._permits.release(flight)
            if why is not None:
                return why

    def _pace(self, lane: str, outcome: Outcome | None, now: datetime) -> None:
        """Have the lane's other calls wait as the outcome of this one asks for."""
        self._throttles.note(lane, outcome, now)
        if outcome is not None and outcome.http_status == TOO_MANY and (wait := asked_sec(outcome.retry_after, now)):
            self._throttles.hold(lane, now + timedelta(seconds=min(wait, MAX_DELAY_SEC)), now)

    def _delay(self, flight: Flight, outcome: Outcome) -> float | Reason | None:
        """See `retry_delay`."""
        now, chance = self._now(), random.random()  # noqa: S311 - only spreads retries
        elapsed = (now - flight.execution.started_at).total_seconds()
        return retry_delay(flight.job.spec, outcome, flight.attempts, elapsed_sec=elapsed, now=now, chance=chance)


def _may_send(flight: Flight) -> bool:
    """Whether its next attempt waits for nothing: a quick check, as most executions have one attempt."""
    return flight.has_permit and flight.next_attempt_at is None
