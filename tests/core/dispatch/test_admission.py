"""What becomes of due slots: tables of each reason, and the law that none is lost and none counted twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.dispatch.admission import BACKLOG_LIMIT, Step, admit
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun, unrun_between
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import Calendar, WorkingDays
from myscheduler.core.schedule.cron import Cron
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.exclusions import exclusion_at
from myscheduler.core.schedule.slots import (
    LAST_INSTANT,
    TICK,
    Adjusted,
    Interval,
    Once,
    Recurring,
    Schedule,
    slots_between,
)

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTELY = Cron(parse_cron("* * * * *"), "UTC")
SPEC = JobSpec("a", "a", DeclaredCron((("minute", "*"),)), "http://x")


def _told(steps: tuple[Step, ...]) -> list[str]:
    """Each step in a line: `missed deadline 2: 11:01-11:02, run 11:03, cursor 11:03`."""

    def gap(gap: Unrun) -> str:
        return f"{gap.status} {gap.reason} {gap.count}: {gap.first:%H:%M}-{gap.last:%H:%M}"

    return [
        ", ".join(
            [*map(gap, step.unrun), *([f"run {step.run:%H:%M}"] if step.run else []), f"cursor {step.cursor:%H:%M}"]
        )
        for step in steps
    ]


@pytest.mark.parametrize(
    ("fields", "paused", "running", "behind", "told"),
    [
        pytest.param({}, False, 0, 0, [], id="nothing is due"),
        pytest.param({}, False, 0, 1, ["run 12:00, cursor 12:00"], id="on time"),
        pytest.param({}, False, 0, 3, ["skipped coalesced 2: 11:58-11:59, run 12:00, cursor 12:00"], id="coalesced"),
        pytest.param(
            {"coalesce": False},
            False,
            0,
            3,
            ["run 11:58, cursor 11:58", "run 11:59, cursor 11:59", "run 12:00, cursor 12:00"],
            id="one after the other",
        ),
        pytest.param({}, True, 0, 3, ["skipped paused 3: 11:58-12:00, cursor 12:00"], id="paused"),
        pytest.param(
            {"misfire_grace_time": 1}, True, 1, 3, ["skipped paused 3: 11:58-12:00, cursor 12:00"], id="pause wins"
        ),
        pytest.param({}, False, 1, 2, ["skipped overlap 2: 11:59-12:00, cursor 12:00"], id="overlap"),
        pytest.param({"max_instances": 2}, False, 1, 1, ["run 12:00, cursor 12:00"], id="a second instance"),
        pytest.param(
            {"max_instances": 2}, False, 2, 1, ["skipped overlap 1: 12:00-12:00, cursor 12:00"], id="a third one"
        ),
        pytest.param(
            {"misfire_grace_time": 60},
            False,
            0,
            5,
            ["missed deadline 3: 11:56-11:58, skipped coalesced 1: 11:59-11:59, run 12:00, cursor 12:00"],
            id="grace includes its last second",
        ),
        pytest.param(
            {"misfire_grace_time": 59, "coalesce": False},
            False,
            0,
            3,
            ["missed deadline 2: 11:58-11:59, run 12:00, cursor 12:00"],
            id="grace before each",
        ),
        pytest.param(
            {"misfire_grace_time": 90},
            False,
            1,
            3,
            ["missed deadline 1: 11:58-11:58, skipped overlap 2: 11:59-12:00, cursor 12:00"],
            id="grace and overlap",
        ),
    ],
)
def test_table(fields: dict[str, Any], paused: bool, running: int, behind: int, told: list[str]) -> None:
    spec, cursor = replace(SPEC, **fields), NOON - behind * MINUTE
    assert (
        _told(
            admit(
                spec, MINUTELY, paused_until=LAST_INSTANT if paused else None, running=running, cursor=cursor, now=NOON
            )
        )
        == told
    )


@pytest.mark.parametrize(
    ("overlap", "running", "runs"),
    [("skip", 1, False), ("queue", 1, True), ("queue", 101, False), ("replace", 1, True), ("allow", 10_000, True)],
)
def test_overlap(overlap: Any, running: int, runs: bool) -> None:
    spec = replace(SPEC, overlap=overlap)
    steps = admit(spec, MINUTELY, paused_until=None, running=running, cursor=NOON - MINUTE, now=NOON)
    assert _told(steps) == (["run 12:00, cursor 12:00"] if runs else ["skipped overlap 1: 12:00-12:00, cursor 12:00"])


def test_late_one_off() -> None:
    once = Once(NOON)
    for late, told in [(3600, ["run 12:00, cursor 12:00"]), (3601, ["missed deadline 1: 12:00-12:00, cursor 12:00"])]:
        steps = admit(
            SPEC, once, paused_until=None, running=0, cursor=NOON - MINUTE, now=NOON + timedelta(seconds=late)
        )
        assert _told(steps) == told


SPRING = datetime(2026, 3, 29, 12, tzinfo=UTC)  # Berlin's clocks jumped from 02:00 to 03:00, 01:00 in UTC
HALF_PAST_TWO = Cron(parse_cron("30 2 * * *"), "Europe/Berlin", gap="skip")


@pytest.mark.parametrize(
    ("fields", "paused", "running", "days", "told"),
    [
        pytest.param({}, False, 0, 1, ["skipped dst-gap 1: 01:00-01:00, cursor 01:00"], id="alone"),
        pytest.param({}, True, 0, 1, ["skipped paused 1: 01:00-01:00, cursor 01:00"], id="pause wins"),
        pytest.param({}, False, 1, 1, ["skipped dst-gap 1: 01:00-01:00, cursor 01:00"], id="not an overlap"),
        pytest.param(
            {"misfire_grace_time": 3600},
            False,
            0,
            3,
            ["missed deadline 2: 01:30-01:30, skipped dst-gap 1: 01:00-01:00, cursor 01:00"],
            id="not missed",
        ),
        pytest.param(
            {"misfire_grace_time": 366 * 86_400},
            False,
            0,
            3,
            [
                "skipped coalesced 1: 01:30-01:30, run 01:30, cursor 01:30",
                "skipped dst-gap 1: 01:00-01:00, cursor 01:00",
            ],
            id="the last that is not left out runs",
        ),
        pytest.param(
            {"misfire_grace_time": 366 * 86_400, "coalesce": False},
            False,
            0,
            3,
            [
                "run 01:30, cursor 01:30",
                "run 01:30, cursor 01:30",
                "skipped dst-gap 1: 01:00-01:00, cursor 01:00",
            ],
            id="each that is not left out",
        ),
    ],
)
def test_a_slot_that_a_gap_swallowed(
    fields: dict[str, Any], paused: bool, running: int, days: int, told: list[str]
) -> None:
    spec, cursor = replace(SPEC, **fields), SPRING - timedelta(days=days)
    assert (
        _told(
            admit(
                spec,
                HALF_PAST_TWO,
                paused_until=LAST_INSTANT if paused else None,
                running=running,
                cursor=cursor,
                now=SPRING,
            )
        )
        == told
    )


def test_backlog() -> None:
    spec = replace(SPEC, coalesce=False, misfire_grace_time=86_400)
    steps = admit(spec, MINUTELY, paused_until=None, running=0, cursor=NOON - (BACKLOG_LIMIT + 5) * MINUTE, now=NOON)
    assert _told(steps) == ["missed backlog 104: 10:16-11:59, run 12:00, cursor 12:00"]
    steps = admit(spec, MINUTELY, paused_until=None, running=0, cursor=NOON - BACKLOG_LIMIT * MINUTE, now=NOON)
    assert len(steps) == BACKLOG_LIMIT
    assert all(not step.unrun and step.run == step.cursor for step in steps)


@pytest.mark.parametrize(
    ("fields", "overdue", "catch_up", "told"),
    [
        pytest.param({"catchup": "none"}, 4, None, ["missed catchup 4: 11:57-12:00, cursor 12:00"], id="none"),
        pytest.param(
            {"catchup": "none"},
            3,
            None,
            ["missed catchup 3: 11:57-11:59, run 12:00, cursor 12:00"],
            id="none, one is new",
        ),
        pytest.param(
            {"catchup": "none"}, 0, None, ["skipped coalesced 3: 11:57-11:59, run 12:00, cursor 12:00"], id="all new"
        ),
        pytest.param(
            {"catchup": "none", "misfire_grace_time": 60},
            4,
            None,
            ["missed deadline 2: 11:57-11:58, missed catchup 2: 11:59-12:00, cursor 12:00"],
            id="none, and too late",
        ),
        pytest.param(
            {}, 4, None, ["skipped coalesced 3: 11:57-11:59, run 12:00, cursor 12:00"], id="last is the default"
        ),
        pytest.param(
            {"catchup": "none"},
            4,
            "last",
            ["skipped coalesced 3: 11:57-11:59, run 12:00, cursor 12:00"],
            id="the wish wins",
        ),
        pytest.param(
            {},
            2,
            "all",
            [f"run {time}, cursor {time}" for time in ("11:57", "11:58", "11:59", "12:00")],
            id="the wish for all",
        ),
    ],
)
def test_catching_up(fields: dict[str, Any], overdue: int, catch_up: Any, told: list[str]) -> None:
    cursor = NOON - 4 * MINUTE
    steps = admit(
        replace(SPEC, **fields),
        MINUTELY,
        paused_until=None,
        running=0,
        cursor=cursor,
        now=NOON,
        overdue_until=cursor + overdue * MINUTE,
        catch_up=catch_up,
    )
    assert _told(steps) == told


def test_a_year_of_seconds_is_decided_at_once() -> None:
    spec = replace(SPEC, coalesce=False, misfire_grace_time=366 * 86_400)
    every_second = Interval(timedelta(seconds=1), NOON)
    steps = admit(spec, every_second, paused_until=None, running=0, cursor=NOON, now=NOON + timedelta(days=365))
    assert (len(steps), steps[0].unrun[0].count) == (1, 365 * 86_400 - 1)


_MOMENTS = st.integers(0, 2 * 86_400_000_000).map(  # New York's clocks go back in these two days
    lambda microseconds: datetime(2026, 10, 31, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
_SCHEDULES: st.SearchStrategy[Schedule] = (
    st.builds(
        lambda crontab, zone: Cron(parse_cron(crontab), zone),
        st.sampled_from(["*/7 * * * *", "30 1 * * *", "0 * * * *", "0 0 1 1 *", "* * * * *"]),
        st.sampled_from(["America/New_York", "Asia/Tokyo", "UTC"]),
    )
    | st.builds(Interval, st.timedeltas(timedelta(minutes=5), timedelta(days=3)), _MOMENTS)
    | st.builds(Once, _MOMENTS)
    | st.builds(
        lambda crontab, minutes, weekends, offset: Adjusted(
            Cron(parse_cron(crontab), "America/New_York"),
            timedelta(seconds=offset),
            blackouts=(Recurring(Cron(parse_cron("*/20 * * * *"), "UTC"), timedelta(minutes=minutes)),),
            days=WorkingDays(Calendar(closed=("10-31",)), weekends),
            zone="America/New_York",
        ),
        st.sampled_from(["*/7 * * * *", "30 1 * * *", "* * * * *"]),
        st.integers(1, 30),
        st.booleans(),
        st.integers(0, 100),
    )
)


@given(
    schedule=_SCHEDULES,
    paused=st.booleans(),
    running=st.integers(0, 2),
    cursor=_MOMENTS,
    now=_MOMENTS,
    grace=st.integers(1, 100_000),
    coalesce=st.booleans(),
)
@settings(max_examples=400)
def test_each_due_slot_is_run_once_or_in_one_gap(
    schedule: Schedule, paused: bool, running: int, cursor: datetime, now: datetime, grace: int, coalesce: bool
) -> None:
    spec = replace(SPEC, misfire_grace_time=grace, coalesce=coalesce, max_instances=2)
    steps = admit(
        spec, schedule, paused_until=LAST_INSTANT if paused else None, running=running, cursor=cursor, now=now
    )
    due = list(slots_between(schedule, cursor, now))
    told: list[datetime] = []
    for step in steps:
        for unrun in step.unrun:
            slots = [slot for slot in due if unrun.first <= slot <= unrun.last]
            assert (slots[0], slots[-1], len(slots)) == (unrun.first, unrun.last, unrun.count)
            told += slots
        told += [step.run] if step.run else []
        assert step.cursor == told[-1]
    assert told == due

    runs = [step.run for step in steps if step.run]
    assert not (runs and (paused or running >= 2))
    assert len(runs) <= (1 if coalesce else BACKLOG_LIMIT)
    assert all(now - run <= timedelta(seconds=grace) for run in runs)
    left_out = {slot for slot in due if exclusion_at(schedule, slot)}
    assert not left_out.intersection(runs)
    reasons = {gap.reason for step in steps for gap in step.unrun} & {
        Reason.DST_GAP,
        Reason.BLACKOUT,
        Reason.HOLIDAY,
        Reason.WEEKEND,
    }
    assert paused or reasons == {Reason(why) for slot in due if (why := exclusion_at(schedule, slot))}
    may_run = [slot for slot in due if slot not in left_out]
    if may_run and now - may_run[-1] <= timedelta(seconds=grace) and not paused and running < 2:
        assert runs[-1] == may_run[-1]
    after = steps[-1].cursor if steps else cursor
    assert (
        admit(
            spec,
            schedule,
            paused_until=LAST_INSTANT if paused else None,
            running=running,
            cursor=after,
            now=max(now, after),
        )
        == ()
    )


@given(
    schedule=_SCHEDULES,
    cursor=_MOMENTS,
    now=_MOMENTS,
    until=_MOMENTS,
    grace=st.integers(1, 100_000),
    coalesce=st.booleans(),
)
@settings(max_examples=200)
def test_a_pause_that_ended_by_itself_is_a_later_cursor(
    schedule: Schedule, cursor: datetime, now: datetime, until: datetime, grace: int, coalesce: bool
) -> None:
    """Whenever it is decided, also after a downtime: slots before its end are skipped, the others as ever."""
    spec = replace(SPEC, misfire_grace_time=grace, coalesce=coalesce)
    end = max(cursor, min(until - TICK, now))
    before = unrun_between(schedule, cursor, end, Status.SKIPPED, Reason.PAUSED)
    steps = admit(spec, schedule, paused_until=until, running=0, cursor=cursor, now=now)
    after = admit(spec, schedule, paused_until=None, running=0, cursor=end, now=now) if until <= now else ()
    assert [one for step in steps for one in step.unrun] == [
        *([before] if before else []),
        *(one for step in after for one in step.unrun),
    ]
    assert [step.run for step in steps if step.run] == [step.run for step in after if step.run]
