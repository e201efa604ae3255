"""SQL for screens: which jobs are failing, and the results of a job, reduced to what statistics need.

Every function works inside the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.tables import executions, progress, to_micros
from myscheduler.core.history.budget import Tally
from myscheduler.core.history.execution import WRONG, Kind, Status
from myscheduler.core.history.stats import Count, Result


def failing_jobs(connection: sa.Connection) -> set[str]:
    """The jobs whose last execution to complete or fail has failed."""
    found = connection.execute(_LAST).all()
    failed = {job_id for job_id, status in found if status == Status.FAILED}
    undecided = [job_id for job_id, status in found if status not in {Status.FAILED, Status.COMPLETED}]
    return failed | {job_id for job_id in undecided if _has_failed(connection, job_id)}


def _has_failed(connection: sa.Connection, job_id: str) -> bool:
    return connection.execute(_LAST_DECIDED, {"job_id": job_id}).scalar() == Status.FAILED


def results(connection: sa.Connection, job_id: str, since: datetime, limit: int) -> list[Result]:
    """The rows of a job with slots after `since`, newest first, reduced to what statistics need."""
    found = connection.execute(_RESULTS, {"job_id": job_id, "since": since, "most": limit})
    return [
        Result(_STATUSES[status], reason, _KINDS[kind], slot, slots, started_at, completed_at)
        for status, reason, kind, slot, slots, started_at, completed_at in found.all()
    ]


def counts(connection: sa.Connection, job_id: str, since: datetime, until: datetime) -> list[Count]:
    """The rows of a job with slots from `since` to `until`, excluded, counted by status."""
    found = connection.execute(_COUNTS, {"job_id": job_id, "since": since, "until": until})
    return [Count(_STATUSES[status], rows, int(slots)) for status, rows, slots in found.all()]


def points(connection: sa.Connection, job_id: str, since: datetime, limit: int) -> list[tuple[str, Result]]:
    """The newest executions of a job that were sent, with slots after `since`, newest first, each with its id."""
    found = connection.execute(_POINTS, {"job_id": job_id, "since": since, "most": limit})
    return [
        (execution_id, Result(_STATUSES[status], None, _KINDS[kind], slot, 1, started_at, completed_at))
        for execution_id, status, kind, slot, started_at, completed_at in found.all()
    ]


def tallies(connection: sa.Connection, job_id: str, starts: Sequence[datetime], late_sec: int | None) -> list[Tally]:
    """How the due runs of a job went since each of `starts`, of which the first is the earliest."""
    given: dict[str, Any] = {_start(place): to_micros(start) for place, start in enumerate(starts)}
    given |= {"job_id": job_id, "since": starts[0], "late": _NEVER if late_sec is None else late_sec * 1_000_000}
    found = [int(number or 0) for number in connection.execute(_due(len(starts)), given).one()]
    return [Tally(*pair) for pair in zip(found[::2], found[1::2], strict=True)]


_STATUSES = {str(status): status for status in Status}
_KINDS = {str(kind): kind for kind in Kind}

# Statements are built once: SQLAlchemy takes longer to build one than SQLite to run it.

_OF_JOB = executions.c.job_id == sa.bindparam("job_id")
_MOST: sa.BindParameter[int] = sa.bindparam("most", type_=sa.Integer)

_NEVER = 2**62
"""Microseconds: no run is as late."""
_LATE: sa.BindParameter[int] = sa.bindparam("late", type_=sa.BigInteger)
_LATENESS = sa.type_coerce(executions.c.started_at, sa.BigInteger) - sa.type_coerce(executions.c.slot, sa.BigInteger)


@lru_cache(maxsize=16)
def _due(starts: int) -> sa.Select[*tuple[Any, ...]]:
    """The sums of so many starts, by a statement that is built once."""
    sums = [part for place in range(starts) for part in _sums(_start(place))]
    is_due = executions.c.kind != str(Kind.MANUAL)
    return sa.select(*sums).where(_OF_JOB, executions.c.slot >= sa.bindparam("since"), is_due)


def _start(place: int) -> str:
    return f"start_{place}"


def _sums(start: str) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """The slots from `start` on that went well and those that did not."""
    since: sa.BindParameter[int] = sa.bindparam(start, type_=sa.BigInteger)
    is_since = sa.type_coerce(executions.c.slot, sa.BigInteger) >= since
    is_completed = executions.c.status == str(Status.COMPLETED)
    wrong = sa.or_(*(executions.c.status == str(status) for status in WRONG))
    is_wrong = wrong | (is_completed & (_LATE < _LATENESS))
    is_well = is_completed & (_LATE >= _LATENESS)
    count = executions.c.slot_count
    return (
        sa.func.sum(sa.case((is_since & is_well, count), else_=0)),
        sa.func.sum(sa.case((is_since & is_wrong, count), else_=0)),
    )


_LAST = sa.select(progress.c.job_id, executions.c.status).join_from(
    progress, executions, progress.c.last_execution_id == executions.c.execution_id
)
_LAST_DECIDED = (
    sa.select(executions.c.status)
    .where(_OF_JOB, executions.c.status.in_(sa.literal_column(f"'{status}'") for status in ("completed", "failed")))
    .order_by(executions.c.slot.desc())
    .limit(1)
)
_RESULTS = (
    sa.select(
        executions.c.status, executions.c.reason, executions.c.kind, executions.c.slot, executions.c.slot_count,
        executions.c.started_at, executions.c.completed_at,
    )
    .where(_OF_JOB, executions.c.slot >= sa.bindparam("since"))
    .order_by(executions.c.slot.desc())
    .limit(_MOST)
)  # fmt: skip
_COUNTS = (
    sa.select(executions.c.status, sa.func.count(), sa.func.sum(executions.c.slot_count))
    .where(_OF_JOB, executions.c.slot >= sa.bindparam("since"), executions.c.slot < sa.bindparam("until"))
    .group_by(executions.c.status)
)
_POINTS = (
    sa.select(
        executions.c.execution_id, executions.c.status, executions.c.kind, executions.c.slot, executions.c.started_at,
        executions.c.completed_at,
    )
    .where(_OF_JOB, executions.c.slot >= sa.bindparam("since"), executions.c.started_at.is_not(None))
    .order_by(executions.c.slot.desc())
    .limit(_MOST)
)  # fmt: skip
