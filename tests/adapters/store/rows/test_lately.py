"""Which jobs are failing, what went wrong lately, and rows reduced to what screens show, in databases of each kind."""

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import lately as lately_rows
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.history.execution import Finish, Kind, Status
from myscheduler.core.reason import Reason
from tests.support.stored import HOUR, NOW, claim, run, skip, stored

pytestmark = pytest.mark.anyio


async def ended(store: Store, job_id: str, *statuses: Status) -> list[str]:
    """A new job whose executions ended so, an hour apart. Returns their ids."""
    job = await stored(store, job_id)
    found = []
    for hour, status in enumerate(statuses, start=1):
        one = run(job, NOW + hour * HOUR)
        assert await claim(store, one) == [True]
        assert one.execution is not None
        found.append(one.execution.execution_id)
        if status is not Status.RUNNING:
            outcome = Outcome(failure=Failure.HTTP_ERROR if status is Status.FAILED else None)
            finish = Finish(found[-1], status, NOW + hour * HOUR, NOW + hour * HOUR + timedelta(seconds=2), 1, outcome)
            await store.write(partial(claim_rows.finish, finishes=[finish]))
    return found


class TestFailingJobs:
    @pytest.mark.parametrize(
        ("statuses", "is_failing"),
        [
            pytest.param((), False, id="never ran"),
            pytest.param((Status.COMPLETED, Status.FAILED), True, id="the last one failed"),
            pytest.param((Status.FAILED, Status.COMPLETED), False, id="the last one completed"),
            pytest.param((Status.FAILED, Status.RUNNING), True, id="another one is running"),
            pytest.param((Status.FAILED, Status.INTERRUPTED), True, id="another one was interrupted"),
            pytest.param((Status.COMPLETED, Status.INTERRUPTED), False, id="interrupted after one that completed"),
            pytest.param((Status.RUNNING,), False, id="the first one is running"),
        ],
    )
    async def test_the_last_result_counts(self, store: Store, statuses: tuple[Status, ...], is_failing: bool) -> None:
        await ended(store, "a", *statuses)
        await ended(store, "b", Status.COMPLETED)
        assert await store.read(lately_rows.failing_jobs) == ({"a"} if is_failing else set())


class TestWrong:
    async def test_the_newest_come_first_whatever_went_wrong(self, store: Store) -> None:
        failed, _, interrupted, _ = await ended(
            store, "a", Status.FAILED, Status.COMPLETED, Status.INTERRUPTED, Status.RUNNING
        )
        missed = await stored(store, "b")
        await claim(store, skip(missed, NOW + HOUR, NOW + 2 * HOUR, 2))
        found = await store.read(partial(execution_rows.wrong, limit=10))
        assert [row.execution_id for row in found] == [interrupted, failed]
        assert [row.execution_id for row in await store.read(partial(execution_rows.wrong, limit=1))] == [interrupted]

    async def test_it_reads_only_its_index(self, store: Store, url: str) -> None:
        if not url.startswith("sqlite"):
            pytest.skip("the plan of PostgreSQL depends on the size of the table")
        statement = str(execution_rows._WRONG.compile(compile_kwargs={"literal_binds": False}))

        def plan(connection: sa.Connection) -> str:
            rows = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement.replace(':status', '?').replace(':most', '?')}", ("failed", 20)
            )
            return " ".join(str(row[3]) for row in rows)

        found = await store.read(plan)
        assert "USING INDEX executions_uncompleted" in found
        assert "TEMP B-TREE" not in found


class TestResults:
    async def test_the_newest_first_up_to_a_number(self, store: Store) -> None:
        await ended(store, "a", Status.FAILED, Status.COMPLETED, Status.RUNNING)
        await ended(store, "b", Status.COMPLETED)
        found = await store.read(partial(lately_rows.results, job_id="a", since=NOW, limit=2))
        assert [(one.status, one.kind, one.slot) for one in found] == [
            (Status.RUNNING, Kind.SCHEDULED, NOW + 3 * HOUR),
            (Status.COMPLETED, Kind.SCHEDULED, NOW + 2 * HOUR),
        ]
        assert [one.duration_ms for one in found] == [None, 2_000]
        assert len(await store.read(partial(lately_rows.results, job_id="a", since=NOW + 2 * HOUR, limit=9))) == 2

    async def test_slots_that_did_not_run(self, store: Store) -> None:
        job = await stored(store)
        await claim(store, skip(job, NOW + HOUR, NOW + 5 * HOUR, 5, Reason.PAUSED))
        (one,) = await store.read(partial(lately_rows.results, job_id="a", since=NOW, limit=9))
        assert (one.status, one.reason, one.slot_count, one.started_at) == (Status.SKIPPED, "paused", 5, None)


class TestStrips:
    async def test_each_job_has_its_newest_rows(self, store: Store) -> None:
        _, second, third = await ended(store, "a", Status.FAILED, Status.COMPLETED, Status.RUNNING)
        (only,) = await ended(store, "b", Status.COMPLETED)
        found = await store.read(partial(lately_rows.strips, job_ids=["a", "b", "c"], limit=2))
        assert {job_id: [row[0] for row in rows] for job_id, rows in found.items()} == {
            "a": [third, second], "b": [only], "c": [],
        }  # fmt: skip
        assert found["b"][0][1:3] == (Status.COMPLETED, NOW + HOUR)
