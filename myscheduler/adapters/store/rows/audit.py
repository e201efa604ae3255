"""SQL of the audit log.

Every function works inside the caller's transaction, so a change and its entry are committed together.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.jobs import CHUNK
from myscheduler.adapters.store.tables import audit
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry, bounded

MOST_ROWS = 20_000
"""The most rows that one page looks at."""


def add(connection: sa.Connection, entries: Iterable[AuditEntry]) -> None:
    """Write entries, in the given order."""
    rest = iter(entries)
    while some := [_values(entry) for entry in islice(rest, CHUNK)]:
        connection.execute(_INSERT, some)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the audit trail, newest first."""

    entries: list[AuditEntry]
    end: str | None
    """The id before which the next page begins; `None` after the last page."""


def page(
    connection: sa.Connection,
    *,
    job_id: str | None = None,
    action: AuditAction | None = None,
    actor: str | None = None,
    before: str | None = None,
    limit: int,
    most: int = MOST_ROWS,
) -> Found:
    """The entries about one job, of one action, by one actor, or all, that are before `before`, at most `limit`.

    It looks at `most` rows at most, so that a page by actor, or by job and action, may end before it is full: these
    have no index. Of one job, the index of actions is not used, since SQLite can't tell which of the two finds less.
    """
    indexed = audit.c.job_id == job_id if job_id is not None else audit.c.action == action if action else None
    rows = _looked_at(indexed, before, most)
    wanted = sa.select(rows.c.entry_id).order_by(rows.c.entry_id.desc()).limit(limit + 1)
    if action is not None:
        wanted = wanted.where(rows.c.action == action)
    if actor is not None:
        wanted = wanted.where(rows.c.actor == actor)
    ids = list(connection.execute(wanted).scalars())
    kept = ids[:limit]
    end = kept[-1] if len(ids) > limit else _last_of(connection, rows, most)
    query = _SELECT.where(audit.c.entry_id.in_(kept)).order_by(audit.c.entry_id.desc())
    return Found([_entry(row) for row in connection.execute(query)], end)


def _looked_at(indexed: sa.ColumnElement[bool] | None, before: str | None, most: int) -> sa.Subquery:
    query = sa.select(audit.c.entry_id, audit.c.action, audit.c.actor).order_by(audit.c.entry_id.desc()).limit(most)
    if indexed is not None:
        query = query.where(indexed)
    if before is not None:
        query = query.where(audit.c.entry_id < before)
    return query.subquery()


def _last_of(connection: sa.Connection, rows: sa.Subquery, most: int) -> str | None:
    """The id at which the next page goes on, if there may be more rows than those that were looked at."""
    count, last = connection.execute(sa.select(sa.func.count(), sa.func.min(rows.c.entry_id)).select_from(rows)).one()
    return str(last) if count == most else None


def knows(connection: sa.Connection, job_id: str) -> bool:
    """Whether there is an entry about the job."""
    query = sa.select(audit.c.entry_id).where(audit.c.job_id == job_id).limit(1)
    return connection.execute(query).first() is not None


def older_than(connection: sa.Connection, moment: datetime, limit: int) -> list[str]:
    """The ids of up to `limit` entries older than `moment`, oldest first. Ids begin with their time."""
    first = new_execution_id(moment)[:13]
    query = sa.select(audit.c.entry_id).where(audit.c.entry_id < first).order_by(audit.c.entry_id).limit(limit)
    return list(connection.execute(query).scalars())


def remove(connection: sa.Connection, entry_ids: Sequence[str]) -> int:
    """Delete entries; returns the number of deleted rows."""
    return connection.execute(sa.delete(audit).where(audit.c.entry_id.in_(entry_ids))).rowcount


_INSERT = sa.insert(audit)
LONGEST_READ = 65_536
"""The most characters of a detail that is read. Longer ones were written by versions that did not limit them."""
_detail = sa.case((sa.func.length(audit.c.detail) <= LONGEST_READ, audit.c.detail)).label("detail")
_SELECT: sa.Select[Any] = sa.select(audit.c.at, audit.c.actor, audit.c.action, audit.c.job_id, _detail)
_TOO_LONG = {"cut": "this entry is too long to be shown"}


def _values(entry: AuditEntry) -> dict[str, Any]:
    return {
        "entry_id": new_execution_id(entry.at),
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "job_id": entry.job_id,
        "detail": json.dumps(entry.detail, ensure_ascii=False, separators=(",", ":")),
    }


def _entry(row: sa.Row[Any]) -> AuditEntry:
    detail = _TOO_LONG if row.detail is None else bounded(json.loads(row.detail))
    return AuditEntry(row.at, row.actor, AuditAction(row.action), row.job_id, detail)
