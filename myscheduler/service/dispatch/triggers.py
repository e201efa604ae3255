"""Manual runs, from the request until they are started."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.calls.trace import TraceParent
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Kind, QueuedRun
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import Cancellation
from myscheduler.core.reason import Reason
from myscheduler.errors import ExecutionConflictError, JobNotFoundError, StoreUnavailableError, TriggerConflictError
from myscheduler.messages.message import said
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.flights import Flights, cancelled_in_words
from myscheduler.service.dispatch.manual_runs import Asked, Triggered, Wanted
from myscheduler.service.dispatch.permits import Permits
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.store_health import RETRY_SEC, StoreHealth


class Triggers:
    """Takes requests for manual runs. Each run is claimed at once, or queued in the database until its job has room.

    A run to be claimed waits for a permit; then the claim loop takes it with `take`, and ends it with `answer`, or with
    `ask_again` if it is unknown whether the claim was stored. A queued run is a row in the database, so it survives a
    restart; a job has at most one. A request that was answered with an error never leads to a run later.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        agenda: Agenda,
        flights: Flights,
        permits: Permits,
        tallies: Tallies,
        changes: Changes,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._health = health
        self._agenda = agenda
        self._flights = flights
        self._permits = permits
        self._tallies = tallies
        self._changes = changes
        self._now = now
        self._last_slots: dict[str, datetime] = {}
        """The slot of the newest manual run, by job."""
        self._ready: list[Asked] = []
        """Runs that have a permit and are claimed next."""
        self._unanswered: dict[str, Asked] = {}
        """Runs whose request still waits for the claim, by execution id."""
        self._waiting: dict[str, QueuedRun] = {}
        """Runs that were queued and wait for their first permit, so no claim of theirs can be stored; by id."""
        self._called_off: set[str] = set()
        """Execution ids of runs that were cancelled while they waited for a permit, until they get it."""
        self._queued: dict[str, QueuedRun] = {}
        """Runs that wait until their jobs have room, by job."""
        self._unsettled: set[str] = set()
        """Execution ids of queued runs that must not start: not known to be stored, or being withdrawn."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def trigger(
        self,
        job_id: str,
        *,
        by: str,
        may_overlap: bool = False,
        key: RequestKey | None = None,
        rerun_of: str | None = None,
        parent: TraceParent | None = None,
        is_alone: bool = False,
        upstream_chain_id: str | None = None,
    ) -> Triggered:
        """Run a job now, regardless of its schedule and of pauses. Returns once the run is stored: either claimed, or
        queued until the job has room, if as many executions as `max_instances` are in progress.

        `may_overlap` lets it run beside them, and with `is_alone` nothing runs after it; `rerun_of` is the execution
        that it repeats, `parent` the span of the caller; see `Execution` for `upstream_chain_id`. Raises
        `JobNotFoundError`, `TriggerConflictError` if another run is queued, or `StoreUnavailableError` if the run can't
        be stored or the service stops first.
        """
        if self._agenda.find(job_id) is None:
            raise JobNotFoundError(job_id)
        wanted = Wanted(job_id, by, rerun_of, key, parent, is_alone=is_alone, upstream_chain_id=upstream_chain_id)
        if may_overlap or (job_id not in self._queued and self._agenda.may_begin(job_id)):
            self._agenda.begin(job_id)
            return Triggered(await self._ask(wanted), rerun_of=rerun_of)
        return await self._queue(wanted)

    def forget(self, job_id: str) -> None:
        """Forget a deleted job; its queued run was deleted from the database with it."""
        self._last_slots.pop(job_id, None)
        self._queued.pop(job_id, None)

    def rewind(self, now: datetime) -> None:
        """Forget slots of manual runs in the future, because the clock may have been set back."""
        self._last_slots = {job_id: slot for job_id, slot in self._last_slots.items() if slot <= now}

    @property
    def queued_count(self) -> int:
        """How many runs wait until their jobs have room."""
        return len(self._queued)

    # --- to be claimed at once ------------------------------------------------------------------------------------

    async def _ask(self, wanted: Wanted) -> str:
        """Have a manual run claimed that the agenda already counts (`begin`). Returns the id of the execution."""
        while True:
            job = self._agenda.find(wanted.job_id)
            if job is None:
                self._agenda.withdraw(wanted.job_id)
                raise JobNotFoundError(wanted.job_id)
            execution, taken = self._manual_claim(job, wanted)
            asked = Asked(taken, asyncio.get_running_loop().create_future())
            self._unanswered[execution.execution_id] = asked
            if wanted.queued is not None:
                self._waiting[execution.execution_id] = wanted.queued
            self._await_permit(asked)
            try:
                if await asked.accepted:
                    return execution.execution_id
            finally:
                del self._unanswered[execution.execution_id]
                self._waiting.pop(execution.execution_id, None)

    def _await_permit(self, asked: Asked) -> None:
        self._permits.queue_manual(asked.taken.host, self._now(), partial(self._got_permit, asked))

    def _got_permit(self, asked: Asked) -> None:
        execution = asked.taken.claim.execution
        if execution is not None:
            self._waiting.pop(execution.execution_id, None)
        if execution is not None and execution.execution_id in self._called_off:
            self._called_off.discard(execution.execution_id)
            self._permits.release_manual(asked.taken.host)
        elif asked.accepted.done():  # the caller has stopped waiting, so it must not run
            self._withdraw(asked)
        else:
            self._ready.append(asked)

    def _withdraw(self, asked: Asked) -> None:
        """Drop a run that is not stored and whose request no longer waits."""
        self._permits.release_manual(asked.taken.host)
        self._agenda.withdraw(asked.taken.claim.job_id)
        self.begin_queued(asked.taken.claim.job_id)

    def _manual_claim(self, job: Job, wanted: Wanted) -> tuple[Execution, Taken]:
        now, queued, rerun_of = self._now(), wanted.queued, wanted.rerun_of
        execution_id = queued.execution_id if queued else new_execution_id(now)
        slot = queued.asked_at if queued else self._free_slot(job.job_id, now)
        execution = Execution(
            execution_id,
            job.job_id,
            slot,
            Kind.MANUAL,
            Cause.API,
            job.digest,
            job.source,
            now,
            wanted.by,
            rerun_of,
            wanted.parent,
            is_alone=wanted.is_alone,
            upstream_chain_id=wanted.upstream_chain_id,
        )
        answer = Triggered(execution_id, rerun_of=rerun_of).as_json(job.job_id)
        kept = wanted.key.kept(answer, execution_id) if wanted.key else None
        claim = Claim(job.job_id, job.version, job.digest, job.source, execution=execution, kept=kept)
        return execution, Taken(claim, job, host_key(job.spec.target_url))

    def _free_slot(self, job_id: str, now: datetime) -> datetime:
        """`now`, or the next microsecond that is not the slot of another manual run of the job."""
        slot = max(now, self._last_slots.get(job_id, now - timedelta(1)) + timedelta(microseconds=1))
        self._last_slots[job_id] = slot
        return slot

    # --- for the claim loop ---------------------------------------------------------------------------------------

    @property
    def unanswered(self) -> Sequence[str]:
        """The ids of executions that may be stored already, although their requests are not answered."""
        return tuple(self._unanswered)

    def take(self) -> list[Asked]:
        """Remove and return the runs to claim next. Each holds a permit; pass it to `answer` or `ask_again`."""
        self._permits.hand_out_manual(self._now())
        ready, self._ready = self._ready, []
        return ready

    def ask_again(self, asked: Sequence[Asked]) -> None:
        """Queue these runs for a permit again, because it is unknown whether their claims are stored."""
        for one in asked:
            self._permits.release_manual(one.taken.host)
            self._await_permit(one)

    def answer(self, asked: Asked, *, is_accepted: bool) -> bool:
        """Report to the request whether its run is claimed. Returns whether the request still waited.

        If it waits and the claim was refused, a new claim is made for the changed job.
        """
        still_waits = not asked.accepted.done()
        if still_waits:
            asked.accepted.set_result(is_accepted)
        if not is_accepted and still_waits:
            self._permits.release_manual(asked.taken.host)
        elif not is_accepted:
            self._withdraw(asked)
        return still_waits

    # --- runs that wait until their job has room ------------------------------------------------------------------

    async def load(self) -> None:
        """Read the runs that were queued when the last process ended. Raises `StoreUnavailableError`."""
        self._queued = {run.job_id: run for run in await self._store.read(queued_rows.read)}

    def start(self) -> None:
        """Start the queued runs whose jobs have room."""
        for job_id in list(self._queued):
            self.begin_queued(job_id)

    async def _queue(self, wanted: Wanted) -> Triggered:
        job_id, key = wanted.job_id, wanted.key
        waits_for = tuple(self._running(job_id))
        if other := self._queued.get(job_id):
            if other.execution_id in self._unsettled and self._health.error is not None:
                raise self._health.error
            raise TriggerConflictError(_conflict(other, waits_for))
        now = self._now()
        slot = self._free_slot(job_id, now)
        run = QueuedRun(
            job_id,
            new_execution_id(now),
            slot,
            wanted.by,
            wanted.rerun_of,
            wanted.parent,
            wanted.is_alone,
            wanted.upstream_chain_id,
        )
        answer = Triggered(run.execution_id, is_queued=True, waits_for=waits_for, rerun_of=wanted.rerun_of)
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
        self._changes.of_jobs([job_id])
        self.begin_queued(job_id)
        return answer

    async def _unqueue(self, run: QueuedRun, written: asyncio.Future[None]) -> None:
        """Withdraw a queued run whose request was answered with an error, so that it does not run later.

        Its row is deleted, because it may be stored nevertheless, if only the answer of the commit was lost.
        """
        await asyncio.wait([written])
        if not written.cancelled():
            written.exception()  # marks it as retrieved, as nothing else awaits it
        while self._queued.get(run.job_id) is run:
            try:
                await self._store.write(partial(queued_rows.remove, execution_ids=[run.execution_id]))
                break
            except StoreUnavailableError:
                await asyncio.sleep(RETRY_SEC)
        if self._queued.get(run.job_id) is run:  # else its job was deleted, and the run with it
            del self._queued[run.job_id]
        self._unsettled.discard(run.execution_id)

    def find_queued(self, execution_id: str) -> QueuedRun | None:
        return next((run for run in self._queued.values() if run.execution_id == execution_id), None)

    async def cancel_queued(self, run: QueuedRun, cancelled: Cancellation) -> None:
        """Record a queued run as skipped because it was cancelled. It does not run, even if the caller stops waiting.

        Until that is recorded, the run stays queued, but it can't start. Raises `ExecutionConflictError` if it is being
        withdrawn already, and `StoreUnavailableError` if the service stops first; then it is still queued.
        """
        if run.execution_id in self._unsettled:
            raise ExecutionConflictError(said("queued-run-withdrawn", execution_id=run.execution_id))
        self._unsettled.add(run.execution_id)
        recording = self._spawn(self._record_cancelled(run, cancelled))
        await asyncio.wait([recording])
        if recording.cancelled():
            raise StoreUnavailableError(said("stopped-still-queued"))
        recording.result()

    async def _record_cancelled(self, run: QueuedRun, cancelled: Cancellation) -> None:
        error = cancelled_in_words(cancelled.entry, "cancelled-queued")
        work = partial(queued_rows.cancel, run=run, cancelled=cancelled, error=error, now=self._now())
        while True:
            try:
                await self._store.write(work)
                break
            except StoreUnavailableError as error_of_store:
                self._health.failed(error_of_store)
                await asyncio.sleep(RETRY_SEC)
        self._tallies.unsent([run], Reason.CANCELLED)
        self._changes.of_executions([run.job_id], [run.execution_id], wrong=())
        if self._queued.get(run.job_id) is run:
            del self._queued[run.job_id]
        self._unsettled.discard(run.execution_id)
        self.begin_queued(run.job_id)

    def call_off(self, execution_id: str) -> QueuedRun | None:
        """Take back a run that was queued, and now waits for a permit; `None` if it is not such a run.

        It has left the queue of its job but is still in the database, so pass it to `cancel_queued`.
        """
        run = self._waiting.pop(execution_id, None)
        if run is not None:
            self._called_off.add(execution_id)
            self._unanswered[execution_id].accepted.cancel()
            self._agenda.withdraw(run.job_id)
        return run

    async def until_claimed(self, execution_id: str) -> bool:
        """Wait until a run that is being claimed is claimed. Returns whether it was one that is now in progress."""
        asked = self._unanswered.get(execution_id)
        if asked is None:
            return False
        await asyncio.wait([asked.accepted])
        return not asked.accepted.cancelled() and asked.accepted.exception() is None

    def _running(self, job_id: str) -> list[str]:
        """The ids of the job's executions that are claimed or being claimed."""
        asked = [execution_id for execution_id, one in self._unanswered.items() if one.taken.claim.job_id == job_id]
        return [*(flight.execution.execution_id for flight in self._flights.of_job(job_id)), *asked]

    def begin_queued(self, job_id: str) -> None:
        """Start the job's queued run, if there is one and the job has room."""
        run = self._queued.get(job_id)
        if run is None or run.execution_id in self._unsettled or not self._agenda.may_begin(job_id, run.asked_at):
            return
        del self._queued[job_id]
        self._agenda.begin(job_id)
        self._spawn(self._ask_queued(run))

    async def _ask_queued(self, run: QueuedRun) -> None:
        # deleting the job has recorded its queued run; after a stop the next start takes the run over
        with suppress(JobNotFoundError, StoreUnavailableError):
            await self._ask(
                Wanted(
                    run.job_id,
                    run.requested_by,
                    run.rerun_of,
                    parent=run.parent,
                    queued=run,
                    is_alone=run.is_alone,
                    upstream_chain_id=run.upstream_chain_id,
                )
            )

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- the end --------------------------------------------------------------------------------------------------

    def leave_queued(self) -> None:
        """Stop starting queued runs; the next start takes them over."""
        for task in self._tasks:
            task.cancel()

    def refuse(self) -> None:
        """Answer requests that still wait with an error, because nothing is claimed any more."""
        for one in self._unanswered.values():
            if not one.accepted.done():
                one.accepted.set_exception(StoreUnavailableError(said("stopped-not-triggered")))


def _conflict(waiting: QueuedRun, running: Sequence[str]) -> str:
    current = said("current-execution", execution_id=running[0]) if running else said("current-about-to-start")
    return said(
        "run-waits-already",
        job_id=waiting.job_id,
        current=current,
        execution_id=waiting.execution_id,
        requested_by=waiting.requested_by,
    )
