"""`/api/v1/jobs`: creating, replacing and deleting API jobs; the detail and the history of all jobs."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import listed as listed_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows.listed import Listed
from myscheduler.api.door.permission import require_job
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import actor_of, read_object
from myscheduler.api.input.judging import Judge
from myscheduler.api.input.queries import By
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.output.conditions import job_answer, wanted_versions
from myscheduler.api.output.disclosure import shown_record, shown_rows
from myscheduler.api.shapes import jobs as shapes
from myscheduler.api.shapes.documented import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    JOB,
    NOT_AS_READ,
    NOT_MODIFIED,
    answers_with,
)
from myscheduler.api.shapes.executions import ExecutionList, ExecutionViews, JobExecutionList
from myscheduler.api.shapes.jobs import JobViews
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.chains.links import linked_to
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.history.execution import Failing, QueuedRun, Record
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.acceptance import Terms, accept_ad_hoc
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.policy.grants import Grants
from myscheduler.core.policy.guard import Guard
from myscheduler.errors import JobNotFoundError
from myscheduler.messages.message import said
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.catalog.linking import Linking
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.gitops.reconciler import Reconciler

DETAIL_EXECUTIONS = 50
"""The most executions in the detail of a job."""
LIGHT = 2_048
"""Bodies of up to so many bytes are validated on the event loop, if they only have fields that are validated fast."""
_LIGHT_FIELDS = JobFields.model_fields.keys() - {"blackout", "calendar"}
Limit = Annotated[int, Query(ge=1, le=1000, description="The most rows in the answer, newest first.")]


def _has_many(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("cron"), list)


def jobs_router(  # noqa: C901, PLR0915 - a list of routes, each simple
    store: Store,
    catalog: Catalog,
    reconciler: Reconciler,
    masking: Masking,
    chains: Chains,
    linking: Linking,
    *,
    judge: Judge,
    repeats: Repeats,
    zone: str,
    now: Callable[[], datetime],
    grants: Callable[[], Grants],
    guard: Callable[[], Guard],
) -> APIRouter:
    """The routes below `/jobs`. `zone` is the service's; `grants` returns the secrets that API jobs may use, `guard`
    what they may call.
    """
    router = APIRouter(prefix="/jobs", tags=["jobs"])
    views, masked_views = (JobViews(zone, chains.goes_on_after, one) for one in (None, masking))
    executions = ExecutionViews(zone, chains.goes_on_after)

    def granted(request: Request) -> Grants:
        """The secrets that the caller may let a job use: an editor with a scope, only those that are granted by one."""
        return grants() if request.state.principal.has_everywhere(Role.EDITOR) else grants().scoped

    @asynccontextmanager
    async def judged(request: Request, body: dict[str, Any]) -> AsyncIterator[JobSpec]:
        """The spec that the body declares, for a block that stores it. Raises `InvalidInputError` if it breaks rules.

        Rules of the policy may change while a thread validates; then the spec is validated anew.
        """
        spec, judged_by = None, None
        while spec is None or judged_by != (reconciler.terms, granted(request), guard()):  # any may have changed
            judged_by = reconciler.terms, granted(request), guard()
            question = partial(_spec, body, *judged_by, now())
            is_light = request.state.size <= LIGHT and not body.keys() - _LIGHT_FIELDS and not _has_many(body)
            spec = question() if is_light else await judge.ask(question, size=request.state.size)
        async with reconciler.rulebook.room_for(spec) as complaints, linking.checked(spec) as faults:
            if complaints or faults:
                raise InvalidInputError([*complaints, *faults])
            yield spec

    async def permit(request: Request, spec: JobSpec) -> None:
        """Raises `ForbiddenError` unless the job is in the caller's scope as declared and as it is stored, and so are
        the jobs that it runs after, or requires.
        """
        principal: Principal = request.state.principal
        if principal.has_everywhere(Role.EDITOR):
            return
        require_job(principal, Role.EDITOR, spec.job_id, spec.labels)
        stored = await store.read(partial(job_rows.find_jobs, job_ids=[spec.job_id, *linked_to(spec)]))
        for job in stored.values():
            require_job(principal, Role.EDITOR, job.job_id, job.spec.labels)

    @router.post(
        "",
        operation_id="create_job",
        responses=answers_with(shapes.JobStatus),
        openapi_extra=JOB | {"parameters": [IDEMPOTENCY_KEY]},
    )
    @router.post("/", include_in_schema=False)
    async def create_job(request: Request, by: By = None) -> JSONResponse:
        """Create a job. With `replace_existing: true`, an API job with the same id is replaced."""
        body = await read_object(request)

        async def create(key: RequestKey | None) -> Mapping[str, Any]:
            fields = dict(body)
            replace_existing = _take_flag(fields, "replace_existing")
            if fields.get("job_id") is None:
                fields["job_id"] = str(uuid.uuid4())
            async with judged(request, fields) as spec:
                await permit(request, spec)
                answer = {"job_id": spec.job_id, "status": "scheduled"}
                kept = key.kept(answer) if key else None
                await catalog.create(
                    spec, replace_existing=replace_existing, by=actor_of(request, {"by": by}), kept=kept
                )
            return answer

        return await repeats.answer(request, body, create)

    @router.get("/executions/recent", operation_id="list_recent_executions", responses=answers_with(ExecutionList))
    async def list_recent_executions(request: Request, limit: Limit = 100) -> Response:
        """The newest executions of all jobs."""

        def read(connection: Connection) -> bytes:
            rows = listed_rows.recent(connection, limit)
            return executions.rows(shown_rows(masking, request.state.principal, connection, rows))

        return Response(await store.read(read), media_type="application/json")

    @router.get(
        "/{job_id}",
        operation_id="get_job",
        responses=answers_with(shapes.JobDetail) | NOT_MODIFIED,
        openapi_extra={"parameters": [IF_NONE_MATCH]},
    )
    async def get_job(job_id: str, request: Request) -> Response:
        """One job with its newest executions; literal credentials are masked for callers who are not its editors.

        `ETag` identifies this answer, for `If-None-Match` and `If-Match`.
        """
        found = await store.read(partial(_one_with_history, job_id=job_id))
        job, held = found[0], job_id in reconciler.state.held
        of_caller = masked_views
        if request.state.principal.may_act(Role.EDITOR, job_id, job.spec.labels):
            shown = partial(shown_record, masking, request.state.principal, job=job)
            _, last, records, failing, queued, incidents = found
            found = job, last and shown(last), [shown(one) for one in records], failing, queued, incidents
            of_caller = views
        # searching the next run of a paused job may take long
        view = await asyncio.to_thread(of_caller.detail, *found, held=held, followed_by=chains.graph.children(job_id))
        return job_answer(request, job.version, view)

    @router.put(
        "/{job_id}",
        operation_id="replace_job",
        responses=answers_with(shapes.JobStatus) | NOT_AS_READ,
        openapi_extra=JOB | {"parameters": [IF_MATCH]},
    )
    async def replace_job(job_id: str, request: Request, by: By = None) -> JSONResponse:
        """Replace the spec of an API job; its history, pause and phase stay. With `If-Match`, only if it is the same
        as when it was read.
        """
        versions = wanted_versions(request)
        body = await read_object(request)
        _take_flag(body, "replace_existing")
        if body.get("job_id") not in (None, job_id):
            named = said("ids-differ", written=shown(body["job_id"]), named=shown(job_id))
            message = said("ids-differ-advice", named=named)
            raise InvalidInputError([Complaint(("job_id",), "invalid-id", message)])
        async with judged(request, body | {"job_id": job_id}) as spec:
            await permit(request, spec)
            await catalog.replace(spec, by=actor_of(request, {"by": by}), versions=versions)
        return JSONResponse({"job_id": job_id, "status": "scheduled"})

    @router.delete(
        "/{job_id}",
        operation_id="delete_job",
        responses=answers_with(shapes.JobStatus) | NOT_AS_READ,
        openapi_extra={"parameters": [IF_MATCH]},
    )
    async def delete_job(job_id: str, request: Request, by: By = None) -> JSONResponse:
        """Delete an API job; its history stays. With `If-Match`, only if it is the same as when it was read."""
        await catalog.delete(job_id, by=actor_of(request, {"by": by}), versions=wanted_versions(request))
        reconciler.wake()  # a manifest may declare a job with this id
        return JSONResponse({"job_id": job_id, "status": "deleted"})

    @router.get("/{job_id}/executions", operation_id="list_job_executions", responses=answers_with(JobExecutionList))
    async def list_job_executions(job_id: str, request: Request, limit: Limit = 50) -> Response:
        """A job's executions, newest first; also those of a deleted job."""

        def read(connection: Connection) -> bytes:
            rows = _history(connection, job_id, limit)
            return executions.of_job(job_id, shown_rows(masking, request.state.principal, connection, rows))

        return Response(await store.read(read), media_type="application/json")

    return router


