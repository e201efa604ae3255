"""The list of all jobs, as the bytes of its JSON. It is asked for every few seconds by every open screen."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import NamedTuple

import orjson
from fastapi.responses import StreamingResponse

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.jobs import Mark, chunks
from myscheduler.api.shapes.jobs import JobViews
from myscheduler.core.history.execution import Status

KEPT = 20_000
"""How many summaries are remembered as JSON."""
KEPT_BYTES = 4_096
"""Longer ones are written anew each time."""
_HEAD, _TAIL = b'{"jobs":[', b"]}"


class ListResponse(StreamingResponse):
    """`{"jobs": […]}` in parts: as one text, the list of a large fleet would be in memory twice."""

    def __init__(self, summaries: Sequence[bytes]) -> None:
        length = len(_HEAD) + sum(map(len, summaries)) + max(len(summaries) - 1, 0) + len(_TAIL)
        super().__init__(_parts(summaries), media_type="application/json", headers={"Content-Length": str(length)})


async def _parts(summaries: Sequence[bytes]) -> AsyncIterator[bytes]:
    yield _HEAD
    for number, part in enumerate(chunks(summaries)):
        yield (b"," if number else b"") + b",".join(part)
    yield _TAIL


class _Summary(NamedTuple):
    mark: Mark
    is_held: bool
    text: bytes


class Listing:
    """Remembers the summaries of jobs that rest: most do between two looks, and a mark is read faster than a job."""

    def __init__(self, views: JobViews) -> None:
        self._views = views
        self._resting: dict[str, _Summary] = {}

    def read(self, connection: Connection, *, held: Collection[str]) -> list[bytes]:
        """The summaries of all jobs, sorted by id; `held` names those that are held.

        Runs beside the event loop, twice at once too.
        """
        marks = job_rows.marks(connection)
        if len(self._resting) > len(marks):
            ids = {mark.job_id for mark in marks}
            for gone in self._resting.keys() - ids:
                self._resting.pop(gone, None)
        texts = {mark.job_id: self._known(mark, is_held=mark.job_id in held) for mark in marks}
        new = [mark for mark in marks if texts[mark.job_id] is None]
        for part in chunks(new):  # ten thousand jobs at once would take a hundred megabytes
            texts.update((summary.mark.job_id, summary.text) for summary in self._write(connection, part, held))
        return [text for text in texts.values() if text is not None]

    def _known(self, mark: Mark, *, is_held: bool) -> bytes | None:
        summary = self._resting.get(mark.job_id)
        return summary.text if summary and summary.mark == mark and summary.is_held == is_held else None

    def _write(self, connection: Connection, marks: Sequence[Mark], held: Collection[str]) -> Iterator[_Summary]:
        jobs = job_rows.find_jobs(connection, [mark.job_id for mark in marks])
        sent = [job.last_execution_id for job in jobs.values() if job.last_execution_id is not None]
        last = {record.execution_id: record for record in execution_rows.by_ids(connection, sent)}
        for mark in marks:
            job, is_held = jobs[mark.job_id], mark.job_id in held
            record = last.get(job.last_execution_id or "")
            text = orjson.dumps(self._views.summary(job, record, held=is_held))
            # a copy, because orjson leaves several kilobytes in reserve behind its bytes
            summary = _Summary(mark, is_held, bytes(memoryview(text)))
            yield summary
            rests = record is None or record.status is not Status.RUNNING
            has_room = len(self._resting) < KEPT or mark.job_id in self._resting
            if rests and has_room and len(text) <= KEPT_BYTES:
                self._resting[mark.job_id] = summary
