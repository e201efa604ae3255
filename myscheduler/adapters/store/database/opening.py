"""Opens the database of a URL, and brings its tables up to date."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

import sqlalchemy as sa

from myscheduler.adapters.store.database import postgresql, sqlite
from myscheduler.adapters.store.database.connections import Engines, InUseError, shown
from myscheduler.adapters.store.database.errors import in_a_line
from myscheduler.adapters.store.database.reading import parse_url, read
from myscheduler.adapters.store.database.version import SchemaVersion, VersionState, refuse_others, schema_version_of
from myscheduler.errors import StoreError

PATIENCE_SEC = 10
"""How long a start waits for the server to release the lock of a service that was just killed."""
STEP_SEC = 0.2
"""The pause between two tries."""

_Opener: TypeAlias = Callable[[sa.URL, Callable[[sa.Engine], object]], AbstractContextManager[Engines]]
_OPENERS: dict[str, _Opener] = {"sqlite": sqlite.opened, "postgresql": postgresql.opened}


@contextmanager
def open_engines(url: str) -> Iterator[Engines]:
    """Connections to the database at `url` (as in SQLAlchemy), after its migrations. One process at a time may use it.

    Raises `StoreError`, which says what is wrong with the URL, the folder or the database.
    """
    parsed = parse_url(url)
    with _opened(parsed, partial(_bring_up_to_date, shown(parsed))) as engines:
        yield engines


def bring_up_to_date(url: str) -> SchemaVersion:
    """Run the migrations as a start does, and close the database; returns its state before. Raises `StoreError`."""
    parsed = parse_url(url)
    found: list[SchemaVersion] = []
    with _opened(parsed, lambda writer: found.append(_bring_up_to_date(shown(parsed), writer))):
        return found[0]


@contextmanager
def _opened(url: sa.URL, prepare: Callable[[sa.Engine], object]) -> Iterator[Engines]:
    if url.get_backend_name() == "sqlite" and sqlite.exists(url):
        # even opening a file for writing can change it, and those of other programs must not be changed
        refuse_others(shown(url), read(url, schema_version_of))
    with _OPENERS[url.get_backend_name()](url, prepare) as engines:
        yield engines


def _bring_up_to_date(database: str, writer: sa.Engine) -> SchemaVersion:
    deadline = time.monotonic() + PATIENCE_SEC
    while True:
        try:
            return _migrate(database, writer)
        except InUseError as error:
            if time.monotonic() > deadline:
                raise StoreError(f"{error}: stop it, or give this one a DATABASE_URL of its own") from error
            time.sleep(STEP_SEC)
        except sa.exc.DBAPIError as error:
            raise StoreError(f"DATABASE_URL names {database}, which can't be used: {in_a_line(error)}") from error


def _migrate(database: str, writer: sa.Engine) -> SchemaVersion:
    with writer.begin() as connection:
        schema = schema_version_of(connection)
        refuse_others(database, schema)
        if schema.state is not VersionState.CURRENT:
            from myscheduler.adapters.store.database.upgrade import upgrade  # noqa: PLC0415 - 0.3 s, 10 MB, rarely needed

            upgrade(connection, datetime.now(UTC))
        return schema
