"""Gaps: slots of which nothing was sent share a row as long as one reason holds."""

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import unrun as unrun_rows
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.core.history.execution import Kind, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import Interval
from tests.support.parts import job
from tests.support.stored import HOUR, NOW, claim, found, history, run, skip, stored

pytestmark = pytest.mark.anyio


class TestGaps:
    async def test_gaps_of_one_reason_share_a_row(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, skip(new, NOW + 2 * HOUR, NOW + 4 * HOUR, 3))
        (row,) = await history(store)
        assert (row.slot, row.last_slot, row.slot_count) == (NOW + HOUR, NOW + 4 * HOUR, 4)
        assert (row.status, row.reason, row.started_at) == (Status.SKIPPED, Reason.OVERLAP, None)
        after = await found(store)
        assert (after.cursor, after.execution_count) == (NOW + 4 * HOUR, 0)

    async def test_another_reason_begins_a_row_of_its_own(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, skip(new, NOW + 2 * HOUR, NOW + 2 * HOUR, 1, Reason.PAUSED))
        await claim(store, skip(new, NOW + 3 * HOUR, NOW + 3 * HOUR, 1))
        assert [row.reason for row in await history(store)] == [Reason.OVERLAP, Reason.PAUSED, Reason.OVERLAP]

    async def test_a_run_between_parts_two_gaps(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, run(new, NOW + 2 * HOUR))
        await claim(store, skip(new, NOW + 3 * HOUR, NOW + 3 * HOUR, 1))
        assert [row.status for row in await history(store)] == [Status.SKIPPED, Status.RUNNING, Status.SKIPPED]

    async def test_a_manual_run_between_does_not_part_them(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, run(new, NOW + 1.5 * HOUR, kind=Kind.MANUAL))
        await claim(store, skip(new, NOW + 2 * HOUR, NOW + 2 * HOUR, 1))
        scheduled = [row for row in await history(store) if row.kind is Kind.SCHEDULED]
        assert [row.slot_count for row in scheduled] == [2]

    async def test_gaps_and_the_run_behind_them_are_one_claim(self, store: Store) -> None:
        new = await stored(store)
        gaps = (
            Unrun(Status.MISSED, Reason.DEADLINE, NOW + HOUR, NOW + 2 * HOUR, 2),
            Unrun(Status.SKIPPED, Reason.COALESCED, NOW + 3 * HOUR, NOW + 3 * HOUR, 1),
        )
        assert await claim(store, run(new, NOW + 4 * HOUR, unrun=gaps)) == [True]
        rows = [(row.status, row.reason, row.slot_count) for row in await history(store)]
        assert rows == [
            (Status.MISSED, Reason.DEADLINE, 2),
            (Status.SKIPPED, Reason.COALESCED, 1),
            (Status.RUNNING, None, 1),
        ]


async def record(store: Store, *undone: UnrunOfJob) -> None:
    await store.write(partial(unrun_rows.record_unrun, unrun=undone))


def overlap(first: float, last: float | None = None, *, reason: Reason = Reason.OVERLAP) -> Unrun:
    """Hourly slots that were skipped."""
    last = first if last is None else last
    return Unrun(Status.SKIPPED, reason, NOW + first * HOUR, NOW + last * HOUR, round(last - first) + 1)


def undone(of: Job, *gaps: Unrun, is_followed: bool = False) -> UnrunOfJob:
    return UnrunOfJob(of.job_id, gaps, of.digest, None, is_followed)


async def told(store: Store, job_id: str = "a") -> list[tuple[str, float, float, int]]:
    """Each row with its hours from NOW on."""
    return [
        (row.reason or row.status, (row.slot - NOW) / HOUR, (row.last_slot - NOW) / HOUR, row.slot_count)
        for row in await history(store, job_id)
    ]


