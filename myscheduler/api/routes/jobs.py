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
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.api.door.permission import require_job
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import actor_of, read_object
from myscheduler.api.input.judging import Judge
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.output.conditions import job_answer, wanted_versions
from myscheduler.api.shapes import jobs as shapes
from myscheduler.api.shapes.documented import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, NOT_AS_READ, NOT_MODIFIED
from myscheduler.api.shapes.executions import ExecutionList, ExecutionViews, JobExecutionList
from myscheduler.api.shapes.jobs import JobViews
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.history.execution import Failing, QueuedRun, Record
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.acceptance import Terms, accept_ad_hoc
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.policy.grants import Grants
from myscheduler.errors import JobNotFoundError
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.gitops.reconciler import Reconciler

DETAIL_EXECUTIONS = 50
"""The most executions in the detail of a job."""
LIGHT = 2_048
"""Bodies of up to so many bytes are validated on the event loop, if they only have fields that are validated fast."""
_LIGHT_FIELDS = JobFields.model_fields.keys() - {"blackout", "calendar"}
Limit = Annotated[int, Query(ge=1, le=1000, description="The most rows in the answer, newest first.")]


def _has_many(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("cron"), list)


def _body() -> dict[str, Any]:
    """The body of POST and PUT in OpenAPI. It is only documented here: bodies are validated like manifests."""
    schema = JobFields.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs"))
    schema["properties"]["replace_existing"] = {"type": "boolean", "default": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    """The schema with each `$ref` replaced by what it refers to: in the OpenAPI page it could not be resolved."""
    if isinstance(schema, list):
        return [_inlined(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {name: _inlined(value, parts) for name, value in schema.items()}


_BODY = _body()


def jobs_router(  # noqa: C901, PLR0915 - a list of routes, each simple
    store: Store,
    catalog: Catalog,
    reconciler: Reconciler,
    *,
    judge: Judge,
    repeats: Repeats,
    zone: str,
    now: Callable[[], datetime],
    grants: Callable[[], Grants],
) -> APIRouter:
    """The routes below `/jobs`. `zone` is the service's; `grants` returns the secrets that API jobs may use."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])
    views, masked_views, executions = JobViews(zone), JobViews(zone, is_masked=True), ExecutionViews(zone)

    @asynccontextmanager
    async def judged(request: Request, body: dict[str, Any]) -> AsyncIterator[JobSpec]:
        """The spec that the body declares, for a block that stores it. Raises `InvalidInputError` if it breaks rules.

        Rules of the policy may change while a thread validates; then the spec is validated anew.
        """
        spec, judged_by = None, None
        while spec is None or judged_by != (reconciler.terms, grants()):  # they may have changed in between
            judged_by = reconciler.terms, grants()
            question = partial(_spec, body, *judged_by, now())
            is_light = request.state.size <= LIGHT and not body.keys() - _LIGHT_FIELDS and not _has_many(body)
            spec = question() if is_light else await judge.ask(question, size=request.state.size)
        async with reconciler.rulebook.room_for(spec) as complaints:
            if complaints:
                raise InvalidInputError(complaints)
            yield spec

    async def permit(request: Request, spec: JobSpec) -> None:
        """Raises `ForbiddenError` unless the job is in the caller's scope as declared, and as it is stored."""
        principal: Principal = request.state.principal
        if principal.has_everywhere(Role.EDITOR):
            return
        require_job(principal, Role.EDITOR, spec.job_id, spec.labels)
        stored = (await store.read(partial(job_rows.find_jobs, job_ids=[spec.job_id]))).get(spec.job_id)
        if stored is not None:
            require_job(principal, Role.EDITOR, spec.job_id, stored.spec.labels)

    @router.post(
        "",
        operation_id="create_job",
        responses=_answers(shapes.JobStatus),
        openapi_extra=_BODY | {"parameters": [IDEMPOTENCY_KEY]},
    )
    @router.post("/", include_in_schema=False)
    async def create_job(request: Request) -> JSONResponse:
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
                await catalog.create(spec, replace_existing=replace_existing, by=actor_of(request, {}), kept=kept)
            return answer

        return await repeats.answer(request, body, create)

    @router.get("/executions/recent", responses=_answers(ExecutionList))
    async def recent_executions(limit: Limit = 100) -> JSONResponse:
        """The newest executions of all jobs."""
        records = await store.read(partial(execution_rows.recent, limit=limit))
        return JSONResponse({"executions": [executions.view(one) for one in records], "count": len(records)})

    @router.get(
        "/{job_id}",
        operation_id="get_job",
        responses=_answers(shapes.JobDetail) | NOT_MODIFIED,
        openapi_extra={"parameters": [IF_NONE_MATCH]},
    )
    async def get_job(job_id: str, request: Request) -> Response:
        """One job with its newest executions; literal credentials are masked for callers who are not its editors.

        `ETag` identifies this answer, for `If-None-Match` and `If-Match`.
        """
        found = await store.read(partial(_one_with_history, job_id=job_id))
        may_edit = request.state.principal.may_act(Role.EDITOR, job_id, found[0].spec.labels)
        of_caller = views if may_edit else masked_views
        held = job_id in reconciler.state.held
        # searching the next run of a paused job may take long
        view = await asyncio.to_thread(of_caller.detail, *found, held=held)
        return job_answer(request, found[0].version, view)

    @router.put(
        "/{job_id}",
        operation_id="replace_job",
        responses=_answers(shapes.JobStatus) | NOT_AS_READ,
        openapi_extra=_BODY | {"parameters": [IF_MATCH]},
    )
    async def replace_job(job_id: str, request: Request) -> JSONResponse:
        """Replace the spec of an API job; its history, pause and phase stay. With `If-Match`, only if it is the same
        as when it was read.
        """
        versions = wanted_versions(request)
        body = await read_object(request)
        _take_flag(body, "replace_existing")
        if body.get("job_id") not in (None, job_id):
            named = f"is {shown(body['job_id'])}, but the URL names {shown(job_id)}"
            message = f"{named}: leave it out, or write the same id"
            raise InvalidInputError([Complaint(("job_id",), "invalid-id", message)])
        async with judged(request, body | {"job_id": job_id}) as spec:
            await permit(request, spec)
            await catalog.replace(spec, by=actor_of(request, {}), versions=versions)
        return JSONResponse({"job_id": job_id, "status": "scheduled"})

    @router.delete(
        "/{job_id}",
        operation_id="delete_job",
        responses=_answers(shapes.JobStatus) | NOT_AS_READ,
        openapi_extra={"parameters": [IF_MATCH]},
    )
    async def delete_job(job_id: str, request: Request) -> JSONResponse:
        """Delete an API job; its history stays. With `If-Match`, only if it is the same as when it was read."""
        await catalog.delete(job_id, by=actor_of(request, {}), versions=wanted_versions(request))
        reconciler.wake()  # a manifest may declare a job with this id
        return JSONResponse({"job_id": job_id, "status": "deleted"})

    @router.get("/{job_id}/executions", responses=_answers(JobExecutionList))
    async def job_executions(job_id: str, limit: Limit = 50) -> JSONResponse:
        """A job's executions, newest first; also those of a deleted job."""
        records = await store.read(partial(_history, job_id=job_id, limit=limit))
        return JSONResponse(
            {"job_id": job_id, "executions": [executions.view(one) for one in records], "count": len(records)}
        )

    return router


def _answers(shape: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": shape}}


def _spec(body: dict[str, Any], terms: Terms, grants: Grants, now: datetime) -> JobSpec:
    spec, errors = accept_ad_hoc(body, terms, grants, now=now)
    if spec is None:
        raise InvalidInputError(errors)
    return spec


def _take_flag(body: dict[str, Any], name: str) -> bool:
    value = body.pop(name, None)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidInputError([Complaint((name,), "invalid-type", "has to be true or false")])
    return value


def _history(connection: Connection, job_id: str, limit: int) -> list[Record]:
    """Raises `JobNotFoundError` if there is neither such a job, nor an execution or an audit entry of one."""
    records = execution_rows.of_job(connection, job_id, limit)
    if not records and not job_rows.find_jobs(connection, [job_id]) and not audit_rows.knows(connection, job_id):
        raise JobNotFoundError(job_id)
    return records


def _one_with_history(
    connection: Connection, job_id: str
) -> tuple[Job, Record | None, list[Record], Failing | None, QueuedRun | None]:
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    if job is None:
        raise JobNotFoundError(job_id)
    last = execution_rows.by_ids(connection, [job.last_execution_id] if job.last_execution_id else [])
    records = execution_rows.of_job(connection, job_id, DETAIL_EXECUTIONS)
    failing, queued = execution_rows.failing(connection, job_id), queued_rows.of_job(connection, job_id)
    return job, last[0] if last else None, records, failing, queued
