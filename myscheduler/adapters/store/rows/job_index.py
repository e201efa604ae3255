"""SQL of what jobs are filtered and sorted by, read without the jobs themselves.

Every function works inside the caller's transaction.
"""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import executions, jobs, progress
from myscheduler.core.history.execution import Status

Progress = sa.Row[str, int | None, str | None]
"""A job's id, its next slot in microseconds since 1970, and its last execution."""


def count(connection: sa.Connection) -> int:
    """The number of jobs."""
    return connection.execute(_COUNT).scalar_one()


def ids_after(connection: sa.Connection, after: str | None, limit: int, *, descending: bool = False) -> list[str]:
    """Up to `limit` ids in order, those that follow `after`."""
    column = jobs.c.job_id
    query = sa.select(column).order_by(column.desc() if descending else column).limit(limit)
    if after is not None:
        query = query.where(column < after if descending else column > after)
    return list(connection.execute(query).scalars())


def versions(connection: sa.Connection) -> dict[str, int]:
    """The version of each job by its id, in any order. A job that is changed gets a version that no job had before."""
    return dict(connection.execute(_VERSIONS).all())


def versions_of(connection: sa.Connection, job_ids: Collection[str]) -> dict[str, int]:
    """The versions of those of these jobs that exist."""
    parts = (connection.execute(_SOME_VERSIONS, {"ids": ids}).all() for ids in id_lists(list(job_ids)))
    return {job_id: version for part in parts for job_id, version in part}


def progress_of_all(connection: sa.Connection) -> Sequence[Progress]:
    """The progress of all jobs, in any order."""
    return connection.execute(_PROGRESS).all()


def progress_of(connection: sa.Connection, job_ids: Collection[str]) -> list[Progress]:
    """The progress of those of these jobs that exist, in any order."""
    parts = (connection.execute(_SOME_PROGRESS, {"ids": ids}).all() for ids in id_lists(list(job_ids)))
    return [row for part in parts for row in part]


def statuses(connection: sa.Connection, execution_ids: Sequence[str]) -> dict[str, str]:
    """The status of each of these executions that is in the history, by its id."""
    parts = (connection.execute(_STATUSES, {"ids": ids}).all() for ids in id_lists(execution_ids))
    return {execution_id: status for part in parts for execution_id, status in part}


def failing_since(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, int | None]:
    """The slot of each job's first failed execution since its last completed one, in microseconds since 1970.

    By id; it is `None` for a job that is not failing.
    """
    parts = (connection.execute(_FAILING, {"ids": ids}).all() for ids in id_lists(job_ids))
    return {job_id: since for part in parts for job_id, since in part}


_COUNT = sa.select(sa.func.count()).select_from(jobs)
_VERSIONS = sa.select(jobs.c.job_id, jobs.c.version)
_SOME_VERSIONS = _VERSIONS.where(jobs.c.job_id.in_(IDS))
_PROGRESS = sa.select(
    progress.c.job_id, sa.type_coerce(progress.c.next_slot, sa.BigInteger), progress.c.last_execution_id
)
_SOME_PROGRESS = _PROGRESS.where(progress.c.job_id.in_(IDS))
_STATUSES = sa.select(executions.c.execution_id, executions.c.status).where(executions.c.execution_id.in_(IDS))
_good = executions.alias("good")
_failed = executions.alias("failed")
_LAST_GOOD = (
    sa.select(sa.type_coerce(_good.c.slot, sa.BigInteger))
    .where(_good.c.job_id == progress.c.job_id, _good.c.status == Status.COMPLETED)
    .order_by(_good.c.slot.desc())
    .limit(1)
    .correlate(progress)
    .scalar_subquery()
)
_FIRST_FAILED = (
    sa.select(sa.type_coerce(_failed.c.slot, sa.BigInteger))
    .where(_failed.c.job_id == progress.c.job_id, _failed.c.status == Status.FAILED)
    .where(sa.type_coerce(_failed.c.slot, sa.BigInteger) > sa.func.coalesce(_LAST_GOOD, 0))
    .order_by(_failed.c.slot)
    .limit(1)
    .correlate(progress)
    .scalar_subquery()
)
# one walk back to the last completed row, and one walk on to the first failed row, along the index of jobs and slots
_FAILING = sa.select(progress.c.job_id, _FIRST_FAILED).where(progress.c.job_id.in_(IDS))
