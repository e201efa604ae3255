"""`/health`, which needs no token. `live`: the process answers. `ready`: calls are sent and recorded."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from myscheduler import __version__
from myscheduler.api.errors import problem
from myscheduler.service.store_health import StoreHealth


def health_router(store_health: StoreHealth, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    @router.get("/health/", include_in_schema=False)
    async def health() -> JSONResponse:
        """The service answers."""
        return JSONResponse({"message": "MyScheduler is running", "timezone": zone, "version": __version__})

    @router.get("/health/live")
    async def live() -> JSONResponse:
        """The process answers; a failure means that it should be restarted."""
        return JSONResponse({"status": "ok"})

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        """Calls are sent and recorded; 503 says why they are not."""
        if store_health.error is not None:
            return problem(503, f"nothing is sent, because the database can't be used: {store_health.error}")
        return JSONResponse({"status": "ok"})

    return router
