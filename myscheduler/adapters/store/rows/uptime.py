"""SQL of the service's lives: one row for each period in which it was running.

Every function works inside the caller's transaction.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.tables import EPOCH, executions, lives
from myscheduler.core.explain.why_facts import Downtime

KEPT = timedelta(days=400)
"""Rows that ended longer ago are deleted."""


def begin(connection: sa.Connection, now: datetime) -> None:
    """Record that the service starts, and delete old rows."""
    connection.execute(sa.delete(lives).where((lives.c.seen_at < now - KEPT) | (lives.c.started_at >= now)))
    connection.execute(sa.insert(lives).values(started_at=now, seen_at=now, has_stopped=False))


def see(connection: sa.Connection, started_at: datetime, now: datetime, *, has_stopped: bool = False) -> None:
    """Record that the service that was started at `started_at` is still running, or stops now."""
    connection.execute(
        sa.update(lives).where(lives.c.started_at == started_at).values(seen_at=now, has_stopped=has_stopped)
    )


def downtime_at(connection: sa.Connection, moment: datetime) -> Downtime | None:
    """The downtime that includes that moment; `None` if the service was running, or nothing is known about it."""
    before = _one(connection, lives.c.started_at <= moment, lives.c.started_at.desc())
    after = _one(connection, lives.c.started_at > moment, lives.c.started_at)
    if before is None or after is None or moment <= before.seen_at:
        return None
    seen_at = before.seen_at if before.has_stopped else max(before.seen_at, _last_start(connection, after.started_at))
    return Downtime(seen_at, after.started_at, is_crash=not before.has_stopped)


def _last_start(connection: sa.Connection, before: datetime) -> datetime:
    """When the last execution before that moment was started; ids sort by time. `EPOCH` if there is none."""
    is_earlier = executions.c.execution_id < new_execution_id(before)[:13]  # its milliseconds
    query = sa.select(executions.c.started_at).where(is_earlier, executions.c.started_at.is_not(None))
    found = connection.execute(query.order_by(executions.c.execution_id.desc()).limit(1)).scalar()
    return found if isinstance(found, datetime) else EPOCH


def _one(connection: sa.Connection, where: sa.ColumnElement[bool], order: Any) -> sa.Row[Any] | None:
    return connection.execute(sa.select(lives).where(where).order_by(order).limit(1)).first()
