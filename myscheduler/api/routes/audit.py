"""`/api/v1/audit`: the audit log, which records who changed what, and when."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.api.shapes.sync import SyncViews
from myscheduler.core.lifecycle.audit import AuditAction


def audit_router(store: Store, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone."""
    views = SyncViews(zone)
    router = APIRouter(prefix="/audit", tags=["audit"])

    @router.get("")
    @router.get("/", include_in_schema=False)
    async def get_audit(
        job_id: Annotated[str | None, Query(description="Only what was done to this job.")] = None,
        action: Annotated[AuditAction | None, Query(description="Only what was done in this way.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="The most entries in the answer.")] = 100,
    ) -> JSONResponse:
        """All changes of jobs and all approvals, newest first. Executions are not here, but in the history."""
        query: Any = partial(audit_rows.read, job_id=_without_nul(job_id), action=action, limit=limit)
        entries = await store.read(query)
        return JSONResponse({"entries": [views.entry(entry) for entry in entries], "count": len(entries)})

    return router


def _without_nul(job_id: str | None) -> str | None:
    """The id with NULs replaced: no job id has one, and PostgreSQL rejects a query with it."""
    return None if job_id is None else job_id.replace("\x00", "\ufffd")
