"""The list of all jobs as JSON bytes. Every open screen requests it every few seconds, so most of it is cached."""

from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
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


_JOB_ID = attrgetter("job_id")


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
        self._parts: dict[str, tuple[int, bytes]] = {}
        """By job: its version, and its schedule in parts."""

    def read(self, connection: Connection, *, held: Collection[str]) -> list[bytes]:
        """The summaries of all jobs, sorted by id; `held` has the ids of jobs whose manifests are broken.

        Runs in threads, also in two at once.
        """
        marks = job_rows.marks(connection)
        if len(self._cache) > len(marks):
            ids = {mark.job_id for mark in marks}
            for gone in self._cache.keys() - ids:
                self._cache.pop(gone, None)
                self._parts.pop(gone, None)
        return self._texts(connection, marks, held)

    def read_some(self, connection: Connection, job_ids: Sequence[str], *, held: Collection[str]) -> list[bytes]:
        """The summaries of the jobs among `job_ids` that exist, in this order, with their schedules in parts."""
        marks = job_rows.marks_of(connection, job_ids)
        found = [marks[job_id] for job_id in job_ids if job_id in marks]
        parts = self._parts_of(connection, found)
        texts = self._texts(connection, found, held)
        return [text[:-1] + parts[mark.job_id] for text, mark in zip(texts, found, strict=True)]

    def _parts_of(self, connection: Connection, marks: Sequence[Mark]) -> dict[str, bytes]:
        """By job: the end of its row, with its schedule in parts."""
        known = {mark.job_id: self._parts.get(mark.job_id) for mark in marks}
        found = {mark.job_id: one[1] for mark in marks if (one := known[mark.job_id]) and one[0] == mark.version}
        new = [mark for mark in marks if mark.job_id not in found]
        jobs = job_rows.find_jobs(connection, [mark.job_id for mark in new]) if new else {}
        for mark in new:
            job = jobs[mark.job_id]
            found[mark.job_id] = b',"schedule_parts":' + orjson.dumps(self._views.parts(job)) + b"}"
            if len(self._parts) < KEPT or mark.job_id in self._parts:
                self._parts[mark.job_id] = mark.version, found[mark.job_id]
        return found

    def _texts(self, connection: Connection, marks: Sequence[Mark], held: Collection[str]) -> list[bytes]:
        kept = map(self._cache.get, map(_JOB_ID, marks))
        texts = [
            one.text if one is not None and one.mark == mark and one.is_held == (mark.job_id in held) else None
            for one, mark in zip(kept, marks, strict=True)
        ]
        places = [place for place, text in enumerate(texts) if text is None]
        for part in chunks(places):  # all at once, ten thousand jobs would take a hundred megabytes
            new = self._write(connection, [marks[place] for place in part], held)
            for place, summary in zip(part, new, strict=True):
                texts[place] = summary.text
        return [text for text in texts if text is not None]

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
