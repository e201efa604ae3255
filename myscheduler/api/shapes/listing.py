"""The list of all jobs as JSON bytes. Every open screen requests it every few seconds, so most of it is cached."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import orjson

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.jobs import Mark, chunks
from myscheduler.api.shapes.jobs import JobViews
from myscheduler.core.history.execution import Status

KEPT = 20_000
"""The most cached summaries."""
KEPT_BYTES = 4_096
"""The most bytes of a cached summary; longer ones are made anew each time."""


class _Summary(NamedTuple):
    """A job's summary as JSON, and what it is valid for."""

    mark: Mark
    is_held: bool
    text: bytes
    words: str
    """The schedule in words, which stays the same until the job has another version."""


class Listing:
    """Caches the summaries of jobs that are not running, as JSON.

    A cached summary is valid while the job's mark and whether it is held are unchanged. A mark has a few columns that
    change with the state of a job, except for the end of its last execution: so running jobs are not cached. Marks are
    read much faster than jobs.
    """

    def __init__(self, views: JobViews) -> None:
        self._views = views
        self._cache: dict[str, _Summary] = {}

    def read(self, connection: Connection, *, held: Collection[str]) -> list[bytes]:
        """The summaries of all jobs, sorted by id; `held` has the ids of jobs whose manifests are broken.

        Runs in threads, also in two at once.
        """
        marks = job_rows.marks(connection)
        if len(self._cache) > len(marks):
            ids = {mark.job_id for mark in marks}
            for gone in self._cache.keys() - ids:
                self._cache.pop(gone, None)
        return self._texts(connection, marks, held)

    def read_some(self, connection: Connection, job_ids: Sequence[str], *, held: Collection[str]) -> list[bytes]:
        """The summaries of the jobs among `job_ids` that exist, in this order."""
        marks = job_rows.marks_of(connection, job_ids)
        return self._texts(connection, [marks[job_id] for job_id in job_ids if job_id in marks], held)

    def _texts(self, connection: Connection, marks: Sequence[Mark], held: Collection[str]) -> list[bytes]:
        texts = {mark.job_id: self._cached(mark, is_held=mark.job_id in held) for mark in marks}
        new = [mark for mark in marks if texts[mark.job_id] is None]
        for part in chunks(new):  # all at once, ten thousand jobs would take a hundred megabytes
            texts.update((summary.mark.job_id, summary.text) for summary in self._write(connection, part, held))
        return [text for text in texts.values() if text is not None]

    def _cached(self, mark: Mark, *, is_held: bool) -> bytes | None:
        summary = self._cache.get(mark.job_id)
        return summary.text if summary and summary.mark == mark and summary.is_held == is_held else None

    def _words(self, mark: Mark) -> str | None:
        summary = self._cache.get(mark.job_id)
        return summary.words if summary and summary.mark.version == mark.version else None

    def _write(self, connection: Connection, marks: Sequence[Mark], held: Collection[str]) -> Iterator[_Summary]:
        jobs = job_rows.find_jobs(connection, [mark.job_id for mark in marks])
        sent = [job.last_execution_id for job in jobs.values() if job.last_execution_id is not None]
        last = {record.execution_id: record for record in execution_rows.by_ids(connection, sent)}
        for mark in marks:
            job, is_held = jobs[mark.job_id], mark.job_id in held
            record = last.get(job.last_execution_id or "")
            words = self._words(mark) or self._views.words(job)
            text = orjson.dumps(self._views.summary(job, record, held=is_held, words=words))
            # a copy, because orjson allocates several kilobytes more than its bytes need
            summary = _Summary(mark, is_held, bytes(memoryview(text)), words)
            yield summary
            rests = record is None or record.status is not Status.RUNNING
            has_room = len(self._cache) < KEPT or mark.job_id in self._cache
            if rests and has_room and len(text) <= KEPT_BYTES:
                self._cache[mark.job_id] = summary
