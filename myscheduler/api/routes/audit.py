"""`/api/v1/audit`: the audit log, which records who changed what, and when."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.api.input.paging import cursor_of, next_link, read_cursor
from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.masking import Masking
from myscheduler.api.shapes.sync import AuditList, SyncViews
from myscheduler.core.access.roles import Role
from myscheduler.core.bounds import LONGEST_ACTOR
from myscheduler.core.lifecycle.audit import AuditAction


def audit_router(store: Store, masking: Masking, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone."""
    views = SyncViews(zone)
    router = APIRouter(prefix="/audit", tags=["audit"])

    @router.get("", operation_id="list_audit_entries", responses=answers_with(AuditList))
    @router.get("/", include_in_schema=False)
    async def list_audit_entries(
        request: Request,
        job_id: Annotated[str | None, Query(description="Only what was done to this job.")] = None,
        action: Annotated[AuditAction | None, Query(description="Only what was done in this way.")] = None,
        actor: Annotated[
            str | None, Query(max_length=LONGEST_ACTOR, description="Only what was done by this one.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="The most entries of a page.")] = 100,
        cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")] = None,
    ) -> Response:
        """All changes of jobs and all approvals, newest first, a page at a time. Executions are not here, but in the
        history. A page by actor may be short, or even empty, if few of the entries that it looked at are wanted;
        `next_cursor` is null on the last page.
        """
        named, by, before = _without_nul(job_id), _without_nul(actor), read_cursor(cursor)
        is_masked = not request.state.principal.has_everywhere(Role.EDITOR)

        def read(connection: Connection) -> Response:
            """The answer. Runs in a thread: a thousand entries take long."""
            found = audit_rows.page(connection, job_id=named, action=action, actor=by, before=before, limit=limit)
            following = cursor_of(found.end) if found.end else None
            entries = [masking.entry(entry) for entry in found.entries] if is_masked else found.entries
            view = {
                "entries": [views.entry(entry) for entry in entries],
                "count": len(entries),
                "next_cursor": following,
            }
            return JSONResponse(view, headers=next_link(request, following))

        return await store.read(read)

    return router


def _without_nul(text: str | None) -> str | None:
    """The text with NULs replaced: no id and no actor has one, and PostgreSQL rejects a query with it."""
    return None if text is None else text.replace("\x00", "\ufffd")
