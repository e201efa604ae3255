"""`/api/v1/sync`: the reconciler's state, and a pass on request."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from myscheduler.api.bodies import read_fields
from myscheduler.api.views import Views
from myscheduler.errors import JobConflictError
from myscheduler.reconciler import Reconciler


def sync_router(reconciler: Reconciler, views: Views, *, source: str) -> APIRouter:
    router = APIRouter(prefix="/sync", tags=["sync"])

    @router.get("")
    @router.get("/", include_in_schema=False)
    async def get_sync() -> JSONResponse:
        """What the last pass over the source found and did."""
        return JSONResponse(views.sync(reconciler.state, source))

    @router.post("")
    @router.post("/", include_in_schema=False)
    async def run_sync(request: Request) -> JSONResponse:
        """Run a pass now. `{"approve": DIGEST}` lets exactly the blocked deletion of that digest through."""
        approved = (await read_fields(request, approve=str)).get("approve")
        state = await reconciler.reconcile(approved=approved)
        if approved is not None and state.blocked is not None and state.blocked.digest != approved:
            message = f"the blocked deletion is another one by now: look at it, and approve {state.blocked.digest}"
            raise JobConflictError(message)
        return JSONResponse(views.sync(state, source))

    return router
