"""`/api/v1/sync`: the state of the reconciler, and a pass on request."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import revisions as revision_rows
from myscheduler.api.door.permission import require_operation
from myscheduler.api.input.bodies import actor_of, read_fields
from myscheduler.api.input.repeats import Repeats
from myscheduler.api.shapes.documented import SYNC, acts_with, answers_with
from myscheduler.api.shapes.masking import Masking
from myscheduler.api.shapes.sync import FileList, SyncView, SyncViews
from myscheduler.core.access.roles import Role
from myscheduler.core.gitops.sync_state import Passed, SyncState
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.job.job import Job
from myscheduler.errors import JobConflictError, StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.gitops.reconciler import Reconciler

LONGEST = 64
"""Characters of a digest."""
HISTORY = 10
"""The most revisions in the answer, newest first."""

log = logging.getLogger(__name__)


def sync_router(
    store: Store,
    catalog: Catalog,
    reconciler: Reconciler,
    masking: Masking,
    *,
    repeats: Repeats,
    source: str,
    zone: str,
) -> APIRouter:
    """`source` is the folder of the manifests, as it is shown; `zone` is the service's IANA zone."""
    views = SyncViews(zone)
    router = APIRouter(prefix="/sync", tags=["sync"])

    @router.get("", operation_id="get_sync", responses=answers_with(SyncView))
    @router.get("/", include_in_schema=False)
    async def get_sync(request: Request) -> JSONResponse:
        """What the last pass over the source found and did, the jobs that drift from it, and the last revisions.

        `drift` and `history` are null while the database can't be read.
        """
        return JSONResponse(await view_of(_shown(masking, request, reconciler.state)))

    @router.get("/files", operation_id="list_source_files", responses=answers_with(FileList))
    @router.get("/files/", include_in_schema=False)
    async def list_source_files() -> JSONResponse:
        """All files of the source, and whether each was applied. `problem_count` also counts problems not listed."""
        return JSONResponse({"files": views.files(reconciler.state.files)})

    @router.post("", operation_id="run_sync", responses=answers_with(SyncView), openapi_extra=acts_with(SYNC))
    @router.post("/", include_in_schema=False)
    async def run_sync(request: Request) -> JSONResponse:
        """Run a pass now. `{"approve": DIGEST}` approves the blocked deletion that has exactly this digest."""
        body = await read_fields(request, approve=str, by=str)
        if body.get("approve") is not None:
            require_operation(request, "approve_deletion")
        actor = actor_of(request, body)

        async def run(key: RequestKey | None) -> Mapping[str, Any]:
            view = await view_of(_shown(masking, request, await passed(body.get("approve"), actor)))
            await catalog.record(None, key.kept(view) if key else None)
            return view

        return await repeats.answer(request, body, run)

    async def passed(approved: str | None, actor: str) -> SyncState:
        log.info("sync asked for", extra={"by": actor} | ({"approve": _start(approved)} if approved else {}))
        state = await reconciler.reconcile(approved=approved, by=actor)
        if approved is not None and state.blocked is not None and state.blocked.digest != approved:
            message = said("deletion-changed", digest=state.blocked.digest)
            raise JobConflictError(message)
        if approved is not None and not state.deleted:
            message = said("no-deletion-waits")
            raise JobConflictError(message)
        return state

    async def view_of(state: SyncState) -> dict[str, Any]:
        drifted, history = None, None
        with suppress(StoreUnavailableError):
            drifted, history = await store.read(_drifted_and_history)
        view: dict[str, Any] = views.sync(
            state, source, is_passing=reconciler.is_passing, drifted=drifted, history=history
        )
        return view

    return router


def _shown(masking: Masking, request: Request, state: SyncState) -> SyncState:
    """The state as the caller may see it."""
    return state if request.state.principal.has_everywhere(Role.EDITOR) else masking.state(state)


def _start(digest: str) -> str:
    """At most as much of it as a digest has, for the log; callers may send any text."""
    return digest[:LONGEST]


def _drifted_and_history(connection: Connection) -> tuple[list[Job], list[Passed]]:
    return job_rows.drifted(connection), revision_rows.newest(connection, HISTORY)
