"""`/api/v1/jobs/{job_id}/why`: explains why a job ran at some time, or why not, from what the database has."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chain_history
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows import uptime as uptime_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.timestamps import unescaped
from myscheduler.api.output.disclosure import shown_record
from myscheduler.api.shapes.documented import MOMENT, answers_with
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.access.principal import Principal
from myscheduler.core.chains.graph import Graph
from myscheduler.core.explain.chained import ChainFacts
from myscheduler.core.explain.explanation import Explanation
from myscheduler.core.explain.why import MOST, explain
from myscheduler.core.explain.why_facts import Facts
from myscheduler.core.findings.problem import Complaint, Severity
from myscheduler.core.gitops.sync_state import SyncState
from myscheduler.core.history.execution import Record
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.slots import slots_between
from myscheduler.core.schedule.timestamps import Instants, LocalTime, parse_asked
from myscheduler.errors import JobNotFoundError, ScheduleError
from myscheduler.messages.message import Coded
from myscheduler.service.gitops.reconciler import Reconciler


class Why(TypedDict):
    job_id: str
    timezone: str
    at: str
    answer: str
    answer_coded: Coded
    schedule_parts: dict[str, Any] | None
    """When the job runs, in parts; null for a deleted job."""
    slots: list[dict[str, Any]]
    remarks: list[str]
    remarks_coded: list[Coded]
    previous_slot: str | None
    next_run: str | None


def why_router(
    store: Store,
    reconciler: Reconciler,
    masking: Masking,
    graph: Callable[[], Graph],
    *,
    zone: str,
    now: Callable[[], datetime],
) -> APIRouter:
    """The route. `graph` returns what runs after what at present."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.get("/{job_id}/why", operation_id="explain_job", responses=answers_with(Why))
    async def explain_job(
        job_id: str,
        request: Request,
        at: Annotated[
            str | None,
            Query(
                json_schema_extra=MOMENT,
                description="RFC 3339, or local time in the job's zone; a minute or an instant. Without it, what is in "
                "progress, or else the last run.",
            ),
        ] = None,
    ) -> JSONResponse:
        """Why the job ran at that time, or why not, in sentences; also for a deleted job."""
        shown = partial(_shown, masking, request.state.principal)
        reader = _Reader(graph(), reconciler.state, shown, Clock(now(), zone))
        explained = await store.read(partial(_explained, job_id=job_id, at=at, reader=reader))
        return JSONResponse(explained.as_json())

    return router


def _shown(masking: Masking, principal: Principal, record: Record, job: Job | None) -> Record:
    """The row with its texts as the caller may see them; its digest tells whether the job has changed since."""
    return replace(shown_record(masking, principal, record, job), digest=record.digest)


def _explained(connection: Connection, *, job_id: str, at: str | None, reader: "_Reader") -> Explanation:
    """Raises `JobNotFoundError` for a job that nothing is known of, and `InvalidInputError` if `at` is not a time."""
    clock, job = reader.clock, job_rows.find_jobs(connection, [job_id]).get(job_id)
    last = execution_rows.of_job(connection, job_id, 1)
    if job is None and not last:
        raise JobNotFoundError(job_id)
    asked = _at(clock.now) if at is None else _asked(at, (job.spec.timezone if job else None) or clock.zone)
    facts = reader.facts(connection, job_id, job, asked)
    if at is None and last and not facts.rows and not facts.chain.without_row:
        asked = _at(last[0].last_slot)
        facts = reader.facts(connection, job_id, job, asked)
    return explain(facts, asked, clock=clock)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads from the database what is known about jobs around some time."""

    graph: Graph
    source: SyncState
    shown: Callable[[Record, Job | None], Record]
    clock: Clock

    def facts(self, connection: Connection, job_id: str, job: Job | None, asked: LocalTime) -> Facts:
        rows, chain, is_after = self._rows(connection, job_id, job, asked)
        overlapped = [row.slot for row in rows if row.reason == Reason.OVERLAP]
        found = {slot: execution_rows.under_way(connection, job_id, slot) for slot in overlapped}
        late = [row.slot for row in rows if row.reason in _LATE]
        downs = {slot: uptime_rows.downtime_at(connection, slot) for slot in late}
        problems = (
            one.message for one in self.source.problems if one.job_id == job_id and one.severity is Severity.ERROR
        )
        is_unknown = is_after and not rows and not chain.without_row
        return Facts(
            job_id,
            job,
            rows,
            blockers={slot: other for slot, other in found.items() if other is not None},
            downtimes={slot: down for slot, down in downs.items() if down is not None},
            is_held=job_id in self.source.held,
            held_because=next(problems, None) if job_id in self.source.held else None,
            waiting=queued_rows.of_job(connection, job_id),
            completed=self._completed(connection, job, rows),
            chain=chain,
            beginnings=tuple(self._beginnings(connection, job_id, asked)) if is_unknown else (),
        )

    def _rows(
        self, connection: Connection, job_id: str, job: Job | None, asked: LocalTime
    ) -> tuple[list[Record], ChainFacts, bool]:
        """The rows around the time, with the chains, and whether the job runs after others."""
        if job is not None and isinstance(job.spec.schedule, DeclaredAfter):
            rows, chain = chain_history.chain_facts(connection, self.graph, job, asked, shown=self.shown, limit=MOST)
            return [self.shown(one, job) for one in rows], chain, True
        rows = execution_rows.around(connection, job_id, asked.first, asked.last, MOST)
        return [self.shown(one, job) for one in rows], ChainFacts(), False

    def _completed(
        self, connection: Connection, job: Job | None, rows: Sequence[Record]
    ) -> dict[datetime, dict[str, datetime]]:
        """When required jobs had last completed, by slots that waited for them, or that wait now."""
        if job is None or not job.spec.requires:
            return {}
        grace, required = timedelta(seconds=job.spec.misfire_grace_time), [one.job for one in job.spec.requires]
        slots = [row.slot for row in rows if row.reason == Reason.REQUIREMENT]
        schedule = compile_schedule(job.spec, zone=self.clock.zone, created_at=job.created_at)
        waiting = next(slots_between(schedule, job.cursor, self.clock.now), None)
        if waiting is not None:
            slots.append(waiting)
        return {
            slot: chain_history.completed_by(connection, required, min(slot + grace, self.clock.now)) for slot in slots
        }

    def _beginnings(self, connection: Connection, job_id: str, asked: LocalTime) -> Iterator[Facts]:
        roots = sorted(one for one in self.graph.above(job_id) if one not in self.graph.afters)
        for root, job in job_rows.find_jobs(connection, roots[:MOST_ROOTS]).items():
            yield self.facts(connection, root, job, asked)


def _at(moment: datetime) -> LocalTime:
    return LocalTime((Instants(moment, moment),))


MOST_ROOTS = 3
"""The most first jobs of chains that are explained, too, where no run of a chain was there."""
_LATE = frozenset({Reason.DEADLINE, Reason.CATCH_UP, Reason.COALESCED, Reason.BACKLOG})
"""Reasons whose cause may be that the service was down."""


def _asked(text: str, zone: str) -> LocalTime:
    try:
        return parse_asked(unescaped(text), zone)
    except ScheduleError as error:
        raise InvalidInputError([Complaint(("at",), "invalid-moment", str(error))]) from error
