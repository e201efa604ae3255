"""Opens the database of a URL, and brings its tables up to date."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias, TypeVar

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

T = TypeVar("T")
_Opener: TypeAlias = Callable[[sa.URL, Callable[[sa.Engine], object]], AbstractContextManager[Engines]]
_OPENERS: dict[str, _Opener] = {"sqlite": sqlite.opened, "postgresql": postgresql.opened}


@contextmanager
def open_engines(url: str) -> Iterator[Engines]:
    """Connections to the database at `url` (as in SQLAlchemy), after its migrations. One process at a time may use it.

    Raises `StoreError`, which says what is wrong with the URL, the folder or the database.
    """
    with _open_current(parse_url(url)) as (engines, _):
        yield engines


def bring_up_to_date(url: str) -> SchemaVersion:
    """Run the migrations as a start does, and close the database; returns its state before. Raises `StoreError`."""
    with _open_current(parse_url(url)) as (_, before):
        return before


@contextmanager
def _open_current(url: sa.URL) -> Iterator[tuple[Engines, SchemaVersion]]:
    if url.get_backend_name() == "sqlite" and sqlite.exists(url):
        # even opening a file for writing can change it, and those of other programs must not be changed
        refuse_others(shown(url), read(url, schema_version_of))
    with open_prepared(url, partial(_migrate, shown(url))) as (engines, before):
        yield engines, before


@contextmanager
def open_prepared(url: sa.URL, prepare: Callable[[sa.Connection], T]) -> Iterator[tuple[Engines, T]]:
    """Connections to a database whose lock is held, and what `prepare` returned, which was run in one transaction."""
    found: list[T] = []

    def prepare_once(writer: sa.Engine) -> None:
        found.append(patiently(shown(url), lambda: _in_a_transaction(writer, prepare)))

    with _OPENERS[url.get_backend_name()](url, prepare_once) as engines:
        yield engines, found[0]


def _in_a_transaction(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def patiently(database: str, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, which is repeated for a while as long as another service holds the lock.

    Raises `StoreError` if the database can't be used.
    """
    deadline = time.monotonic() + PATIENCE_SEC
    while True:
        try:
            return attempt()
        except InUseError as error:
            if time.monotonic() > deadline:
                raise StoreError(f"{error}: stop it, or give this one a DATABASE_URL of its own") from error
            time.sleep(STEP_SEC)
        except sa.exc.DBAPIError as error:
            raise StoreError(f"DATABASE_URL names {database}, which can't be used: {in_a_line(error)}") from error


def _migrate(database: str, connection: sa.Connection) -> SchemaVersion:
    schema = schema_version_of(connection)
    refuse_others(database, schema)
    if schema.state is not VersionState.CURRENT:
        from myscheduler.adapters.store.database.upgrade import upgrade  # noqa: PLC0415 - 0.3 s, 10 MB, rarely needed

        upgrade(connection, datetime.now(UTC))
    return schema
