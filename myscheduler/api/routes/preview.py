"""`/api/v1/preview`: the next fire times of the stored jobs."""

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query
from fastapi.responses import Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import standings as standing_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.inquiries import QUEUE, Between, Inquiries
from myscheduler.api.input.timestamps import read_timestamp
from myscheduler.api.shapes.documented import MOMENT, answers_with
from myscheduler.core.chains.graph import Graph
from myscheduler.core.explain.preview import preview
from myscheduler.core.explain.preview_after import Before, Root, preview_after
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.job import Job
from myscheduler.errors import JobNotFoundError
from myscheduler.messages.message import said

COUNT = 5
"""The fire times per job by default."""
MOST = 50_000
"""The most fire times in one answer: computing more would slow down other requests for seconds."""


MOST_TIMED = 1_000
"""The most jobs before others of which the history says how long they take; the usual is assumed of the others."""


class _Asked(NamedTuple):
    jobs: list[Job]
    before: Before
    """What is known of the jobs before those of them that run after others."""


class PreviewList(TypedDict):
    jobs: list[dict[str, Any]]


def preview_router(store: Store, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    router = APIRouter(prefix="/preview", tags=["jobs"])
    # one at a time, and not in one of the threads that read the database
    inquiries = Inquiries(at_once=1, queue=QUEUE, advice=said("ask-for-fewer-jobs"))

    @router.get("", operation_id="preview_jobs", responses=answers_with(PreviewList))
    async def preview_jobs(
        start: Annotated[
            str | None, Query(alias="from", json_schema_extra=MOMENT, description="RFC 3339; now when left out.")
        ] = None,
        until: Annotated[
            str | None, Query(json_schema_extra=MOMENT, description="RFC 3339; no later fire times are listed.")
        ] = None,
        count: Annotated[int, Query(ge=1, le=1000, description="The most fire times of each job.")] = COUNT,
        job_id: Annotated[list[str] | None, Query(description="Only these jobs; may be repeated.")] = None,
    ) -> Response:
        """The next fire times of jobs, each in the job's zone, with the slots that are left out between them.

        Those of a job that runs after others are the earliest possible: `earliest` says how they come about, and how
        long the jobs before take for that, which is the median of their last executions, or else half a second.
        """
        beginning = read_timestamp("from", start, zone) or now()
        end = read_timestamp("until", until, zone)
        if end is not None and end < beginning:
            raise InvalidInputError([Complaint(("until",), "invalid-moment", said("earlier-than-from"))])
        read = partial(store.read, partial(_chosen, job_ids=job_id, count=count))
        work = partial(_previews, zone=zone, start=beginning, until=end, count=count)
        return Response(await inquiries.ask_about(read, work), media_type="application/json")

    return router


def _chosen(connection: Connection, *, job_ids: list[str] | None, count: int) -> _Asked:
    """The jobs asked for. Raises `JobNotFoundError`, and `InvalidInputError` for more than `MOST` fire times."""
    if job_ids is None:
        jobs = job_rows.all_jobs(connection)
    else:
        job_ids = [job_id.replace("\x00", "\ufffd") for job_id in job_ids]  # PostgreSQL rejects a query with a NUL
        found = job_rows.find_jobs(connection, job_ids)
        if missing := [job_id for job_id in job_ids if job_id not in found]:
            raise JobNotFoundError(missing[0])
        jobs = [found[job_id] for job_id in sorted(found)]
    if len(jobs) * count > MOST:
        message = said("too-many-fire-times", jobs=len(jobs), count=count, most=MOST)
        raise InvalidInputError([Complaint(("count",), "invalid-value", message)])
    return _Asked(jobs, _before(connection, jobs))


def _before(connection: Connection, jobs: list[Job]) -> Before:
    children = [job.job_id for job in jobs if isinstance(job.spec.schedule, DeclaredAfter)]
    if not children:
        return Before(Graph({}), {}, {})
    graph, _ = chain_rows.stored_graph(connection)
    above = sorted({one for job_id in children for one in graph.above(job_id)})
    roots = job_rows.find_jobs(connection, [one for one in above if one not in graph.afters])
    durations = standing_rows.usual_durations(connection, above[:MOST_TIMED])
    known = {job_id: Root(job.spec, job.created_at, is_paused=job.is_paused) for job_id, job in roots.items()}
    return Before(graph, known, durations)


def _previews(
    asked: _Asked, between: Between, *, zone: str, start: datetime, until: datetime | None, count: int
) -> bytes:
    """The answer as JSON. Runs in a thread: thousands of jobs take a second."""
    views = []
    for job in asked.jobs:
        between()
        if isinstance(job.spec.schedule, DeclaredAfter):
            found = preview_after(job.spec, asked.before, zone=zone, start=start, until=until, count=count)
        else:
            found = preview(job.spec, zone=zone, created_at=job.created_at, start=start, until=until, count=count)
        views.append(found.as_json() | {"paused": job.is_paused})
    return json.dumps({"jobs": views}, ensure_ascii=False).encode()
