"""`/api/v1/executions`: the history of all jobs, page by page, and one execution with its attempts."""

import re
from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field, StringConstraints

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import search as search_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.paging import cursor_of, next_link, read_cursor
from myscheduler.api.input.timestamps import read_timestamp
from myscheduler.api.output.disclosure import shown_detail, shown_rows
from myscheduler.api.shapes.documented import CURSOR, KEY_AND_VALUE, MOMENT, answers_with
from myscheduler.api.shapes.executions import ExecutionDetail, ExecutionPage, ExecutionViews
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.bounds import LONGEST_LABEL, LONGEST_LABEL_NAME
from myscheduler.core.calls.hosts import LONGEST_HEADER as LONGEST_HOST_KEY
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.history.execution import Cause, Kind, Record, Status
from myscheduler.core.history.search import Search, chosen_jobs
from myscheduler.core.job.selection import HIDDEN, is_hidden
from myscheduler.core.reason import Reason
from myscheduler.errors import (
    ExecutionNotFoundError,
)
from myscheduler.messages.message import said
from myscheduler.service.dispatch.dispatcher import Dispatcher

LIMIT = 100
"""The rows of a page by default."""
MOST_NAMED = 100
"""The most jobs, or labels, that one request names."""
LONGEST_SPAN_MS = 366 * 86_400_000
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ID_PATTERN = f"^{UUID_TEXT.pattern}$"
_QUEUED = said("still-queued")

JobIds = Annotated[list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=MOST_NAMED)]
Labels = Annotated[
    list[Annotated[str, StringConstraints(max_length=LONGEST_LABEL_NAME + 1 + LONGEST_LABEL)]],
    Field(max_length=MOST_NAMED),
]
Statuses = Annotated[list[Status], Field(max_length=len(Status))]
Host = Annotated[str, StringConstraints(max_length=LONGEST_HOST_KEY)]
Milliseconds = Annotated[int, Field(ge=0, le=LONGEST_SPAN_MS)]


