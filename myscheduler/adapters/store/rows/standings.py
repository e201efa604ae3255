"""SQL of the newest results of jobs, from which the metrics continue after a start.

Every function works inside the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import IDS
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import UtcTime, executions, jobs
from myscheduler.core.history.execution import Status

RECENT = 50
"""How many rows of a job are searched for its last failure: most jobs have none, and nothing else finds it fast. So
many say how long it usually takes, too."""


class LastResults(NamedTuple):
    """The newest results of a job, as far as its history has them."""

    last_success: datetime | None
    last_failure: datetime | None
    """Of an execution that failed or was interrupted, among the `RECENT` newest rows."""
    last_duration_sec: float | None
    consecutive_failures: int
    """Executions that failed since the last one that completed."""


def last_results(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, LastResults]:
    """The results of those of these jobs that exist, without what jobs did that had their ids before."""
    parts = (connection.execute(_RESULTS, {"ids": ids}).all() for ids in id_lists(job_ids))
    return {
        job_id: LastResults(success, failure, None if micros is None else micros / 1_000_000, failures)
        for part in parts
        for job_id, success, failure, micros, failures in part
    }


def last_successes(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, datetime]:
    """When those of these jobs last completed that ever did."""
    query = sa.select(jobs.c.job_id, _LAST_SUCCESS.label("at")).where(jobs.c.job_id.in_(IDS))
    rows = (row for ids in id_lists(job_ids) for row in connection.execute(query, {"ids": ids}))
    return {row.job_id: row.at for row in rows if row.at is not None}


def usual_durations(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, timedelta]:
    """How long these jobs took lately: the median of those of the `RECENT` newest rows that completed."""
    found = {}
    for job_id in job_ids:
        rows = connection.execute(_RECENT, {"b_job_id": job_id})
        took = sorted(row.completed_at - row.started_at for row in rows if _has_completed(row))
        if took:
            found[job_id] = took[len(took) // 2]
    return found


def _has_completed(row: Any) -> bool:
    return row.status == Status.COMPLETED and row.started_at is not None and row.completed_at is not None


_RECENT = (
    sa.select(executions.c.status, executions.c.started_at, executions.c.completed_at)
    .where(executions.c.job_id == sa.bindparam("b_job_id"))
    .order_by(executions.c.slot.desc())
    .limit(RECENT)
)

_OF_JOB = (executions.c.job_id == jobs.c.job_id) & (executions.c.slot >= jobs.c.created_at)
_MICROS = sa.type_coerce(executions.c.completed_at, sa.BigInteger) - sa.type_coerce(
    executions.c.started_at, sa.BigInteger
)
_LAST_SUCCESS = (
    sa.select(executions.c.completed_at)
    .where(_OF_JOB, executions.c.status == Status.COMPLETED)
    .order_by(executions.c.slot.desc())
    .limit(1)
    .correlate(jobs)
    .scalar_subquery()
)
_LAST_DURATION = (
    sa.select(_MICROS)
    .where(_OF_JOB, executions.c.status.in_([Status.COMPLETED, Status.FAILED]))
    .order_by(executions.c.slot.desc())
    .limit(1)
    .correlate(jobs)
    .scalar_subquery()
)
_recent = (
    sa.select(executions.c.status, executions.c.completed_at)
    .where(_OF_JOB)
    .order_by(executions.c.slot.desc())
    .limit(RECENT)
    .correlate(jobs)
    .subquery("recent")
)
_LAST_FAILURE = (
    sa.select(sa.type_coerce(sa.func.max(_recent.c.completed_at), UtcTime))
    .where(_recent.c.status.in_([Status.FAILED, Status.INTERRUPTED]))
    .scalar_subquery()
)
_good = executions.alias("good")
_LAST_GOOD_SLOT = (
    sa.select(sa.type_coerce(_good.c.slot, sa.BigInteger))
    .where(_good.c.job_id == jobs.c.job_id, _good.c.slot >= jobs.c.created_at, _good.c.status == Status.COMPLETED)
    .order_by(_good.c.slot.desc())
    .limit(1)
    .correlate(jobs)
    .scalar_subquery()
)
_BEFORE_ITS_TIME = sa.type_coerce(jobs.c.created_at, sa.BigInteger) - 1
_FAILURES = (
    sa.select(sa.func.count())
    .select_from(executions)
    .where(executions.c.job_id == jobs.c.job_id, executions.c.status == Status.FAILED)
    # the only bound of the slot, so that the walk along the index begins there
    .where(sa.type_coerce(executions.c.slot, sa.BigInteger) > sa.func.coalesce(_LAST_GOOD_SLOT, _BEFORE_ITS_TIME))
    .correlate(jobs)
    .scalar_subquery()
)
_RESULTS = sa.select(jobs.c.job_id, _LAST_SUCCESS, _LAST_FAILURE, _LAST_DURATION, _FAILURES).where(
    jobs.c.job_id.in_(IDS)
)
