"""What jobs are filtered and sorted by, read in a few statements, in SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import job_index as index_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.tables import to_micros
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.execution import Finish, Status
from tests.support.stored import HOUR, NOW, claim, found, run, stored

pytestmark = pytest.mark.anyio


async def ran(store: Store, job_id: str, *statuses: Status) -> list[str]:
    """Executions of a job, an hour apart, that ended so; their ids."""
    ids = []
    for number, status in enumerate(statuses):
        one = run(await found(store, job_id), NOW + (number + 1) * HOUR)
        assert await claim(store, one) == [True]
        assert one.execution is not None
        ids.append(one.execution.execution_id)
        if status is not Status.RUNNING:
            at = NOW + (number + 1) * HOUR + timedelta(minutes=1)
            finish = Finish(ids[-1], status, NOW, at, 1, Outcome(200, None))
            await store.write(partial(claim_rows.finish, finishes=[finish]))
    return ids


async def test_ids_in_order(store: Store) -> None:
    for job_id in ("b", "a", "ｚ", "😀", "Z"):
        await stored(store, job_id)
    ids = ["Z", "a", "b", "ｚ", "😀"]  # by code points, in both databases and in Python
    assert sorted(ids) == ids

    def read(connection: Connection) -> None:
        assert index_rows.ids_after(connection, None, 9) == ids
        assert index_rows.ids_after(connection, None, 9, descending=True) == ids[::-1]
        assert index_rows.ids_after(connection, "a", 2) == ["b", "ｚ"]
        assert index_rows.ids_after(connection, "aa", 1) == ["b"]
        assert index_rows.ids_after(connection, "b", 9, descending=True) == ["a", "Z"]
        assert index_rows.count(connection) == 5

    await store.read(read)


async def test_versions_and_marks(store: Store) -> None:
    first, second = await stored(store, "a"), await stored(store, "b")
    assert await store.read(index_rows.versions) == {"a": first.version, "b": second.version}
    await store.write(partial(job_rows.update_jobs, changed=[replace(first, version=first.version + 1)]))
    assert await store.read(partial(index_rows.versions_of, job_ids=["none", "a"])) == {"a": first.version + 1}
    assert await store.read(index_rows.versions) == {"a": first.version + 1, "b": second.version}
    marks = {mark.job_id: mark for mark in await store.read(job_rows.marks)}
    assert await store.read(partial(job_rows.marks_of, job_ids=["b", "c", "a"])) == marks


async def test_progress(store: Store) -> None:
    for job_id in "ab":
        await stored(store, job_id)
    (last,) = await ran(store, "a", Status.COMPLETED)
    rows = await store.read(partial(index_rows.progress_of, job_ids=["a", "b", "none"]))
    assert sorted(rows) == [("a", to_micros(NOW + 2 * HOUR), last), ("b", to_micros(NOW + HOUR), None)]
    assert sorted(await store.read(index_rows.progress_of_all)) == sorted(rows)
    assert await store.read(partial(index_rows.statuses, execution_ids=[last, "none"])) == {last: Status.COMPLETED}


@pytest.mark.parametrize(
    ("statuses", "since"),
    [
        pytest.param([], None, id="never ran"),
        pytest.param([Status.COMPLETED], None, id="completed"),
        pytest.param([Status.FAILED, Status.COMPLETED], None, id="mended"),
        pytest.param([Status.FAILED], 0, id="never completed"),
        pytest.param([Status.FAILED, Status.COMPLETED, Status.FAILED, Status.FAILED], 2, id="fails again"),
        pytest.param([Status.COMPLETED, Status.INTERRUPTED], None, id="interrupted"),
        pytest.param([Status.COMPLETED, Status.FAILED, Status.RUNNING], 1, id="runs again"),
    ],
)
async def test_failing_since(store: Store, statuses: list[Status], since: int | None) -> None:
    for job_id in ("a", "other"):
        await stored(store, job_id)
    await ran(store, "a", *statuses)
    found_since = await store.read(partial(index_rows.failing_since, job_ids=["a", "other", "none"]))
    assert found_since == {"a": None if since is None else to_micros(NOW + (since + 1) * HOUR), "other": None}
