"""`/health`, which needs no token. `live`: the process answers. `ready`: calls are sent and recorded."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler import __version__
from myscheduler.api.errors import problem
from myscheduler.api.shapes.documented import answers_with
from myscheduler.messages.message import said
from myscheduler.service.store_health import StoreHealth


class Health(TypedDict):
    message: str
    timezone: str
    """The service's IANA zone."""
    version: str


class HealthStatus(TypedDict):
    status: str
    """`ok`."""


def health_router(store_health: StoreHealth, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(tags=["health"])

    @router.get("/health", operation_id="get_health", responses=answers_with(Health))
    @router.get("/health/", include_in_schema=False)
    async def get_health() -> JSONResponse:
        """The service answers."""
        return JSONResponse({"message": "MyScheduler is running", "timezone": zone, "version": __version__})

    @router.get("/health/live", operation_id="get_liveness", responses=answers_with(HealthStatus))
    async def get_liveness() -> JSONResponse:
        """The process answers; a failure means that it should be restarted."""
        return JSONResponse({"status": "ok"})

    @router.get("/health/ready", operation_id="get_readiness", responses=answers_with(HealthStatus))
    async def get_readiness() -> JSONResponse:
        """Calls are sent and recorded; 503 says why they are not."""
        if store_health.error is not None:
            return problem(503, said("not-ready", why=store_health.error))
        return JSONResponse({"status": "ok"})

    return router
