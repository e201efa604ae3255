"""Opening the database: which one it is, and its migrations."""

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
from myscheduler.adapters.store.database.version import Stand, Standing, refuse_others, stand_of
from myscheduler.errors import StoreError

PATIENCE_SEC = 10
"""How long a start waits for a service that was just killed to be noticed as dead."""
STEP_SEC = 0.2

_Opener: TypeAlias = Callable[[sa.URL, Callable[[sa.Engine], object]], AbstractContextManager[Engines]]
_OPENERS: dict[str, _Opener] = {"sqlite": sqlite.opened, "postgresql": postgresql.opened}


@contextmanager
def open_engines(url: str) -> Iterator[Engines]:
    """Connections to `url` (as in SQLAlchemy), with the database up to date. One process at a time may have it.

    Raises `StoreError` that says what is wrong with the URL, the folder or the database.
    """
    parsed = parse_url(url)
    with _opened(parsed, partial(_bring_up_to_date, shown(parsed))) as engines:
        yield engines


def bring_up_to_date(url: str) -> Stand:
    """What a start does to the database, without starting; returns how it stood before. Raises as `open_engines`."""
    parsed = parse_url(url)
    found: list[Stand] = []
    with _opened(parsed, lambda writer: found.append(_bring_up_to_date(shown(parsed), writer))):
        return found[0]


@contextmanager
def _opened(url: sa.URL, prepare: Callable[[sa.Engine], object]) -> Iterator[Engines]:
    if url.get_backend_name() == "sqlite" and sqlite.exists(url):
        # already opening a file for writing can change it, and a file of others is to stay as it is
        refuse_others(shown(url), read(url, stand_of))
    with _OPENERS[url.get_backend_name()](url, prepare) as engines:
        yield engines


def _bring_up_to_date(database: str, writer: sa.Engine) -> Stand:
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


def _migrate(database: str, writer: sa.Engine) -> Stand:
    with writer.begin() as connection:
        stand = stand_of(connection)
        refuse_others(database, stand)
        if stand.standing is not Standing.CURRENT:
            from myscheduler.adapters.store.database.upgrade import upgrade  # noqa: PLC0415 - 0.3 s and 10 MB, seldom needed

            upgrade(connection, datetime.now(UTC))
        return stand
