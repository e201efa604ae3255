"""Connections to an SQLite file, and its lock."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.connections import READERS, Engines
from myscheduler.errors import StoreError, StoreUnavailableError


@contextmanager
def opened(url: sa.URL, prepare: Callable[[sa.Engine], None]) -> Iterator[Engines]:
    """Connections to the file, after `prepare` was done with the one that writes."""
    if url.database in {None, "", ":memory:"}:
        raise StoreError(
            "DATABASE_URL names no file: jobs have to survive a restart, so write sqlite:///./data/jobs.db"
        )
    path = Path(str(url.database))
    with _sole_use(path):
        engines = Engines(reader=_engine(url, READERS, "BEGIN"), writer=_engine(url, 1, "BEGIN IMMEDIATE"))
        try:
            prepare(engines.writer)
            _watch_file(engines, path)
            yield engines
        finally:
            engines.dispose()


@contextmanager
def _sole_use(path: Path) -> Iterator[None]:
    """Two services on one database would each take the other's running executions for leftovers of a crash."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a link to a database is the same database
        lock = Path(f"{path.resolve()}.lock").open("a+", encoding="ascii")  # noqa: SIM115 - closed below
    except OSError as error:
        message = f"DATABASE_URL names {path}, which can't be written as user {os.getuid()}: {error.strerror}"
        raise StoreError(message) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = (
                f"another myscheduler is using the database {path}: stop it, or give this one a DATABASE_URL of its own"
            )
            raise StoreError(message) from error
        yield


def _engine(url: sa.URL, connections: int, begin: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # specs may hold secrets, and errors are logged
        connect_args={"check_same_thread": False},
    )

    def begin_transaction(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", begin_transaction)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; the engine begins them
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a claim has to survive a power cut before its request leaves
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _watch_file(engines: Engines, path: Path) -> None:
    """SQLite goes on writing to a file that was removed, and all of that would be lost with the process."""
    identity = _identity(path)

    def check(_connection: sa.Connection) -> None:
        if _identity(path) != identity:
            message = f"the database {path} was removed or replaced: bring that file back, or restart with another"
            raise StoreUnavailableError(message)

    for engine in (engines.reader, engines.writer):
        sa.event.listen(engine, "begin", check, insert=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
