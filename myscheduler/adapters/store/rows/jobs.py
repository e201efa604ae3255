"""SQL of the jobs and their progress (cursor, next slot, counts).

Every function works inside the caller's transaction.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from sys import intern
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import sqlalchemy as sa

from myscheduler.adapters.store.tables import jobs, progress
from myscheduler.core.gitops.plan import Known
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.job import Job, Owner, Pause, Source
from myscheduler.core.job.spec import JobSpec

T = TypeVar("T")
CHUNK = 500
"""The most ids in one `IN (…)`, and the most rows in one statement."""


class Mark(NamedTuple):
    """A summary of a job's state: it differs if anything has changed except whether the last execution has ended."""

    job_id: str
    version: int
    next_slot: int | None
    execution_count: int
    last_execution_id: str | None


_ALL = (
    sa.select(
        jobs,
        progress.c.cursor,
        progress.c.next_slot,
        progress.c.execution_count,
        progress.c.last_execution_id,
    )
    .join_from(jobs, progress, jobs.c.job_id == progress.c.job_id)
    .order_by(jobs.c.job_id)
)

_SOME = _ALL.where(jobs.c.job_id.in_(sa.bindparam("ids", expanding=True)))
_MARKS = (
    sa.select(
        jobs.c.job_id,
        jobs.c.version,
        sa.type_coerce(progress.c.next_slot, sa.BigInteger),  # a time is only compared here
        progress.c.execution_count,
        progress.c.last_execution_id,
    )
    .join_from(jobs, progress, jobs.c.job_id == progress.c.job_id)
    .order_by(jobs.c.job_id)
)
_SOME_MARKS = _MARKS.where(jobs.c.job_id.in_(sa.bindparam("ids", expanding=True)))
_AS_KNOWN = sa.select(
    jobs.c.job_id, jobs.c.owner, jobs.c.digest, jobs.c.version, jobs.c.source_path, jobs.c.source_line,
    jobs.c.is_protected,
)  # fmt: skip
_SOME_AS_KNOWN = _AS_KNOWN.where(jobs.c.job_id.in_(sa.bindparam("ids", expanding=True)))
_OWNERS = {str(owner): owner for owner in Owner}
_NOTHING: Mapping[str, Known] = MappingProxyType({})
_COUNT_OF_API = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.owner == Owner.API)
_INSERT_JOB = sa.insert(jobs)
_INSERT_PROGRESS = sa.insert(progress)


def all_jobs(connection: sa.Connection) -> list[Job]:
    rows = connection.execute(_ALL)
    return [_job(row) for part in rows.partitions(CHUNK) for row in part]


def count_api_jobs(connection: sa.Connection) -> int:
    """How many jobs were created through the API. Reads all jobs."""
    return int(connection.execute(_COUNT_OF_API).scalar_one())


def marks(connection: sa.Connection) -> list[Mark]:
    """The marks of all jobs, sorted by id."""
    return list(map(Mark._make, connection.execute(_MARKS).all()))


def marks_of(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, Mark]:
    """The marks of the jobs among `job_ids` that exist, by id."""
    return {
        row[0]: Mark._make(row) for ids in id_lists(job_ids) for row in connection.execute(_SOME_MARKS, {"ids": ids})
    }


def beyond(connection: sa.Connection, moment: datetime, limit: int) -> list[Job]:
    """Jobs with cursors after `moment`; at most `limit`."""
    return [_job(row) for row in connection.execute(_ALL.where(progress.c.cursor > moment).limit(limit))]


def over_paused(connection: sa.Connection, now: datetime) -> list[str]:
    """Ids of jobs whose pause has an end that has passed."""
    return list(connection.execute(sa.select(jobs.c.job_id).where(jobs.c.paused_until <= now)).scalars())


def drifted(connection: sa.Connection) -> list[Job]:
    """Jobs from manifests that an operator has paused, sorted by id."""
    is_drift = (jobs.c.owner == Owner.MANIFEST) & jobs.c.paused_at.is_not(None)
    return [_job(row) for row in connection.execute(_ALL.where(is_drift))]


def find_jobs(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, Job]:
    """The jobs among `job_ids` that exist, by id."""
    found = {}
    for ids in id_lists(job_ids):
        for row in connection.execute(_SOME, {"ids": ids}).all():
            found[row.job_id] = _job(row)
    return found


def mentioning(connection: sa.Connection, texts: Sequence[str]) -> list[Job]:
    """The jobs whose stored specs contain any of these texts."""
    found = sa.or_(*(jobs.c.spec.contains(one, autoescape=True) for one in texts))
    return [_job(row) for row in connection.execute(_ALL.where(found)).all()]


