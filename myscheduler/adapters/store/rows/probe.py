"""Test writes, to find out whether the database is writable again before there is something to record."""

import sqlalchemy as sa

from myscheduler.adapters.store.tables import outlines

PLACE = ""
"""The path of the test row; no file of the source has it."""
SIZE = 65_536
"""Bytes of the test row: about as much as 100 claims, because a smaller write may fit on a disk that is too full."""


def fill(connection: sa.Connection) -> None:
    """Write the test row."""
    clear(connection)
    row = {"path": PLACE, "digest": "", "reader": "", "outline": "x" * SIZE}
    connection.execute(sa.insert(outlines), row)


def clear(connection: sa.Connection) -> None:
    """Delete the test row. If a crash leaves it, the next test deletes it; nothing else reads it."""
    connection.execute(sa.delete(outlines).where(outlines.c.path == PLACE))


def look(connection: sa.Connection) -> None:
    """Run a statement that writes nothing; run by `Store.write`, it takes the lock for writing."""
    connection.execute(_LOOK)


_LOOK = sa.select(sa.literal(1))
