"""`/api/v1/specs`: all stored jobs with their whole specs, for the commands `plan` and `export`."""

import json

from fastapi import APIRouter
from fastapi.responses import Response

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.specs import SpecList
from myscheduler.core.gitops.inventory import inventory


def specs_router(store: Store, *, zone: str) -> APIRouter:
    """`zone` is the service's IANA zone."""
    router = APIRouter(prefix="/specs", tags=["sync"])

    @router.get("", operation_id="get_specs", responses=answers_with(SpecList))
    @router.get("/", include_in_schema=False)
    async def get_specs() -> Response:
        """All jobs, sorted by id, each in the fields of a manifest: what `plan` compares with and `export` writes."""
        return Response(await store.read(read), media_type="application/json")

    def read(connection: Connection) -> bytes:
        """The answer as JSON. Runs in a thread: thousands of specs take long."""
        items = [item.as_json() for item in inventory(job_rows.all_jobs(connection)).values()]
        return json.dumps({"timezone": zone, "jobs": items}, ensure_ascii=False).encode()

    return router
