"""Inspects a database from outside of the service: whether this version can run on it, its damages, and its content."""

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.database import postgresql, sqlite
from myscheduler.adapters.store.database.connections import shown
from myscheduler.adapters.store.database.reading import parse_url, read
from myscheduler.adapters.store.database.version import SchemaVersion, VersionState, refusal, schema_version_of
from myscheduler.adapters.store.tables import executions, jobs

DAMAGES = 20
"""The most damages that are reported."""
CUT_OFF = "the file ends in the middle of a page, so its end is missing"
STEPS = 100_000
"""Steps of SQLite's virtual machine after which pending signals are handled."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database contains. A field is `None` if a database of another version does not have it."""

    jobs: int | None = None
    executions: int | None = None
    """Rows of the history; slots that did not run for the same reason share one."""
    oldest: datetime | None = None
    """The first slot of the history."""


@dataclass(frozen=True, slots=True)
class DatabaseCondition:
    """The result of an inspection."""

    database: str
    """The URL without the password."""
    schema: SchemaVersion
    damages: tuple[str, ...] | None
    """Messages of SQLite; `None` for a server, which is not checked."""
    is_in_use: bool | None
    """Whether a service is using it; `None` if that can't be determined."""
    size: int
    """Bytes, without the write-ahead log."""
    log_size: int
    free: int | None
    """Free bytes on the disk of the database; `None` for a server."""
    contents: Contents

    @property
    def error(self) -> str | None:
        """Why this version should not be started on it, and what to do; `None` if it may."""
        if self.damages:
            return "is damaged: stop the service and restore a backup"
        if self.schema.state is VersionState.EMPTY:
            return "is empty: a start would begin with no jobs and no history"
        return refusal(self.schema)


def inspect(url: str) -> DatabaseCondition:
    """Inspect a database, without changing it. Raises `StoreError` if there is none, or it can't be read at all."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _inspect_file(parsed)
    schema, contents, size, is_in_use = read(parsed, _inspect_server)
    return DatabaseCondition(shown(parsed), schema, None, is_in_use, size, 0, None, contents)


def _inspect_file(url: sa.URL) -> DatabaseCondition:
    path = sqlite.path_of(url)
    schema, contents, damages = read(url, lambda connection: (*facts(connection), damages_of(connection)))
    if sqlite.is_cut_off(path):
        damages = (CUT_OFF, *damages)
    size, log_size, free = path.stat().st_size, sqlite.log_size(path), shutil.disk_usage(path.resolve().parent).free
    return DatabaseCondition(shown(url), schema, damages, sqlite.is_in_use(path), size, log_size, free, contents)


def _inspect_server(connection: sa.Connection) -> tuple[SchemaVersion, Contents, int, bool]:
    size: int = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
    return *facts(connection), size, postgresql.is_in_use(connection)


def facts(connection: sa.Connection) -> tuple[SchemaVersion, Contents]:
    """The revision of a database, and its content if it belongs to myscheduler."""
    schema = schema_version_of(connection)
    return schema, Contents() if schema.state is VersionState.FOREIGN else _contents(connection)


def damages_of(connection: sa.Connection, tick: Callable[[], None] = lambda: None) -> tuple[str, ...]:
    """The messages of SQLite's integrity check, which reads every page and index entry: seconds for each gigabyte.

    `tick` is called now and then meanwhile.
    """
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(tick, STEPS)  # without a handler, signals would be handled only at the end
    try:
        rows = connection.exec_driver_sql(f"PRAGMA integrity_check({DAMAGES})").scalars().all()
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from error  # the signal handler raised it, and SQLite replaced it
        raise
    return () if rows == ["ok"] else tuple(" ".join(str(row).split()) for row in rows)


def _contents(connection: sa.Connection) -> Contents:
    found = sa.inspect(connection)
    names = found.get_table_names()
    has_slots = executions.name in names and any(one["name"] == "slot" for one in found.get_columns(executions.name))
    count = sa.select(sa.func.count())
    return Contents(
        connection.execute(count.select_from(jobs)).scalar() if jobs.name in names else None,
        connection.execute(count.select_from(executions)).scalar() if executions.name in names else None,
        connection.execute(sa.select(sa.func.min(executions.c.slot))).scalar() if has_slots else None,
    )
