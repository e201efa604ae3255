"""Many rows in one statement of PostgreSQL: they change what one statement for each row changes."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from myscheduler.adapters.store import Store, open_store
from myscheduler.adapters.store.rows.arrays import as_array
from myscheduler.adapters.store.rows.inserting import INSERT
from myscheduler.adapters.store.rows.jobs import CHUNK
from myscheduler.adapters.store.rows.positions import positions
from myscheduler.adapters.store.rows.prepared import PreparedStatement
from myscheduler.adapters.store.tables import executions
from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.errors import StoreUnavailableError
from tests.support.postgres import Database
from tests.support.stored import HOUR, NOW, stored

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
_ID = executions.c.execution_id == sa.bindparam("b_id")
_COLUMNS = ("status", "completed_at", "attempts", "error", "is_alone")
_END = PreparedStatement(
    lambda _: (
        sa.update(executions)
        .where(_ID)
        .values({name: sa.bindparam(f"b_{name}") for name in _COLUMNS} | {"reason": "x"})
    )
)
_ADD = PreparedStatement(
    lambda _: sa.update(executions).where(_ID).values(attempts=executions.c.attempts + sa.bindparam("b_attempts"))
)
_TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
_TIMES = st.none() | st.integers(-5, 5).map(lambda hours: NOW + hours * HOUR)
_ENDS = st.fixed_dictionaries(
    {
        "b_id": st.integers(0, 12).map("id-{}".format),  # often twice, and some that don't exist
        "b_status": st.sampled_from(Status),
        "b_completed_at": _TIMES,
        "b_attempts": st.integers(-(2**31), 2**31 - 1),
        "b_error": st.none() | _TEXTS | st.sampled_from(["NULL", "null", "", " ", '{"a": "b\\\\"}', "{}", "%s %(b)s"]),
        "b_is_alone": st.booleans(),
    }
)


@pytest.fixture
def url(postgres: Database) -> str:
    return postgres.url


def row(number: int, **fields: Any) -> Row:
    return {
        "execution_id": f"id-{number}",
        "job_id": "請求 %s",
        "slot": NOW + number * HOUR,
        "kind": Kind.SCHEDULED,
        "cause": Cause.TIMER,
        "status": Status.RUNNING,
        "last_slot": NOW + number * HOUR,
        "slot_count": 1,
        "attempts": 0,
        "error": None,
    } | fields


def begin_with(connection: sa.Connection, rows: Sequence[Row]) -> None:
    connection.execute(sa.delete(executions))
    INSERT.execute(connection, rows)


def all_rows(connection: sa.Connection) -> Sequence[Any]:
    return connection.execute(sa.select(executions).order_by(executions.c.execution_id)).all()


def changed(
    statement: PreparedStatement, rows: Sequence[Row], connection: sa.Connection, *, one_by_one: bool
) -> tuple[int, Sequence[Any]]:
    """How many rows were changed, and all rows after it, which are then forgotten."""
    begin_with(connection, [row(number) for number in range(10)])
    parts = [[one] for one in rows] if one_by_one else [rows]
    return sum(statement.execute(connection, part) for part in parts), all_rows(connection)


class TestSame:
    """One statement for all rows does what a statement for each does."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(rows=st.lists(_ENDS, min_size=1, max_size=12))
    @example(
        rows=[
            {"b_id": f"id-{one}", **dict.fromkeys(map("b_{}".format, _COLUMNS))}
            | {"b_status": Status.FAILED, "b_attempts": one, "b_is_alone": one % 2 == 0}
            for one in (3, 3, 4)
        ]
    )
    def test_updates(self, store: Store, rows: Sequence[Row]) -> None:
        with store._writer._engine.begin() as connection:
            expected = changed(_END, rows, connection, one_by_one=True)
            assert changed(_END, rows, connection, one_by_one=False) == expected

    def test_a_row_that_is_changed_twice(self, store: Store) -> None:
        rows = [{"b_id": f"id-{one}", "b_attempts": 10} for one in (1, 2, 1)]
        with store._writer._engine.begin() as connection:
            count, after = changed(_ADD, rows, connection, one_by_one=False)
        assert (count, [one.attempts for one in after[:4]]) == (3, [0, 20, 10, 0])

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
    @given(
        numbers=st.lists(st.integers(0, 14), min_size=1, max_size=8),
        errors=st.lists(st.none() | _TEXTS, min_size=8, max_size=8),
    )
    def test_inserts(self, store: Store, numbers: Sequence[int], errors: Sequence[str | None]) -> None:
        """Of rows with the same id or the same slot, the first one stays."""
        ids = [{"execution_id": f"new-{place % 5}"} for place in range(8)]
        rows = [row(one, error=error) | id_ for one, error, id_ in zip(numbers, errors, ids, strict=False)]
        with store._writer._engine.begin() as connection:
            expected = changed(INSERT, rows, connection, one_by_one=True)
            assert changed(INSERT, rows, connection, one_by_one=False) == expected

    @pytest.mark.parametrize("count", [1, 2, 499, 500, 501, 10_000])
    async def test_any_number_of_rows(self, store: Store, count: int) -> None:
        rows = [row(number) for number in range(count)]
        assert await store.write(partial(INSERT.execute, rows=rows)) == count
        assert await store.write(partial(INSERT.execute, rows=rows)) == 0
        ends = [{"b_id": one["execution_id"], "b_attempts": 7} for one in rows]
        assert await store.write(partial(_ADD.execute, rows=ends)) == count
        counted = sa.select(sa.func.count()).where(executions.c.attempts == 7)
        assert await store.read(lambda connection: connection.execute(counted).scalar_one()) == count

    async def test_few_statements(self, store: Store) -> None:
        seen: list[str] = []

        def work(connection: sa.Connection) -> None:
            sa.event.listen(connection, "before_cursor_execute", lambda *about: seen.append(about[2]))
            INSERT.execute(connection, [row(number) for number in range(2 * CHUNK)])

        await store.write(work)
        assert len(seen) == 2
        assert len(set(seen)) == 1


