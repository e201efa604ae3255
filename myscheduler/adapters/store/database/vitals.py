"""How the database does: how long its transactions take, and which errors they end with."""

import sqlite3
from collections import Counter
from enum import StrEnum
from threading import Lock

from myscheduler.core.metrics.histogram import COMMIT_SECONDS, Histogram


class ErrorKind(StrEnum):
    """What was wrong when a transaction failed."""

    LOCKED = "locked"
    FULL = "full"
    IO = "io"
    DAMAGED = "damaged"
    READ_ONLY = "read-only"
    UNREACHABLE = "unreachable"
    OTHER = "other"


_SQLITE = {
    sqlite3.SQLITE_BUSY: ErrorKind.LOCKED,
    sqlite3.SQLITE_LOCKED: ErrorKind.LOCKED,
    sqlite3.SQLITE_FULL: ErrorKind.FULL,
    sqlite3.SQLITE_IOERR: ErrorKind.IO,
    sqlite3.SQLITE_CORRUPT: ErrorKind.DAMAGED,
    sqlite3.SQLITE_NOTADB: ErrorKind.DAMAGED,
    sqlite3.SQLITE_READONLY: ErrorKind.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: ErrorKind.UNREACHABLE,
}
"""By the primary result code."""
_POSTGRESQL = {
    "08": ErrorKind.UNREACHABLE,
    "25006": ErrorKind.READ_ONLY,
    "53100": ErrorKind.FULL,
    "55": ErrorKind.LOCKED,
    "57": ErrorKind.UNREACHABLE,
    "58": ErrorKind.IO,
}
"""By SQLSTATE, or by its class."""


def kind_of(error: BaseException) -> ErrorKind:
    """The kind of a `StoreUnavailableError`, by what the driver said."""
    said = getattr(error.__cause__, "orig", None)
    code, state = getattr(said, "sqlite_errorcode", None), getattr(said, "sqlstate", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF, ErrorKind.OTHER)
    if state is not None:
        return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2], ErrorKind.OTHER)
    # a server that can't be reached has sent no state, and a pool without a free connection has asked nothing
    return ErrorKind.OTHER if said is None else ErrorKind.UNREACHABLE


class Vitals:
    """Counts transactions; called in the threads that run them."""

    def __init__(self) -> None:
        self.commits = Histogram(COMMIT_SECONDS)
        """Seconds that transactions took which were committed; only the writer observes."""
        self.errors: Counter[ErrorKind] = Counter()
        """Transactions that failed because the database could not be used."""
        self._guard = Lock()

    def failed(self, error: BaseException) -> None:
        """Count a `StoreUnavailableError`."""
        with self._guard:
            self.errors[kind_of(error)] += 1
