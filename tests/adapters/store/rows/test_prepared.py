"""Statements whose SQL and conversions are kept: they store what SQLAlchemy stores."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows.inserting import insert_new
from myscheduler.adapters.store.rows.prepared import PreparedStatement
from myscheduler.adapters.store.tables import executions
from myscheduler.core.history.execution import Cause, Kind, Status
from tests.support.stored import HOUR, NOW

pytestmark = pytest.mark.anyio

Row = dict[str, Any]


def row(number: int, **fields: Any) -> Row:
    at = NOW + number * HOUR + timedelta(microseconds=number)
    return {
        "execution_id": f"id-{number}",
        "job_id": "請求 %s",
        "slot": at,
        "kind": Kind.SCHEDULED,
        "cause": Cause.TIMER,
        "status": Status.RUNNING,
        "last_slot": at,
        "slot_count": 1,
        "attempts": 0,
        "is_alone": number % 2 == 0,
    } | fields


async def stored(store: Store) -> list[Any]:
    statement = sa.select(executions).order_by(executions.c.execution_id)
    return await store.read(lambda connection: list(connection.execute(statement).all()))


async def test_the_rows_are_those_of_sqlalchemy(store: Store) -> None:
    rows = [row(1), row(2, started_at=NOW, error="日本語\n", is_alone=True), row(3, started_at=None, error=None)]
    same = [one | {"started_at": one.get("started_at"), "error": one.get("error")} for one in rows]

    def by_sqlalchemy(connection: sa.Connection) -> None:
        connection.execute(insert_new(connection), same)

    await store.write(by_sqlalchemy)
    expected = await stored(store)
    await store.write(lambda connection: connection.execute(sa.delete(executions)))
    statement = PreparedStatement(insert_new)
    assert await store.write(partial(statement.execute, rows=same)) == 3
    assert await stored(store) == expected
    assert len(expected) == 3


async def test_it_says_how_many_rows_it_changed(store: Store) -> None:
    statement = PreparedStatement(insert_new)
    assert await store.write(partial(statement.execute, rows=[row(1)])) == 1
    assert await store.write(partial(statement.execute, rows=[row(1), row(2)])) == 1


@pytest.mark.parametrize("names", [("attempts", "error"), ("error",)])
async def test_rows_with_other_keys_are_another_statement(store: Store, names: Sequence[str]) -> None:
    statement = PreparedStatement(insert_new)
    await store.write(partial(statement.execute, rows=[row(1)]))
    await store.write(partial(statement.execute, rows=[row(2, **dict.fromkeys(names, 7))]))
    first, second = await stored(store)
    assert [getattr(second, name) for name in names] == [7 if name == "attempts" else "7" for name in names]
    assert first.error is None
