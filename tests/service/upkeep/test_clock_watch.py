"""The clock is set while the service runs: no slot is sent twice, none is lost, nothing storms and nothing stops."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import time_machine

from myscheduler.core.history.execution import Cause, Record, Status
from myscheduler.core.reason import Reason
from myscheduler.service.upkeep import clock_watch as timekeeper
from tests.support.parts import Parts, opened
from tests.support.patience import PATIENCE
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 3, 1, 7, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TWO_YEARS = 730 * DAY
EVERY_SECOND = {"interval": {"seconds": 1}, "anchor": (NOW - 9 * DAY).isoformat()}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Parts]:
    async with opened(folder, zone="UTC", drain_sec=2) as parts:
        parts.dispatcher.start()
        keeping = asyncio.create_task(parts.timekeeper.run())
        yield parts
        keeping.cancel()


@pytest.fixture
async def parts(clock: time_machine.Traveller, tmp_path: Path) -> AsyncIterator[Parts]:  # noqa: ARG001
    async with served(tmp_path) as running:
        yield running


def now() -> datetime:
    return datetime.now(UTC)


async def ran(parts: Parts, count: int = 1, *, after: datetime, until: datetime | None = None) -> list[Record]:
    """The job's rows, as soon as so many of its slots after a moment (and until another) were sent."""
    rows = await parts.rows_where(
        "a",
        lambda rows: (
            sum(row.status is Status.COMPLETED and after < row.slot <= (until or row.slot) for row in rows) >= count
        ),
    )
    return sorted(rows, key=lambda row: row.slot)


def sent(target: Target) -> list[datetime]:
    return [datetime.fromisoformat(one.header("X-MyScheduler-Scheduled-At") or "") for one in target.requests]


def check(rows: Sequence[Record], target: Target, until: datetime) -> None:
    """No slot was sent twice, and each up to that moment is in exactly one row, of a job that is due every second."""
    assert len(set(sent(target))) == len(sent(target))
    assert {row.slot for row in rows if row.attempts} <= set(sent(target))
    for row in rows:
        assert row.last_slot - row.slot == (row.slot_count - 1) * SECOND
    for earlier, later in pairwise(rows):
        assert later.slot > earlier.last_slot
        assert later.slot == earlier.last_slot + SECOND or later.slot > until


