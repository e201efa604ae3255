"""The order admit, claim, send, decide, finish. Owns what is in flight, and its end at shutdown.

Nothing is sent before its claim is committed, and no cursor moves but by a claim. So the process may die at any moment:
what was claimed is found as `running` and closed as interrupted, and what was not is still after its job's cursor.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from myscheduler.adapters.pulse import PulseThread
from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.timers.timers import Due, Timers
from myscheduler.core.calls.request import final_status, host_of, retry_delay
from myscheduler.core.dispatch.admission import ON_TIME, Reason, Step, may_resend
from myscheduler.core.dispatch.agenda import Agenda, Taken
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.dispatch.deciding import Question, weight_of
from myscheduler.core.dispatch.lanes import Lanes
from myscheduler.core.history.execution import (
    Cause,
    Execution,
    Failure,
    Finish,
    Kind,
    Outcome,
    QueuedRun,
    Status,
)
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.job.spec import Job
from myscheduler.errors import JobNotFoundError, StoreUnavailableError, TriggerConflictError
from myscheduler.machine.open_files import MANUAL
from myscheduler.service.dispatch.caller import Caller
from myscheduler.service.dispatch.execution_log import in_words, log_attempt, log_claims, log_end, log_start, names_of
from myscheduler.service.store_health import StoreHealth

CLAIMS_AT_ONCE = 100
"""How many claims share a transaction at the most. The first are sent while the next are being claimed."""
MANUAL_PLACES_PER_HOST = 50
RELOAD_AT_ONCE = 200
"""How many jobs are decided anew before others have their time."""
DECIDE_SEC = 0.05
"""How long decisions are made before those that came meanwhile have a chance to be simpler."""
CLAIM_PAUSE_SEC = 0.02
RECORD_PAUSE_SEC = 0.04
"""What falls due, or ends, meanwhile shares the next transaction; one for each costs more than all else."""
STORE_RETRY_SEC = 1.0
RECORD_SEC = 5.0
"""How long a shutdown waits for the last ends to be recorded."""
TELL_SEC = 5.0
"""How often a shutdown says what it waits for."""
STOPPED = "the scheduler was stopped while this execution was under way; the target may have got the request"
REPLACED = "the next slot of this job was due, and it says overlap: replace; the target may have got the request"
GIVEN_UP = "whoever triggered it was told that it could not be recorded in time, so it was not sent"
NOT_SENT = "the scheduler was stopped before this execution was sent"
_UNSENT = {
    Failure.NO_FILE: Reason.NO_FILE,
    Failure.SECRET_MISSING: Reason.SECRET_MISSING,
    Failure.SECRET_UNUSABLE: Reason.SECRET_UNUSABLE,
    Failure.SECRET_NOT_ALLOWED: Reason.SECRET_NOT_ALLOWED,
    Failure.TARGET_NOT_ALLOWED: Reason.TARGET_NOT_ALLOWED,
}
"""Why no request left; such an attempt doesn't count."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Triggered:
    """What became of a wish for a manual run."""

    execution_id: str
    is_queued: bool = False
    waits_for: tuple[str, ...] = ()
    """The executions of the job that are under way, of which one has to end before a queued one is sent."""

    def as_json(self, job_id: str) -> dict[str, Any]:
        """The answer of the API."""
        if not self.is_queued:
            return {"job_id": job_id, "status": "triggered", "execution_id": self.execution_id}
        waits_for = list(self.waits_for)
        return {"job_id": job_id, "status": "queued", "execution_id": self.execution_id, "waits_for": waits_for}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A manual run that waits for its turn, and who waits for its answer."""

    taken: Taken
    accepted: asyncio.Future[bool]
    """Whether it was claimed; cancelled when the caller gave up."""


class Runner:
    def __init__(
        self,
        store: Store,
        caller: Caller,
        health: StoreHealth,
        *,
        zone: str,
        now: Callable[[], datetime],
        in_flight: int,
        in_flight_per_host: int,
        manual: int = MANUAL,
    ) -> None:
        """`in_flight` is how many scheduled executions may be on their way at once, and `manual` how many manual runs;
        others wait for their turn.
        """
        self._store = store
        self._caller = caller
        self._health = health
        health.listen(self._after_report)
        self._now = now
        self._timers = Timers(self.wake, asyncio.get_running_loop())
        self._pulse = PulseThread(now)
        self._agenda = Agenda(
            zone=zone,
            places=in_flight,
            places_per_host=in_flight_per_host,
            new_id=execution_rows.new_execution_id,
            asks=True,
        )
        self._manual: Lanes[_Asked | Callable[[], None]] = Lanes(manual, MANUAL_PLACES_PER_HOST)
        self._last_manual: dict[str, datetime] = {}
        self._unanswered: dict[str, _Asked] = {}
        """Manual runs that still wait to hear that they are claimed."""
        self._queued: dict[str, QueuedRun] = {}
        """Manual runs that wait until their jobs have room, by job."""
        self._unsettled: set[str] = set()
        """Those of which it is not known whether they are stored, or that are withdrawn: they don't begin."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, dict[str, asyncio.Task[None]]] = {}
        """Scheduled executions under way, by job and id, the oldest first."""
        self._replaced: set[str] = set()
        """Executions that are being cut off to make room for a newer slot of their job."""
        self._open: dict[str, Execution] = {}
        """Executions that are claimed and not yet recorded as ended, by id."""
        self._outdated: set[str] = set()
        """Jobs of which a claim was refused, because they changed."""
        self._is_claiming = False
        self._all_closed = asyncio.Event()
        self._finished: list[tuple[Execution, Finish]] = []
        self._has_work = asyncio.Event()
        self._has_finished = asyncio.Event()
        self._has_questions = asyncio.Event()
        self._is_over = False
        """What is claimed now is not sent any more."""
        self._is_draining = False
        self._is_hurried = False
        """A shutdown waits for nothing that is in flight."""
        self.loops: list[asyncio.Task[None]] = []

    # --- arming: what the catalog changed -------------------------------------------------------------------------

    def arm(self, changed: Sequence[Job], removed: Sequence[str]) -> None:
        """Take over jobs as they are stored now, and forget removed ones. What is due already is decided at once."""
        for job_id in removed:
            self._agenda.disarm(job_id)
            self._last_manual.pop(job_id, None)
            self._queued.pop(job_id, None)
        now = self._now()
        self._look_back(now)
        current = [job for job in changed if not self._is_older(job)]
        self._timers.arm([(job.job_id, self._agenda.arm(job, now), max(now, job.cursor)) for job in current], removed)
        if changed or removed:
            log.debug("jobs armed", extra={"jobs": len(current), "removed": len(removed)})
        self._follow()
        self._has_work.set()

    def wake(self, due: Sequence[Due]) -> None:
        """The timers' call: these jobs have slots due."""
        now = self._now()
        self._look_back(now)
        for job_id, slot in due:
            if slot - now > ON_TIME:  # the clock was set back since the timer rang, so it has to be set again
                self._outdated.add(job_id)
            else:
                self._agenda.wake(job_id, max(now, slot))
        self._follow()
        self._has_work.set()

    def _look_back(self, now: datetime) -> None:
        """Before a decision: tell the agenda when the process was held up, so that slots fell due that nobody ran."""
        pause = self._pulse.take(now)
        if pause is not None:
            self._agenda.held_up(pause.since, min(pause.until, now))

    def clock_was_set(self) -> None:
        """Decide anew what was decided for a time that has not come, and let the timers look at the clock again."""
        now = self._now()
        self._outdated.update(self._agenda.rewind(now))
        self._last_manual = {job_id: slot for job_id, slot in self._last_manual.items() if slot <= now}
        self._timers.look()
        self._has_work.set()

    def _is_older(self, job: Job) -> bool:
        """The job changed once more while it was on its way here."""
        known = self._agenda.find(job.job_id)
        return known is not None and known.version > job.version

    def _follow(self) -> None:
        """After decisions: make room for what they want, and hand on those that are still to be made."""
        self._make_room()
        if self._agenda.has_questions:
            self._has_questions.set()

    def _make_room(self) -> None:
        """Cut off the oldest execution of jobs that say `overlap: replace` and have a newer slot due."""
        for job_id in self._agenda.take_crowded():
            for execution_id, task in self._running.get(job_id, {}).items():
                if execution_id not in self._replaced:
                    self._replaced.add(execution_id)
                    task.cancel()
                    break

    async def _decide_forever(self) -> None:
        """Make long decisions beside the event loop, the simplest first; until cancelled."""
        while True:
            await self._has_questions.wait()
            self._has_questions.clear()
            waiting: list[Question] = []
            while waiting := sorted([*waiting, *self._agenda.take_questions()], key=weight_of):
                answers = await asyncio.to_thread(_answer_some, waiting)
                for question, steps in answers:
                    self._agenda.decided(question, steps)
                waiting = waiting[len(answers) :]
                self._follow()
                self._has_work.set()

    # --- claiming: nothing is sent before this is committed -------------------------------------------------------

    async def trigger(
        self, job_id: str, *, by: str, may_overlap: bool = False, key: RequestKey | None = None
    ) -> Triggered:
        """Run a job now, whatever its schedule and pause say. Returns once that is stored: it is claimed, or it waits
        until the executions of the job that are under way have ended, as `max_instances` says.

        `may_overlap` lets it run beside them. Raises `JobNotFoundError`, `TriggerConflictError` when another one waits,
        or `StoreUnavailableError` when the service stops first.
        """
        if self._agenda.find(job_id) is None:
            raise JobNotFoundError(job_id)
        if may_overlap or (job_id not in self._queued and self._agenda.may_begin(job_id)):
            self._agenda.begin(job_id)
            return Triggered(await self._claim_manual(job_id, by, key=key))
        return await self._queue(job_id, by, key)

    async def _claim_manual(
        self, job_id: str, by: str, *, key: RequestKey | None = None, queued: QueuedRun | None = None
    ) -> str:
        """Claim a manual run, for which the job has begun. Returns the execution's id."""
        while True:
            job = self._agenda.find(job_id)
            if job is None:
                self._agenda.withdraw(job_id)
                raise JobNotFoundError(job_id)
            taken = self._manual_claim(job, by, key, queued)
            accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            execution_id = taken.claim.execution.execution_id if taken.claim.execution else ""
            asked = _Asked(taken, accepted)
            self._manual.put(taken.host, self._now(), asked)
            self._unanswered[execution_id] = asked
            self._has_work.set()
            try:
                if await accepted:
                    return execution_id
            finally:
                del self._unanswered[execution_id]

    def _manual_claim(self, job: Job, by: str, key: RequestKey | None, queued: QueuedRun | None) -> Taken:
        now = self._now()
        execution_id = queued.execution_id if queued else execution_rows.new_execution_id(now)
        slot = queued.asked_at if queued else self._manual_slot(job.job_id, now)
        execution = Execution(execution_id, job.job_id, slot, Kind.MANUAL, Cause.API, job.digest, job.source, now, by)
        kept = key.kept(Triggered(execution_id).as_json(job.job_id), execution_id) if key else None
        claim = Claim(job.job_id, job.version, job.digest, job.source, execution=execution, kept=kept)
        return Taken(claim, job, host_of(job.spec.target_url))

    def _manual_slot(self, job_id: str, now: datetime) -> datetime:
        """The moment, or the next that no other manual run of the job has."""
        slot = max(now, self._last_manual.get(job_id, now - timedelta(1)) + timedelta(microseconds=1))
        self._last_manual[job_id] = slot
        return slot

    # --- manual runs that wait until their job has room -----------------------------------------------------------

    async def _queue(self, job_id: str, by: str, key: RequestKey | None) -> Triggered:
        waits_for = tuple(self._under_way(job_id))
        if other := self._queued.get(job_id):
            if other.execution_id in self._unsettled and self._health.error is not None:
                raise self._health.error
            raise TriggerConflictError(_conflict(other, waits_for))
        now = self._now()
        run = QueuedRun(job_id, execution_rows.new_execution_id(now), self._manual_slot(job_id, now), by)
        answer = Triggered(run.execution_id, is_queued=True, waits_for=waits_for)
        kept = key.kept(answer.as_json(job_id), run.execution_id) if key else None
        self._queued[job_id] = run
        self._unsettled.add(run.execution_id)
        written = asyncio.ensure_future(self._store.write(partial(queued_rows.add, run=run, kept=kept)))
        try:
            await asyncio.shield(written)
        except BaseException:
            self._spawn(self._unqueue(run, written))
            raise
        self._unsettled.discard(run.execution_id)
        self._begin_queued(job_id)
        return answer

    async def _unqueue(self, run: QueuedRun, written: asyncio.Future[None]) -> None:
        """Whoever asked is told that it could not be recorded in time; so it must not run later.

        It may have been recorded all the same, where only the answer of the commit was lost.
        """
        await asyncio.wait([written])
        if not written.cancelled():
            written.exception()  # whoever asked has gone, and nobody else looks at it
        while self._queued.get(run.job_id) is run:
            try:
                await self._store.write(partial(queued_rows.remove, execution_ids=[run.execution_id]))
                break
            except StoreUnavailableError:
                await asyncio.sleep(STORE_RETRY_SEC)
        if self._queued.get(run.job_id) is run:  # else its job is removed, and what waited with it
            del self._queued[run.job_id]
        self._unsettled.discard(run.execution_id)

    def _under_way(self, job_id: str) -> list[str]:
        """The executions of the job that are claimed, or about to be."""
        asked = [one.taken.claim.execution for one in self._unanswered.values()]
        return [one.execution_id for one in (*self._open.values(), *asked) if one is not None and one.job_id == job_id]

    def _begin_queued(self, job_id: str) -> None:
        """Let the manual run go that waits, if its job has room now."""
        run = self._queued.get(job_id)
        if run is None or run.execution_id in self._unsettled or not self._agenda.may_begin(job_id, run.asked_at):
            return
        del self._queued[job_id]
        self._agenda.begin(job_id)
        self._spawn(self._claim_queued(run))

    async def _claim_queued(self, run: QueuedRun) -> None:
        # the removal of its job has recorded what waited; after a stop the next start goes on with it
        with suppress(JobNotFoundError, StoreUnavailableError):
            await self._claim_manual(run.job_id, run.requested_by, queued=run)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _claim_forever(self) -> None:
        """Claim what is due, many at a time, and send it; until cancelled.

        While the database can't be used nothing is sent; it is tried again every `STORE_RETRY_SEC`.
        """
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            try:
                if self._health.error is not None:
                    await asyncio.sleep(STORE_RETRY_SEC)
                    await self._health.check()
                    await self.recover()
                    self._agenda.held_up(self._health.well_at, self._now())
                known = self._health.error
                await self._claim_all()
            except StoreUnavailableError as error:
                self._health.failed(error)
            else:
                if self._health.error is known:  # else something failed after the last claim
                    self._health.worked()

    def _after_report(self) -> None:
        self._agenda.is_database_well = self._health.error is None
        self._has_work.set()

    async def _claim_all(self) -> None:
        while count := await self._claim_next():
            if count < CLAIMS_AT_ONCE:
                await asyncio.sleep(CLAIM_PAUSE_SEC)

    async def _claim_next(self) -> int:
        """Claim and send what has its turn. Returns how much that was."""
        await self._reload()
        self._look_back(self._now())
        asked = self._take_asked()
        batch = self._agenda.take(self._now(), CLAIMS_AT_ONCE)
        self._follow()  # a slot that stood behind a mere record may want a place only now
        if not asked and not batch:
            return 0
        claims = [one.claim for one in (*(one.taken for one in asked), *batch)]
        self._is_claiming = True
        try:
            accepted = await self._store.write(partial(execution_rows.claim, claims=claims, now=self._now))
        except StoreUnavailableError:
            self._agenda.undo(batch, self._now())
            self._follow()
            self._ask_again(asked)
            raise
        finally:
            self._is_claiming = False
        log_claims(claims, accepted)
        for one, is_accepted in zip(asked, accepted[: len(asked)], strict=True):
            self._after_asked(one, is_accepted=is_accepted)
        for taken, is_accepted in zip(batch, accepted[len(asked) :], strict=True):
            self._after_claim(taken, is_accepted=is_accepted)
        self._tell_closed()
        return len(claims)

    def _take_asked(self) -> list[_Asked]:
        asked = []
        for one in self._manual.take():
            if not isinstance(one, _Asked):
                one()
            elif one.accepted.done():  # the caller gave up, and must not find it run after all
                self._manual.leave(one.taken.host)
                self._agenda.withdraw(one.taken.claim.job_id)
                self._begin_queued(one.taken.claim.job_id)
            else:
                asked.append(one)
        return asked

    def _ask_again(self, asked: Sequence[_Asked]) -> None:
        for one in asked:
            self._manual.leave(one.taken.host)
            self._manual.put(one.taken.host, self._now(), one)

    def _after_asked(self, one: _Asked, *, is_accepted: bool) -> None:
        has_given_up = one.accepted.done()
        if not has_given_up:
            one.accepted.set_result(is_accepted)
        execution = one.taken.claim.execution
        if is_accepted and has_given_up and execution is not None:
            self._manual.leave(one.taken.host)
            self._open[execution.execution_id] = execution
            self._end(execution, Status.INTERRUPTED, 0, Outcome(error=GIVEN_UP), Reason.DATABASE)
        elif is_accepted:
            self._after_accepted(one.taken)
        else:
            self._manual.leave(one.taken.host)
            self._outdated.add(one.taken.claim.job_id)
            if has_given_up:
                self._agenda.withdraw(one.taken.claim.job_id)
                self._begin_queued(one.taken.claim.job_id)

    def _after_claim(self, taken: Taken, *, is_accepted: bool) -> None:
        if is_accepted:
            self._agenda.confirm(taken)
            self._after_accepted(taken)
        else:
            self._agenda.give_up(taken)
            self._outdated.add(taken.claim.job_id)

    def _after_accepted(self, taken: Taken) -> None:
        execution = taken.claim.execution
        if execution is None:
            return
        if self._is_over:
            self._open[execution.execution_id] = execution
            self._interrupt(taken.job, execution, 0, NOT_SENT)
        else:
            self._begin(taken.job, execution, taken.host, attempts=0)

    async def _reload(self) -> None:
        """Decisions were refused because their jobs changed: decide anew on what is stored."""
        while self._outdated:
            job_ids = list(islice(self._outdated, RELOAD_AT_ONCE))
            found = await self._store.read(partial(job_rows.find_jobs, job_ids=job_ids))
            self._outdated.difference_update(job_ids)
            self.arm(list(found.values()), [job_id for job_id in job_ids if job_id not in found])

    # --- executing ------------------------------------------------------------------------------------------------

    def _begin(self, job: Job, execution: Execution, host: str, *, attempts: int) -> None:
        if not attempts:  # else its first request left in an earlier process
            execution = replace(execution, started_at=self._now())
        self._open[execution.execution_id] = execution
        task = asyncio.create_task(self._execute(job, execution, host, attempts))
        self._tasks.add(task)
        if execution.kind is Kind.SCHEDULED:
            self._running.setdefault(job.job_id, {})[execution.execution_id] = task
        task.add_done_callback(partial(self._after_task, job, execution, host, not attempts))

    async def _execute(self, job: Job, execution: Execution, host: str, attempts: int) -> None:
        """Send until it is decided. The first attempt has its place from the claim; a later one waits for its turn."""
        log_start(execution)
        status, reason, unsent = Status.FAILED, None, 0
        try:
            if attempts:
                await self._turn(execution, host)
            while True:
                attempts += 1
                try:
                    outcome = await self._caller.call(job, execution, attempts)
                finally:
                    self._leave(execution, host)
                log_attempt(execution, attempts, host, outcome)
                unsent += outcome.failure in _UNSENT
                delay = retry_delay(job.spec, outcome, attempts)
                if delay is None:
                    break
                log.warning(
                    "attempt %d failed, next in %g s: %s", attempts, delay, outcome.error, extra=names_of(execution)
                )
                await asyncio.sleep(delay)
                await self._turn(execution, host)
            status = final_status(outcome)
            reason = _UNSENT.get(outcome.failure) if outcome.failure else None
            attempts -= unsent
        except asyncio.CancelledError:
            self._cut_off(job, execution, attempts, STOPPED)
            return
        except Exception:
            log.exception("a bug ended an execution", extra=names_of(execution))
            outcome = Outcome(error="a bug in the scheduler ended this execution; its log has the stack trace")
        self._end(execution, status, attempts, outcome, reason)

    async def _turn(self, execution: Execution, host: str) -> None:
        """Wait for a place, as what is due longest."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go() -> None:
            if turn.done():
                self._leave(execution, host)
            else:
                turn.set_result(None)

        if execution.kind is Kind.MANUAL:
            self._manual.put(host, execution.slot, go)
        else:
            self._agenda.queue(host, execution.slot, go)
        self._has_work.set()
        await turn

    def _leave(self, execution: Execution, host: str) -> None:
        if execution.kind is Kind.MANUAL:
            self._manual.leave(host)
        else:
            self._agenda.leave(host)
        self._has_work.set()

    def _after_task(self, job: Job, execution: Execution, host: str, has_place: bool, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():  # before its first step, so nothing of `_execute` ran
            if has_place:
                self._leave(execution, host)
            self._cut_off(job, execution, 0, NOT_SENT)
        running = self._running.get(job.job_id, {})
        running.pop(execution.execution_id, None)
        if not running:
            self._running.pop(job.job_id, None)

    def _cut_off(self, job: Job, execution: Execution, attempts: int, error: str) -> None:
        if execution.execution_id in self._replaced:
            self._replaced.discard(execution.execution_id)
            self._end(execution, Status.INTERRUPTED, attempts, Outcome(error=REPLACED), Reason.REPLACED)
        else:
            self._interrupt(job, execution, attempts, error)

    def _interrupt(self, job: Job, execution: Execution, attempts: int, error: str) -> None:
        """End what the shutdown cuts off; an execution that is to be sent again stays open for the next start."""
        if not may_resend(job, execution, self._now()):
            self._end(execution, Status.INTERRUPTED, attempts, Outcome(error=error), Reason.SHUTDOWN)
        elif attempts > 1:
            self._end(execution, Status.RUNNING, attempts - 1, Outcome())  # the last one's end is not known
        else:
            self._open.pop(execution.execution_id, None)
            self._tell_closed()

    def _end(
        self, execution: Execution, status: Status, attempts: int, outcome: Outcome, reason: Reason | None = None
    ) -> None:
        completed_at = None if status is Status.RUNNING else self._now()
        finish = Finish(execution.execution_id, status, execution.started_at, completed_at, attempts, outcome, reason)
        self._agenda.over(execution.job_id)
        self._finished.append((execution, finish))
        self._has_finished.set()

    async def _finish_forever(self) -> None:
        """Record how executions ended, many at a time; until cancelled."""
        while True:
            await self._has_finished.wait()
            self._has_finished.clear()
            ended, self._finished = self._finished, []
            await self._record([finish for _, finish in ended])
            for execution, finish in ended:
                self._open.pop(finish.execution_id, None)
                self._agenda.end(execution.job_id)
                self._begin_queued(execution.job_id)
                log_end(execution, finish)
            self._has_work.set()
            self._tell_closed()
            await asyncio.sleep(RECORD_PAUSE_SEC)

    async def _record(self, finishes: Sequence[Finish]) -> None:
        while True:
            try:
                return await self._store.write(partial(execution_rows.finish, finishes=finishes))
            except StoreUnavailableError as error:
                self._health.failed(error)
                await asyncio.sleep(STORE_RETRY_SEC)

    # --- life -----------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Close what is open in the history and not under way here, or send it again where its job says so.

        At the start that is what the last process left; later, what was claimed by a commit whose answer was lost.
        """
        if self._is_over:
            return
        if not self.loops:
            self._queued = {run.job_id: run for run in await self._store.read(queued_rows.read)}
        reason = Reason.DATABASE if self.loops else Reason.CRASH
        known = frozenset(self._open.keys() | self._unanswered.keys())
        work = partial(_close_or_keep, known=known, now=self._now(), reason=reason)
        interrupted, kept = await self._store.write(work)
        for job, execution, attempts in [] if self._is_over else kept:
            self._agenda.begin(job.job_id)
            self._begin(job, execution, host_of(job.spec.target_url), attempts=attempts)
        if interrupted or kept:
            log.warning(
                "executions were under way when the service or its database stopped: %d interrupted, %d sent again",
                interrupted,
                len(kept),
            )

    def start(self) -> None:
        """Begin to claim and send what is armed."""
        self._agenda.start(self._now())
        self._pulse.start()
        self._timers.start()
        loops = (self._claim_forever, self._decide_forever, self._finish_forever, self._health.run)
        self.loops = [asyncio.create_task(loop()) for loop in loops]
        for job_id in list(self._queued):
            self._begin_queued(job_id)

    def hold(self) -> None:
        """Send nothing more that is due; for the first moment of a shutdown."""
        self._agenda.close()

    def hurry(self) -> None:
        """Wait no longer for what is in flight, if a shutdown does or comes to that; what it cuts off is recorded."""
        self._is_hurried = True
        if self._is_draining:
            self._all_closed.set()

    def waits_for(self) -> str | None:
        """What is in flight, in words; `None` when nothing is."""
        return in_words(self._open.values(), self._host_of) if self._open else None

    def _host_of(self, job_id: str) -> str | None:
        job = self._agenda.find(job_id)
        return host_of(job.spec.target_url) if job else None

    async def stop(self, drain_sec: float) -> None:
        """Start nothing more, wait up to `drain_sec` for what is in flight, and record the rest as interrupted."""
        self.hold()
        if not self.loops:  # the start was cut short; what `recover` sent again still has to be recorded
            self.loops = [asyncio.create_task(self._finish_forever())]
        self._pulse.stop()
        await asyncio.to_thread(self._timers.stop)
        await self._drain(drain_sec)
        if left := self.waits_for():
            log.warning("cutting off %s", left)
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        await self._wait_closed(RECORD_SEC)
        if left := self.waits_for():
            log.error("the database did not take these ends in time, so the next start records them: %s", left)
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)
        for one in self._unanswered.values():
            if not one.accepted.done():
                one.accepted.set_exception(StoreUnavailableError("the service has stopped, so nothing is triggered"))

    async def _drain(self, seconds: float) -> None:
        """Wait for what is in flight, and say again and again what that is."""
        deadline = time.monotonic() + seconds
        self._is_draining = True
        while (self._open or self._is_claiming) and not self._is_hurried:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            if words := self.waits_for():
                log.info("waiting up to %d s for %s", math.ceil(left), words)
            await self._wait_closed(min(left, TELL_SEC))
        self._is_draining = False

    async def _wait_closed(self, seconds: float) -> None:
        self._tell_closed()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._all_closed.wait()

    def _tell_closed(self) -> None:
        if self._open or self._is_claiming:
            self._all_closed.clear()
        else:
            self._all_closed.set()


