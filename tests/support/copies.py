"""Copies of databases that are stopped on their way."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.support.databases import rows


class StopError(Exception):
    """Ends a copy where a test wants it."""


def stops_at(number: int) -> Callable[[str], None]:
    """A report that ends the copy after so many batches, of those that are compared, too."""
    count = 0

    def report(text: str) -> None:
        nonlocal count
        count += "%" in text
        if count == number:
            raise StopError

    return report


def stops_in(table: str) -> Callable[[str], None]:
    """A report that ends the copy after the first batch of that table."""

    def report(text: str) -> None:
        if f"({table})" in text:
            raise StopError

    return report


def rows_so_far(target: str) -> int:
    """Rows of the history that an unfinished copy has."""
    query = "SELECT rows FROM unfinished_copy WHERE name = 'executions'"
    found: list[tuple[object, ...]] = []
    with suppress(psycopg.Error, sqlite3.Error):
        if target.startswith("sqlite"):
            path = Path(target.removeprefix("sqlite:///"))
            found = rows(path, query) if path.exists() else []
        else:
            with psycopg.connect(target) as connection:
                found = connection.execute(query).fetchall()
    return int(str(found[0][0])) if found else 0
