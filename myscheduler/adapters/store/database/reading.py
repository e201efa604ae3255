"""Reads a database for commands, whether or not a service is using it. Nothing is written."""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from myscheduler.adapters.store.database import sqlite
from myscheduler.adapters.store.database.connections import shown
from myscheduler.adapters.store.database.errors import in_a_line
from myscheduler.adapters.store.database.version import VersionState, refuse_others, schema_version_of
from myscheduler.errors import StoreError

T = TypeVar("T")
DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")


def parse_url(url: str) -> sa.URL:
    """Parse a `DATABASE_URL`. Raises `StoreError` if it is not valid, or its database or driver can't be used."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:  # ValueError: the port is not a number
        message = "DATABASE_URL is not a database URL: write one such as sqlite:///./data/jobs.db"
        raise StoreError(message) from error
    if parsed.drivername == "postgres":
        raise StoreError("DATABASE_URL begins with postgres://: write postgresql://")
    if parsed.drivername not in DRIVERS:
        raise StoreError(
            f"DATABASE_URL names a database that myscheduler can't use ({parsed.drivername}): "
            "use sqlite:///./data/jobs.db or postgresql://user:password@host/database"
        )
    try:
        parsed.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        message = f"DATABASE_URL needs a driver that is not installed here ({error}): pip install 'psycopg[binary]'"
        raise StoreError(message) from error
    return parsed


def read_current(url: str, query: Callable[[sa.Connection], T]) -> T:
    """The result of `query` on a database. Raises `StoreError` if there is none, or it is not of this version."""
    parsed = parse_url(url)

    def read_if_current(connection: sa.Connection) -> T:
        schema = schema_version_of(connection)
        refuse_others(shown(parsed), schema)
        if schema.state is not VersionState.CURRENT:
            state = "holds no jobs yet" if schema.state is VersionState.EMPTY else "comes from an older myscheduler"
            raise StoreError(f"the database {shown(parsed)} {state}: run this version's `myscheduler db upgrade` on it")
        return query(connection)

    return read(parsed, read_if_current)


def read(url: sa.URL, query: Callable[[sa.Connection], T]) -> T:
    """The result of `query` on one consistent state of the database, of whatever version. `query` may be run twice.

    Raises `StoreError` if the database does not exist or can't be read.
    """
    try:
        if url.get_backend_name() == "sqlite":
            return sqlite.look(url, lambda read_only: ask(read_only, query))
        return ask(url, query)
    except sa.exc.DBAPIError as error:
        raise StoreError(f"DATABASE_URL names {shown(url)}, which can't be read: {in_a_line(error)}") from error
    except (UnicodeDecodeError, OverflowError) as error:  # values or messages that no sound SQLite database has
        raise StoreError(f"DATABASE_URL names {shown(url)}, which is damaged: restore a backup") from error


def ask(url: sa.URL, query: Callable[[sa.Connection], T]) -> T:
    """The result of `query` over a new connection."""
    engine = sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            return query(connection)
    finally:
        engine.dispose()