def _spec(body: dict[str, Any], terms: Terms, grants: Grants, guard: Guard, now: datetime) -> JobSpec:
    spec, errors = accept_ad_hoc(body, terms, grants, guard, now=now)
    if spec is None:
        raise InvalidInputError(errors)
    return spec


def _take_flag(body: dict[str, Any], name: str) -> bool:
    value = body.pop(name, None)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidInputError([Complaint((name,), "invalid-type", said("needs-boolean"))])
    return value


def _history(connection: Connection, job_id: str, limit: int) -> list[Listed]:
    """Raises `JobNotFoundError` if there is neither such a job, nor an execution or an audit entry of one."""
    rows = listed_rows.of_job(connection, job_id, limit)
    if not rows and not job_rows.find_jobs(connection, [job_id]) and not audit_rows.knows(connection, job_id):
        raise JobNotFoundError(job_id)
    return rows


def _one_with_history(
    connection: Connection, job_id: str
) -> tuple[Job, Record | None, list[Record], Failing | None, QueuedRun | None, list[Incident]]:
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    if job is None:
        raise JobNotFoundError(job_id)
    last = execution_rows.by_ids(connection, [job.last_execution_id] if job.last_execution_id else [])
    records = execution_rows.of_job(connection, job_id, DETAIL_EXECUTIONS)
    failing, queued = execution_rows.failing(connection, job_id), queued_rows.of_job(connection, job_id)
    incidents = incident_rows.open_of(connection, [job_id])
    return job, last[0] if last else None, records, failing, queued, incidents
