"""Writes to a database for commands, whether or not a service is using it."""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from myscheduler.adapters.store.database import sqlite
from myscheduler.adapters.store.database.connections import shown
from myscheduler.adapters.store.database.errors import in_a_line
from myscheduler.adapters.store.database.opening import bring_up_to_date
from myscheduler.adapters.store.database.reading import parse_url, read_current
from myscheduler.errors import StoreError

T = TypeVar("T")
PATIENCE_SEC = 10
"""How long a write waits for those of a running service."""


def write_current(url: str, work: Callable[[sa.Connection], T]) -> T:
    """Run `work` in one transaction; its changes are durable when this returns. A missing SQLite file is created.

    Raises `StoreError` if the database can't be written, or is not of this version.
    """
    parsed = parse_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and not sqlite.exists(parsed):
        bring_up_to_date(url)
    read_current(url, lambda _connection: None)
    options = {"connect_args": {"timeout": PATIENCE_SEC}} if is_sqlite else {}
    engine = sa.create_engine(parsed, hide_parameters=True, poolclass=sa.NullPool, **options)
    try:
        with engine.begin() as connection:
            return work(connection)
    except sa.exc.DBAPIError as error:
        raise StoreError(f"DATABASE_URL names {shown(parsed)}, which can't be written: {in_a_line(error)}") from error
    finally:
        engine.dispose()
