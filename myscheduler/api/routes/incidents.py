"""`/api/v1/incidents`: what is in trouble, what changed before it, who was told, and who takes care of it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.source.file_changes import change_between
from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.api.input.bodies import actor_of, read_acknowledgement, read_fields
from myscheduler.api.input.paging import cursor_of, next_link, read_cursor
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.routes.executions import UUID_TEXT, JobIds, Labels, read_labels
from myscheduler.api.shapes.documented import ACKNOWLEDGE, CURSOR, KEY_AND_VALUE, UNACKNOWLEDGE, acts_with, answers_with
from myscheduler.api.shapes.incidents import IncidentDetail, IncidentPage, IncidentStatus, IncidentViews
from myscheduler.core.access.roles import Role
from myscheduler.core.history.execution import Record
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.history.search import chosen_jobs
from myscheduler.core.incidents.delivery import Delivery
from myscheduler.core.incidents.incident import Incident, IncidentKind
from myscheduler.core.source.file_change import FileChange
from myscheduler.errors import IncidentNotFoundError
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.incidents import acknowledging


def incidents_router(
    store: Store, dispatcher: Dispatcher, repeats: Repeats, *, source: str, zone: str, now: Callable[[], datetime]
) -> APIRouter:
    """`source` is the folder of the manifests, `zone` the service's IANA zone."""
    router = APIRouter(prefix="/incidents", tags=["incidents"])
    views = IncidentViews(zone)

    @router.get("", operation_id="list_incidents", responses=answers_with(IncidentPage))
    @router.get("/", include_in_schema=False)
    async def list_incidents(
        request: Request,
        is_open: Annotated[
            bool | None, Query(alias="open", description="Only those that are open, or only those that are over.")
        ] = None,
        acknowledged: Annotated[
            bool | None, Query(description="Only those that somebody takes care of now, or only the others.")
        ] = None,
        job_id: Annotated[
            JobIds | None, Query(description="Only of these jobs, deleted ones too; may be repeated.")
        ] = None,
        kind: Annotated[IncidentKind | None, Query(description="Only of this kind.")] = None,
        label: Annotated[
            Labels | None,
            Query(
                json_schema_extra=KEY_AND_VALUE,
                description="KEY=VALUE; only of jobs with this label; repeated, of jobs that have all of them.",
            ),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="The most rows of a page.")] = 100,
        cursor: Annotated[
            str | None, Query(max_length=100, json_schema_extra=CURSOR, description="`next_cursor` of the page before.")
        ] = None,
    ) -> JSONResponse:
        """Jobs, targets and hosts in trouble, the newest trouble first, a page at a time. A page is short, or even
        empty, if few of the rows that it looked at are wanted; `next_cursor` is null on the last page. With `job_id` or
        `label`, only jobs are listed.
        """
        before, labels = read_cursor(cursor), read_labels(label or [])
        named = None if job_id is None else [one.replace("\x00", "\ufffd") for one in job_id]
        jobs = dispatcher.jobs() if labels else ()
        chosen = chosen_jobs(jobs, job_ids=named, labels=labels, host=None)
        find = partial(
            incident_rows.page,
            is_open=is_open,
            is_acknowledged=acknowledged,
            now=now(),
            kind=kind,
            job_ids=chosen,
            before=before,
            limit=limit,
        )
        found = await store.read(find)
        following = cursor_of(found.end) if found.end else None
        view: IncidentPage = {
            "incidents": [views.view(one) for one in found.incidents],
            "count": len(found.incidents),
            "next_cursor": following,
        }
        return JSONResponse(view, headers=next_link(request, following))

    @router.get("/{incident_id}", operation_id="get_incident", responses=answers_with(IncidentDetail))
    async def get_incident(incident_id: str, request: Request) -> JSONResponse:
        """One incident, with whom it was told, and what changed in the job's file before it began."""
        _check_id(incident_id)
        incident, deliveries, first = await store.read(partial(_find, incident_id=incident_id))
        change = await asyncio.to_thread(_change, source, incident, first)
        may_read = request.state.principal.has_everywhere(Role.EDITOR)
        return JSONResponse(views.detail(incident, deliveries, change, with_lines=may_read))

    @router.post(
        "/{incident_id}/acknowledge",
        operation_id="acknowledge_incident",
        responses=answers_with(IncidentStatus),
        openapi_extra=acts_with(ACKNOWLEDGE),
    )
    async def acknowledge_incident(incident_id: str, request: Request) -> JSONResponse:
        """Say that somebody takes care of an open incident, optionally `until` a time. Until then, or until it ends,
        nobody is reminded of it; the recovery is told nevertheless.
        """
        _check_id(incident_id)
        asked = await read_acknowledgement(request, zone=zone, now=now())

        async def acknowledge(key: RequestKey | None) -> Mapping[str, Any]:
            answer = await _status(store, incident_id, "acknowledged")
            kept = key.kept(answer) if key else None
            await acknowledging.acknowledge(store, incident_id, by=asked.by, until=asked.until, at=now(), kept=kept)
            dispatcher.changes.of_incidents([answer["job_id"]] if answer["job_id"] else [])
            return answer

        return await repeats.answer(request, asked.body, acknowledge)

    @router.post(
        "/{incident_id}/unacknowledge",
        operation_id="unacknowledge_incident",
        responses=answers_with(IncidentStatus),
        openapi_extra=acts_with(UNACKNOWLEDGE),
    )
    async def unacknowledge_incident(incident_id: str, request: Request) -> JSONResponse:
        """Say that nobody takes care of an open incident any more, so that reminders of it go on."""
        _check_id(incident_id)
        body = await read_fields(request, by=str)

        async def unacknowledge(key: RequestKey | None) -> Mapping[str, Any]:
            answer = await _status(store, incident_id, "open")
            kept = key.kept(answer) if key else None
            await acknowledging.unacknowledge(store, incident_id, by=actor_of(request, body), at=now(), kept=kept)
            dispatcher.changes.of_incidents([answer["job_id"]] if answer["job_id"] else [])
            return answer

        return await repeats.answer(request, body, unacknowledge)

    return router


def _check_id(incident_id: str) -> None:
    """Raises `IncidentNotFoundError` for what can't be an id."""
    if not UUID_TEXT.fullmatch(incident_id):
        raise IncidentNotFoundError(incident_id)


async def _status(store: Store, incident_id: str, status: str) -> IncidentStatus:
    """The answer of an act. Raises `IncidentNotFoundError`."""
    found = await store.read(partial(incident_rows.find, incident_id=incident_id))
    if found is None:
        raise IncidentNotFoundError(incident_id)
    return {
        "incident_id": incident_id,
        "job_id": found.job_id,
        "target": found.target,
        "host": found.host,
        "status": status,
    }


def _find(connection: Connection, *, incident_id: str) -> tuple[Incident, list[Delivery], Record | None]:
    """The incident, whom it was told, and its first execution, if it is still in the history."""
    found = incident_rows.find(connection, incident_id)
    if found is None:
        raise IncidentNotFoundError(incident_id)
    first = found.first_execution_id
    rows = execution_rows.by_ids(connection, [first]) if first else []
    return found, delivery_rows.of_incident(connection, incident_id), rows[0] if rows else None


def _change(source: str, incident: Incident, first: Record | None) -> tuple[str, FileChange] | None:
    """The job's file, and what changed in it between the last success and the first failure. Blocks."""
    before, after = incident.good_revision, incident.source_revision
    if first is None or first.source is None or before is None or after is None or before == after:
        return None
    change = change_between(source, first.source.path, before, after)
    return None if change is None else (first.source.path, change)
