"""SQL for screens: which jobs are failing, and the last results of jobs, reduced to what is shown of them.

Every function works inside the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from myscheduler.adapters.store.tables import executions, progress
from myscheduler.core.history.execution import Kind, Status
from myscheduler.core.history.stats import Result


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


Brief = tuple[str, str, datetime, datetime | None, datetime | None]
"""A row of the history as (execution id, status, slot, started at, completed at)."""


def strips(connection: sa.Connection, job_ids: Sequence[str], limit: int) -> dict[str, list[Brief]]:
    """The newest rows of each job, newest first."""
    found = {}
    for job_id in job_ids:
        rows = connection.execute(_STRIP, {"job_id": job_id, "most": limit}).all()
        found[job_id] = [(one, status, slot, started, completed) for one, status, slot, started, completed in rows]
    return found


_STATUSES = {str(status): status for status in Status}
_KINDS = {str(kind): kind for kind in Kind}

# Statements are built once: SQLAlchemy takes longer to build one than SQLite to run it.

_OF_JOB = executions.c.job_id == sa.bindparam("job_id")
_MOST: sa.BindParameter[int] = sa.bindparam("most", type_=sa.Integer)

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
_STRIP = (
    sa.select(
        executions.c.execution_id,
        executions.c.status,
        executions.c.slot,
        executions.c.started_at,
        executions.c.completed_at,
    )
    .where(_OF_JOB)
    .order_by(executions.c.slot.desc())
    .limit(_MOST)
)
