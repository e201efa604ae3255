"""Due times: tables of what happens where clocks change, at the ends of time, and between."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.schedule.cron import Cron
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.exclusions import next_run
from myscheduler.core.schedule.slots import (
    Interval,
    Once,
    Schedule,
    count_between,
    last_until,
    next_after,
)
from myscheduler.errors import ScheduleError
from tests.support.slots import at, cron, walk


@pytest.mark.parametrize(
    ("crontab", "zone_name", "after", "expected"),
    [
        pytest.param("30 10 * * *", "Asia/Tokyo", "2026-07-01T01:29Z", ["07-01T01:30", "07-02T01:30"], id="Tokyo"),
        pytest.param("30 10 * * *", "Asia/Tokyo", "2026-07-01T01:30Z", ["07-02T01:30"], id="strictly after"),
        pytest.param("0 9 * * 1-5", "Asia/Tokyo", "2026-07-03T00:00Z", ["07-06T00:00"], id="over a weekend"),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:30"], id="gap: after"
        ),
        pytest.param(
            "0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:00"], id="gap: one"
        ),
        pytest.param(
            "30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-29T01:30"], id="gap, next"
        ),
        pytest.param(
            "0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:00"], id="gap end due"
        ),
        pytest.param(
            "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T00:30", "10-26T01:30"], id="repeat: once"
        ),
        pytest.param("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15Z", ["10-26T01:30"], id="repeat: not when begun"),
        pytest.param(
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00Z",
            ["10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30", "10-26T01:00"],
            id="repeat: real time twice",
        ),
        pytest.param("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-30T00:00"], id="gap: real time not"),
        pytest.param(
            "0 * * * *",
            "America/New_York",
            "2026-11-01T04:30Z",
            ["11-01T05:00", "11-01T06:00", "11-01T07:00"],
            id="hourly",
        ),
        pytest.param(
            "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", ["10-03T15:30", "10-04T15:15"], id="half an hour"
        ),
        pytest.param(
            "30 10 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", ["12-30T10:00"], id="the missing day: right after"
        ),
        pytest.param("*/30 10 30 12 *", "Pacific/Apia", "2011-12-01T00:00Z", ["2012-12-29T20:00"], id="missing, real"),
        pytest.param(
            "30 23 * * *",
            "America/St_Johns",
            "2010-11-06T12:00Z",
            ["11-07T02:00", "11-08T03:00"],
            id="back to yesterday",
        ),
        pytest.param(
            "*/30 23 * * *",
            "America/St_Johns",
            "2010-11-06T12:00Z",
            ["11-07T01:30", "11-07T02:00", "11-07T03:00", "11-08T02:30"],
            id="back to yesterday, real time",
        ),
        pytest.param(
            {"hour": 2, "minute": 30, "second": "0,15"},
            "Europe/Berlin",
            "2026-03-28T12:00Z",
            ["03-29T01:00", "03-30T00:30", "03-30T00:30:15"],
            id="seconds in a gap",
        ),
        pytest.param({"year": 2025}, "UTC", "2026-01-01T00:00Z", [], id="in the past only"),
    ],
)
def test_cron_in_a_zone(crontab: Any, zone_name: str, after: str, expected: list[str]) -> None:
    start = at(after)
    full = [at(f"{each if each[4] == '-' else f'{start.year}-{each}'}Z") for each in expected]
    assert walk(cron(crontab, zone_name), start, max(1, len(full))) == full


def test_fractions_of_a_second_don_t_repeat_a_slot() -> None:
    slot = at("2026-07-01T10:00Z")
    tick = timedelta(microseconds=1)
    assert next_after(cron("0 10 * * *"), slot - tick) == slot
    assert next_after(cron("0 10 * * *"), slot + tick) == slot + timedelta(days=1)
    assert last_until(cron("0 10 * * *"), slot - tick, after=slot - timedelta(days=2)) == slot - timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        pytest.param(Interval(timedelta(minutes=5), at("2026-01-01T00:01Z")), "2026-01-01T00:06Z", "00:11", id="next"),
        pytest.param(
            Interval(timedelta(minutes=5), at("2026-01-01T00:01Z")), "2026-01-01T00:08Z", "00:11", id="between"
        ),
        pytest.param(Interval(timedelta(minutes=5), at("2026-01-01T00:01Z")), "2020-01-01T00:00Z", "00:06", id="first"),
        pytest.param(Once(at("2026-01-01T00:06Z")), "2026-01-01T00:05Z", "00:06", id="once, ahead"),
        pytest.param(Once(at("2026-01-01T00:06Z")), "2026-01-01T00:06Z", None, id="once, over"),
    ],
)
def test_intervals_and_single_runs(schedule: Schedule, after: str, expected: str | None) -> None:
    assert next_after(schedule, at(after)) == (expected and at(f"2026-01-01T{expected}Z"))


def test_an_interval_is_longer_than_zero() -> None:
    with pytest.raises(ScheduleError, match="longer than zero"):
        Interval(timedelta(), at("2026-01-01T00:00Z"))


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(cron("* * * * *", "Pacific/Apia"), id="cron, ahead of UTC"),
        pytest.param(cron("0 12 * * *", "America/New_York"), id="cron, behind UTC"),
        pytest.param(Interval(timedelta(days=999999), at("2026-01-01T00:00Z")), id="long interval"),
        pytest.param(Interval(timedelta.max, at("2026-01-01T00:00Z")), id="longest interval"),
        pytest.param(Interval(timedelta(microseconds=1), at("9999-12-31T23:00Z")), id="shortest interval"),
        pytest.param(Once(datetime.max.replace(tzinfo=UTC)), id="once, at the end"),
    ],
)
def test_the_ends_of_time(schedule: Schedule) -> None:
    first, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert next_after(schedule, end) is None
    assert last_until(schedule, first, after=first) is None
    assert count_between(schedule, end, first) == 0
    for after in (first, end - timedelta(days=1), end - timedelta(days=3)):
        following = next_after(schedule, after)
        assert following is None or following > after
    latest = last_until(schedule, end, after=first)
    assert (latest is None) is (count_between(schedule, first, end) == 0)


def test_counting_the_whole_calendar_is_arithmetic() -> None:
    first, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    days = date(9999, 12, 31).toordinal() - date(1970, 1, 1).toordinal() + 1
    assert count_between(cron("*/5 * * * *"), first, end) == days * 288


@pytest.mark.parametrize(
    ("options", "zone_name", "after", "expected"),
    [
        pytest.param(
            {"overlap": "both"}, "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T00:30", "10-25T01:30"], id="both"
        ),
        pytest.param(
            {"overlap": "both"}, "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:30"], id="gap"
        ),
        pytest.param({"gap": "skip"}, "Europe/Berlin", "2026-03-28T12:00Z", ["03-30T00:30", "03-31T00:30"], id="skip"),
        pytest.param(
            {"gap": "skip"}, "Asia/Tokyo", "2026-03-28T12:00Z", ["03-28T17:30", "03-29T17:30"], id="no change"
        ),
    ],
)
def test_options_where_clocks_change(options: dict[str, Any], zone_name: str, after: str, expected: list[str]) -> None:
    schedule = Cron(parse_cron("30 2 * * *"), zone_name, **options)
    first = next_run(schedule, at(after))
    assert first is not None
    second = next_run(schedule, first)
    assert [f"{one:%m-%dT%H:%M}" for one in (first, second) if one] == expected