def known_jobs(connection: sa.Connection, before: Mapping[str, Known] = _NOTHING) -> Mapping[str, Known]:
    """Every job as a plan needs it, by id. `before` is the result of an earlier call; it is returned if nothing has
    changed, and unchanged jobs are taken from it.

    Changes are found by the jobs' versions: each change gives a job a new one, and versions are never reused, not even
    if a job is deleted and created again.
    """
    versions = connection.execute(sa.select(jobs.c.job_id, jobs.c.version)).all()
    new = [job_id for job_id, version in versions if job_id not in before or before[job_id].version != version]
    if not new and len(versions) == len(before):
        return before
    if len(new) > CHUNK:
        return {row.job_id: _known(*row) for row in connection.execute(_AS_KNOWN)}
    found = {
        row.job_id: _known(*row) for ids in id_lists(new) for row in connection.execute(_SOME_AS_KNOWN, {"ids": ids})
    }
    return {job_id: found.get(job_id) or before[job_id] for job_id, _ in versions}


def _known(
    job_id: str, owner: str, digest: str, version: int, path: str | None, line: int | None, is_protected: bool
) -> Known:
    return Known(job_id, _OWNERS[owner], digest, version, path, line, is_protected)


def insert_jobs(connection: sa.Connection, new: Sequence[Job]) -> None:
    for some in chunks(new):  # the values of 100,000 jobs at once would take hundreds of megabytes
        connection.execute(_INSERT_JOB, [_job_values(job) for job in some])
        connection.execute(_INSERT_PROGRESS, [_progress_values(job) for job in some])


def update_jobs(connection: sa.Connection, changed: Sequence[Job]) -> None:
    """Write jobs back with all their fields, cursor and next slot included, but without execution counts."""
    update = sa.update(jobs).where(jobs.c.job_id == sa.bindparam("b_job_id"))
    move = sa.update(progress).where(progress.c.job_id == sa.bindparam("b_job_id"))
    move = move.values(cursor=sa.bindparam("b_cursor"), next_slot=sa.bindparam("b_next_slot"))
    for some in chunks(changed):
        connection.execute(update, [{"b_job_id": job.job_id} | _job_values(job) for job in some])
        moves = [{"b_job_id": job.job_id, "b_cursor": job.cursor, "b_next_slot": job.next_slot} for job in some]
        connection.execute(move, moves)


def delete_jobs(connection: sa.Connection, job_ids: Sequence[str]) -> None:
    """Remove jobs; their history stays."""
    for table in (jobs, progress):
        for ids in id_lists(job_ids):
            connection.execute(sa.delete(table).where(table.c.job_id.in_(ids)))


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def id_lists(ids: Sequence[T]) -> Iterator[list[T]]:
    """Split ids into lists for `IN (…)`, padded to a power of two by repeating the last id.

    Each length of a list makes a different statement, and every SQLite connection caches 128 statements: 100 KB for one
    with 500 ids.
    """
    for part in chunks(ids):
        length = 1 << (len(part) - 1).bit_length()
        yield [*part, *[part[-1]] * (length - len(part))]


def _job_values(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "owner": job.owner,
        "spec": json.dumps(to_json(job.spec), ensure_ascii=False, separators=(",", ":")),
        "digest": job.digest,
        "version": job.version,
        **source_values(job.source),
        "paused_by": job.pause.by if job.pause else None,
        "paused_at": job.pause.at if job.pause else None,
        "pause_reason": job.pause.reason if job.pause else None,
        "paused_until": job.pause.until if job.pause else None,
        "is_protected": job.spec.protect,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def _progress_values(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "cursor": job.cursor,
        "next_slot": job.next_slot,
        "execution_count": job.execution_count,
    }


def _spec(row: sa.Row[Any]) -> JobSpec:
    """The spec of a row, from a cache: most specs were read before, and parsing them takes most of the time."""
    key = (row.job_id, row.version, row.digest)
    spec = _KNOWN.get(key)
    if spec is None:
        spec = from_json(json.loads(row.spec))
        _KNOWN[key] = spec
    return spec


_KNOWN: WeakValueDictionary[tuple[str, int, str], JobSpec] = WeakValueDictionary()
"""Specs that are in use, by the job's id, version and digest."""


def source_values(source: Source | None) -> dict[str, Any]:
    """The columns for the location where a job was declared."""
    if source is None:
        return {"source_path": None, "source_line": None, "source_revision": None}
    return {"source_path": source.path, "source_line": source.line, "source_revision": source.revision}


def source_of(row: sa.Row[Any]) -> Source | None:
    """The inverse of `source_values`."""
    if row.source_path is None:
        return None
    return Source(intern(row.source_path), row.source_line, intern(row.source_revision))


def _pause(row: sa.Row[Any]) -> Pause | None:
    if row.paused_at is None:
        return None
    return Pause(row.paused_by, row.paused_at, row.pause_reason, row.paused_until)


def _job(row: sa.Row[Any]) -> Job:
    return Job(
        spec=_spec(row),
        owner=Owner(row.owner),
        digest=row.digest,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        cursor=row.cursor,
        next_slot=row.next_slot,
        execution_count=row.execution_count,
        last_execution_id=row.last_execution_id,
        source=source_of(row),
        pause=_pause(row),
    )
