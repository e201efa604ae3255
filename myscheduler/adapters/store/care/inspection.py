"""What can be told of a database from outside: whether this version can run on it, and what is in it."""

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
from myscheduler.adapters.store.database.version import Stand, Standing, refusal, stand_of
from myscheduler.adapters.store.tables import executions, jobs

DAMAGES = 20
"""How many are told at the most."""
CUT_OFF = "the file ends in the middle of a page, so its end is missing"
STEPS = 100_000
"""Of SQLite's machine, between two chances for a signal."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Each is `None` where a database of another version can't be asked."""

    jobs: int | None = None
    executions: int | None = None
    """Rows of the history; slots that did not run for the same reason share one."""
    oldest: datetime | None = None
    """The first slot of the history."""


@dataclass(frozen=True, slots=True)
class DatabaseCondition:
    database: str
    stand: Stand
    damages: tuple[str, ...] | None
    """In the words of SQLite; `None` where the server itself has the care of that."""
    is_in_use: bool | None
    """By a service; `None` when that can't be told."""
    size: int
    """Bytes, without the write-ahead log."""
    log_size: int
    free: int | None
    """Bytes left where the database lies; `None` for a server."""
    contents: Contents

    @property
    def trouble(self) -> str | None:
        """Why this version should not be started on it, and what to do."""
        if self.damages:
            return "is damaged: stop the service and restore a backup"
        if self.stand.standing is Standing.EMPTY:
            return "is empty: a start would begin with no jobs and no history"
        return refusal(self.stand)


def inspect(url: str) -> DatabaseCondition:
    """Changes nothing. Raises `StoreError` when there is no database, or it can't be read at all."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _inspect_file(parsed)
    stand, contents, size, is_in_use = read(parsed, _inspect_server)
    return DatabaseCondition(shown(parsed), stand, None, is_in_use, size, 0, None, contents)


def _inspect_file(url: sa.URL) -> DatabaseCondition:
    path = sqlite.path_of(url)
    stand, contents, damages = read(url, lambda door: (*facts(door), damages_of(door)))
    if sqlite.is_cut_off(path):
        damages = (CUT_OFF, *damages)
    size, log_size, free = path.stat().st_size, sqlite.log_size(path), shutil.disk_usage(path.resolve().parent).free
    return DatabaseCondition(shown(url), stand, damages, sqlite.is_in_use(path), size, log_size, free, contents)


def _inspect_server(connection: sa.Connection) -> tuple[Stand, Contents, int, bool]:
    size: int = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
    return *facts(connection), size, postgresql.is_in_use(connection)


def facts(connection: sa.Connection) -> tuple[Stand, Contents]:
    stand = stand_of(connection)
    return stand, Contents() if stand.standing is Standing.FOREIGN else _contents(connection)


def damages_of(connection: sa.Connection, tick: Callable[[], None] = lambda: None) -> tuple[str, ...]:
    """What SQLite finds when it looks at every page and every entry of an index; it takes seconds for a gigabyte.

    `tick` is called now and then meanwhile.
    """
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(tick, STEPS)  # without one, a signal would wait for the end, too
    try:
        rows = connection.exec_driver_sql(f"PRAGMA integrity_check({DAMAGES})").scalars().all()
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from error  # SQLite made this of what the handler of the signal raised
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