class TestForward:
    async def test_what_fell_due_runs_once_and_the_rest_is_one_row(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        await parts.create("a", **EVERY_SECOND, target_url=target.url(), misfire_grace_time=100_000)
        await ran(parts, after=NOW)
        clock.shift(3 * HOUR)
        rows = await ran(parts, 3, after=now() - MINUTE)
        check(rows, target, now())
        (gap,) = [row for row in rows if row.status is not Status.COMPLETED]
        assert (gap.status, gap.reason) == (Status.SKIPPED, Reason.COALESCED)
        assert gap.slot_count > 3 * 3600 - 10

    async def test_what_is_over_its_grace_is_missed(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        await parts.create("a", **EVERY_SECOND, target_url=target.url())
        await ran(parts, after=NOW)
        clock.shift(3 * HOUR)
        rows = await ran(parts, 2, after=now() - MINUTE)
        check(rows, target, now())
        gaps = [(row.reason, row.slot_count) for row in rows if row.status is not Status.COMPLETED]
        (missed, much), (coalesced, rest) = gaps
        assert (missed, coalesced) == (Reason.DEADLINE, Reason.COALESCED)
        assert much > 2 * 3600 - 10
        assert rest == pytest.approx(3600, abs=3)

    async def test_nothing_of_it_runs_where_the_job_says_so(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        fields = {"interval": {"hours": 1}, "misfire_grace_time": 100_000}
        await parts.create("a", **fields, target_url=target.url(), catchup="none")
        clock.shift(3.5 * HOUR)
        row = await parts.row_where("a", lambda _: True)
        assert (row.status, row.reason, row.slot_count) == (Status.MISSED, Reason.CATCH_UP, 3)
        assert target.requests == []

    @pytest.mark.parametrize(
        ("shift", "expected"),
        [
            pytest.param(DAY, (Status.MISSED, Reason.DEADLINE, Cause.TIMER), id="over its grace"),
            pytest.param(50 * MINUTE, (Status.COMPLETED, None, Cause.CATCH_UP), id="within its grace"),
        ],
    )
    async def test_a_daily_slot(
        self, parts: Parts, clock: time_machine.Traveller, target: Target, shift: timedelta, expected: object
    ) -> None:
        await parts.create("a", cron="0 8 * * *", target_url=target.url())
        clock.shift(shift)
        row = await parts.row_where("a", lambda row: row.status is not Status.RUNNING)
        assert (row.status, row.reason, row.cause) == expected
        assert (row.slot, row.slot_count) == (NOW + 30 * MINUTE, 1)
        assert len(target.requests) == (row.status is Status.COMPLETED)
        assert (await parts.jobs())["a"].next_slot == NOW + DAY + 30 * MINUTE

    async def test_a_timer_that_waits_long_rings_at_its_time(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        await parts.create("a", cron="0 8 * * *", target_url=target.url())
        await asyncio.sleep(0.2)
        clock.shift(30 * MINUTE - 2 * SECOND)
        rows = await ran(parts, after=NOW)
        assert rows[0].cause is Cause.TIMER
        assert rows[0].started_at is not None
        assert timedelta() <= rows[0].started_at - rows[0].slot < PATIENCE * SECOND


class TestBack:
    async def test_the_schedule_goes_on_at_once_and_nothing_is_sent_twice(
        self, parts: Parts, clock: time_machine.Traveller, target: Target, caplog: pytest.LogCaptureFixture
    ) -> None:
        await parts.create("a", **EVERY_SECOND, target_url=target.url())
        await ran(parts, 2, after=NOW)
        clock.shift(-HOUR)
        back = now()
        rows = await ran(parts, 2, after=back, until=NOW - MINUTE)
        assert back < rows[0].slot < back + 5 * SECOND
        check(rows, target, now())
        (line,) = [one for one in caplog.records if one.name == "myscheduler.service.upkeep.clock_watch"]
        assert (line.levelno, line.message) == (
            logging.WARNING,
            "the system clock was set back by 1 h; jobs continue from there",
        )

    async def test_slots_that_were_sent_are_passed_over_when_their_time_comes_again(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        await parts.create("a", **EVERY_SECOND, target_url=target.url())
        await ran(parts, 3, after=NOW)
        clock.shift(-70 * SECOND)
        await ran(parts, after=NOW - MINUTE - 30 * SECOND, until=NOW - MINUTE)
        ahead = NOW - now()
        clock.shift(ahead + SECOND)  # between two that were sent
        rows = await ran(parts, 2, after=NOW + 5 * SECOND)
        check(rows, target, now())
        assert sum(row.status is Status.SKIPPED for row in rows) <= 2

    async def test_slots_that_were_left_out_run_when_their_time_comes(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        target.answers("/slow", Answer(delay=2.3), Answer())
        await parts.create("a", **EVERY_SECOND, target_url=target.url("/slow"))
        rows = await parts.rows_where("a", lambda rows: any(row.reason == Reason.OVERLAP for row in rows))
        skipped = next(row.slot for row in rows if row.reason == Reason.OVERLAP)
        clock.shift(-70 * SECOND)
        await ran(parts, after=NOW - 80 * SECOND, until=NOW - MINUTE)
        assert skipped not in [row.slot for row in await parts.rows("a")]
        clock.shift(skipped - now() - 1.5 * SECOND)
        rows = await ran(parts, 3, after=skipped)
        check(rows, target, now())
        assert skipped in sent(target)

    async def test_an_interval_that_began_in_a_time_that_has_not_come_begins_now(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        await parts.create("a", interval={"seconds": 1}, target_url=target.url())
        clock.shift(-TWO_YEARS)
        back = now()
        rows = await ran(parts, 2, after=back, until=back + MINUTE)
        check(rows, target, now())
        assert (await parts.jobs())["a"].created_at < back + MINUTE

    async def test_a_one_off_that_was_over_in_the_wrong_time_runs_in_the_right_one(
        self, parts: Parts, clock: time_machine.Traveller, target: Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The jumps may both come between two looks at the clock, so that none is seen."""
        monkeypatch.setattr(timekeeper, "CHECK_SEC", 0.5)
        at = NOW + 4 * HOUR
        await parts.create("a", run_at=at.isoformat(), target_url=target.url())
        clock.shift(TWO_YEARS)
        await parts.row_where("a", lambda row: row.reason == Reason.DEADLINE)
        clock.shift(-TWO_YEARS)
        await parts.rows_where("a", lambda rows: not rows)
        assert (await parts.jobs())["a"].next_slot == at
        clock.shift(at - now() - SECOND)
        rows = await ran(parts, after=NOW)
        assert sent(target) == [row.slot for row in rows] == [at]

    async def test_after_two_years_too_far_the_schedule_goes_on_at_once(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        await parts.create("a", **EVERY_SECOND, target_url=target.url())
        await ran(parts, after=NOW)
        clock.shift(TWO_YEARS)
        await ran(parts, after=NOW + DAY)
        clock.shift(-TWO_YEARS)
        back = now()
        rows = await ran(parts, 2, after=back, until=NOW + DAY)
        past = [row for row in rows if row.slot < NOW + DAY]
        check(past, target, now())
        assert all(row.last_slot < NOW + HOUR for row in past)
        assert all(row.status is Status.COMPLETED for row in rows if row not in past)
        assert len(target.requests) < 15
        assert (await parts.jobs())["a"].cursor < NOW + HOUR

    async def test_it_goes_on_when_the_database_comes_back_after_the_jump(
        self, parts: Parts, clock: time_machine.Traveller, target: Target
    ) -> None:
        await parts.create("a", **EVERY_SECOND, target_url=target.url())
        await ran(parts, 2, after=NOW)
        database = next(parts.folder.glob("*.db"))
        away = database.rename(database.with_suffix(".away"))
        clock.shift(-HOUR)
        await asyncio.sleep(1.5)
        away.rename(database)
        rows = await ran(parts, 2, after=NOW - 2 * HOUR, until=NOW - MINUTE)
        check(rows, target, NOW - MINUTE)

    async def test_a_start_with_jobs_ahead_of_the_clock(
        self, clock: time_machine.Traveller, tmp_path: Path, target: Target
    ) -> None:
        async with served(tmp_path) as parts:
            await parts.create("a", **EVERY_SECOND, target_url=target.url())
            clock.shift(TWO_YEARS)
            await ran(parts, after=NOW + DAY)
        clock.shift(-TWO_YEARS)
        back = now()
        async with served(tmp_path) as parts:
            rows = await ran(parts, 2, after=back, until=NOW + DAY)
            check([row for row in rows if row.slot < NOW + DAY], target, now())
        assert len(target.requests) < 15


async def test_small_corrections_change_nothing(
    parts: Parts, clock: time_machine.Traveller, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    # where the machine is busy, a slot that is late is neither left out for the next one nor for an execution before it
    await parts.create("a", **EVERY_SECOND, target_url=target.url(), coalesce=False, max_instances=9)
    await ran(parts, 2, after=NOW)
    clock.shift(-2.5 * SECOND)
    await ran(parts, 4, after=NOW)
    clock.shift(0.8 * SECOND)
    rows = await ran(parts, 7, after=NOW)
    check(rows, target, now())
    assert {row.status for row in rows} <= {Status.COMPLETED, Status.RUNNING}
    assert len([one for one in caplog.records if one.name == "myscheduler.service.upkeep.clock_watch"]) == 1
