"""What stands for "the database can't be used just now", and how it is said in a line."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from myscheduler.errors import StoreUnavailableError

_ITS_OWN = (
    sa.exc.OperationalError,  # a lock, a full disk, a lost connection
    sa.exc.InterfaceError,
    sa.exc.InternalError,  # a server that became read-only
    sa.exc.TimeoutError,  # no connection of the pool came free
)
_DISK_FULL = "53100"


@contextmanager
def unavailable() -> Iterator[None]:
    """Turns errors of the database itself into `StoreUnavailableError`; those of a statement or its data are bugs."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        # the bare class is what a damaged SQLite file raises
        if isinstance(error, _ITS_OWN) or type(error) is sa.exc.DatabaseError:
            raise StoreUnavailableError(in_a_line(error)) from error
        raise


def in_a_line(error: sa.exc.SQLAlchemyError) -> str:
    """What the database said, without the statement, its parameters and its context."""
    said = getattr(error, "orig", None) or error
    diagnosis = getattr(said, "diag", None)  # what a PostgreSQL server reports, in parts
    return " ".join(str(getattr(diagnosis, "message_primary", None) or said).split())


def is_lack_of_room(error: BaseException) -> bool:
    """Whether a smaller piece of work could still succeed."""
    said = getattr(error.__cause__, "orig", None)
    return (
        getattr(said, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(said, "sqlstate", None) == _DISK_FULL
    )
