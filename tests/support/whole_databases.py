"""Databases with rows in every table, and all that stands in one, read without the service's own code."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from myscheduler.adapters.store.database.opening import open_engines
from myscheduler.adapters.store.tables import UtcTime, metadata

NOON = datetime(2027, 3, 7, 12, tzinfo=UTC)
FEW = 5
"""Rows of the tables of which nothing else is said."""


def fill_every_table(url: str, rows: Mapping[str, int] | None = None) -> None:
    """Rows with values of all sizes, Japanese and absent ones too; `rows` says how many a table gets."""
    with open_engines(url) as engines, engines.writer.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(sa.delete(table))
            made = [
                {column.name: _value(column, number) for column in table.columns}
                for number in range((rows or {}).get(table.name, FEW))
            ]
            connection.execute(sa.insert(table), made)


def _value(column: sa.Column[Any], number: int) -> Any:
    if column.nullable and number % 3 == 0:
        return None
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return number % 2 == 0
    if isinstance(kind, UtcTime):
        return NOON + timedelta(seconds=number, microseconds=number)
    if isinstance(kind, sa.BigInteger):
        return 2**63 - 1 - number
    if isinstance(kind, sa.Integer):
        return 2**31 - 1 - number
    assert isinstance(kind, sa.String), kind
    text = f"{number:06}月次'\"\\\t\n\x01𠮷é\u0301"
    return f"{text}{'あ' * 300}"[: kind.length or 1_000]


def everything_in(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, sorted."""
    return {
        table.name: sorted(
            (tuple(int(one) if isinstance(one, bool) else one for one in row) for row in _ask(url, _select(table))),
            key=repr,
        )
        for table in metadata.sorted_tables
    }


def _select(table: sa.Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    return f'SELECT {names} FROM "{table.name}"'  # noqa: S608 - our own names


def _ask(url: str, query: str) -> list[Any]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(query).fetchall()
    with closing(psycopg.connect(url)) as server:
        return server.execute(query).fetchall()
