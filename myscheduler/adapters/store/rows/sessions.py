"""SQL of the sessions that were ended before their time. They are forgotten once their time is over."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from myscheduler.adapters.store.tables import ended_sessions


def ended(connection: sa.Connection, now: datetime) -> dict[str, datetime]:
    """By nonce, when the sessions would have expired; those that are over are left out."""
    query = sa.select(ended_sessions).where(ended_sessions.c.expires_at > now)
    return {row.nonce: row.expires_at for row in connection.execute(query)}


def replace_all(connection: sa.Connection, found: Mapping[str, datetime]) -> None:
    """Store these sessions in place of all others."""
    connection.execute(sa.delete(ended_sessions))
    rows = [{"nonce": nonce, "expires_at": at} for nonce, at in found.items()]
    if rows:
        connection.execute(sa.insert(ended_sessions), rows)


def add(connection: sa.Connection, nonce: str, expires_at: datetime, now: datetime) -> None:
    """Store one more, unless it is there, and forget those that are over at `now`."""
    is_past = (ended_sessions.c.expires_at <= now) | (ended_sessions.c.nonce == nonce)
    connection.execute(sa.delete(ended_sessions).where(is_past))
    connection.execute(sa.insert(ended_sessions).values(nonce=nonce, expires_at=expires_at))
