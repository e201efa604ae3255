"""Rows of the history as plain values, in databases of each kind."""

from functools import partial

import pytest

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import listed as listed_rows
from myscheduler.adapters.store.tables import to_micros
from myscheduler.core.history.execution import Kind, Status
from myscheduler.core.reason import Reason
from tests.support.stored import HOUR, NOW, claim, ended, run, skip, stored

pytestmark = pytest.mark.anyio


class TestRows:
    async def test_the_values_of_a_record(self, store: Store) -> None:
        (only,) = await ended(store, "a", Status.FAILED)
        (record,) = await store.read(partial(execution_rows.by_ids, execution_ids=[only]))
        (row,) = await store.read(partial(listed_rows.by_ids, execution_ids=[only]))
        times = {"slot", "last_slot", "started_at", "completed_at"}
        same = row._asdict().keys() - times - {"source_path", "source_line", "source_revision", "parent_execution_id"}
        assert (row.parent_execution_id, record.link) == (None, None)
        assert {name: getattr(row, name) for name in same} == {name: getattr(record, name) for name in same}
        assert {name: getattr(row, name) for name in times} == {
            name: to_micros(getattr(record, name)) for name in times
        }

    async def test_slots_that_did_not_run_have_no_start(self, store: Store) -> None:
        await claim(store, skip(await stored(store), NOW + HOUR, NOW + 5 * HOUR, 5, Reason.PAUSED))
        (row,) = await store.read(partial(listed_rows.recent, limit=9))
        assert (row.reason, row.slot_count, row.started_at, row.completed_at) == ("paused", 5, None, None)

    async def test_the_newest_first(self, store: Store) -> None:
        ids = await ended(store, "a", *[Status.COMPLETED] * 5)
        last = await ended(store, "b", *[Status.COMPLETED] * 6)
        of_job = await store.read(partial(listed_rows.of_job, job_id="a", limit=3))
        named = await store.read(partial(listed_rows.by_ids, execution_ids=ids[:3]))
        assert [row.execution_id for row in of_job] == ids[:1:-1]
        assert [row.execution_id for row in named] == ids[2::-1]
        recent = await store.read(partial(listed_rows.recent, limit=2))
        assert [row.execution_id for row in recent] == [last[-1], max(ids[-1], last[-2])]


class TestStrips:
    async def test_each_job_has_its_newest_rows(self, store: Store) -> None:
        _, second, third = await ended(store, "a", Status.FAILED, Status.COMPLETED, Status.RUNNING)
        (only,) = await ended(store, "b", Status.COMPLETED)
        found = await store.read(partial(listed_rows.strips, job_ids=["a", "b", "c"], limit=2))
        assert {job_id: [row[1] for row in rows] for job_id, rows in found.items()} == {
            "a": [third, second], "b": [only], "c": [],
        }  # fmt: skip
        assert found["b"][0][2:4] == (Status.COMPLETED, to_micros(NOW + HOUR))

    async def test_not_more_than_that_if_the_oldest_two_have_the_same_slot(self, store: Store) -> None:
        job = await stored(store)
        await claim(store, run(job, NOW + HOUR), run(job, NOW + HOUR, kind=Kind.MANUAL))
        found = await store.read(partial(listed_rows.strips, job_ids=["a"], limit=1))
        assert len(found["a"]) == 1

    @pytest.mark.parametrize("count", [1, 2, 499, 500, 501, 513])
    async def test_of_many_jobs_in_the_order_asked_for(self, store: Store, count: int) -> None:
        (only,) = await ended(store, "a", Status.COMPLETED)
        ids = [*(f"job-{number}" for number in range(count - 1)), "a"]
        found = await store.read(partial(listed_rows.strips, job_ids=ids, limit=5))
        assert list(found) == ids
        assert [row[1] for rows in found.values() for row in rows] == [only]
