"""`/api/v1/jobs/{job_id}/pause`, `resume` and `trigger`: what operators do with any job, whoever declares it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Store
from myscheduler.api.input.bodies import TriggerRequest, pause_of, read_object, resume_of, trigger_of
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.input.upstream import upstream_of
from myscheduler.api.shapes import jobs as shapes
from myscheduler.api.shapes.documented import PAUSE, RESUME, TRIGGER, acts_with, answers_with
from myscheduler.core.history.repeats import RequestKey
from myscheduler.errors import StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.dispatch.manual_runs import Triggered

TRIGGER_SEC = 10.0
"""How long a trigger waits for its record in the database before it is refused."""

log = logging.getLogger(__name__)


class Actions:
    """What can be done with a job. Each action takes the body of its request, and answers repeated requests."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        dispatcher: Dispatcher,
        repeats: Repeats,
        *,
        zone: str,
        now: Callable[[], datetime],
    ) -> None:
        self.catalog = catalog
        self.zone = zone
        self.now = now
        self._store = store
        self._dispatcher = dispatcher
        self._repeats = repeats

    async def pause(self, request: Request, job_id: str, body: Mapping[str, Any]) -> JSONResponse:
        asked = pause_of(request, body, zone=self.zone, now=self.now())
        answer = {"job_id": job_id, "status": "paused"}

        async def pause(key: RequestKey | None) -> Mapping[str, Any]:
            kept = key.kept(answer) if key else None
            await self.catalog.pause(job_id, by=asked.by, reason=asked.reason, until=asked.until, kept=kept)
            return answer

        return await self._repeats.answer(request, body, pause)

    async def resume(self, request: Request, job_id: str, body: Mapping[str, Any]) -> JSONResponse:
        asked = resume_of(request, body)
        answer = {"job_id": job_id, "status": "resumed"}

        async def resume(key: RequestKey | None) -> Mapping[str, Any]:
            kept = key.kept(answer) if key else None
            await self.catalog.resume(job_id, catch_up=asked.catch_up, by=asked.by, kept=kept)
            return answer

        return await self._repeats.answer(request, body, resume)

    async def trigger(self, request: Request, job_id: str, body: Mapping[str, Any]) -> JSONResponse:
        asked = trigger_of(request, body)

        async def trigger(key: RequestKey | None) -> Mapping[str, Any]:
            run = await self.run(job_id, asked, key=key)
            done = "queued" if run.is_queued else "triggered"
            log.info("job %s", done, extra={"job_id": job_id, "execution_id": run.execution_id, "by": asked.by})
            return run.as_json(job_id)

        return await self._repeats.answer(request, body, trigger)

    async def run(self, job_id: str, asked: TriggerRequest, *, key: RequestKey | None) -> Triggered:
        """Run a job now; see `Triggers.trigger`. Raises `StoreUnavailableError` if that can't be recorded in time, and
        `InvalidInputError` if it is not known what jobs hand on that it runs after.
        """
        try:
            async with asyncio.timeout(TRIGGER_SEC):
                upstream = await upstream_of(self._store, self._dispatcher.chains, job_id, asked.upstream)
                return await self._dispatcher.trigger(
                    job_id,
                    by=asked.by,
                    may_overlap=asked.may_overlap,
                    key=key,
                    parent=asked.parent,
                    is_alone=asked.is_alone,
                    upstream_chain_id=upstream,
                )
        except TimeoutError as error:
            message = said("trigger-not-recorded")
            raise StoreUnavailableError(message) from error


def actions_router(actions: Actions) -> APIRouter:
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.post(
        "/{job_id}/pause",
        operation_id="pause_job",
        responses=answers_with(shapes.JobStatus),
        openapi_extra=acts_with(PAUSE),
    )
    async def pause_job(job_id: str, request: Request) -> JSONResponse:
        """Pause a job, optionally with a `reason` and `until` a time. Slots due meanwhile are recorded as skipped."""
        return await actions.pause(request, job_id, await read_object(request))

    @router.post(
        "/{job_id}/resume",
        operation_id="resume_job",
        responses=answers_with(shapes.JobStatus),
        openapi_extra=acts_with(RESUME),
    )
    async def resume_job(job_id: str, request: Request) -> JSONResponse:
        """Resume a job. Slots of the paused time run only if `catchup` is `last` or `all`."""
        return await actions.resume(request, job_id, await read_object(request))

    @router.post(
        "/{job_id}/trigger",
        operation_id="trigger_job",
        responses=answers_with(shapes.Triggered),
        openapi_extra=acts_with(TRIGGER),
    )
    async def trigger_job(job_id: str, request: Request) -> JSONResponse:
        """Run a job now, whatever its schedule, even if it is paused. The run waits for executions in progress, unless
        `overlap` is `allow`; one run may wait. With `chain: false`, the jobs do not run that run after it.
        """
        return await actions.trigger(request, job_id, await read_object(request))

    return router
