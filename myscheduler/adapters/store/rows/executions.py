"""SQL that reads the history of executions. Every function works inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from heapq import nlargest
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.inserting import CHAIN_OF, IDS
from myscheduler.adapters.store.rows.jobs import id_lists, source_of
from myscheduler.adapters.store.tables import executions
from myscheduler.core.history.execution import WRONG, Cause, Failing, Kind, Link, Record, Status

_LISTED = [one for one in executions.c if one is not executions.c.exchange]
"""What lists read."""
_ROWS: sa.Select[Any] = sa.select(*_LISTED, CHAIN_OF.label("chain_of"))


def running(connection: sa.Connection) -> list[Record]:
    """Executions that were claimed and are not recorded as ended, oldest first."""
    query = _ROWS.where(executions.c.status == Status.RUNNING).order_by(executions.c.slot)
    return [_record(row) for row in connection.execute(query)]


def failing(connection: sa.Connection, job_id: str) -> Failing | None:
    """The failures of a job since its last completed execution; `None` if there are none."""
    of_job = executions.c.job_id == job_id
    last_good = sa.select(sa.func.max(executions.c.slot)).where(of_job, executions.c.status == Status.COMPLETED)
    good = connection.execute(last_good).scalar()
    failed = sa.and_(of_job, executions.c.status == Status.FAILED, executions.c.slot > good if good else sa.true())
    row = connection.execute(_ROWS.where(failed).order_by(executions.c.slot).limit(1)).first()
    if row is None:
        return None
    count = connection.execute(sa.select(sa.func.count()).select_from(executions).where(failed)).scalar_one()
    return Failing(_record(row), count)


def of_job(connection: sa.Connection, job_id: str, limit: int) -> list[Record]:
    """The newest rows of a job, newest first."""
    query = _ROWS.where(executions.c.job_id == job_id).order_by(executions.c.slot.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def recent(connection: sa.Connection, limit: int) -> list[Record]:
    """The newest rows of all jobs, newest first."""
    query = _ROWS.order_by(executions.c.execution_id.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def wrong(connection: sa.Connection, limit: int) -> list[Record]:
    """The newest rows with a status of `WRONG`, newest first."""
    rows = (row for status in WRONG for row in connection.execute(_WRONG, {"status": status, "most": limit}))
    return [_record(row) for row in nlargest(limit, rows, key=lambda row: row.execution_id)]


def around(connection: sa.Connection, job_id: str, start: datetime, until: datetime, limit: int) -> list[Record]:
    """A job's rows with slots from `start` to `until`, both included, oldest first.

    A row for several slots may also cover slots before and after this time.
    """
    within = (executions.c.slot <= until) & (executions.c.last_slot >= start)
    query = _ROWS.where(executions.c.job_id == job_id, within).order_by(executions.c.slot).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def before(connection: sa.Connection, job_id: str, until: datetime, limit: int) -> list[Record]:
    """A job's newest rows with slots up to a moment, that one included, newest first."""
    of_job = (executions.c.job_id == job_id) & (executions.c.slot <= until)
    return [
        _record(row) for row in connection.execute(_ROWS.where(of_job).order_by(executions.c.slot.desc()).limit(limit))
    ]


def last_completed(connection: sa.Connection, job_id: str, by: datetime) -> datetime | None:
    """When a job last completed up to a moment; `None` if it had not."""
    is_it = (executions.c.job_id == job_id) & (executions.c.status == Status.COMPLETED) & (executions.c.slot <= by)
    query = sa.select(executions.c.completed_at).where(is_it, executions.c.completed_at <= by)
    found = connection.execute(query.order_by(executions.c.slot.desc()).limit(1)).scalar()
    return found if isinstance(found, datetime) else None


def in_chains(connection: sa.Connection, chain_ids: Sequence[str], job_ids: Sequence[str]) -> list[Record]:
    """The rows of these jobs in these chains, without those that the chains began with."""
    rows = (
        row
        for ids in id_lists(chain_ids)
        for of_jobs in id_lists(job_ids)
        for row in connection.execute(_IN_CHAINS, {"ids": ids, "job_ids": of_jobs})
    )
    return [_record(row) for row in rows]


def of_chain(connection: sa.Connection, chain_id: str, limit: int) -> list[Record]:
    """The rows of a chain, oldest first: the execution that it began with, and those that followed."""
    followed = _ROWS.where(executions.c.chain_id == chain_id).order_by(executions.c.execution_id).limit(limit)
    rows = [*connection.execute(_BY_IDS, {"ids": [chain_id]}), *connection.execute(followed)]
    return [_record(row) for row in rows]


def under_way(connection: sa.Connection, job_id: str, moment: datetime) -> Record | None:
    """The scheduled execution of a job that was running at that moment, of an earlier slot; the latest if several."""
    was_open = executions.c.completed_at.is_(None) | (executions.c.completed_at > moment)
    query = (
        _ROWS.where(executions.c.job_id == job_id, executions.c.kind == Kind.SCHEDULED)
        .where(executions.c.slot < moment, executions.c.started_at <= moment, was_open)
        .order_by(executions.c.slot.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _record(row) if row else None


def by_ids(connection: sa.Connection, execution_ids: Sequence[str]) -> list[Record]:
    """The executions with these ids that are in the history, in any order."""
    rows = (row for ids in id_lists(execution_ids) for row in connection.execute(_BY_IDS, {"ids": ids}).all())
    return [replace(_record(row), kept_exchange=row.exchange) for row in rows]


# Statements are built once: SQLAlchemy takes longer to build one than SQLite to run it.

_WRONG = (
    _ROWS.where(
        executions.c.status == sa.bindparam("status"),
        sa.text("executions.status NOT IN ('completed', 'running')"),  # literally, as its index says it
    )
    .order_by(executions.c.execution_id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_IN_CHAINS = _ROWS.where(
    executions.c.chain_id.in_(IDS), executions.c.job_id.in_(sa.bindparam("job_ids", expanding=True))
)
_BY_IDS = _ROWS.add_columns(executions.c.exchange).where(executions.c.execution_id.in_(IDS))


# lookups are faster than calls of the classes, which matters in a list of a thousand rows
_KINDS = {str(one): one for one in Kind}
_CAUSES = {str(one): one for one in Cause}
_STATUSES = {str(one): one for one in Status}


def _record(row: sa.Row[Any]) -> Record:
    return Record(
        execution_id=row.execution_id,
        job_id=row.job_id,
        slot=row.slot,
        kind=_KINDS[row.kind],
        cause=_CAUSES[row.cause],
        status=_STATUSES[row.status],
        reason=row.reason,
        last_slot=row.last_slot,
        slot_count=row.slot_count,
        requested_by=row.requested_by,
        digest=row.digest,
        source=source_of(row),
        started_at=row.started_at,
        completed_at=row.completed_at,
        attempts=row.attempts,
        http_status=row.http_status,
        response_size=row.response_size,
        error=row.error,
        excerpt=row.excerpt,
        kept_attempts=row.earlier_attempts,
        rerun_of=row.rerun_of,
        next_attempt_at=row.next_attempt_at,
        link=Link(row.chain_id, row.parent_execution_id, row.chain_until) if row.chain_id else None,
        is_alone=row.is_alone,
        extracted=row.extracted,
        chain_id=row.chain_of,
        is_called_off=row.is_called_off,
        upstream_chain_id=row.upstream_chain_id,
    )
