"""`/api/v1/jobs/{job_id}/graph`: what runs after what around a job, as it is declared at present."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.job_graph import JobGraph, job_graph
from myscheduler.core.chains.drawing import connected
from myscheduler.core.chains.graph import by_depth
from myscheduler.errors import JobNotFoundError
from myscheduler.service.dispatch.chaining import Chains

MOST_JOBS = 2_000
"""The most jobs in an answer."""


def job_graph_router(chains: Chains) -> APIRouter:
    """The route below `/jobs`."""
    router = APIRouter(prefix="/jobs", tags=["chains"])

    @router.get("/{job_id}/graph", responses=answers_with(JobGraph), operation_id="get_job_graph")
    async def get_job_graph(job_id: str) -> JSONResponse:
        """A job and all that are connected with it by `after`, in either direction, as they are declared at present."""
        if chains.find(job_id) is None:
            raise JobNotFoundError(job_id)
        graph = chains.graph
        found = connected(graph, job_id)
        depths = dict(by_depth(graph, found))
        ordered = sorted(found, key=lambda one: (depths.get(one, len(depths)), one))
        names = {one: job.spec.name for one in found if (job := chains.find(one)) is not None}
        return JSONResponse(job_graph(graph, ordered, names, most=MOST_JOBS))

    return router
