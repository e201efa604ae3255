"""The only writer of jobs: the reconciler and the API both change them here. Timers are set after the commit."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.core.gitops.plan import Conflict, Hold, Plan, job_id_of
from myscheduler.core.history.repeats import Kept
from myscheduler.core.job.digest import digest
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.lifecycle import transitions as lifecycle
from myscheduler.core.lifecycle.audit import CLOCK, MANIFEST, AuditAction, AuditEntry, of_deletion, of_pause, of_spec
from myscheduler.core.lifecycle.transitions import Turn
from myscheduler.core.schedule.clock import Clock
from myscheduler.errors import JobConflictError, TooManyJobsError
from myscheduler.service.catalog.applying import entry_of, find_job, record, store_turns, turns_of
from myscheduler.service.catalog.bulk import Outcome, Settle, decide
from myscheduler.service.catalog.ceiling import Ceiling
from myscheduler.service.catalog.effects import Effects, judge_chains_again, record_undone
from myscheduler.service.catalog.pausing import Order, PauseOrder, ResumeOrder
from myscheduler.service.catalog.realigning import realigned, refreshed
from myscheduler.service.catalog.refusals import Versions, conflict, refuse_manifest, refuse_version
from myscheduler.service.catalog.running import ARM_AT_ONCE, Running, arm_many, tell, tell_of_many

API = "api"
"""The actor of a change through the API that names none."""
GATHER_SEC = 0.001
"""How long a new job waits for others that share its transaction; a transaction takes three times as long."""

log = logging.getLogger(__name__)


class Catalog:
    """Creates, changes and deletes jobs; a change is committed before `running` is told of it."""

    def __init__(
        self,
        store: Store,
        *,
        zone: str,
        now: Callable[[], datetime],
        running: Running,
        most_api_jobs: float = math.inf,
    ) -> None:
        self._store = store
        self._ceiling = Ceiling(most_api_jobs)
        self._zone = zone
        self._now = now
        self._running = running
        self._requested: list[tuple[_Request, asyncio.Future[Job]]] = []
        """New jobs that wait for their transaction."""
        self._creating: asyncio.Task[None] | None = None
        self.linking_lock = asyncio.Lock()
        """Held from checking new links between jobs until they are stored, so that no two changes close a cycle."""

    async def load(self) -> list[Job]:
        """Set the timers of all stored jobs, and return the jobs; for the start of the service.

        The clock may have been set back since the last start, so the jobs are realigned first.
        """
        await self.realign()
        jobs = await self._store.write(lambda connection: refreshed(connection, Clock(self._now(), self._zone)))
        await arm_many(self._running, jobs)
        return jobs

    async def realign(self) -> None:
        """Set the cursors of jobs that are ahead of the clock, because it was set back, to now.

        Without this, they would not run until the clock is there again.
        """
        count = 0
        while jobs := await self._store.write(
            partial(realigned, clock=Clock(self._now(), self._zone), limit=ARM_AT_ONCE)
        ):
            self._running.arm(jobs, ())
            count += len(jobs)
        if count:
            log.warning("the clock was set back: %d jobs that were ahead of it continue from now", count)

    async def apply(self, plan: Plan, *, approval: AuditEntry | None = None) -> None:
        """Make the changes of `plan` in one transaction. Raises `StalePlanError`, and then nothing is changed.

        `approval` is the audit entry of the operator who approved a deletion in the plan.
        """
        wanted = [change for change in plan.changes if not isinstance(change, Hold | Conflict)]
        if not wanted:
            return
        now = self._now()

        def work(connection: Connection) -> _Applied:
            audit_rows.add(connection, [approval] if approval else [])
            return self._apply(connection, replace(plan, changes=tuple(wanted)), now)

        done = await self._store.write(work)
        log.debug("plan applied", extra={"jobs_changed": len(done.changed), "jobs_removed": len(done.removed)})
        await tell_of_many(self._running, done.changed, done.removed, done.effects)

    async def create(self, spec: JobSpec, *, replace_existing: bool, by: str = API, kept: Kept | None = None) -> Job:
        """Add an API job. Raises `JobConflictError` if its id is taken and may not be replaced, and `TooManyJobsError`.

        `kept` is stored in the same transaction: the answer to a request that is repeated with the same key.
        """
        if not replace_existing:
            job = await self._create_batched(_Request(spec, by, kept))
            _log_change("created", job.job_id, by)
            return job
        now = self._now()

        def work(connection: Connection) -> tuple[Sequence[Job], Effects]:
            key_rows.keep(connection, [kept] if kept else [])
            existing = job_rows.find_jobs(connection, [spec.job_id]).get(spec.job_id)
            if existing is None:
                if not self._ceiling.take(connection, 1):
                    raise TooManyJobsError(self._ceiling.most)
                return self._insert(connection, [_Request(spec, by)], now)
            refuse_manifest(existing, "replaced")
            return self._change(connection, existing, _Request(spec, by), now)

        with self._ceiling.while_written():
            job = await self._changed(work)
        _log_change("created" if job.created_at == now else "replaced", job.job_id, by)
        return job

    async def _create_batched(self, request: "_Request") -> Job:
        """Requests that come while a write is in progress share the next one, which costs hardly more than for one."""
        answer: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._requested.append((request, answer))
        if self._creating is None:
            self._creating = asyncio.create_task(self._create_requested())
        return await answer

    async def _create_requested(self) -> None:
        while self._requested:
            await asyncio.sleep(GATHER_SEC)
            requested, self._requested = self._requested, []
            outcomes: Sequence[Job | Exception]
            effects = Effects()
            try:
                work = partial(self._create_free, requests=[request for request, _ in requested], now=self._now())
                with self._ceiling.while_written():
                    outcomes, effects = await self._store.write(work)
            except Exception as error:  # noqa: BLE001 - it is raised to the callers
                outcomes = [error] * len(requested)
            tell(self._running, [outcome for outcome in outcomes if isinstance(outcome, Job)], (), effects)
            for outcome, (_, answer) in zip(outcomes, requested, strict=True):
                _resolve(answer, outcome)
        self._creating = None

    def _create_free(
        self, connection: Connection, requests: Sequence["_Request"], now: datetime
    ) -> tuple[Sequence[Job | JobConflictError | TooManyJobsError], Effects]:
        """For each request, in order: its new job, or the error that says why there is none."""
        taken = job_rows.find_jobs(connection, [request.job_id for request in requests])
        free = {request.job_id: request for request in reversed(requests) if request.job_id not in taken}
        room = self._ceiling.take(connection, len(free))
        admitted = list(free.values())[len(free) - room :]  # those that came first
        jobs, effects = self._insert(connection, admitted, now)
        created = {job.job_id: job for job in jobs}
        key_rows.keep(connection, [request.kept for request in admitted if request.kept])

        def outcome(request: _Request) -> Job | JobConflictError | TooManyJobsError:
            if free.get(request.job_id) is request:
                return created.get(request.job_id) or TooManyJobsError(self._ceiling.most)
            return conflict(request.job_id, taken.get(request.job_id))

        return [outcome(request) for request in requests], effects

    async def replace(self, spec: JobSpec, *, by: str = API, versions: Versions = None) -> Job:
        """Replace the spec of an API job, if it has one of the `versions`; `None` allows all.

        Raises `JobNotFoundError`, `JobConflictError` for a manifest's job, or `JobChangedError` for another version.
        """
        now = self._now()

        def work(connection: Connection) -> tuple[Sequence[Job], Effects]:
            existing = find_job(connection, spec.job_id)
            refuse_manifest(existing, "replaced")
            refuse_version(existing, versions)
            return self._change(connection, existing, _Request(spec, by), now)

        job = await self._changed(work)
        _log_change("replaced", job.job_id, by)
        return job

    async def delete(self, job_id: str, *, by: str = API, versions: Versions = None) -> None:
        """Delete an API job; its history stays. Raises like `replace`."""
        now = self._now()

        def work(connection: Connection) -> Effects:
            existing = find_job(connection, job_id)
            refuse_manifest(existing, "deleted")
            refuse_version(existing, versions)
            gone = self._remove(connection, [existing], now, actor=by)
            return gone + judge_chains_again(connection, [(existing, None)], now)

        tell(self._running, (), [job_id], await self._store.write(work))
        _log_change("deleted", job_id, by)

    async def pause(
        self,
        job_id: str,
        *,
        by: str,
        reason: str | None = None,
        until: datetime | None = None,
        kept: Kept | None = None,
    ) -> Job:
        """Pause a job until it is resumed, or until the time `until`.

        Raises `JobNotFoundError`, or `JobConflictError` if the manifest itself sets `paused`. For `kept` see `create`.
        """
        job = await self._ordered(job_id, PauseOrder(by, reason, until), kept)
        _log_change("paused", job_id, by, reason=reason, until=until.isoformat() if until else None)
        return job

    async def resume(self, job_id: str, *, catch_up: CatchUp = "none", by: str = API, kept: Kept | None = None) -> Job:
        """End the operators' pause; `catch_up` says which slots of the paused time still run. Raises like `pause`."""
        job = await self._ordered(job_id, ResumeOrder(by, catch_up), kept)
        _log_change("resumed", job_id, by, catchup=None if catch_up == "none" else catch_up)
        return job

    async def _ordered(self, job_id: str, order: Order, kept: Kept | None) -> Job:
        clock = Clock(self._now(), self._zone)

        def work(connection: Connection) -> tuple[Sequence[Job], Effects]:
            key_rows.keep(connection, [kept] if kept else [])
            job = find_job(connection, job_id)
            order.refuse(job)
            return order.carry_out(connection, [job], clock)

        return await self._changed(work)

    async def order_many(self, job_ids: Sequence[str], order: Order, settle: Settle) -> list[Outcome]:
        """Pause or resume jobs in one transaction. Returns for each, in order, what became of it.

        `settle` makes of these the audit entry of the whole, and the answer that is stored for repeated requests.
        """
        clock = Clock(self._now(), self._zone)

        def work(connection: Connection) -> tuple[list[Job], Effects, list[Outcome]]:
            wanted, outcomes = decide(order, job_rows.find_jobs(connection, job_ids), job_ids, clock.now)
            changed, effects = order.carry_out(connection, wanted, clock)
            record(connection, *settle(outcomes))
            return changed, effects, outcomes

        changed, effects, outcomes = await self._store.write(work)
        await tell_of_many(self._running, changed, (), effects)
        return outcomes

    async def record(self, entry: AuditEntry | None, kept: Kept | None) -> None:
        """Write an audit entry of what was done elsewhere, and the answer that is stored for repeated requests."""
        if entry or kept:
            await self._store.write(partial(record, entry=entry, kept=kept))

    async def end_pauses(self) -> None:
        """Remove pauses whose `until` has passed; slots that fell due since then are caught up."""
        now = self._now()
        if not await self._store.read(partial(job_rows.over_paused, now=now)):
            return

        def work(connection: Connection) -> tuple[list[Job], Effects]:
            jobs = job_rows.find_jobs(connection, job_rows.over_paused(connection, now)).values()
            ends = [of_pause(AuditAction.PAUSE_ENDED, job.job_id, job.pause, at=now, actor=CLOCK) for job in jobs]
            audit_rows.add(connection, ends)
            turns = [lifecycle.resume(job, clock=Clock(now, self._zone)) for job in jobs]
            return store_turns(connection, turns, now)

        ended, effects = await self._store.write(work)
        tell(self._running, ended, (), effects)
        for job in ended:
            log.info("a pause is over", extra={"job_id": job.job_id})

    async def _changed(self, work: Callable[[Connection], tuple[Sequence[Job], Effects]]) -> Job:
        (job,), effects = await self._store.write(work)
        tell(self._running, [job], (), effects)
        return job

    def _insert(
        self, connection: Connection, requests: Sequence["_Request"], now: datetime
    ) -> tuple[list[Job], Effects]:
        clock = Clock(now, self._zone)
        turns = [lifecycle.create(one.spec, owner=Owner.API, source=None, clock=clock) for one in requests]
        job_rows.insert_jobs(connection, [turn.job for turn in turns])
        audit_rows.add(
            connection, [of_spec(AuditAction.CREATED, None, one.spec, at=now, actor=one.by) for one in requests]
        )
        return [turn.job for turn in turns], record_undone(connection, turns, now)

    def _change(
        self, connection: Connection, job: Job, request: "_Request", now: datetime
    ) -> tuple[Sequence[Job], Effects]:
        if digest(request.spec) == job.digest:
            return [job], Effects()
        audit_rows.add(connection, [of_spec(AuditAction.UPDATED, job.spec, request.spec, at=now, actor=request.by)])
        turn = lifecycle.change(job, request.spec, source=None, clock=Clock(now, self._zone))
        changed, effects = store_turns(connection, [turn], now)
        return changed, effects + judge_chains_again(connection, [(job, turn.job)], now)

    def _remove(
        self, connection: Connection, jobs: Sequence[Job], now: datetime, *, actor: str, revision: str | None = None
    ) -> Effects:
        self._ceiling.recount()
        gone = [of_deletion(job, at=now, actor=actor, revision=revision) for job in jobs]
        audit_rows.add(connection, gone)
        clock, job_ids = Clock(now, self._zone), [job.job_id for job in jobs]
        turns = [Turn(job, lifecycle.remove(job, clock=clock)) for job in jobs]
        effects = record_undone(connection, turns, now, removed=job_ids)
        unsent = queued_rows.end_of_jobs(connection, job_ids, now)
        job_rows.delete_jobs(connection, job_ids)
        return effects + Effects(unsent=unsent)

    def _apply(self, connection: Connection, plan: Plan, now: datetime) -> "_Applied":
        clock = Clock(now, self._zone)
        stored = job_rows.find_jobs(connection, [job_id_of(change) for change in plan.changes])
        turns = turns_of(plan, stored, clock)
        if turns.are_adopted:
            self._ceiling.recount()
        job_rows.insert_jobs(connection, [turn.job for turn in turns.created])
        job_rows.update_jobs(connection, [turn.job for turn in turns.changed])
        removed = [job.job_id for job in turns.removed]
        effects = record_undone(connection, [*turns.created, *turns.changed], now, removed=removed)
        audit_rows.add(connection, (entry_of(action, before, after, now) for action, before, after in turns.audited))
        effects += self._remove(connection, turns.removed, now, actor=MANIFEST, revision=plan.revision)
        changed = [turn.job for turn in (*turns.created, *turns.changed)]
        pairs = [(stored.get(job.job_id), job) for job in changed]
        effects += judge_chains_again(connection, [*pairs, *((job, None) for job in turns.removed)], now)
        return _Applied(changed, removed, effects)


class _Applied(NamedTuple):
    """What a plan has changed."""

    changed: list[Job]
    removed: list[str]
    effects: Effects


@dataclass(frozen=True, slots=True)
class _Request:
    """A spec for an API job, and the actor of the change."""

    spec: JobSpec
    by: str
    kept: Kept | None = None

    @property
    def job_id(self) -> str:
        return self.spec.job_id


def _log_change(done: str, job_id: str, by: str, **details: str | None) -> None:
    """Log a change that was made through the API; it is in the audit log, too."""
    given = {name: value for name, value in details.items() if value is not None}
    log.info("job %s", done, extra={"job_id": job_id, "by": by} | given)


def _resolve(answer: asyncio.Future[Job], outcome: Job | Exception) -> None:
    if answer.done():  # the caller was cancelled
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
