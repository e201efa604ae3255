"""Which errors mean that the database can't be used at the moment, and one-line texts for them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from myscheduler.errors import StoreUnavailableError
from myscheduler.machine.causes import lack_of_files

_ITS_OWN = (
    sa.exc.OperationalError,  # a lock, a full disk, a lost connection
    sa.exc.InterfaceError,
    sa.exc.InternalError,  # a server that became read-only
    sa.exc.TimeoutError,  # no connection of the pool became free
)
_DISK_FULL = "53100"
"""PostgreSQL's SQLSTATE `disk_full`."""
_CANT_OPEN = "unable to open database file"
"""SQLite's message for any reason why a file can't be opened."""
_ADVICE = {
    "disk I/O error": " (the disk is full, over a quota or failing: check df and the kernel's log)",
    "database or disk is full": " (free some disk space)",
    "database is locked": " (another program holds it, such as a backup or an open sqlite3 shell)",
    "database disk image is malformed": " (the file is damaged: stop the service and restore a backup)",
    _CANT_OPEN: " (the user of this process may not open it, or not its folder)",
    "attempt to write a readonly database": " (the file, its folder or the file system can't be written)",
}
"""SQLite's messages, and advice for the operator to append."""


@contextmanager
def unavailable() -> Iterator[None]:
    """Raises errors of the database itself as `StoreUnavailableError`. Errors of a statement or its data are bugs, and
    are raised unchanged.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        # a damaged SQLite file raises the base class itself
        if isinstance(error, _ITS_OWN) or type(error) is sa.exc.DatabaseError:
            raise StoreUnavailableError(in_a_line(error)) from error
        raise


def in_a_line(error: Exception) -> str:
    """The database's message in one line, with advice if there is any; without the statement and its parameters."""
    said = getattr(error, "orig", None) or error
    diagnosis = getattr(said, "diag", None)  # what a PostgreSQL server reports, in parts
    text = " ".join(str(getattr(diagnosis, "message_primary", None) or said).split())
    if text == _CANT_OPEN and (lack := lack_of_files()):
        return f"{text} ({lack})"
    return text + _ADVICE.get(text, "")


def is_lack_of_room(error: BaseException) -> bool:
    """Whether the disk is full, so that a smaller write could still succeed."""
    said = getattr(error.__cause__, "orig", None)
    return (
        getattr(said, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(said, "sqlstate", None) == _DISK_FULL
    )
