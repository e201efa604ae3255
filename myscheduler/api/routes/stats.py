"""`/api/v1/jobs/{job_id}/stats` and `/strips`: how jobs have gone lately."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
from myscheduler.api.listing.strips import Strips
from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.stats import PointView, SloView, StatsView, StatsViews, StripList
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.history.budget import budget_of, starts_of
from myscheduler.core.history.stats import DayStats, day_of_counts, stats_of
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.zones import local_time, start_of_day
from myscheduler.errors import JobNotFoundError
from myscheduler.messages.message import said
from myscheduler.service.changes import Changes

MOST_ROWS = 10_000
"""The most rows of the history in the statistics of a job."""
MOST_COUNTED = 400_000
"""After so many rows, earlier days are not counted: counting a million takes half a second."""
MOST_JOBS = 500
"""The most jobs in an answer of `/strips`."""

Days = Annotated[int, Query(ge=1, le=400, description="How many days, today included.")]
Points = Annotated[
    int, Query(ge=0, le=1000, description="The most points for a plot: the newest executions that were sent.")
]
JobIds = Annotated[
    list[Annotated[str, Query(max_length=255)]],
    Query(min_length=1, max_length=MOST_JOBS, description="A job; may be repeated."),
]
Results = Annotated[int, Query(ge=1, le=50, description="The most results of each job: the newest ones.")]


def stats_router(store: Store, changes: Changes, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(tags=["stats"])
    views = StatsViews(zone)
    strips = Strips(store, changes, views)

    @router.get("/jobs/{job_id}/stats", operation_id="get_job_stats", responses=answers_with(StatsView))
    async def get_job_stats(job_id: str, days: Days = 30, points: Points = 0) -> Response:
        """How often a job succeeded, how long it took and how late it started, in all and by day in the job's zone;
        also for a deleted job, from at most its newest 10,000 rows of the history. Of a longer history, the slots of
        each day are counted nevertheless.
        """
        return _json(await store.read(partial(stats, job_id=job_id, days=days, points=points)))

    def stats(connection: Connection, *, job_id: str, days: int, points: int) -> Mapping[str, object]:
        job = job_rows.find_jobs(connection, [job_id]).get(job_id)
        own_zone = (job.spec.timezone if job else None) or zone
        since = start_of_day(own_zone, _day_in(own_zone, now()) - timedelta(days=days - 1))
        rows = lately_rows.results(connection, job_id, since, MOST_ROWS + 1)
        if not rows and job is None and not _was_known(connection, job_id):
            raise JobNotFoundError(job_id)
        found = stats_of(rows[:MOST_ROWS], partial(_day_in, own_zone))
        first_day = _day_in(own_zone, since)
        if len(rows) > MOST_ROWS:
            all_days, first_day = _counted(connection, job_id, own_zone, first_day, found.days)
            found = replace(found, days=all_days)
        figures = views.figures(found)
        figures["slo"] = _slo(connection, job)
        figures["points"] = _points(connection, job_id, since, points)
        head = {"job_id": job_id, "timezone": own_zone, "since": local_time(since, own_zone).isoformat()}
        head["days_since"] = first_day.isoformat()
        return head | {"complete": len(rows) <= MOST_ROWS} | figures

    def _slo(connection: Connection, job: Job | None) -> SloView | None:
        if job is None or job.spec.slo is None:
            return None
        objective, moment = job.spec.slo, now()
        found = lately_rows.tallies(connection, job.job_id, starts_of(objective, moment), objective.late_sec)
        return views.slo(budget_of(objective, moment, found))

    def _points(connection: Connection, job_id: str, since: datetime, most: int) -> list[PointView]:
        found = lately_rows.points(connection, job_id, since, most) if most else []
        return [views.point(*one) for one in reversed(found)]

    @router.get("/strips", operation_id="list_strips", responses=answers_with(StripList))
    async def list_strips(job_id: JobIds, n: Results = 20) -> Response:
        """The last results of several jobs, each oldest first. A job without history has none, whether it exists or
        not.
        """
        if any("\x00" in one for one in job_id):  # PostgreSQL rejects a query with it
            raise InvalidInputError([Complaint(("job_id",), "invalid-id", said("id-with-nul"))])
        content = await strips.read(list(dict.fromkeys(job_id)), n)
        return Response(content, media_type="application/json")

    return router


def _was_known(connection: Connection, job_id: str) -> bool:
    """Whether there was such a job."""
    return bool(execution_rows.of_job(connection, job_id, 1)) or audit_rows.knows(connection, job_id)


def _counted(
    connection: Connection, job_id: str, zone: str, first: date, known: Sequence[DayStats]
) -> tuple[tuple[DayStats, ...], date]:
    """The days from `first` on with all their slots, the oldest first, and the day from which on they are counted. How
    long executions took is taken from `known`.
    """
    durations = {day.day: day.duration for day in known}
    day = known[-1].day
    found: list[DayStats] = []
    total = 0
    while day >= first and total < MOST_COUNTED:
        start, end = start_of_day(zone, day), start_of_day(zone, day + timedelta(days=1))
        counts = lately_rows.counts(connection, job_id, start, end)
        total += sum(one.rows for one in counts)
        if counts:
            found.append(day_of_counts(day, counts, durations.get(day)))
        day -= timedelta(days=1)
    return tuple(reversed(found)), day + timedelta(days=1)


def _day_in(zone: str, moment: datetime) -> date:
    return local_time(moment, zone).date()


def _json(view: object) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")