def _conflict(waiting: QueuedRun, under_way: Sequence[str]) -> str:
    being = f"execution {under_way[0]} is under way" if under_way else "an execution is about to be under way"
    return (
        f"job {waiting.job_id!r}: {being}, and {waiting.execution_id}, for {waiting.requested_by}, waits for its end: "
        'wait for both, or send {"overlap": "allow"} to run the job beside them'
    )


def _close_or_keep(
    connection: Connection, *, known: frozenset[str], now: datetime, reason: Reason
) -> tuple[int, list[tuple[Job, Execution, int]]]:
    """Returns how many were closed, and those to send again with the attempts that may have left."""
    left = [one for one in execution_rows.running(connection) if one.execution_id not in known]
    jobs = job_rows.find_jobs(connection, list({one.job_id for one in left}))
    kept = []
    for one in left:
        job = jobs.get(one.job_id)
        if job is not None and may_resend(job, one.execution(), now):
            kept.append((job, one.execution(), one.attempts + 1))
    kept_ids = {execution.execution_id for _, execution, _ in kept}
    closed = [one.execution_id for one in left if one.execution_id not in kept_ids]
    execution_rows.count_attempt(connection, list(kept_ids))
    execution_rows.interrupt(connection, closed, reason=reason, now=now)
    return len(closed), kept


def _answer_some(questions: Sequence[Question]) -> list[tuple[Question, Sequence[Step]]]:
    """The answers to the first of them, as far as one comes in time."""
    answers: list[tuple[Question, Sequence[Step]]] = []
    end = time.monotonic() + DECIDE_SEC
    while len(answers) < len(questions) and (not answers or time.monotonic() < end):
        question = questions[len(answers)]
        try:
            answers.append((question, question.answer()))
        except Exception:
            log.exception("a bug kept slots from being decided", extra={"job_id": question.spec.job_id})
            answers.append((question, ()))  # its next slot tries again
    return answers
