"""Pages of the history: whatever is searched for, they have together what a look at every row finds."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import search as search_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.listed import Listed
from myscheduler.adapters.store.tables import executions
from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.core.history.search import Search
from myscheduler.core.reason import Reason
from tests.support.stored import NOW

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
STEPS = {"fast": SECOND, "minutely": MINUTE, "hourly": HOUR, "daily": 24 * HOUR, "odd": 7 * SECOND}
ENDS: list[tuple[Status, Reason | None]] = [
    (Status.COMPLETED, None),
    (Status.COMPLETED, None),
    (Status.COMPLETED, None),
    (Status.FAILED, None),
    (Status.FAILED, Reason.NO_FILE),
    (Status.INTERRUPTED, Reason.CRASH),
    (Status.SKIPPED, Reason.OVERLAP),
    (Status.MISSED, Reason.DEADLINE),
    (Status.RUNNING, None),
]
_CHANCE = Random(0)  # noqa: S311 - no secret
UNRUN = {Status.SKIPPED, Status.MISSED}


def _row(chance: Random, job_id: str, slot: datetime) -> dict[str, Any]:
    status, reason = chance.choice(ENDS)
    late = chance.choice([0, 0.01, 0.5, 3, 59, 70, 4_000]) * SECOND if status not in UNRUN else timedelta()
    started_at = slot + late if status not in UNRUN else None
    is_over = started_at is not None and status is not Status.RUNNING
    return {
        "execution_id": new_execution_id(slot + late),
        "job_id": job_id,
        "slot": slot,
        "last_slot": slot,
        "slot_count": 1,
        "kind": Kind.SCHEDULED,
        "cause": Cause.CATCH_UP if late > MINUTE else Cause.TIMER,
        "status": status,
        "reason": reason,
        "started_at": started_at,
        "completed_at": started_at + chance.choice([0.1, 2, 30]) * SECOND if started_at and is_over else None,
        "attempts": 1,
    }


def _history(seed: int) -> list[dict[str, Any]]:
    chance = Random(seed)  # noqa: S311 - no secret
    rows = [
        _row(chance, name, NOW - number * step)
        for name, step in STEPS.items()
        for number in range(chance.randint(0, 90))
    ]
    manual = [_row(chance, name, NOW - chance.randint(0, 600) * SECOND + 3 * SECOND / 1000) for name in STEPS]
    return rows + [row | {"kind": Kind.MANUAL, "cause": Cause.API} for row in manual]


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    connection.execute(sa.insert(executions), list(rows))


async def _pages(store: Store, search: Search, limit: int, most: int) -> list[list[Listed]]:
    found: list[list[Listed]] = []
    before: str | None = None
    while True:
        one = await store.read(partial(search_rows.page, search=search, before=before, limit=limit, most=most))
        found.append(one.rows)
        assert len(one.rows) <= limit
        if one.end is None:
            return found
        assert before is None or one.end < before
        before = one.end


def _is_wanted(search: Search, row: dict[str, Any]) -> bool:
    started_at, completed_at = row["started_at"], row["completed_at"]
    took = completed_at - started_at if completed_at else None
    checks = [
        search.job_ids is None or row["job_id"] in search.job_ids,
        not search.statuses or row["status"] in search.statuses,
        search.reason in {None, row["reason"]},
        search.kind in {None, row["kind"]},
        search.cause in {None, row["cause"]},
        search.start is None or row["slot"] >= search.start,
        search.until is None or row["slot"] <= search.until,
        search.min_duration is None or (took is not None and took >= search.min_duration),
        search.min_lateness is None or (started_at is not None and started_at - row["slot"] >= search.min_lateness),
    ]
    return all(checks)


MANY = frozenset({"fast", "hourly", *(f"none-{number}" for number in range(search_rows.FEW_JOBS))})
SEARCHES = {
    "all": Search(),
    "one job": Search(job_ids=frozenset({"fast"})),
    "two jobs": Search(job_ids=frozenset({"fast", "daily"})),
    "all jobs by name": Search(job_ids=frozenset(STEPS)),
    "many jobs": Search(job_ids=MANY),
    "no job": Search(job_ids=frozenset()),
    "failed": Search(statuses=frozenset({Status.FAILED})),
    "what went wrong": Search(statuses=frozenset(Status) - {Status.COMPLETED, Status.RUNNING}),
    "running": Search(statuses=frozenset({Status.RUNNING})),
    "running or failed": Search(statuses=frozenset({Status.RUNNING, Status.FAILED})),
    "completed": Search(statuses=frozenset({Status.COMPLETED})),
    "completed or failed": Search(statuses=frozenset({Status.COMPLETED, Status.FAILED})),
    "a reason": Search(reason=Reason.OVERLAP),
    "manual": Search(kind=Kind.MANUAL),
    "caught up": Search(cause=Cause.CATCH_UP),
    "from": Search(start=NOW - 2 * MINUTE),
    "until": Search(until=NOW - 2 * MINUTE),
    "between": Search(start=NOW - HOUR, until=NOW - 2 * MINUTE),
    "failed between": Search(statuses=frozenset({Status.FAILED}), start=NOW - HOUR, until=NOW - MINUTE),
    "one job between": Search(job_ids=frozenset({"fast"}), start=NOW - HOUR, until=NOW - 30 * SECOND),
    "failed of one job": Search(job_ids=frozenset({"odd"}), statuses=frozenset({Status.FAILED})),
    "failed of many jobs": Search(job_ids=MANY, statuses=frozenset({Status.FAILED})),
    "slow": Search(min_duration=2 * SECOND),
    "late": Search(min_lateness=SECOND),
    "very late": Search(min_lateness=MINUTE),
    "very late, failed, until": Search(
        min_lateness=HOUR, statuses=frozenset({Status.FAILED}), until=NOW - MINUTE, kind=Kind.SCHEDULED
    ),
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES.keys())
async def test_the_pages_together_are_what_is_wanted(store: Store, search: Search) -> None:
    for seed in range(3):
        rows = _history(seed)
        await store.write(lambda connection: connection.execute(sa.delete(executions)))
        await store.write(partial(_insert, rows=rows))
        wanted = sorted((row["execution_id"] for row in rows if _is_wanted(search, row)), reverse=True)
        for limit, most in ((1000, search_rows.MOST_ROWS), (7, search_rows.MOST_ROWS), (5, 12)):
            pages = await _pages(store, search, limit, most)
            assert [row.execution_id for page in pages for row in page] == wanted, (seed, limit, most)
            assert len(pages) <= len(rows) + 2


async def test_the_last_page_is_known_as_such(store: Store) -> None:
    rows = [_row(_CHANCE, "a", NOW + number * SECOND) for number in range(10)]
    await store.write(partial(_insert, rows=rows))
    first = await store.read(partial(search_rows.page, search=Search(), before=None, limit=5))
    last = await store.read(partial(search_rows.page, search=Search(), before=first.end, limit=5))
    assert (len(first.rows), len(last.rows), last.end) == (5, 5, None)
    assert first.end == first.rows[-1].execution_id


async def test_a_page_that_looked_at_enough_ends_before_it_is_full(store: Store) -> None:
    rows = [_row(_CHANCE, "a", NOW + number * SECOND) | {"status": Status.COMPLETED} for number in range(100)]
    await store.write(partial(_insert, rows=rows))
    search = Search(kind=Kind.MANUAL)
    found = await store.read(partial(search_rows.page, search=search, before=None, limit=5, most=40))
    assert (found.rows, found.end) == ([], sorted(row["execution_id"] for row in rows)[-40])


@pytest.mark.parametrize(
    ("search", "index"),
    [
        pytest.param(Search(), "sqlite_autoindex_executions_1", id="all"),
        pytest.param(Search(kind=Kind.MANUAL), "sqlite_autoindex_executions_1", id="manual"),
        pytest.param(Search(statuses=frozenset({Status.FAILED})), "executions_uncompleted", id="failed"),
        pytest.param(Search(reason=Reason.OVERLAP), "executions_uncompleted", id="a reason"),
        pytest.param(Search(min_lateness=MINUTE), "executions_late", id="late"),
        pytest.param(Search(job_ids=frozenset({"a"})), "sqlite_autoindex_executions_2", id="one job"),
    ],
)
async def test_sqlite_goes_the_way_that_is_meant(store: Store, search: Search, index: str) -> None:
    """Its planner does not know how many rows there are, and another index would mean to sort a million of them."""
    if store._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by its statistics")
    said: list[str] = []

    def look(connection: Connection) -> None:
        for statement, parameters in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            said.extend(row[3] for row in plan)

    statements: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> None:
        statements.append((statement, parameters))

    sa.event.listen(store._engine, "before_cursor_execute", note)
    await store.write(partial(_insert, rows=_history(1)))
    await store.read(partial(search_rows.page, search=search, before=None, limit=5))
    sa.event.remove(store._engine, "before_cursor_execute", note)
    await store.read(look)
    assert any(index in line for line in said), said
    assert not [line for line in said if "SCAN" in line and "COVERING" not in line], said
