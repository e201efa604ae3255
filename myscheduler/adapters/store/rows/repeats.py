"""SQL of the answers to requests with an `Idempotency-Key`, which a repeated request gets again.

Every function works inside the caller's transaction, so a request's changes and its answer are committed together.
"""

import json
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from myscheduler.adapters.store.tables import executions, request_keys
from myscheduler.core.history.execution import Status
from myscheduler.core.history.repeats import Kept
from myscheduler.core.reason import Reason


def keep(connection: sa.Connection, kept: Sequence[Kept]) -> None:
    """Write answers. They replace those with the same key, which are expired, or whose run was not sent."""
    if kept:
        connection.execute(sa.delete(request_keys).where(request_keys.c.key.in_([one.key for one in kept])))
        connection.execute(sa.insert(request_keys), [_values(one) for one in kept])


def find(connection: sa.Connection, key: str, *, since: datetime) -> Kept | None:
    """The answer to the request with that key, unless it is older than `since`.

    An answer whose run could not be recorded in time, and so was not sent, does not count: the request may be repeated.
    """
    row = connection.execute(_FIND, {"b_key": key, "b_since": since}).first()
    if row is None or (row.status, row.reason) == (Status.INTERRUPTED, Reason.DATABASE):
        return None
    return Kept(row.key, row.fingerprint, row.at, json.loads(row.answer), row.execution_id)


def older_than(connection: sa.Connection, moment: datetime, limit: int) -> list[str]:
    """The keys of up to `limit` answers older than `moment`, oldest first."""
    query = sa.select(request_keys.c.key).where(request_keys.c.at < moment).order_by(request_keys.c.at).limit(limit)
    return list(connection.execute(query).scalars())


def remove(connection: sa.Connection, keys: Sequence[str]) -> int:
    """Delete answers; returns the number of deleted rows."""
    return connection.execute(sa.delete(request_keys).where(request_keys.c.key.in_(keys))).rowcount


_FIND = (
    sa.select(request_keys, executions.c.status, executions.c.reason)
    .outerjoin(executions, executions.c.execution_id == request_keys.c.execution_id)
    .where(request_keys.c.key == sa.bindparam("b_key"), request_keys.c.at >= sa.bindparam("b_since"))
)


def _values(one: Kept) -> dict[str, object]:
    answer = json.dumps(one.answer, ensure_ascii=False)
    return {
        "key": one.key,
        "fingerprint": one.fingerprint,
        "at": one.at,
        "answer": answer,
        "execution_id": one.execution_id,
    }
