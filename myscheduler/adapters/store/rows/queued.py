"""SQL of manual runs that wait for the running execution of their job. One of each job may wait.

Every function works inside the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows.claims import add_unsent, record_cancellations
from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import jobs, queued
from myscheduler.core.history.execution import QueuedRun
from myscheduler.core.history.repeats import Kept
from myscheduler.core.lifecycle.audit import Cancellation
from myscheduler.core.reason import Reason
from myscheduler.errors import JobNotFoundError, TriggerConflictError
from myscheduler.messages.message import said


def add(connection: sa.Connection, run: QueuedRun, kept: Kept | None) -> None:
    """Add a waiting run, with the answer to its request if it had an `Idempotency-Key`.

    Raises `JobNotFoundError` if its job no longer exists, and `TriggerConflictError` if another run of it is here: one
    that no longer waits for room, but is not claimed yet.
    """
    if connection.execute(sa.select(jobs.c.job_id).where(jobs.c.job_id == run.job_id)).first() is None:
        raise JobNotFoundError(run.job_id)
    if other := of_job(connection, run.job_id):
        raise TriggerConflictError(_about_to_start(other))
    connection.execute(sa.insert(queued), _values(run))
    key_rows.keep(connection, [kept] if kept else [])


def remove(connection: sa.Connection, execution_ids: Sequence[str]) -> None:
    """Delete waiting runs."""
    for ids in id_lists(execution_ids):
        connection.execute(sa.delete(queued).where(queued.c.execution_id.in_(ids)))


def read(connection: sa.Connection) -> list[QueuedRun]:
    """All waiting runs, in the order in which they were requested."""
    return [_run(row) for row in connection.execute(sa.select(queued).order_by(queued.c.asked_at))]


def of_job(connection: sa.Connection, job_id: str) -> QueuedRun | None:
    row = connection.execute(sa.select(queued).where(queued.c.job_id == job_id)).first()
    return _run(row) if row else None


def find(connection: sa.Connection, execution_id: str) -> QueuedRun | None:
    """The waiting run with this id."""
    row = connection.execute(sa.select(queued).where(queued.c.execution_id == execution_id)).first()
    return _run(row) if row else None


def end_of_jobs(connection: sa.Connection, job_ids: Sequence[str], now: datetime) -> list[QueuedRun]:
    """Record the waiting runs of deleted jobs as skipped, and return them."""
    ended = []
    for ids in id_lists(job_ids):
        runs = [_run(row) for row in connection.execute(sa.select(queued).where(queued.c.job_id.in_(ids)))]
        add_unsent(connection, runs, Reason.DELETED, now)
        remove(connection, [run.execution_id for run in runs])
        ended += runs
    return ended


def cancel(connection: sa.Connection, run: QueuedRun, cancelled: Cancellation, error: str, now: datetime) -> None:
    """Record a waiting run as skipped because it was cancelled, with the audit entry and the answer to the request."""
    add_unsent(connection, [run], Reason.CANCELLED, now, error=error)
    remove(connection, [run.execution_id])
    record_cancellations(connection, [cancelled])


def _about_to_start(run: QueuedRun) -> str:
    return said("run-starts-already", job_id=run.job_id, execution_id=run.execution_id, requested_by=run.requested_by)


def _values(run: QueuedRun) -> dict[str, object]:
    return {
        "job_id": run.job_id,
        "execution_id": run.execution_id,
        "asked_at": run.asked_at,
        "requested_by": run.requested_by,
        "rerun_of": run.rerun_of,
        "is_alone": run.is_alone,
        "upstream_chain_id": run.upstream_chain_id,
    }


def _run(row: sa.Row[Any]) -> QueuedRun:
    return QueuedRun(
        row.job_id,
        row.execution_id,
        row.asked_at,
        row.requested_by,
        row.rerun_of,
        is_alone=row.is_alone,
        upstream_chain_id=row.upstream_chain_id,
    )
