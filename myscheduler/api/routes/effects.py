"""`/api/v1/jobs/{job_id}/effects`: what pausing or deleting a job means for the jobs that run after it."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.effects import JobEffects, effects_view
from myscheduler.core.chains.effects import effects_of_pause, effects_of_removal
from myscheduler.errors import JobNotFoundError
from myscheduler.service.dispatch.chaining import Chains

Act = Literal["pause", "delete"]


def effects_router(chains: Chains) -> APIRouter:
    """The effects of an act, to be told before it is done."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.get("/{job_id}/effects", operation_id="get_job_effects", responses=answers_with(JobEffects))
    async def get_job_effects(
        job_id: str, action: Annotated[Act, Query(description="What would be done to the job.")]
    ) -> JSONResponse:
        """What pausing or deleting the job would mean for the jobs that run after it. Nothing is done. Of the others
        that those jobs run after, too, it assumes that they run as they should.
        """
        if chains.find(job_id) is None:
            raise JobNotFoundError(job_id)
        compute = effects_of_pause if action == "pause" else effects_of_removal
        affected = await asyncio.to_thread(compute, chains.graph, [job_id])  # thousands may run after one
        return JSONResponse({"job_id": job_id, "action": action, **effects_view(affected)})

    return router
