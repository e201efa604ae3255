"""Whether the database can record again, without waiting for something to record."""

import sqlalchemy as sa

from myscheduler.adapters.store.tables import outlines

PLACE = ""
"""No file of the source has this path."""
SIZE = 65_536
"""About what a hundred claims need. A smaller write may find room where they would not."""


def fill(connection: sa.Connection) -> None:
    """Write as much as a busy moment does."""
    clear(connection)
    row = {"path": PLACE, "digest": "", "reader": "", "outline": "x" * SIZE}
    connection.execute(sa.insert(outlines), row)


def clear(connection: sa.Connection) -> None:
    """Take it back. What a crash in between leaves is found by the next one, and read by nobody."""
    connection.execute(sa.delete(outlines).where(outlines.c.path == PLACE))


def look(connection: sa.Connection) -> None:
    """Take the right to write, and write nothing."""
    connection.execute(_LOOK)


_LOOK = sa.select(sa.literal(1))
