"""Slots that fell due while the service was down."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.reason import Reason
from tests.support.parts import MovableClock, is_over, opened
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


async def slept(folder: Path, clock: MovableClock, target: Target, job_id: str = "a", **fields: object) -> None:
    """A job that was made at `clock`, by a service that was then down until now."""
    async with opened(folder, clock=clock) as parts:
        await parts.create(job_id, **({"target_url": target.url("/run")} | fields))


class TestAfterDowntime:
    async def test_what_was_due_runs_once_and_the_rest_is_recorded(self, tmp_path: Path, target: Target) -> None:
        await slept(tmp_path, MovableClock(timedelta(minutes=-35)), target, interval={"minutes": 10})
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
            rows = await parts.rows("a")
            assert [(row.status, row.reason, row.slot_count, row.cause) for row in rows] == [
                (Status.SKIPPED, Reason.COALESCED, 2, Cause.TIMER),
                (Status.COMPLETED, None, 1, Cause.CATCH_UP),
            ]
            assert len(target.requests) == 1
            assert (await parts.jobs())["a"].next_slot == rows[-1].slot + timedelta(minutes=10)

    async def test_past_grace_is_missed_and_not_sent(self, tmp_path: Path, target: Target) -> None:
        await slept(
            tmp_path, MovableClock(timedelta(minutes=-35)), target, interval={"minutes": 10}, misfire_grace_time=60
        )
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.MISSED, Reason.DEADLINE, 3)
            assert len(await parts.rows("a")) == 1
            assert (await parts.jobs())["a"].execution_count == 0
        assert target.requests == []

    async def test_without_coalesce_each_runs_one_after_the_other(self, tmp_path: Path, target: Target) -> None:
        target.answers("/run", Answer(delay=0.1))
        await slept(tmp_path, MovableClock(timedelta(minutes=-35)), target, interval={"minutes": 10}, coalesce=False)
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            rows = await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) >= 3)
            assert [(row.status, row.slot_count) for row in rows] == [(Status.COMPLETED, 1)] * 3
            slots = [datetime.fromisoformat(one.header("X-MyScheduler-Scheduled-At") or "") for one in target.requests]
            assert slots == [row.slot for row in rows]
        assert all(later.at - earlier.at >= 0.1 for earlier, later in pairwise(target.requests))

    async def test_nothing_is_caught_up_on_where_the_job_says_so(self, tmp_path: Path, target: Target) -> None:
        await slept(tmp_path, MovableClock(timedelta(minutes=-35)), target, interval={"minutes": 10}, catchup="none")
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.MISSED, Reason.CATCH_UP, 3)
            assert (await parts.jobs())["a"].execution_count == 0
        assert target.requests == []

    async def test_several_cron_schedules_are_caught_up_on_as_one(self, tmp_path: Path, target: Target) -> None:
        crons = ["*/10 * * * *", "*/5 * * * *", "0,20,40 * * * *"]
        now = datetime.now(UTC)
        past_the_hour = now.replace(minute=2, second=0) - now  # no slot falls due while the test runs
        made = MovableClock(past_the_hour - timedelta(minutes=36))
        await slept(tmp_path, made, target, cron=crons, coalesce=False, max_instances=10)
        async with opened(tmp_path, clock=MovableClock(past_the_hour)) as parts:
            parts.dispatcher.start()
            rows = await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) >= 7)
            slots = [row.slot for row in rows if row.cause is Cause.CATCH_UP]
            assert len(slots) == len(set(slots)) == 7
            assert {slot.minute % 5 for slot in slots} == {0}
        assert len(target.requests) == 7

    async def test_a_slot_by_the_calendar_is_caught_up_on(self, tmp_path: Path, target: Target) -> None:
        due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
        fields = {"interval": {"weeks": 2}, "anchor": (due - timedelta(days=28)).isoformat(), "clock": "wall"}
        async with opened(tmp_path, clock=MovableClock(timedelta(minutes=-35))) as parts:
            await parts.create("a", target_url=target.url("/run"), timezone="Asia/Tokyo", **fields)
        for _ in range(2):
            async with opened(tmp_path) as parts:
                parts.dispatcher.start()
                row = await parts.row_where("a", is_over)
                assert (row.status, row.slot, row.cause) == (Status.COMPLETED, due, Cause.CATCH_UP)
                assert (await parts.jobs())["a"].next_slot == due + timedelta(days=14)
        assert len(target.requests) == 1

    async def test_a_one_off_that_fell_due_runs_once(self, tmp_path: Path, target: Target) -> None:
        at = datetime.now(UTC) - timedelta(minutes=5)
        await slept(tmp_path, MovableClock(timedelta(minutes=-35)), target, run_at=at.isoformat())
        for _ in range(2):
            async with opened(tmp_path) as parts:
                parts.dispatcher.start()
                row = await parts.row_where("a", is_over)
                assert (row.status, row.slot, row.cause) == (Status.COMPLETED, at, Cause.CATCH_UP)
                assert (await parts.jobs())["a"].next_slot is None
        assert len(target.requests) == 1

    async def test_a_paused_job_stays_silent_and_says_so(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me")
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.SKIPPED, Reason.PAUSED, 3)
        assert target.requests == []

    async def test_a_pause_ends_by_itself_at_its_moment(self, tmp_path: Path, target: Target) -> None:
        """The slot at its end runs on time, though nobody has taken the pause off."""
        first = datetime.now(UTC) + timedelta(seconds=1)
        async with opened(tmp_path) as parts:
            fields = {"interval": {"seconds": 1}, "anchor": (first - timedelta(seconds=60)).isoformat()}
            await parts.create("a", target_url=target.url(), **fields)
            end = first + timedelta(seconds=1)
            await parts.catalog.pause("a", by="me", until=end)
            parts.dispatcher.start()
            row = await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
            assert (row.slot, row.cause) == (end, Cause.TIMER)
            paused = (await parts.rows("a"))[0]
            assert (paused.status, paused.reason, paused.last_slot) == (Status.SKIPPED, Reason.PAUSED, first)
            await parts.catalog.end_pauses()
            assert (await parts.jobs())["a"].pause is None
            rows = await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) > 1)
            slots = [row.slot for row in rows if row.status is Status.COMPLETED]
            assert slots == [end + n * timedelta(seconds=1) for n in range(len(slots))]

    async def test_a_pause_that_ended_while_the_service_was_down(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me", until=datetime.now(UTC) - timedelta(minutes=10))
        async with opened(tmp_path) as parts:
            await parts.catalog.end_pauses()
            parts.dispatcher.start()
            rows = await parts.rows_where("a", lambda rows: any(is_over(row) and row.started_at for row in rows))
            told = [(row.status, row.reason, row.slot_count) for row in rows]
            assert told == [(Status.SKIPPED, Reason.PAUSED, 2), (Status.COMPLETED, None, 1)]
        assert len(target.requests) == 1
