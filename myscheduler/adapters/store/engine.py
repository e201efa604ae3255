"""Opening the database: its folder, its lock, its connections, its migrations."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from myscheduler.errors import StoreError, StoreUnavailableError

READERS = 4
"""Connections for reading; more wait for each other."""


@contextmanager
def open_engine(url: str) -> Iterator[sa.Engine]:
    """A connection pool for `url` (as in SQLAlchemy), with the database up to date. One process at a time may have it.

    Raises `StoreError` that says what is wrong with the URL, the folder or the database.
    """
    parsed = _parse(url)
    shown = parsed.render_as_string(hide_password=True)
    with _sole_use(parsed):
        engine = _connect(parsed)
        try:
            try:
                _migrate(engine)
            except CommandError as error:
                message = f"the database {shown} comes from another version of myscheduler: use that version ({error})"
                raise StoreError(message) from error
            except sa.exc.DatabaseError as error:
                raise StoreError(f"DATABASE_URL names {shown}, which can't be used: {error.orig}") from error
            if _is_sqlite(parsed):
                _watch_file(engine, Path(str(parsed.database)))
            yield engine
        finally:
            engine.dispose()


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        parsed.get_dialect().import_dbapi()
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        message = f"DATABASE_URL names a database that is not installed here ({error}): use sqlite:///./data/jobs.db"
        raise StoreError(message) from error
    except (sa.exc.ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        message = "DATABASE_URL is not a database URL: write one such as sqlite:///./data/jobs.db"
        raise StoreError(message) from error
    if _is_sqlite(parsed) and parsed.database in {None, "", ":memory:"}:
        raise StoreError(
            "DATABASE_URL names no file: jobs have to survive a restart, so write sqlite:///./data/jobs.db"
        )
    return parsed


def _is_sqlite(url: sa.URL) -> bool:
    return url.get_backend_name() == "sqlite"


@contextmanager
def _sole_use(url: sa.URL) -> Iterator[None]:
    """Two services on one database would each take the other's running executions for leftovers of a crash."""
    if not _is_sqlite(url):
        yield
        return
    path = Path(str(url.database))
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


def _connect(url: sa.URL) -> sa.Engine:
    if not _is_sqlite(url):
        return sa.create_engine(url, pool_size=READERS + 1)
    engine = sa.create_engine(url, pool_size=READERS + 1, max_overflow=0, connect_args={"check_same_thread": False})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a claim has to survive a power cut before its request leaves
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    is_writer = connection.get_execution_options().get("is_writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


def _watch_file(engine: sa.Engine, path: Path) -> None:
    """SQLite goes on writing to a file that was removed, and all of that would be lost with the process."""
    opened = _identity(path)

    def check(_connection: sa.Connection) -> None:
        if _identity(path) != opened:
            message = f"the database {path} was removed or replaced: bring the file back, and restart"
            raise StoreUnavailableError(message)

    sa.event.listen(engine, "begin", check, insert=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _migrate(engine: sa.Engine) -> None:
    with as_file(files("myscheduler.adapters.store.migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        with engine.execution_options(is_writer=True).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
