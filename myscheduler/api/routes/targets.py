"""`/api/v1/targets`: the shared targets of `targets.yaml`, and how they stand."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.targets import TargetList, TargetViews
from myscheduler.core.calls.certificates import Certificates
from myscheduler.core.job.job import Job
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.gitops.reconciler import Reconciler


def targets_router(
    dispatcher: Dispatcher, reconciler: Reconciler, certificates: Certificates, *, zone: str
) -> APIRouter:
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
        hosts = await asyncio.to_thread(_hosts, dispatcher.jobs()) if known else {}
        found: TargetList = {
            "targets": [
                views.view(
                    name,
                    target,
                    dispatcher.targets.of(name),
                    len(hosts.get(name, ())),
                    _soonest(certificates, hosts.get(name, ())),
                )
                for name, target in sorted(known.items())
            ]
        }
        return JSONResponse(found)

    return router


def _hosts(jobs: Sequence[tuple[Job, str]]) -> dict[str, list[str]]:
    """The host of each job by the target that it names."""
    found: dict[str, list[str]] = {}
    for job, host in jobs:
        if job.spec.target is not None:
            found.setdefault(job.spec.target, []).append(host)
    return found


def _soonest(certificates: Certificates, hosts: Sequence[str]) -> datetime | None:
    """When the first of the hosts' certificates expires."""
    known = (certificates.expires_at(host) for host in set(hosts))
    return min((one for one in known if one is not None), default=None)
