"""The order admit, claim, send, decide, finish. Owns what is in flight, and its end at shutdown.

Nothing is sent before its claim is committed, and no cursor moves but by a claim. So the process may die at any moment:
what was claimed is found as `running` and closed as interrupted, and what was not is still after its job's cursor.
"""

import asyncio
import heapq
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from myscheduler.adapters.sender import Sender
from myscheduler.adapters.store import Store, execution_rows, job_rows
from myscheduler.adapters.timers import Due, Timers
from myscheduler.core.admission import Reason, Step, admit
from myscheduler.core.call import build_request, final_status, retry_delay, rfc3339
from myscheduler.core.claim import Claim
from myscheduler.core.execution import Cause, Execution, Finish, Kind, Outcome, Status
from myscheduler.core.job import Job, compile_schedule
from myscheduler.core.schedule import Schedule, next_after
from myscheduler.errors import JobNotFoundError, StoreUnavailableError

CLAIMS_AT_ONCE = 1_000
"""How many claims share a transaction at the most."""
STORE_RETRY_SEC = 1.0
RECORD_SEC = 5.0
"""How long a shutdown waits for the last ends to be recorded."""
STOPPED = "the scheduler was stopped while this execution was under way; the target may have got the request"
NOT_SENT = "the scheduler was stopped before this execution was sent"

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Armed:
    """A job with its timer set."""

    job: Job
    schedule: Schedule
    cursor: datetime
    """Slots up to here are decided; ahead of the stored cursor by what waits."""
    waiting: deque[Claim] = field(default_factory=deque)
    """Decided, not yet claimed; oldest first."""
    claimed: datetime | None = None
    """The cursor of the last claim that was taken; what waits was decided after it."""
    is_offered: bool = False
    """Its first waiting claim is up to be taken."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A claim on its way into the database."""

    claim: Claim
    job: Job
    accepted: asyncio.Future[bool] | None = None
    """Who waits for a manual run; cancelled when they gave up."""