class TestRefused:
    """Values that PostgreSQL does not take are errors as before, and nothing of the transaction is left."""

    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            pytest.param({"error": "a\x00b"}, sa.exc.DataError, id="a NUL"),
            pytest.param({"error": "a\ud800b"}, UnicodeEncodeError, id="half of a character"),
            pytest.param({"requested_by": "x" * 256}, sa.exc.DataError, id="too long"),
            pytest.param({"attempts": 2**31}, sa.exc.DataError, id="too large"),
            pytest.param({"cause": None}, sa.exc.IntegrityError, id="missing"),
        ],
    )
    async def test_values(self, store: Store, count: int, fields: Mapping[str, Any], expected: type[Exception]) -> None:
        good = dict.fromkeys(fields) | {name: row(0).get(name) for name in fields}
        rows = [row(number, **good) for number in range(count - 1)] + [row(count, **fields)]
        with pytest.raises(expected):
            await store.write(partial(INSERT.execute, rows=rows))
        assert await store.read(all_rows) == []
        assert await store.write(partial(INSERT.execute, rows=[row(1), row(2)])) == 2

    async def test_a_connection_that_ends_between_two_statements(self, store: Store, postgres: Database) -> None:
        def work(connection: sa.Connection) -> None:
            INSERT.execute(connection, [row(1), row(2)])
            postgres.hang_up()
            _ADD.execute(connection, [{"b_id": "id-1", "b_attempts": 1}, {"b_id": "id-2", "b_attempts": 1}])

        with pytest.raises(StoreUnavailableError):
            await store.write(work)
        assert await store.read(all_rows) == []
        assert await store.write(partial(INSERT.execute, rows=[row(1), row(2)])) == 2


class TestPlans:
    def test_a_plan_that_was_made_while_the_table_was_empty_looks_rows_up_later(self, postgres: Database) -> None:
        """Else each batch would read the whole history, until PostgreSQL happens to analyze it."""
        with open_store(postgres.url) as store, store._writer._engine.connect() as connection:
            connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
            seen: list[tuple[str, Any]] = []
            sa.event.listen(connection, "before_cursor_execute", lambda *about: seen.append((about[2], about[3])))
            ends = [{"b_id": f"id-{one}", "b_attempts": 1} for one in range(10)]
            _ADD.execute(connection, ends)
            positions(connection, ["a", "b"])
            for sql, values in seen[:2]:
                plan = "\n".join(one for (one,) in connection.exec_driver_sql(f"EXPLAIN {sql}", values))
                assert "Index Scan" in plan, plan
                assert "Seq Scan" not in plan, plan


async def test_positions_of_any_number_of_jobs(store: Store) -> None:
    for number in range(3):
        await stored(store, f'job "{number}", \\ {{}}')
    ids = [f'job "{number}", \\ {{}}' for number in range(1_000)]
    found = await store.read(partial(positions, job_ids=ids))
    assert sorted(found) == ids[:3]
    assert {one.cursor for one in found.values()} == {NOW}
    assert await store.read(partial(positions, job_ids=[])) == {}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param(["", "NULL", None, '"', "\\", "a,b", "{}", " x ", "日本\n語"], "text", id="texts"),
        pytest.param([1, None, -(2**63), 2**63 - 1], "bigint", id="numbers"),
        pytest.param([True, False, None], "boolean", id="booleans"),
        pytest.param(["same", "same"], "text", id="texts that are the same"),
        pytest.param([7], "bigint", id="one number"),
    ],
)
def test_arrays_hold_what_was_given(postgres: Database, values: Sequence[Any], kind: str) -> None:
    with psycopg.connect(postgres.url) as connection:
        found = connection.execute(f"SELECT %s::{kind}[]", [as_array(values)]).fetchone()
    assert found == (list(values),)
