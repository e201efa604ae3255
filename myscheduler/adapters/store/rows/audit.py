"""SQL of the audit log.

Every function works inside the caller's transaction, so a change and its entry are committed together.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.jobs import CHUNK
from myscheduler.adapters.store.tables import audit
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry, bounded


def add(connection: sa.Connection, entries: Iterable[AuditEntry]) -> None:
    """Write entries, in the given order."""
    rest = iter(entries)
    while some := [_values(entry) for entry in islice(rest, CHUNK)]:
        connection.execute(_INSERT, some)


def read(
    connection: sa.Connection, *, job_id: str | None, action: AuditAction | None = None, limit: int
) -> list[AuditEntry]:
    """The newest entries, newest first: of one job, of one action, or all."""
    query = _SELECT.order_by(audit.c.entry_id.desc()).limit(limit)
    if job_id is not None:
        query = query.where(audit.c.job_id == job_id)
    if action is not None:
        query = query.where(audit.c.action == action)
    return [_entry(row) for row in connection.execute(query)]


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
