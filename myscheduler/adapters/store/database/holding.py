"""Holds a database still to read all of it: no service can start on it meanwhile, and one state of it is seen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from myscheduler.adapters.store.database import postgresql, sqlite
from myscheduler.adapters.store.database.connections import shown
from myscheduler.adapters.store.database.opening import patiently
from myscheduler.adapters.store.database.reading import read
from myscheduler.errors import StoreError

_SESSION = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "transaction_timeout": "0"}
"""The server may have limits for others; reading a whole database takes as long as it takes."""
_WHICH = "SELECT pg_postmaster_start_time()::text, current_database(), coalesce(current_schema(), '')"


@dataclass(frozen=True, slots=True)
class Held:
    """A database that is held."""

    url: sa.URL
    """Opens it for reading only."""
    connection: sa.Connection
    """In a transaction: whatever it reads is of one state."""
    check: Callable[[], None]
    """Raises `StoreError` if the database was changed all the same, by what takes no lock."""


@contextmanager
def held(url: sa.URL) -> Iterator[Held]:
    """Hold the database, which is not changed. Raises `StoreError` if a service uses it, or it can't be read."""
    with _HOLDERS[url.get_backend_name()](url) as found:
        yield found


def identity_of(url: sa.URL) -> tuple[object, ...] | None:
    """What is the same for two URLs of one database; `None` for a file that does not exist. Raises `StoreError`."""
    if url.get_backend_name() != "sqlite":
        return read(url, lambda connection: tuple(connection.exec_driver_sql(_WHICH).one()))
    if not sqlite.exists(url):
        return None
    status = sqlite.path_of(url).stat()
    return status.st_dev, status.st_ino


@contextmanager
def _file(url: sa.URL) -> Iterator[Held]:
    path = sqlite.path_of(url)
    sqlite.trace_of(path)  # before a lock file is made next to nothing
    with sqlite.locked(path):
        before = sqlite.trace_of(path)

        def check() -> None:
            if sqlite.trace_of(path) != before:
                raise StoreError(f"the database {shown(url)} was changed by another program meanwhile: run this again")

        found = sqlite.read_only(path, **({"immutable": "1"} if before.is_complete else {}))
        engine = sa.create_engine(found, hide_parameters=True, poolclass=sa.NullPool)
        try:
            with engine.connect() as connection:
                # a text that is no UTF-8 would end the reading; so it is told which one it is
                driver = connection.connection.driver_connection
                driver.text_factory = _text  # type: ignore[union-attr] # that of sqlite3
                connection.exec_driver_sql("BEGIN")  # the driver itself begins none to read
                yield Held(found, connection, check)
        finally:
            engine.dispose()


def _text(written: bytes) -> str:
    return written.decode("utf-8", "surrogateescape")


@contextmanager
def _server(url: sa.URL) -> Iterator[Held]:
    engine = sa.create_engine(postgresql.watched(url), hide_parameters=True, poolclass=sa.NullPool)
    try:
        with patiently(shown(url), lambda: _locked(url, engine)) as connection, connection.begin():
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield Held(url, connection, lambda: None)
    finally:
        engine.dispose()


def _locked(url: sa.URL, engine: sa.Engine) -> sa.Connection:
    """A connection with the lock. It was taken by an earlier transaction: what this one sees is later than the lock."""
    connection = engine.connect()
    try:
        with connection.begin():
            driver = connection.connection.driver_connection
            known = (
                connection.exec_driver_sql("SELECT name FROM pg_settings WHERE name LIKE '%timeout'").scalars().all()
            )
            postgresql.configure({name: value for name, value in _SESSION.items() if name in known}, driver)
            postgresql.take_lock(url, driver)
    except BaseException:
        connection.close()
        raise
    return connection


_HOLDERS = {"sqlite": _file, "postgresql": _server}
