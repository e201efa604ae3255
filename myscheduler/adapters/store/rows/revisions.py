"""SQL of the revisions of the source that were seen, with the result of each. The newest `KEPT` are kept.

Every function works inside the caller's transaction.
"""

import json
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.tables import revisions
from myscheduler.core.gitops.sync_state import Passed, SyncReason

KEPT = 100


def newest(connection: sa.Connection, limit: int = KEPT) -> list[Passed]:
    """The newest revisions, newest first."""
    rows = connection.execute(sa.select(revisions).order_by(revisions.c.number.desc()).limit(limit))
    return [_passed(row) for row in rows]


def save(connection: sa.Connection, one: Passed) -> None:
    """Write the result of a revision, replacing an earlier one, and delete the oldest revisions."""
    is_old = (revisions.c.number == one.number) | (revisions.c.number <= one.number - KEPT)
    connection.execute(sa.delete(revisions).where(is_old))
    connection.execute(sa.insert(revisions).values(_values(one)))


def _values(one: Passed) -> dict[str, Any]:
    return {
        "number": one.number,
        "revision": one.revision,
        "first_at": one.first_at,
        "last_at": one.last_at,
        "reason": one.reason,
        "counts": json.dumps(one.counts),
    }


def _passed(row: sa.Row[Any]) -> Passed:
    counts = json.loads(row.counts)
    return Passed(row.number, row.revision, row.first_at, row.last_at, SyncReason(row.reason), counts)