def executions_router(store: Store, dispatcher: Dispatcher, masking: Masking, *, zone: str) -> APIRouter:
    """The routes below `/executions`. `zone` is the service's."""
    router = APIRouter(prefix="/executions", tags=["executions"])
    views = ExecutionViews(zone, dispatcher.chains.goes_on_after)

    @router.get("", responses=answers_with(ExecutionPage), operation_id="list_executions")
    @router.get("/", include_in_schema=False)
    async def list_executions(
        request: Request,
        job_id: Annotated[
            JobIds | None, Query(description="Only these jobs, deleted ones too; may be repeated.")
        ] = None,
        status: Annotated[Statuses | None, Query(description="Only these statuses; may be repeated.")] = None,
        reason: Annotated[Reason | None, Query(description="Only rows with this reason.")] = None,
        kind: Annotated[Kind | None, Query(description="Only scheduled, manual or chained ones.")] = None,
        cause: Annotated[Cause | None, Query(description="Only those that this started.")] = None,
        chain: Annotated[
            str | None, Query(pattern=ID_PATTERN, description="Only those of the chain that began with this execution.")
        ] = None,
        label: Annotated[
            Labels | None,
            Query(
                json_schema_extra=KEY_AND_VALUE,
                description="KEY=VALUE; only jobs that have this label now; repeated, jobs that have all of them.",
            ),
        ] = None,
        host: Annotated[
            Host | None, Query(description="Only jobs that call this host now: `api.example.com`, `10.0.0.1:8080`.")
        ] = None,
        start: Annotated[
            str | None,
            Query(alias="from", json_schema_extra=MOMENT, description="RFC 3339; only slots at this time or later."),
        ] = None,
        until: Annotated[
            str | None, Query(json_schema_extra=MOMENT, description="RFC 3339; only slots at this time or earlier.")
        ] = None,
        min_duration_ms: Annotated[
            Milliseconds | None, Query(description="Only executions that took at least this long.")
        ] = None,
        min_lateness_ms: Annotated[
            Milliseconds | None, Query(description="Only executions that began at least this long after their slot.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="The most rows of a page.")] = LIMIT,
        cursor: Annotated[
            str | None, Query(max_length=100, json_schema_extra=CURSOR, description="`next_cursor` of the page before.")
        ] = None,
    ) -> Response:
        """The history of all jobs, newest first, a page at a time. A page is short, or even empty, if few of the rows
        that it looked at are wanted; `next_cursor` is null on the last page.
        """
        before = read_cursor(cursor)
        search = Search(
            statuses=frozenset(status or ()),
            reason=reason,
            kind=kind,
            cause=cause,
            chain_id=chain,
            start=read_timestamp("from", start, zone),
            until=read_timestamp("until", until, zone),
            min_duration=_span(min_duration_ms),
            min_lateness=_span(min_lateness_ms),
        )
        labels = read_labels(label or [])
        jobs = dispatcher.jobs() if labels or host is not None else ()

        def read(connection: Connection) -> tuple[bytes, str | None]:
            named = None if job_id is None else [one.replace("\x00", "\ufffd") for one in job_id]
            key = None if host is None else host.strip().lower()
            chosen = chosen_jobs(jobs, job_ids=named, labels=labels, host=key)
            found = search_rows.page(connection, search.of_jobs(chosen), before=before, limit=limit)
            following = cursor_of(found.end) if found.end else None
            # here, and not on the event loop, because a thousand rows take long
            rows = shown_rows(masking, request.state.principal, connection, found.rows)
            return views.rows(rows, next_cursor=following), following

        content, following = await store.read(read)
        return Response(content, media_type="application/json", headers=next_link(request, following))

    @router.get("/{execution_id}", responses=answers_with(ExecutionDetail), operation_id="get_execution")
    async def get_execution(execution_id: str, request: Request) -> JSONResponse:
        """One row of the history, with its attempts as far as they are known."""
        record = await find_execution(store, dispatcher, execution_id)
        attempts = dispatcher.attempts_of(execution_id)
        if attempts is None and record.status is Status.RUNNING:  # its end was recorded while the row was read
            record = await find_execution(store, dispatcher, execution_id)
        detail = record.attempts_detail() if attempts is None else attempts
        principal = request.state.principal
        shown = await store.read(partial(shown_detail, masking, principal, record=record, attempts=detail))
        return JSONResponse(views.detail(*shown))

    return router


def _span(milliseconds: int | None) -> timedelta | None:
    return None if milliseconds is None else timedelta(milliseconds=milliseconds)


def read_labels(written: list[str]) -> dict[str, str]:
    """Raises `InvalidInputError` for a label that is not KEY=VALUE, or whose key has two values: no job has both."""
    found: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not (name and equals):
            message = said("not-a-label", value=shown(text))
            raise InvalidInputError([Complaint(("label",), "invalid-value", message)])
        if is_hidden(value):
            raise InvalidInputError([Complaint(("label",), "invalid-value", HIDDEN)])
        if found.setdefault(name, value) != value:
            message = said("label-with-two-values", label=shown(name))
            raise InvalidInputError([Complaint(("label",), "invalid-value", message)])
    return found


def check_id(execution_id: str) -> None:
    """Raises `ExecutionNotFoundError` for what can't be an id."""
    if not UUID_TEXT.fullmatch(execution_id):
        raise ExecutionNotFoundError(execution_id)


async def find_execution(store: Store, dispatcher: Dispatcher, execution_id: str) -> Record:
    """Raises `ExecutionNotFoundError`."""
    check_id(execution_id)
    rows = await store.read(partial(execution_rows.by_ids, execution_ids=[execution_id]))
    if not rows:
        is_queued = dispatcher.find_queued(execution_id) is not None
        raise ExecutionNotFoundError(execution_id, *([_QUEUED] if is_queued else []))
    return rows[0]
