"""`/api/v1/jobs/{job_id}/stats` and `/strips`: how jobs have gone lately."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import lately as lately_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.shapes.stats import StatsView, StatsViews, StripList, StripView
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.history.stats import stats_of
from myscheduler.core.schedule.zones import local_time, start_of_day
from myscheduler.errors import JobNotFoundError

MOST_ROWS = 10_000
"""The most rows of the history in the statistics of a job."""
MOST_JOBS = 500
"""The most jobs in an answer of `/strips`."""

Days = Annotated[int, Query(ge=1, le=400, description="How many days, today included.")]
JobIds = Annotated[
    list[Annotated[str, Query(max_length=255)]],
    Query(min_length=1, max_length=MOST_JOBS, description="A job; may be repeated."),
]
Results = Annotated[int, Query(ge=1, le=50, description="The most results of each job: the newest ones.")]


def stats_router(store: Store, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(tags=["stats"])
    views = StatsViews(zone)

    @router.get("/jobs/{job_id}/stats", operation_id="get_job_stats", responses={200: {"model": StatsView}})
    async def get_job_stats(job_id: str, days: Days = 30) -> Response:
        """How often a job succeeded, how long it took and how late it started, in all and by day in the job's zone;
        also for a deleted job. At most its newest 10,000 rows of the history are counted.
        """
        return _json(await store.read(partial(stats, job_id=job_id, days=days)))

    def stats(connection: Connection, *, job_id: str, days: int) -> Mapping[str, object]:
        own_zone = _zone_of(connection, job_id) or zone
        since = start_of_day(own_zone, _day_in(own_zone, now()) - timedelta(days=days - 1))
        rows = lately_rows.results(connection, job_id, since, MOST_ROWS + 1)
        if not rows and not _is_known(connection, job_id):
            raise JobNotFoundError(job_id)
        figures = views.figures(stats_of(rows[:MOST_ROWS], partial(_day_in, own_zone)))
        head = {"job_id": job_id, "timezone": own_zone, "since": local_time(since, own_zone).isoformat()}
        return head | {"complete": len(rows) <= MOST_ROWS} | figures

    @router.get("/strips", operation_id="list_strips", responses={200: {"model": StripList}})
    async def list_strips(job_id: JobIds, n: Results = 20) -> Response:
        """The last results of several jobs, each oldest first. A job without history has none, whether it exists or
        not.
        """
        if any("\x00" in one for one in job_id):  # PostgreSQL rejects a query with it
            raise InvalidInputError([Complaint(("job_id",), "invalid-id", "has a NUL, which no id has")])
        return _json(await store.read(partial(strips, job_ids=list(dict.fromkeys(job_id)), limit=n)))

    def strips(connection: Connection, *, job_ids: list[str], limit: int) -> StripList:
        found = lately_rows.strips(connection, job_ids, limit)
        rows: list[StripView] = [
            {"job_id": job_id, "results": [views.strip_result(*one) for one in reversed(results)]}
            for job_id, results in found.items()
        ]
        return {"strips": rows, "count": len(rows)}

    return router


def _zone_of(connection: Connection, job_id: str) -> str | None:
    job = job_rows.find_jobs(connection, [job_id]).get(job_id)
    return job.spec.timezone if job else None


def _is_known(connection: Connection, job_id: str) -> bool:
    """Whether there is such a job, or was one."""
    return (
        bool(job_rows.find_jobs(connection, [job_id]))
        or bool(execution_rows.of_job(connection, job_id, 1))
        or audit_rows.knows(connection, job_id)
    )


def _day_in(zone: str, moment: datetime) -> date:
    return local_time(moment, zone).date()


def _json(view: object) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")
