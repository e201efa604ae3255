"""Manual runs, from the request until they are under way."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Kind, QueuedRun
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.job.job import Job
from myscheduler.errors import JobNotFoundError, StoreUnavailableError, TriggerConflictError
from myscheduler.service.dispatch.flights import Flights
from myscheduler.service.dispatch.permits import Permits
from myscheduler.service.store_health import RETRY_SEC, StoreHealth


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
class Asked:
    """A manual run that is to be claimed, and who waits for its answer."""

    taken: Taken
    accepted: asyncio.Future[bool]
    """Whether it was claimed; cancelled when the caller gave up."""


class Triggers:
    """Takes requests for manual runs. Each is claimed at once, or waits in the database until its job has room.

    What is to be claimed waits for a permit; then the claim loop takes it with `take`, and answers it with `answer`, or
    gives it back with `ask_again` where nothing is known of its claim. A run that waits for room is a row of its own;
    a job has one at the most, and it survives a restart. Whoever asked is told what happens: a run that he was told
    could not be stored is not sent later.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        agenda: Agenda,
        flights: Flights,
        permits: Permits,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._health = health
        self._agenda = agenda
        self._flights = flights
        self._permits = permits
        self._now = now
        self._last_slots: dict[str, datetime] = {}
        """The slot of the newest manual run, by job."""
        self._ready: list[Asked] = []
        """Those that have a permit and are to be claimed next."""
        self._unanswered: dict[str, Asked] = {}
        """Those that still wait to hear that they are claimed, by id."""
        self._queued: dict[str, QueuedRun] = {}
        """Those that wait until their jobs have room, by job."""
        self._unsettled: set[str] = set()
        """Those of which it is not known whether they are stored, or that are withdrawn: they don't begin."""
        self._tasks: set[asyncio.Task[None]] = set()

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
            return Triggered(await self._ask(job_id, by, key=key))
        return await self._queue(job_id, by, key)

    def forget(self, job_id: str) -> None:
        """The job is removed, and with it, in the database, what waited."""
        self._last_slots.pop(job_id, None)
        self._queued.pop(job_id, None)

    def rewind(self, now: datetime) -> None:
        """The clock may have been set back: slots that lie ahead bind nobody."""
        self._last_slots = {job_id: slot for job_id, slot in self._last_slots.items() if slot <= now}

    # --- to be claimed at once ------------------------------------------------------------------------------------

    async def _ask(
        self, job_id: str, by: str, *, key: RequestKey | None = None, queued: QueuedRun | None = None
    ) -> str:
        """Have a manual run claimed, for which the job has begun. Returns the execution's id."""
        while True:
            job = self._agenda.find(job_id)
            if job is None:
                self._agenda.withdraw(job_id)
                raise JobNotFoundError(job_id)
            execution, taken = self._manual_claim(job, by, key, queued)
            asked = Asked(taken, asyncio.get_running_loop().create_future())
            self._unanswered[execution.execution_id] = asked
            self._await_permit(asked)
            try:
                if await asked.accepted:
                    return execution.execution_id
            finally:
                del self._unanswered[execution.execution_id]

    def _await_permit(self, asked: Asked) -> None:
        self._permits.queue_manual(asked.taken.host, self._now(), partial(self._got_permit, asked))

    def _got_permit(self, asked: Asked) -> None:
        if asked.accepted.done():  # the caller gave up, and must not find it run after all
            self._withdraw(asked)
        else:
            self._ready.append(asked)

    def _withdraw(self, asked: Asked) -> None:
        """Nothing of it is stored, and nobody waits for it any more."""
        self._permits.release_manual(asked.taken.host)
        self._agenda.withdraw(asked.taken.claim.job_id)
        self.begin_queued(asked.taken.claim.job_id)

    def _manual_claim(
        self, job: Job, by: str, key: RequestKey | None, queued: QueuedRun | None
    ) -> tuple[Execution, Taken]:
        now = self._now()
        execution_id = queued.execution_id if queued else new_execution_id(now)
        slot = queued.asked_at if queued else self._free_slot(job.job_id, now)
        execution = Execution(execution_id, job.job_id, slot, Kind.MANUAL, Cause.API, job.digest, job.source, now, by)
        kept = key.kept(Triggered(execution_id).as_json(job.job_id), execution_id) if key else None
        claim = Claim(job.job_id, job.version, job.digest, job.source, execution=execution, kept=kept)
        return execution, Taken(claim, job, host_key(job.spec.target_url))

    def _free_slot(self, job_id: str, now: datetime) -> datetime:
        """The moment, or the next that no other manual run of the job has."""
        slot = max(now, self._last_slots.get(job_id, now - timedelta(1)) + timedelta(microseconds=1))
        self._last_slots[job_id] = slot
        return slot

    # --- for the claim loop ---------------------------------------------------------------------------------------

    @property
    def unanswered(self) -> Sequence[str]:
        """The executions that may be stored already, though nobody has heard of it."""
        return tuple(self._unanswered)

    def take(self) -> list[Asked]:
        """What is to be claimed next; each holds a permit, and is ended by `answer` or `ask_again`."""
        self._permits.hand_out_manual()
        ready, self._ready = self._ready, []
        return ready

    def ask_again(self, asked: Sequence[Asked]) -> None:
        """Nothing is known of these claims: let them wait for their turn once more."""
        for one in asked:
            self._permits.release_manual(one.taken.host)
            self._await_permit(one)

    def answer(self, asked: Asked, *, is_accepted: bool) -> bool:
        """Tell who asked whether it is claimed. Returns whether he still waited for it.

        A claim that was refused is made anew for him, on the job as it is then. One that was accepted is under way.
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
        """Take over what waited when the last process ended."""
        self._queued = {run.job_id: run for run in await self._store.read(queued_rows.read)}

    def start(self) -> None:
        """Let those go whose jobs have room."""
        for job_id in list(self._queued):
            self.begin_queued(job_id)

    async def _queue(self, job_id: str, by: str, key: RequestKey | None) -> Triggered:
        waits_for = tuple(self._under_way(job_id))
        if other := self._queued.get(job_id):
            if other.execution_id in self._unsettled and self._health.error is not None:
                raise self._health.error
            raise TriggerConflictError(_conflict(other, waits_for))
        now = self._now()
        run = QueuedRun(job_id, new_execution_id(now), self._free_slot(job_id, now), by)
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
        self.begin_queued(job_id)
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
                await asyncio.sleep(RETRY_SEC)
        if self._queued.get(run.job_id) is run:  # else its job is removed, and what waited with it
            del self._queued[run.job_id]
        self._unsettled.discard(run.execution_id)

    def _under_way(self, job_id: str) -> list[str]:
        """The executions of the job that are claimed, or about to be."""
        asked = [execution_id for execution_id, one in self._unanswered.items() if one.taken.claim.job_id == job_id]
        return [*(flight.execution.execution_id for flight in self._flights.of_job(job_id)), *asked]

    def begin_queued(self, job_id: str) -> None:
        """Let the manual run go that waits, if its job has room now."""
        run = self._queued.get(job_id)
        if run is None or run.execution_id in self._unsettled or not self._agenda.may_begin(job_id, run.asked_at):
            return
        del self._queued[job_id]
        self._agenda.begin(job_id)
        self._spawn(self._ask_queued(run))

    async def _ask_queued(self, run: QueuedRun) -> None:
        # the removal of its job has recorded what waited; after a stop the next start goes on with it
        with suppress(JobNotFoundError, StoreUnavailableError):
            await self._ask(run.job_id, run.requested_by, queued=run)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- the end --------------------------------------------------------------------------------------------------

    def leave_queued(self) -> None:
        """Leave what waits for room to the next start."""
        for task in self._tasks:
            task.cancel()

    def refuse(self) -> None:
        """Tell whoever still waits for an answer that nothing is claimed any more."""
        for one in self._unanswered.values():
            if not one.accepted.done():
                one.accepted.set_exception(StoreUnavailableError("the service has stopped, so nothing is triggered"))


def _conflict(waiting: QueuedRun, under_way: Sequence[str]) -> str:
    being = f"execution {under_way[0]} is under way" if under_way else "an execution is about to be under way"
    return (
        f"job {waiting.job_id!r}: {being}, and {waiting.execution_id}, for {waiting.requested_by}, waits for its end: "
        'wait for both, or send {"overlap": "allow"} to run the job beside them'
    )