class Runner:
    def __init__(
        self,
        store: Store,
        sender: Sender,
        *,
        zone: str,
        now: Callable[[], datetime],
        user_agent: str,
        limit: int,
    ) -> None:
        """`limit` is how many scheduled executions may be in flight; further ones wait for their turn."""
        self._store = store
        self._sender = sender
        self._zone = zone
        self._now = now
        self._user_agent = user_agent
        self._room = limit
        """How many more scheduled executions may be sent."""
        self._timers = Timers(self.wake, asyncio.get_running_loop())
        self._armed: dict[str, _Armed] = {}
        self._ready: list[tuple[datetime, int, _Armed]] = []
        """A heap of jobs whose first waiting claim may go, by the slot of that claim."""
        self._order = 0
        self._manual: deque[_Taken] = deque()
        self._last_manual: dict[str, datetime] = {}
        self._in_flight: Counter[str] = Counter()
        """Scheduled executions by job, from the moment their claim is tried."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = 0
        """Executions that are claimed and not yet recorded as ended."""
        self._is_claiming = False
        self._all_closed = asyncio.Event()
        self._finished: list[tuple[Execution, Finish]] = []
        self._has_work = asyncio.Event()
        self._has_finished = asyncio.Event()
        self._started_at: datetime | None = None
        self._is_stopping = False
        self._is_over = False
        """What is claimed now is not sent any more."""
        self.loops: list[asyncio.Task[None]] = []
        self.store_trouble: str | None = None
        """Why nothing is sent at the moment, in words, or `None` when all is well."""

    # --- arming: what the catalog changed -------------------------------------------------------------------------

    def arm(self, changed: Sequence[Job], removed: Sequence[str]) -> None:
        """Take over jobs as they are stored now, and forget removed ones. What is due already is decided at once."""
        for job_id in removed:
            self._armed.pop(job_id, None)
            self._last_manual.pop(job_id, None)
        now = self._now()
        timers = []
        for job in changed:
            schedule = compile_schedule(job.spec, zone=self._zone, created_at=job.created_at)
            self._armed[job.job_id] = armed = _Armed(job, schedule, job.cursor)
            self._decide(armed, now)
            timers.append((job.job_id, schedule, max(now, job.cursor)))
        self._timers.arm(timers, removed)

    def wake(self, due: Sequence[Due]) -> None:
        """The timers' call: these jobs have slots due."""
        now = self._now()
        for job_id, slot in due:
            armed = self._armed.get(job_id)
            if armed is not None:
                self._decide(armed, max(now, slot))  # the clock may have been set back since the timer rang

    def _decide(self, armed: _Armed, now: datetime) -> None:
        job = armed.job
        if job.spec.coalesce and armed.waiting:
            # while a slot waits for room or for the database, it and the newer ones are due together
            now = max(now, armed.cursor)
            armed.waiting.clear()
            armed.cursor = armed.claimed or job.cursor
        waiting = sum(claim.execution is not None for claim in armed.waiting)
        steps = admit(
            job.spec,
            armed.schedule,
            paused=job.is_paused,
            running=self._in_flight[job.job_id] + waiting,
            cursor=armed.cursor,
            now=now,
        )
        if not steps:
            return
        armed.waiting.extend(self._claim(armed, step) for step in steps)
        armed.cursor = steps[-1].cursor
        self._offer(armed)

    def _claim(self, armed: _Armed, step: Step) -> Claim:
        job = armed.job
        revision = job.source.revision if job.source else None
        execution = None
        if step.run is not None:
            now = self._now()
            is_late = self._started_at is None or step.run <= self._started_at
            cause = Cause.CATCH_UP if is_late else Cause.TIMER
            execution = Execution(
                execution_rows.new_execution_id(now),
                job.job_id,
                step.run,
                Kind.SCHEDULED,
                cause,
                job.digest,
                revision,
                now,
            )
        return Claim(
            job.job_id,
            job.version,
            job.digest,
            revision,
            step.gaps,
            execution,
            step.cursor,
            next_after(armed.schedule, step.cursor),
        )

    def _offer(self, armed: _Armed) -> None:
        """Put the job's first waiting claim up, unless the job has as many executions in flight as it may."""
        if armed.is_offered or not armed.waiting:
            return
        claim = armed.waiting[0]
        if claim.execution and self._in_flight[claim.job_id] >= armed.job.spec.max_instances:
            return
        self._order += 1
        due = claim.execution.slot if claim.execution else claim.gaps[0].first
        armed.is_offered = True
        heapq.heappush(self._ready, (due, self._order, armed))
        self._has_work.set()

    # --- claiming: nothing is sent before this is committed -------------------------------------------------------

    async def trigger(self, job_id: str, *, by: str) -> str:
        """Run a job now, whatever its schedule, pause and limits say. Returns the execution's id, once it is claimed.

        Raises `JobNotFoundError`.
        """
        while True:
            armed = self._armed.get(job_id)
            if armed is None:
                raise JobNotFoundError(job_id)
            claim = self._manual_claim(armed.job, by)
            accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._manual.append(_Taken(claim, armed.job, accepted))
            self._has_work.set()
            if await accepted and claim.execution:
                return claim.execution.execution_id

    def _manual_claim(self, job: Job, by: str) -> Claim:
        now = self._now()
        slot = max(now, self._last_manual.get(job.job_id, now - timedelta(1)) + timedelta(microseconds=1))
        self._last_manual[job.job_id] = slot
        revision = job.source.revision if job.source else None
        execution = Execution(
            execution_rows.new_execution_id(now),
            job.job_id,
            slot,
            Kind.MANUAL,
            Cause.API,
            job.digest,
            revision,
            now,
            by,
        )
        return Claim(job.job_id, job.version, job.digest, revision, execution=execution)

    async def _claim_forever(self) -> None:
        """Claim what is due, many at a time, and send it; until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while taken := self._take():
                await self._claim_all(taken)

    async def _claim_all(self, taken: list[_Taken]) -> None:
        def attempt() -> Awaitable[list[bool]]:
            # a caller who was told that the trigger failed must not find it run after all
            taken[:] = [one for one in taken if one.accepted is None or not one.accepted.done()]
            claims = [one.claim for one in taken]
            return self._store.write(partial(execution_rows.claim, claims=claims))

        self._is_claiming = True
        accepted = await self._persist(attempt)
        for one, is_accepted in zip(taken, accepted, strict=True):
            self._after_claim(one.claim, one.job, is_accepted=is_accepted)
            if one.accepted is not None and not one.accepted.done():
                one.accepted.set_result(is_accepted)
        self._is_claiming = False
        self._tell_closed()
        await self._reload([one.claim.job_id for one, is_ok in zip(taken, accepted, strict=True) if not is_ok])

    def _take(self) -> list[_Taken]:
        """Manual runs first, then what is due longest, as long as there is room."""
        taken = list(self._manual)
        self._manual.clear()
        while self._ready and len(taken) < CLAIMS_AT_ONCE and self._room > 0 and not self._is_stopping:
            _, _, armed = heapq.heappop(self._ready)
            armed.is_offered = False
            if self._armed.get(armed.job.job_id) is not armed or not armed.waiting:
                continue  # the job changed since; its slots are decided anew
            claim = armed.waiting.popleft()
            armed.claimed = claim.cursor
            if claim.execution:
                claim = replace(claim, execution=replace(claim.execution, started_at=self._now()))
                self._in_flight[claim.job_id] += 1
                self._room -= 1
            taken.append(_Taken(claim, armed.job))
            self._offer(armed)
        return taken

    def _after_claim(self, claim: Claim, job: Job, *, is_accepted: bool) -> None:
        execution = claim.execution
        if execution is None:
            return
        if not is_accepted:
            self._release(execution)
            return
        self._open += 1
        if self._is_over:
            self._end(execution, Status.INTERRUPTED, 0, Outcome(error=NOT_SENT), Reason.SHUTDOWN)
            return
        task = asyncio.create_task(self._execute(job, execution))
        self._tasks.add(task)
        task.add_done_callback(partial(self._after_task, execution))

    def _release(self, execution: Execution) -> None:
        """The execution is over: the job may run again."""
        if execution.kind is not Kind.SCHEDULED:
            return
        job_id = execution.job_id
        self._room += 1
        self._in_flight[job_id] -= 1
        if not self._in_flight[job_id]:
            del self._in_flight[job_id]
        armed = self._armed.get(job_id)
        if armed is not None:
            self._offer(armed)
        self._has_work.set()

    async def _reload(self, job_ids: Sequence[str]) -> None:
        """Decisions were refused because their jobs changed: decide anew on what is stored."""
        if not job_ids:
            return
        found = await self._persist(partial(self._store.read, partial(job_rows.find_jobs, job_ids=job_ids)))
        self.arm(list(found.values()), [job_id for job_id in job_ids if job_id not in found])

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Do it as soon as the database can be used; meanwhile nothing is sent that could not be recorded."""
        while True:
            try:
                result = await attempt()
            except StoreUnavailableError as error:
                if self.store_trouble is None:
                    log.error("the database can't be used, so nothing is sent until it can: %s", error)  # noqa: TRY400
                self.store_trouble = str(error)
                await asyncio.sleep(STORE_RETRY_SEC)
            else:
                if self.store_trouble is not None:
                    log.warning("the database can be used again")
                    self.store_trouble = None
                return result

    # --- executing ------------------------------------------------------------------------------------------------

    async def _execute(self, job: Job, execution: Execution) -> None:
        names = _names(execution)
        log.info("execution started", extra=names)
        attempt, status, reason = 0, Status.FAILED, None
        try:
            delay: float | None = 0.0
            while delay is not None:
                await asyncio.sleep(delay)
                attempt += 1
                request = build_request(job.spec, execution, attempt, user_agent=self._user_agent)
                outcome = await self._sender.send(request)
                delay = retry_delay(job.spec, outcome, attempt)
                if delay is not None:
                    log.warning("attempt %d failed, next in %g s: %s", attempt, delay, outcome.error, extra=names)
            status = final_status(outcome)
        except asyncio.CancelledError:
            status, reason, outcome = Status.INTERRUPTED, Reason.SHUTDOWN, Outcome(error=STOPPED)
        except Exception:
            log.exception("a bug ended an execution", extra=names)
            outcome = Outcome(error="a bug in the scheduler ended this execution; its log has the stack trace")
        self._end(execution, status, attempt, outcome, reason)

    def _after_task(self, execution: Execution, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():  # before its first step, so nothing of `_execute` ran
            self._end(execution, Status.INTERRUPTED, 0, Outcome(error=NOT_SENT), Reason.SHUTDOWN)

    def _end(
        self, execution: Execution, status: Status, attempts: int, outcome: Outcome, reason: Reason | None = None
    ) -> None:
        finish = Finish(execution.execution_id, status, self._now(), attempts, outcome, reason)
        self._finished.append((execution, finish))
        self._has_finished.set()

    async def _finish_forever(self) -> None:
        """Record how executions ended, many at a time; until cancelled."""
        while True:
            await self._has_finished.wait()
            self._has_finished.clear()
            ended, self._finished = self._finished, []
            finishes = [finish for _, finish in ended]
            await self._persist(partial(self._store.write, partial(execution_rows.finish, finishes=finishes)))
            self._open -= len(ended)
            for execution, finish in ended:
                self._release(execution)
                _log_end(execution, finish)
            self._tell_closed()

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to claim and send what is armed."""
        self._started_at = self._now()
        self._timers.start()
        self.loops = [asyncio.create_task(self._claim_forever()), asyncio.create_task(self._finish_forever())]

    def hold(self) -> None:
        """Send nothing more that is due; for the first moment of a shutdown."""
        self._is_stopping = True

    async def stop(self, drain_sec: float) -> None:
        """Start nothing more, wait up to `drain_sec` for what is in flight, and record the rest as interrupted."""
        self.hold()
        await asyncio.to_thread(self._timers.stop)
        if self._open:
            log.info("waiting up to %g s for %d executions in flight", drain_sec, self._open)
        await self._wait_closed(drain_sec)
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        await self._wait_closed(RECORD_SEC)
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)

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


def _names(execution: Execution) -> dict[str, object]:
    return {
        "job_id": execution.job_id,
        "execution_id": execution.execution_id,
        "kind": execution.kind,
        "scheduled_at": rfc3339(execution.slot),
    }


def _log_end(execution: Execution, finish: Finish) -> None:
    duration_ms = round((finish.completed_at - execution.started_at) / timedelta(milliseconds=1), 3)
    details: dict[str, object] = {
        "status": finish.status,
        "http_status": finish.outcome.http_status,
        "duration_ms": duration_ms,
        "retries": max(finish.attempts - 1, 0),
    }
    if finish.outcome.error:
        details["error"] = finish.outcome.error
    level = logging.INFO if finish.status is Status.COMPLETED else logging.WARNING
    log.log(level, "execution %s", finish.status, extra=_names(execution) | details)
