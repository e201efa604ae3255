"""Which jobs are failing, what went wrong lately, and rows reduced to what screens show, in databases of each kind."""

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import lately as lately_rows
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.budget import Tally
from myscheduler.core.history.execution import Finish, Kind, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.reason import Reason
from tests.support.stored import HOUR, NOW, claim, ended, run, skip, stored

pytestmark = pytest.mark.anyio


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


class TestTallies:
    async def test_due_runs_count_from_each_start(self, store: Store) -> None:
        await ended(store, "a", Status.COMPLETED, Status.FAILED, Status.INTERRUPTED, Status.RUNNING, Status.COMPLETED)
        starts = [NOW + hour * HOUR for hour in (1, 2, 5, 6)]
        found = await store.read(partial(lately_rows.tallies, job_id="a", starts=starts, late_sec=None))
        assert found == [Tally(2, 2), Tally(1, 2), Tally(1, 0), Tally()]

    async def test_slots_that_were_missed_count_and_skipped_ones_do_not(self, store: Store) -> None:
        one = await stored(store, "a")
        await claim(store, skip(one, NOW, NOW + 3 * HOUR, 4))
        two = await stored(store, "b")
        gap = Unrun(Status.MISSED, Reason.DEADLINE, NOW, NOW + 3 * HOUR, 4)
        await claim(store, Claim("b", two.version, two.digest, None, (gap,), None, NOW + 3 * HOUR, NOW + 4 * HOUR))
        for job_id, tally in (("a", Tally()), ("b", Tally(0, 4))):
            assert await store.read(partial(lately_rows.tallies, job_id=job_id, starts=[NOW], late_sec=None)) == [tally]

    async def test_a_run_that_began_too_late_did_not_go_well(self, store: Store) -> None:
        job = await stored(store)
        one = run(job, NOW)
        assert one.execution is not None
        await claim(store, one)
        begun = NOW + timedelta(seconds=60, microseconds=1)
        finish = Finish(one.execution.execution_id, Status.COMPLETED, begun, begun + HOUR, 1, Outcome())
        await store.write(partial(claim_rows.finish, finishes=[finish]))
        for late_sec, tally in ((None, Tally(1, 0)), (61, Tally(1, 0)), (60, Tally(0, 1)), (0, Tally(0, 1))):
            found = await store.read(partial(lately_rows.tallies, job_id="a", starts=[NOW], late_sec=late_sec))
            assert found == [tally]

    async def test_manual_runs_do_not_count(self, store: Store) -> None:
        job = await stored(store)
        one = run(job, NOW, kind=Kind.MANUAL)
        assert one.execution is not None
        await claim(store, one)
        finish = Finish(one.execution.execution_id, Status.COMPLETED, NOW, NOW + HOUR, 1, Outcome())
        await store.write(partial(claim_rows.finish, finishes=[finish]))
        assert await store.read(partial(lately_rows.tallies, job_id="a", starts=[NOW], late_sec=None)) == [Tally()]


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


class TestCountsAndPoints:
    async def test_rows_and_slots_are_counted_by_status(self, store: Store) -> None:
        await ended(store, "a", Status.FAILED, Status.COMPLETED, Status.COMPLETED)
        missed = await stored(store, "b")
        await claim(store, skip(missed, NOW + HOUR, NOW + 2 * HOUR, 2))
        whole = partial(lately_rows.counts, since=NOW, until=NOW + 9 * HOUR)
        assert sorted(await store.read(partial(whole, job_id="a"))) == [
            (Status.COMPLETED, 2, 2), (Status.FAILED, 1, 1),
        ]  # fmt: skip
        assert [(one.rows, one.slots) for one in await store.read(partial(whole, job_id="b"))] == [(1, 2)]
        some = partial(lately_rows.counts, since=NOW + 2 * HOUR, until=NOW + 3 * HOUR)
        assert [tuple(one) for one in await store.read(partial(some, job_id="a"))] == [(Status.COMPLETED, 1, 1)]

    async def test_points_are_of_what_was_sent(self, store: Store) -> None:
        ids = await ended(store, "a", Status.FAILED, Status.COMPLETED, Status.RUNNING)
        missed = await stored(store, "b")
        await claim(store, skip(missed, NOW + HOUR, NOW + 2 * HOUR, 2))
        read = partial(lately_rows.points, since=NOW, limit=2)
        found = await store.read(partial(read, job_id="a"))
        assert {one for one, _ in found} <= set(ids)
        assert [result.slot for _, result in found] == sorted((result.slot for _, result in found), reverse=True)
        assert all(result.started_at for _, result in found)
        assert await store.read(partial(read, job_id="b")) == []
