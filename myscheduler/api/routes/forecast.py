"""`/api/v1/forecast`: the calls that the stored jobs will start, by host and hour, and the worst minutes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.input.inquiries import QUEUE, Between, Inquiries
from myscheduler.api.shapes.documented import answers_with
from myscheduler.core.job.job import Job
from myscheduler.core.load.forecast import forecast_jobs
from myscheduler.core.load.forecast_json import as_json
from myscheduler.messages.message import said
from myscheduler.service.changes import Changes

KEPT = timedelta(minutes=10)
"""How long a forecast is used again while no job changes; after that it begins too far in the past."""
MOST_KEPT = 4
"""The most forecasts that are kept; one of many hosts is a megabyte."""


# `from` is a keyword, so this shape can't be written as a class
ForecastView = TypedDict("ForecastView", {"from": str, "until": str, "timezone": str, "hosts": list[dict[str, Any]]})


def forecast_router(store: Store, changes: Changes, *, zone: str, now: Callable[[], datetime]) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(tags=["stats"])
    # one at a time: 10,000 jobs take seconds. One that takes longer is finished nevertheless, and kept
    inquiries = Inquiries(at_once=1, queue=QUEUE, advice=said("ask-in-a-minute"))
    kept: dict[int, tuple[int, datetime, bytes]] = {}
    """By days: the version of the jobs, when it was made, and the answer."""

    @router.get("/forecast", operation_id="get_forecast", responses=answers_with(ForecastView))
    async def get_forecast(
        days: Annotated[int, Query(ge=1, le=31, description="How many days to forecast.")] = 7,
    ) -> Response:
        """The calls that each target host will get, by day and hour in the service's zone, with the worst minutes and
        advice on jitter. Jobs that are paused without an end are not counted. An answer may be 10 minutes old.
        """
        content = _kept(days) or await inquiries.ask_about(partial(read, days), partial(work, days))
        return Response(content, media_type="application/json")

    def _kept(days: int) -> bytes | None:
        version, made_at, content = kept.get(days, (-1, now(), b""))
        return content if version == changes.catalog and timedelta() <= now() - made_at < KEPT else None

    async def read(days: int) -> bytes | tuple[int, list[Job]]:
        """The version of the jobs and the jobs; or the answer, if it was made for a request that waited before."""
        version = changes.catalog
        return _kept(days) or (version, await store.read(job_rows.all_jobs))

    def work(days: int, given: bytes | tuple[int, list[Job]], _between: Between) -> bytes:
        """The answer. Runs in a thread."""
        if isinstance(given, bytes):
            return given
        version, jobs = given
        moment = now()
        content = orjson.dumps(as_json(forecast_jobs(jobs, moment, days, zone)))
        kept.pop(days, None)
        kept[days] = (version, moment, content)
        if len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]  # the oldest
        return content

    return router
