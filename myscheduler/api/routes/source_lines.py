"""`/api/v1/sync/lines`: a few lines of a file of the source, as the last pass read it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from myscheduler.api.shapes.documented import answers_with
from myscheduler.api.shapes.sync import SourceLines
from myscheduler.core.explain.excerpt import MOST_AROUND, excerpt
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile
from myscheduler.errors import SourceFileConflictError, SourceFileNotFoundError
from myscheduler.messages.message import said
from myscheduler.service.gitops.reconciler import Reconciler

LONGEST_PATH = 4_096
MOST_LINES = 100_000_000
"""More than a file can have."""


def source_lines_router(reconciler: Reconciler) -> APIRouter:
    router = APIRouter(prefix="/sync", tags=["sync"])
    around = Query(ge=0, le=MOST_AROUND, description="How many lines on this side of it.")

    @router.get("/lines", operation_id="get_source_lines", responses=answers_with(SourceLines))
    @router.get("/lines/", include_in_schema=False)
    async def get_source_lines(
        path: Annotated[
            str, Query(max_length=LONGEST_PATH, description="A file of the source, as /sync/files has it.")
        ],
        line: Annotated[int, Query(ge=1, le=MOST_LINES, description="The line that the others are around.")],
        before: Annotated[int, around] = 3,
        after: Annotated[int, around] = 3,
    ) -> JSONResponse:
        """Lines of a manifest as the last pass read it, each up to 500 characters. They may hold literal credentials,
        as files do.
        """
        snapshot = reconciler.snapshot
        if snapshot is None:
            raise SourceFileConflictError(said("source-not-read-yet"))
        file = _readable(path, snapshot.find(path))
        # in a thread, because a file may have 10 MiB
        found = await asyncio.to_thread(excerpt, file, line, before=before, after=after)
        if line > found.line_count + 1:
            raise SourceFileConflictError(said("file-has-fewer-lines", file=path, count=found.line_count, line=line))
        view: SourceLines = {
            "path": path,
            "revision": snapshot.revision,
            "first_line": found.first_line,
            "line_count": found.line_count,
            "lines": list(found.lines),
        }
        return JSONResponse(view)

    return router


def _readable(path: str, file: SourceFile | UnreadableFile | None) -> SourceFile:
    match file:
        case None:
            raise SourceFileNotFoundError(path)
        case UnreadableFile(_, reason):
            raise SourceFileConflictError(said("file-cannot-be-read", file=path, why=reason))
        case SourceFile():
            return file
