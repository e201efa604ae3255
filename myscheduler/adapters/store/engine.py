"""Opening the database: which one it is, and its migrations."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TypeAlias

import sqlalchemy as sa

from myscheduler.adapters.store import postgresql, sqlite
from myscheduler.adapters.store.connections import Engines, InUseError, shown
from myscheduler.adapters.store.migrations import HEAD, UnknownRevisionError
from myscheduler.adapters.store.trouble import in_a_line
from myscheduler.errors import StoreError

PATIENCE_SEC = 10
"""How long a start waits for a service that was just killed to be noticed as dead."""
STEP_SEC = 0.2

_Opener: TypeAlias = Callable[[sa.URL, Callable[[sa.Engine], None]], AbstractContextManager[Engines]]
_OPENERS: dict[str, _Opener] = {
    "sqlite": sqlite.opened,
    "sqlite+pysqlite": sqlite.opened,
    "postgresql": postgresql.opened,
    "postgresql+psycopg": postgresql.opened,
}


@contextmanager
def open_engines(url: str) -> Iterator[Engines]:
    """Connections to `url` (as in SQLAlchemy), with the database up to date. One process at a time may have it.

    Raises `StoreError` that says what is wrong with the URL, the folder or the database.
    """
    parsed = parse_url(url)
    with _OPENERS[parsed.drivername](parsed, partial(_bring_up_to_date, shown(parsed))) as engines:
        yield engines


def parse_url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        message = "DATABASE_URL is not a database URL: write one such as sqlite:///./data/jobs.db"
        raise StoreError(message) from error
    if parsed.drivername == "postgres":
        raise StoreError("DATABASE_URL begins with postgres://: write postgresql://")
    if parsed.drivername not in _OPENERS:
        raise StoreError(
            f"DATABASE_URL names a database that myscheduler can't use ({parsed.drivername}): "
            "use sqlite:///./data/jobs.db or postgresql://user:password@host/database"
        )
    try:
        parsed.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        message = f"DATABASE_URL needs a driver that is not installed here ({error}): install myscheduler[postgresql]"
        raise StoreError(message) from error
    return parsed


def _bring_up_to_date(database: str, writer: sa.Engine) -> None:
    deadline = time.monotonic() + PATIENCE_SEC
    while True:
        try:
            return _migrate(writer)
        except InUseError as error:
            if time.monotonic() > deadline:
                raise StoreError(f"{error}: stop it, or give this one a DATABASE_URL of its own") from error
            time.sleep(STEP_SEC)
        except UnknownRevisionError as error:
            message = f"the database {database} comes from another version of myscheduler: use that version ({error})"
            raise StoreError(message) from error
        except sa.exc.DBAPIError as error:
            raise StoreError(f"DATABASE_URL names {database}, which can't be used: {in_a_line(error)}") from error


def _migrate(writer: sa.Engine) -> None:
    with writer.begin() as connection:
        if stored_revision(connection) != HEAD:
            from myscheduler.adapters.store.upgrade import upgrade  # noqa: PLC0415 - 0.3 s and 10 MB, seldom needed

            upgrade(connection)


def stored_revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
