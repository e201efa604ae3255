"""`/api/v1/jobs/{job_id}/ahead`: how often a job will run on each of the days to come."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.input.judging import Judge
from myscheduler.api.shapes.documented import answers_with
from myscheduler.core.explain.ahead import days_ahead
from myscheduler.core.job.job import Job
from myscheduler.errors import JobNotFoundError


class LeftOutView(TypedDict):
    reason: str
    name: str | None
    """The name of the holiday."""
    count: int


class DayAheadView(TypedDict):
    date: str
    runs: int
    times: list[str]
    """The first five runs."""
    left_out: list[LeftOutView]


class AheadView(TypedDict):
    job_id: str
    timezone: str
    """The job's zone, in which days begin and end."""
    days: list[DayAheadView]


def ahead_router(store: Store, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])
    judge = Judge()  # one at a time, and not in one of the threads that read the database

    @router.get("/{job_id}/ahead", operation_id="get_job_ahead", responses=answers_with(AheadView))
    async def get_job_ahead(
        job_id: str,
        days: Annotated[int, Query(ge=1, le=62, description="How many days, today included.")] = 35,
    ) -> Response:
        """How often the job will run on each of the next days, with the slots that are left out and why. Days begin at
        midnight in the job's zone; today begins now. Pauses are not regarded.
        """
        job = await store.read(partial(_job, job_id=job_id))
        return Response(await judge.ask(partial(_ahead, job, zone, now(), days)), media_type="application/json")

    return router


def _job(connection: Connection, *, job_id: str) -> Job:
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    if job is None:
        raise JobNotFoundError(job_id)
    return job


def _ahead(job: Job, zone: str, start: datetime, count: int) -> bytes:
    """The answer as JSON. Runs in a thread: a schedule with many blackouts takes long."""
    found = days_ahead(job.spec, zone=zone, created_at=job.created_at, start=start, days=count)
    view: dict[str, Any] = {"job_id": job.job_id, "timezone": job.spec.timezone or zone}
    return orjson.dumps(view | {"days": [one.as_json() for one in found]})
