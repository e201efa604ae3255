"""SQL that finds and removes rows of the history that need not be kept.

Never removed: running executions, and what a chain has had so far of which one is running, because what follows is
decided by it; and, of a job that exists, its last execution, which the API shows, and its newest scheduled row, with
which later slots that did not run may be joined.

Every function works inside the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import sqlalchemy as sa

from myscheduler.adapters.store.rows.jobs import id_lists
from myscheduler.adapters.store.tables import executions, progress
from myscheduler.core.history.execution import Kind, Status

Position: TypeAlias = tuple[Any, ...]
"""The sort key of a row, by which a walk through the history continues."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a walk through the history."""

    execution_ids: list[str]
    """The rows that may be removed."""
    end: Position | None
    """The position after which the next page begins; `None` after the last page."""


@dataclass(frozen=True, slots=True)
class Surplus:
    """The rows of one job's history that exceed the number to keep."""

    job_id: str
    newest: Position | None
    """The newest of these rows; `None` if there are none."""


def older_than(connection: sa.Connection, moment: datetime, *, after: Position | None, limit: int) -> Page:
    """A page of rows from before `moment`, oldest first. A row of slots that did not run is as old as its last slot."""
    is_old = executions.c.execution_id < lowest_id(moment)
    return _page(connection, _BY_ID, [is_old], executions.c.last_slot < moment, after=after, limit=limit)


def next_job(connection: sa.Connection, *, after: str, keep: int) -> Surplus | None:
    """The next job id after `after` with a history, whether or not the job still exists; `None` after the last one.

    `keep` is the number of newest rows that are no surplus.
    """
    job_id = connection.execute(
        sa.select(sa.func.min(executions.c.job_id)).where(executions.c.job_id > after)
    ).scalar_one()
    if job_id is None:
        return None
    newest_first = sa.select(*_BY_SLOT).order_by(*(column.desc() for column in _BY_SLOT))
    row = connection.execute(newest_first.where(executions.c.job_id == job_id).offset(keep).limit(1)).first()
    return Surplus(job_id, tuple(row) if row else None)


def beyond(connection: sa.Connection, surplus: Surplus, *, after: Position | None, limit: int) -> Page:
    """A page of the surplus rows of a job, oldest first."""
    within = [executions.c.job_id == surplus.job_id, sa.tuple_(*_BY_SLOT) <= surplus.newest]
    return _page(connection, _BY_SLOT, within, sa.true(), after=after, limit=limit)


def remove(connection: sa.Connection, execution_ids: Sequence[str]) -> int:
    """Remove rows, except those that must be kept by now. Returns the number of removed rows."""
    delete = sa.delete(executions).where(~_STAYS)
    return sum(
        connection.execute(delete.where(executions.c.execution_id.in_(ids))).rowcount for ids in id_lists(execution_ids)
    )


def lowest_id(moment: datetime) -> str:
    """A lower bound of the ids that `new_execution_id` makes at `moment` or later."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62))


_BY_ID = (executions.c.execution_id,)
_BY_SLOT = (executions.c.slot, executions.c.kind)  # as in the unique index, which begins with the job

_LATER = executions.alias("later")
_HAS_LATER = (
    sa.exists()
    .where(
        _LATER.c.job_id == executions.c.job_id,
        _LATER.c.slot > executions.c.slot,
        _LATER.c.kind == Kind.SCHEDULED,
    )
    .correlate(executions)
)
_IS_LAST = progress.c.last_execution_id == executions.c.execution_id
_IS_NEWEST = sa.and_(executions.c.kind == Kind.SCHEDULED, ~_HAS_LATER)
_IS_NEEDED_BY_ITS_JOB = (
    sa.exists().where(progress.c.job_id == executions.c.job_id, _IS_LAST | _IS_NEWEST).correlate(executions)
)
_RUNNING = executions.alias("running")
_IS_OF_RUNNING_CHAIN = sa.func.coalesce(executions.c.chain_id, executions.c.execution_id).in_(
    sa.select(_RUNNING.c.chain_id).where(
        _RUNNING.c.status == sa.literal_column("'running'"),  # literally, as its index says it
        _RUNNING.c.chain_id.is_not(None),
    )
)
_STAYS = (executions.c.status == Status.RUNNING) | _IS_OF_RUNNING_CHAIN | _IS_NEEDED_BY_ITS_JOB


def _page(
    connection: sa.Connection,
    order: Sequence[sa.Column[Any]],
    within: Sequence[sa.ColumnElement[bool]],
    may_go: sa.ColumnElement[bool],
    *,
    after: Position | None,
    limit: int,
) -> Page:
    """One page of at most `limit` rows, those that must be kept included, so that no query takes long."""
    query = sa.select(executions.c.execution_id, sa.and_(may_go, ~_STAYS).label("may_go"), *order)
    if after is not None:
        query = query.where(sa.tuple_(*order) > after)
    rows = connection.execute(query.where(*within).order_by(*order).limit(limit)).all()
    end = tuple(rows[-1])[2:] if len(rows) == limit else None
    return Page([row.execution_id for row in rows if row.may_go], end)