class TestRecordGaps:
    async def test_each_job_of_a_batch_joins_its_own_row(self, store: Store) -> None:
        jobs = [await stored(store, name) for name in "abc"]
        await record(store, *(undone(one, overlap(hour)) for hour, one in enumerate(jobs[:2], start=1)))
        await record(store, *(undone(one, overlap(hour, hour + 2)) for hour, one in enumerate(jobs, start=5)))
        assert [await told(store, name) for name in "abc"] == [
            [("overlap", 1, 7, 4)],
            [("overlap", 2, 8, 4)],
            [("overlap", 7, 9, 3)],
        ]

    async def test_more_jobs_than_one_statement_can_name(self, store: Store) -> None:
        jobs = [job(f"job-{number}", NOW) for number in range(1_200)]
        await store.write(partial(job_rows.insert_jobs, new=jobs))
        for hour in (1, 2):
            await record(store, *(undone(one, overlap(hour)) for one in jobs))
        rows = await store.read(partial(execution_rows.recent, limit=5_000))
        assert {(row.last_slot, row.slot_count) for row in rows} == {(NOW + 2 * HOUR, 2)}
        assert len(rows) == len(jobs)

    async def test_several_gaps_of_a_job_in_one_batch(self, store: Store) -> None:
        new = await stored(store)
        await record(store, undone(new, overlap(1)))
        paused = overlap(4, 5, reason=Reason.PAUSED)
        await record(
            store, undone(new, overlap(2, 3), paused), undone(new, overlap(6, reason=Reason.PAUSED), overlap(7))
        )
        assert await told(store) == [("overlap", 1, 3, 3), ("paused", 4, 6, 3), ("overlap", 7, 7, 1)]

    async def test_one_status_with_another_reason_and_one_reason_with_another_status_are_apart(
        self, store: Store
    ) -> None:
        new = await stored(store)
        missed = Unrun(Status.MISSED, Reason.OVERLAP, NOW + 3 * HOUR, NOW + 3 * HOUR, 1)
        for one in (overlap(1), overlap(2, reason=Reason.PAUSED), missed):
            await record(store, undone(new, one))
        rows = [(row.status, row.reason, row.slot_count) for row in await history(store)]
        assert rows == [
            (Status.SKIPPED, Reason.OVERLAP, 1),
            (Status.SKIPPED, Reason.PAUSED, 1),
            (Status.MISSED, Reason.OVERLAP, 1),
        ]

    async def test_an_execution_in_between_parts_them_in_one_batch_too(self, store: Store) -> None:
        new = await stored(store)
        skips = [skip(new, NOW + hour * HOUR, NOW + hour * HOUR, 1) for hour in (1, 2, 4, 5)]
        assert await claim(store, *skips[:2], run(new, NOW + 3 * HOUR), *skips[2:]) == [True] * 5
        assert await told(store) == [("overlap", 1, 2, 2), ("running", 3, 3, 1), ("overlap", 4, 5, 2)]

    async def test_an_execution_of_another_job_does_not(self, store: Store) -> None:
        a, b = [await stored(store, name) for name in "ab"]
        skips = [skip(a, NOW + hour * HOUR, NOW + hour * HOUR, 1) for hour in (1, 3)]
        await claim(store, skips[0], run(b, NOW + 2 * HOUR), skips[1])
        assert await told(store) == [("overlap", 1, 3, 2)]

    async def test_gaps_before_an_execution_join_the_row_before_them(self, store: Store) -> None:
        new = await stored(store)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1))
        await claim(store, run(new, NOW + 3 * HOUR, unrun=(overlap(2),)))
        assert await told(store) == [("overlap", 1, 2, 2), ("running", 3, 3, 1)]

    async def test_a_gap_older_than_the_newest_row_is_a_row_of_its_own(self, store: Store) -> None:
        """A one-off whose moment was over when it was declared."""
        new = await stored(store)
        await record(store, undone(new, overlap(5)))
        await record(store, undone(new, overlap(2)))
        assert await told(store) == [("overlap", 2, 2, 1), ("overlap", 5, 5, 1)]

    async def test_a_slot_that_is_in_the_history_already_is_not_counted_twice(self, store: Store) -> None:
        """The same one-off, expired, declared anew."""
        new = await stored(store)
        for _ in range(2):
            await record(store, undone(new, overlap(2)))
        assert await told(store) == [("overlap", 2, 2, 1)]

    async def test_slots_ahead_that_were_sent_keep_their_rows_and_part_the_others(self, store: Store) -> None:
        new = await stored(store)
        hourly = Interval(HOUR, NOW - 9 * HOUR)
        await claim(store, skip(new, NOW + HOUR, NOW + HOUR, 1), run(new, NOW + 3 * HOUR), run(new, NOW + 4 * HOUR))
        await claim(store, run(new, NOW + 9 * HOUR))
        await record(store, undone(new, replace(overlap(2, 4), schedule=hourly)))
        await record(store, undone(new, replace(overlap(5), schedule=hourly)))
        whole = (replace(overlap(6), schedule=hourly), replace(overlap(7, 11, reason=Reason.PAUSED), schedule=hourly))
        await record(store, undone(new, *whole))
        assert await told(store) == [
            ("overlap", 1, 2, 2),
            ("running", 3, 3, 1),
            ("running", 4, 4, 1),
            ("overlap", 5, 6, 2),
            ("paused", 7, 8, 2),
            ("running", 9, 9, 1),
            ("paused", 10, 11, 2),
        ]

    async def test_gaps_after_a_moment_are_forgotten_and_the_one_before_it_is_found(self, store: Store) -> None:
        new = await stored(store)
        other = await stored(store, "b")
        claims = [
            skip(new, NOW + HOUR, NOW + 3 * HOUR, 3),
            run(new, NOW + 4 * HOUR),
            skip(new, NOW + 5 * HOUR, NOW + 6 * HOUR, 2),
        ]
        await claim(store, *claims, skip(other, NOW + 5 * HOUR, NOW + 5 * HOUR, 1))

        def last(connection: sa.Connection, until: datetime, reason: Reason | None = None) -> Unrun | None:
            return unrun_rows.last_unrun(connection, "a", until, reason)[1]

        assert await store.read(partial(last, until=NOW + 2 * HOUR)) == overlap(1, 3)
        assert await store.read(partial(last, until=NOW + 4 * HOUR)) is None
        assert await store.read(partial(last, until=NOW + 9 * HOUR, reason=Reason.OVERLAP)) == overlap(5, 6)
        assert await store.read(partial(last, until=NOW + 9 * HOUR, reason=Reason.PAUSED)) is None
        await store.write(partial(unrun_rows.forget_unrun, job_id="a", after=NOW + 2 * HOUR))
        assert await told(store) == [("overlap", 1, 3, 3), ("running", 4, 4, 1)]
        assert await told(store, "b") == [("overlap", 5, 5, 1)]

    async def test_nothing_is_undone(self, store: Store) -> None:
        new = await stored(store)
        await record(store)
        await record(store, undone(new), undone(new, is_followed=True))
        assert await history(store) == []
