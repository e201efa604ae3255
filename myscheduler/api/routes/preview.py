"""`/api/v1/preview`: the next fire times of the stored jobs."""

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.judging import Judge
from myscheduler.api.input.timestamps import read_timestamp
from myscheduler.core.explain.preview import preview
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.job import Job
from myscheduler.errors import JobNotFoundError

COUNT = 5
"""The fire times per job by default."""
MOST = 50_000
"""The most fire times in one answer: computing more would slow down other requests for seconds."""


class PreviewList(TypedDict):
    jobs: list[dict[str, Any]]


def preview_router(store: Store, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    router = APIRouter(prefix="/preview", tags=["jobs"])
    judge = Judge()  # one at a time, and not in one of the threads that read the database

    @router.get("", responses={200: {"model": PreviewList}})
    async def preview_jobs(
        start: Annotated[str | None, Query(alias="from", description="RFC 3339; now when left out.")] = None,
        until: Annotated[str | None, Query(description="RFC 3339; no later fire times are listed.")] = None,
        count: Annotated[int, Query(ge=1, le=1000, description="The most fire times of each job.")] = COUNT,
        job_id: Annotated[list[str] | None, Query(description="Only these jobs; may be repeated.")] = None,
    ) -> Response:
        """The next fire times of jobs, each in the job's zone, with the slots that are left out between them."""
        beginning = read_timestamp("from", start, zone) or now()
        end = read_timestamp("until", until, zone)
        if end is not None and end < beginning:
            raise InvalidInputError([Complaint(("until",), "invalid-moment", "is earlier than from")])
        jobs = await store.read(partial(_chosen, job_ids=job_id, count=count))
        work = partial(_previews, jobs, zone=zone, start=beginning, until=end, count=count)
        return Response(await judge.ask(work), media_type="application/json")

    return router


def _chosen(connection: Connection, *, job_ids: list[str] | None, count: int) -> list[Job]:
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
        message = f"{len(jobs):,} jobs times {count:,} is more than {MOST:,}: lower count, or name jobs by job_id"
        raise InvalidInputError([Complaint(("count",), "invalid-value", message)])
    return jobs


def _previews(jobs: list[Job], *, zone: str, start: datetime, until: datetime | None, count: int) -> bytes:
    """The answer as JSON. Runs in a thread: thousands of jobs take a second."""
    views = [
        preview(job.spec, zone=zone, created_at=job.created_at, start=start, until=until, count=count).as_json()
        | {"paused": job.is_paused}
        for job in jobs
    ]
    return json.dumps({"jobs": views}, ensure_ascii=False).encode()
