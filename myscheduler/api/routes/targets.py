"""`/api/v1/targets`: the shared targets of `targets.yaml`, and how they stand."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.targets import TargetList, TargetViews
from myscheduler.core.job.job import Job
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler


def targets_router(dispatcher: Dispatcher, reconciler: Reconciler, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(prefix="/targets", tags=["targets"])
    views = TargetViews(zone)

    @router.get("", operation_id="list_targets", responses=answers_with(TargetList))
    @router.get("/", include_in_schema=False)
    async def list_targets() -> JSONResponse:
        """The shared targets in force, sorted by name: their limits, the calls on their way and waiting, and what holds
        these back. Their credentials, headers and other fields for jobs are not shown.
        """
        known = reconciler.targets.rules.known
        counts = await asyncio.to_thread(_counts, dispatcher.jobs()) if known else Counter[str]()
        found: TargetList = {
            "targets": [
                views.view(name, target, dispatcher.targets.of(name), counts[name])
                for name, target in sorted(known.items())
            ]
        }
        return JSONResponse(found)

    return router


def _counts(jobs: Sequence[tuple[Job, str]]) -> Counter[str]:
    """The number of jobs by the target that they name."""
    return Counter(job.spec.target for job, _ in jobs if job.spec.target is not None)
