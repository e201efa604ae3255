"""`/api/v1/forecast`: the calls that the stored jobs will start, by host and hour, the worst minutes, and what the
limits of shared targets do to them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.input.inquiries import QUEUE, Between, Inquiries
from myscheduler.api.shapes.documented import answers_with
from myscheduler.core.chains.expected import expected
from myscheduler.core.chains.graph import graph_of
from myscheduler.core.incidents.deadlines import usual_duration
from myscheduler.core.job.job import Job
from myscheduler.core.load.forecast import forecast_jobs, is_running
from myscheduler.core.load.forecast_json import as_json
from myscheduler.core.load.target_forecast import USUAL_CALL, Limit
from myscheduler.core.manifest.targets_file import SharedTargets
from myscheduler.messages.message import said
from myscheduler.service.changes import Changes

KEPT = timedelta(minutes=10)
"""How long a forecast is used again while no job changes; after that it begins too far in the past."""
ROWS = 20
"""So many of the newest rows of a job's history tell how long its calls take."""
MOST_MEASURED = 1_000
"""The most jobs whose history is read; of the others, nothing is known."""
MOST_KEPT = 4
"""The most forecasts that are kept; one of many hosts is a megabyte."""


# `from` is a keyword, so this shape can't be written as a class
ForecastView = TypedDict(
    "ForecastView",
    {
        "from": str,
        "until": str,
        "timezone": str,
        "hosts": list[dict[str, Any]],
        "targets": list[dict[str, Any]],
        "chained": dict[str, Any] | None,
    },
)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a forecast is made from."""

    version: tuple[int, str]
    """Of the jobs, and of the targets."""
    jobs: list[Job]
    limits: Mapping[str, Limit]
    durations: Mapping[str, timedelta]
    """How long calls usually take, of jobs whose target limits those in flight, and of those that others run after."""


def forecast_router(
    store: Store, changes: Changes, targets: Callable[[], SharedTargets], *, zone: str, now: Callable[[], datetime]
) -> APIRouter:
    """`targets` returns the shared targets in force; `zone` is the service's IANA zone."""
    router = APIRouter(tags=["stats"])
    # one at a time: 10,000 jobs take seconds. One that takes longer is finished nevertheless, and kept
    inquiries = Inquiries(at_once=1, queue=QUEUE, advice=said("ask-in-a-minute"))
    kept: dict[int, tuple[tuple[int, str], datetime, bytes]] = {}
    """By days: the version of what it was made from, when it was made, and the answer."""

    @router.get("/forecast", operation_id="get_forecast", responses=answers_with(ForecastView))
    async def get_forecast(
        days: Annotated[int, Query(ge=1, le=31, description="How many days to forecast.")] = 7,
    ) -> Response:
        """The calls that each target host will get, by day and hour in the service's zone, with the worst minutes and
        advice on jitter; and for shared targets with limits, the minutes in which calls wait or are missed. Jobs that
        are paused without an end are not counted. Jobs that run after others are, as if all succeeded and took as
        long as usual. An answer may be 10 minutes old.
        """
        content = _kept(days) or await inquiries.ask_about(partial(read, days), partial(work, days))
        return Response(content, media_type="application/json")

    def _kept(days: int) -> bytes | None:
        version, made_at, content = kept.get(days, ((-1, ""), now(), b""))
        return content if version == _version() and timedelta() <= now() - made_at < KEPT else None

    def _version() -> tuple[int, str]:
        return changes.catalog, targets().digest

    async def read(days: int) -> bytes | _Given:
        """What it is made from; or the answer, if it was made for a request that waited before."""
        limits = {name: Limit(one.concurrency, one.rate) for name, one in targets().limits.items()}
        known = _kept(days)
        if known is not None:
            return known
        return await store.read(partial(_given, version=_version(), limits=limits))

    def work(days: int, given: bytes | _Given, _between: Between) -> bytes:
        """The answer. Runs in a thread."""
        if isinstance(given, bytes):
            return given
        moment = now()
        stopped = {job.job_id for job in given.jobs if not is_running(job)}
        chained = expected(graph_of(given.jobs), given.durations, USUAL_CALL, stopped)
        found = forecast_jobs(
            given.jobs, moment, days, zone, limits=given.limits, durations=given.durations, chained=chained
        )
        content = orjson.dumps(as_json(found))
        kept.pop(days, None)
        kept[days] = (given.version, moment, content)
        if len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]  # the oldest
        return content

    return router


def _given(connection: Connection, *, version: tuple[int, str], limits: Mapping[str, Limit]) -> _Given:
    jobs = job_rows.all_jobs(connection)
    narrow = {name for name, one in limits.items() if one.concurrency is not None}
    graph = graph_of(jobs)
    limited = [job.job_id for job in jobs if job.spec.target in narrow or graph.children(job.job_id)]
    usual = ((one, usual_duration(incident_rows.past(connection, one, ROWS))) for one in limited[:MOST_MEASURED])
    return _Given(version, jobs, limits, {job_id: found for job_id, found in usual if found is not None})
