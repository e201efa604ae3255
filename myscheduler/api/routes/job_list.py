"""`GET /api/v1/jobs`: all jobs, or pages of those that match filters."""

from functools import partial
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from myscheduler.adapters.store import Connection, Store
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.job_queries import (
    FIELDS,
    MOST_IDS,
    JobQuery,
    LastResult,
    ScheduleType,
    Sort,
    read_cursor,
    read_labels,
    read_names,
    write_cursor,
)
from myscheduler.api.listing.answers import compacted, job_list, only_fields
from myscheduler.api.listing.index import Found, JobIndex
from myscheduler.api.output.packing import Packer
from myscheduler.api.prefix import root_of
from myscheduler.api.shapes import jobs as shapes
from myscheduler.api.shapes.documented import CURSOR, IF_NONE_MATCH, KEY_OR_BOTH, NOT_MODIFIED, answers_with
from myscheduler.api.shapes.jobs import JobViews
from myscheduler.api.shapes.listing import Listing
from myscheduler.api.shapes.masking import Masking
from myscheduler.core.access.roles import Role
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.job import JobState
from myscheduler.core.job.selection import folded
from myscheduler.messages.message import said
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.gitops.reconciler import Reconciler

PAGE = 100
"""The rows of a page where `limit` is left out."""

_FIELD = f" *({'|'.join(FIELDS)}) *"
_FIELDS = f"^{_FIELD}(,{_FIELD})*$"

Ids = Annotated[
    list[str] | None, Query(max_length=MOST_IDS, description=f"Only these jobs, up to {MOST_IDS}; may be repeated.")
]
OwnerFilter = Annotated[Literal["api", "manifest"] | None, Query(description="Who may change the job.")]
StatusFilter = Annotated[JobState | None, Query(description="The `status` of the row.")]
LabelFilters = Annotated[
    list[str] | None,
    Query(
        json_schema_extra=KEY_OR_BOTH,
        description="`key=value`, or `key` with any value; may be repeated: all have to match.",
    ),
]
TypeFilter = Annotated[ScheduleType | None, Query(description="The kind of schedule.")]
HostFilter = Annotated[
    str | None, Query(max_length=300, description="The host that the job calls; its port only if not the default.")
]
ResultFilter = Annotated[
    LastResult | None,
    Query(description="How the last execution ended; `none` while it is running, or if there is none."),
]
HeldFilter = Annotated[bool | None, Query(description="Whether the manifest of the job is broken.")]
FailingFilter = Annotated[
    bool | None, Query(description="Whether an execution has failed since the last completed one.")
]
PausedFilter = Annotated[bool | None, Query(description="Whether the job is paused.")]
Text = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Text in the id, name, URL or a label (`key=value`); case and width of characters don't matter.",
    ),
]
SortKey = Annotated[Sort, Query(description="The order; `-` for descending. Jobs without such a time come last.")]
Limit = Annotated[int | None, Query(ge=1, le=1000, description=f"The most rows of a page; {PAGE} if left out.")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=2_000,
        json_schema_extra=CURSOR,
        description="`next_cursor` of the page before, with its other parameters.",
    ),
]
Fields = Annotated[
    str | None,
    Query(
        max_length=1_000,
        json_schema_extra={"pattern": _FIELDS, "examples": ["job_id,next_run_time"]},
        description="The fields of each row, separated by commas.",
    ),
]
Compact = Annotated[bool, Query(description="Short rows: see `CompactJob`.")]


def job_list_router(
    store: Store, reconciler: Reconciler, index: JobIndex, masking: Masking, chains: Chains, *, zone: str
) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])
    listings = {one is not None: Listing(JobViews(zone, chains.goes_on_after, one)) for one in (None, masking)}
    packer = Packer()

    @router.get(
        "",
        operation_id="list_jobs",
        responses={**answers_with(shapes.JobList | shapes.JobPage), **NOT_MODIFIED},
        openapi_extra={"parameters": [IF_NONE_MATCH]},
    )
    @router.get("/", include_in_schema=False)
    async def list_jobs(
        request: Request,
        owner: OwnerFilter = None,
        status: StatusFilter = None,
        label: LabelFilters = None,
        schedule_type: TypeFilter = None,
        host: HostFilter = None,
        last_result: ResultFilter = None,
        held: HeldFilter = None,
        failing: FailingFilter = None,
        paused: PausedFilter = None,
        q: Text = None,
        sort: SortKey = Sort.ID,
        limit: Limit = None,
        cursor: Cursor = None,
        fields: Fields = None,
        compact: Compact = False,
        job_id: Ids = None,
    ) -> Response:
        """All jobs, sorted by id. With any parameter, a page of the jobs that match all filters.

        Literal credentials are masked for callers who are not editors of all jobs.
        """
        listing = listings[not request.state.principal.has_everywhere(Role.EDITOR)]
        broken = reconciler.state.held
        if not request.scope["query_string"]:
            return job_list(request, packer, await store.read(partial(listing.read, held=broken)))
        names = read_names(fields)
        if names is not None and compact:
            raise InvalidInputError([Complaint(("fields",), "conflicting-parameters", said("not-with-compact"))])
        query = JobQuery(
            # PostgreSQL rejects a query with a NUL
            ids=None if job_id is None else [one.replace("\x00", "\ufffd") for one in job_id],
            owner=owner,
            status=status,
            labels=read_labels(label or []),
            schedule_type=schedule_type,
            host=host.lower() if host is not None else None,
            last_result=last_result,
            held=held,
            failing=failing,
            paused=paused,
            text=folded(q) if q else None,
            sort=sort,
            after=read_cursor(cursor, sort),
            limit=limit or PAGE,
        )

        news = index.news()

        def read(connection: Connection) -> tuple[Found, list[bytes]]:
            found = index.find(connection, query, broken, news)
            rows = listing.read_some(connection, found.job_ids, held=broken)
            if compact:
                return found, compacted(rows, index.failing(connection, found.job_ids, news))
            return found, only_fields(rows, names) if names else rows

        found, rows = await store.read(read)
        following = write_cursor(sort, found.last) if found.last else None
        rest: dict[str, Any] = {"count": len(rows), "total": found.total, "next_cursor": following}
        headers = {"Link": f'<{_next_url(request, following)}>; rel="next"'} if following else None
        return job_list(request, packer, rows, tail=b"]," + orjson.dumps(rest)[1:], headers=headers)

    return router


def _next_url(request: Request, cursor: str) -> str:
    """The URL of the next page, relative to the host."""
    return root_of(request) + str(request.url.include_query_params(cursor=cursor).replace(scheme="", netloc=""))
