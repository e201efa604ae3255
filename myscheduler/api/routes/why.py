"""`/api/v1/jobs/{job_id}/why`: explains why a job ran at some time, or why not, from what the database has."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
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
from myscheduler.core.explain.why import MOST, Explanation, Facts, explain
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.history.execution import Record
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.timestamps import LocalTime, parse_asked
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
    store: Store, reconciler: Reconciler, masking: Masking, *, zone: str, now: Callable[[], datetime]
) -> APIRouter:
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.get("/{job_id}/why", operation_id="explain_job", responses=answers_with(Why))
    async def explain_job(
        job_id: str,
        request: Request,
        at: Annotated[
            str,
            Query(
                json_schema_extra=MOMENT,
                description="RFC 3339, or local time in the job's zone; a minute or an instant.",
            ),
        ],
    ) -> JSONResponse:
        """Why the job ran at that time, or why not, in sentences; also for a deleted job."""
        held = job_id in reconciler.state.held
        shown = partial(_shown, masking, request.state.principal)
        question = partial(_explained, job_id=job_id, at=at, zone=zone, held=held, now=now(), shown=shown)
        explained = await store.read(question)
        return JSONResponse(explained.as_json())

    return router


def _shown(masking: Masking, principal: Principal, record: Record, job: Job | None) -> Record:
    """The row with its texts as the caller may see them; its digest tells whether the job has changed since."""
    return replace(shown_record(masking, principal, record, job), digest=record.digest)


def _explained(
    connection: Connection,
    *,
    job_id: str,
    at: str,
    zone: str,
    held: bool,
    now: datetime,
    shown: Callable[[Record, Job | None], Record],
) -> Explanation:
    """Raises `JobNotFoundError` for a job that nothing is known of, and `InvalidInputError` if `at` is not a time."""
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    asked = _asked(at, (job.spec.timezone if job else None) or zone)
    rows = [shown(one, job) for one in execution_rows.around(connection, job_id, asked.first, asked.last, MOST)]
    if job is None and not rows and not execution_rows.of_job(connection, job_id, 1):
        raise JobNotFoundError(job_id)
    overlapped = [row.slot for row in rows if row.reason == Reason.OVERLAP]
    found = {slot: execution_rows.under_way(connection, job_id, slot) for slot in overlapped}
    blockers = {slot: other for slot, other in found.items() if other is not None}
    late = [row.slot for row in rows if row.reason in _LATE]
    downs = {slot: uptime_rows.downtime_at(connection, slot) for slot in late}
    downtimes = {slot: down for slot, down in downs.items() if down is not None}
    waiting = queued_rows.of_job(connection, job_id)
    return explain(Facts(job_id, job, rows, blockers, downtimes, held, waiting), asked, clock=Clock(now, zone))


_LATE = frozenset({Reason.DEADLINE, Reason.CATCH_UP, Reason.COALESCED, Reason.BACKLOG})
"""Reasons whose cause may be that the service was down."""


def _asked(text: str, zone: str) -> LocalTime:
    try:
        return parse_asked(unescaped(text), zone)
    except ScheduleError as error:
        raise InvalidInputError([Complaint(("at",), "invalid-moment", str(error))]) from error
