"""Schedules in plain English: whole sentences, and laws over anything that can be written."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from myscheduler.core.explain.schedule import describe
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    DeclaredWallInterval,
)
from myscheduler.core.schedule.dialect import FIELDS, canonical, crontab_fields, parse_cron
from myscheduler.core.schedule.expression import CronExpression
from myscheduler.errors import ScheduleError

Declared = str | Mapping[str, str]
ANCHOR = datetime(2025, 12, 31, 15, tzinfo=UTC)


def _cron(declared: Declared) -> DeclaredCron:
    return DeclaredCron(tuple((crontab_fields(declared) if isinstance(declared, str) else declared).items()))


def _words(schedule: DeclaredSchedule) -> str:
    return describe(schedule, zone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param("30 10 * * mon-fri", "at 10:30, Monday through Friday", id="a fixed time"),
        pytest.param("0 9,12,18 * * *", "at 09:00, 12:00 and 18:00, every day", id="times"),
        pytest.param("15,45 9,12 * * *", "at 09:15, 09:45, 12:15 and 12:45, every day", id="times of two fields"),
        pytest.param("05 003 * * *", "at 03:05, every day", id="leading zeros"),
        pytest.param(
            {"hour": "10", "second": "30"}, "at 30 seconds past the minute, between 10:00 and 10:59, every day"
        ),
        pytest.param({"hour": "10", "minute": "0", "second": "30"}, "at 10:00:30, every day", id="a second"),
        pytest.param("0 */6 * * *", "at 00:00, 06:00, 12:00 and 18:00, every day", id="a step of four times"),
        pytest.param("* * * * *", "every minute", id="every minute"),
        pytest.param("0 * * * *", "every hour", id="every hour"),
        pytest.param("@hourly", "every hour", id="hourly by name"),
        pytest.param("1 * * * *", "at 1 minute past the hour", id="one minute"),
        pytest.param("*/10 * * * *", "every 10 minutes", id="step"),
        pytest.param("*/7 * * * *", "every 7 minutes within each hour", id="a step that restarts"),
        pytest.param("5/10 * * * *", "every 10 minutes, starting at 5 minutes past the hour", id="from a to the end"),
        pytest.param(
            "1/13 * * * *",
            "every 13 minutes within each hour, starting at 1 minute past the hour",
            id="from a to the end, restarting",
        ),
        pytest.param("*/90 * * * *", "every hour", id="a step that is longer than the hour"),
        pytest.param("*/25 * * * *", "at 0, 25 and 50 minutes past the hour", id="a long step is a list"),
        pytest.param("0-40/10 * * * *", "every 10 minutes from 0 through 40 past the hour", id="a range with a step"),
        pytest.param("0-10,45 * * * *", "at 0 through 10 and 45 minutes past the hour", id="a list with a range"),
        pytest.param("0-10 11 * * *", "at minutes 0 through 10 past the hour, between 11:00 and 11:59, every day"),
        pytest.param("*,5 * * * *", "every minute", id="a list with a star"),
        pytest.param("*/15 9-17 * * 1-5", "every 15 minutes, between 09:00 and 17:59, Monday through Friday"),
        pytest.param("*/5 8,12,18 * * *", "every 5 minutes, in the hours of 08, 12 and 18, every day", id="some hours"),
        pytest.param("*/10 */2 * * *", "every 10 minutes, in every 2nd hour between 00:00 and 22:59", id="two steps"),
        pytest.param("0 9-17 * * *", "every hour from 09:00 to 17:00, every day", id="hourly for a time"),
        pytest.param("30 0-5,12 * * *", "every hour from 00:30 to 05:30 and at 12:30, every day", id="hours in a list"),
        pytest.param("0 */2 * * *", "every 2 hours", id="a step of hours"),
        pytest.param("30 */2 * * *", "every 2 hours from 00:30 to 22:30", id="a step of hours, at a minute"),
        pytest.param("0 */5 * * *", "every 5 hours from 00:00 to 20:00, every day", id="hours that restart each day"),
        pytest.param({"second": "*/10"}, "every 10 seconds", id="seconds"),
        pytest.param({"second": "*/7"}, "every 7 seconds within each minute", id="seconds that restart"),
        pytest.param({"second": "0-10"}, "at seconds 0 through 10 past the minute", id="a range of seconds"),
        pytest.param({"minute": "5", "second": "*/10"}, "every 10 seconds, at 5 minutes past the hour"),
        pytest.param({"hour": "10", "second": "0"}, "every minute, between 10:00 and 10:59, every day", id="left out"),
    ],
)
def test_the_time_of_the_day(declared: Declared, expected: str) -> None:
    assert _words(_cron(declared)) == expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param("* * *", "every day", id="any"),
        pytest.param("1-31 * MON", "every day", id="either, and one is every day"),
        pytest.param("1 * *", "on day 1 of the month", id="a day"),
        pytest.param("1,15 * *", "on days 1 and 15 of the month", id="days"),
        pytest.param("1-10 * *", "on days 1 through 10 of the month", id="a range of days"),
        pytest.param("*/2 * *", "on every 2nd day from 1 to 31 of the month", id="a step of days"),
        pytest.param("5/10 * *", "on days 5, 15 and 25 of the month", id="days from a to the end"),
        pytest.param("L * *", "on the last day of the month", id="L"),
        pytest.param("LW * *", "on the last weekday (Monday through Friday) of the month", id="LW"),
        pytest.param("1,15,L * *", "on days 1, 15 and the last day of the month", id="a list with L"),
        pytest.param("* * 7", "only on Sunday", id="7 is Sunday"),
        pytest.param("* * sun,7,0", "only on Sunday", id="Sunday thrice"),
        pytest.param("* * FRI-SUN", "Friday through Sunday", id="names up to Sunday"),
        pytest.param("* * 5-7", "Friday through Sunday", id="numbers up to Sunday"),
        pytest.param("* * 0-7", "every day", id="all weekdays"),
        pytest.param("* * 0-6/2", "only on Tuesday, Thursday, Saturday and Sunday", id="a range with a step"),
        pytest.param("* * 1,3-5", "only on Monday and Wednesday through Friday", id="a list with a range"),
        pytest.param("* * MON#1", "only on the first Monday of the month", id="the first"),
        pytest.param("* * 5L", "only on the last Friday of the month", id="the last"),
        pytest.param(
            "* * MON#1,WED#3,5",
            "only on Friday, the first Monday of the month and the third Wednesday of the month",
            id="a list of such",
        ),
        pytest.param("13 * FRI", "on day 13 of the month or when it is a Friday", id="either"),
        pytest.param(
            "1 * 1,2#2", "on day 1 of the month or when it is a Monday or the second Tuesday of the month", id="lists"
        ),
        pytest.param(
            "*/2 * MON",
            "on every 2nd day from 1 to 31 of the month, and only when that is a Monday",
            id="both: day has a star",
        ),
        pytest.param(
            "1-7 * */7",
            "on days 1 through 7 of the month, and only when that is a Sunday",
            id="both: day_of_week has a star",
        ),
        pytest.param("1 1 *", "on day 1 of the month, only in January", id="a month"),
        pytest.param("* 1,3 *", "every day, only in January and March", id="months"),
        pytest.param("* JAN-MAR *", "every day, January through March", id="a range of months"),
        pytest.param(
            "* */3 *", "every day, only in January, April, July and October", id="a step of months names them"
        ),
    ],
)
def test_the_days(declared: str, expected: str) -> None:
    assert _words(_cron(f"30 10 {declared}")) == f"at 10:30, {expected}"


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param({"week": "1-10"}, "every day, only in ISO weeks 1 through 10", id="weeks"),
        pytest.param({"week": "1", "day_of_week": "1"}, "only on Monday, only in ISO week 1", id="a week"),
        pytest.param({"year": "2030"}, "on day 1 of the month, only in January, only in 2030", id="a year"),
        pytest.param({"year": "2030-2032", "day": "*"}, "every day, 2030 through 2032", id="a range of years"),
        pytest.param({"year": "2030,2032", "day": "*"}, "every day, only in 2030 and 2032", id="years"),
        pytest.param({"year": "2030-9999", "day": "*"}, "every day, only from 2030 on", id="from a year on"),
        pytest.param({"year": "2030/4", "day": "*"}, "every day, every 4 years from 2030", id="a step of years"),
        pytest.param(
            {"year": "2030-2050/4", "day": "*"},
            "every day, every 4 years from 2030 through 2050",
            id="a range of years with a step",
        ),
        pytest.param(
            {"year": "1970-9999/2,1971", "day": "*"}, "every day, only in 4016 of the years 1970 to 9998", id="too many"
        ),
    ],
)
def test_weeks_and_years(declared: Mapping[str, str], expected: str) -> None:
    assert _words(_cron(declared)) == f"at 00:00, {expected}"


def test_both_must_match_where_day_match_says_so() -> None:
    both = replace(_cron("0 0 1-7 * MON"), day_match="all")
    assert _words(both) == "at 00:00, on days 1 through 7 of the month, and only when that is a Monday"


@pytest.mark.parametrize(
    ("crontab", "gap", "overlap", "expected"),
    [
        pytest.param(
            "30 2 * * *", "skip", "first", "at 02:30, every day, left out when the clocks jump over it", id="gap"
        ),
        pytest.param("30 2 * * *", "run", "both", "at 02:30, every day, twice when the time comes twice", id="overlap"),
        pytest.param(
            "30 2 * * *",
            "skip",
            "both",
            "at 02:30, every day, left out when the clocks jump over it, twice when the time comes twice",
            id="both",
        ),
        pytest.param("*/30 * * * *", "skip", "both", "every 30 minutes", id="no fixed time"),
    ],
)
def test_what_becomes_of_fixed_times(
    crontab: str, gap: Literal["run", "skip"], overlap: Literal["first", "both"], expected: str
) -> None:
    assert _words(replace(_cron(crontab), gap=gap, overlap=overlap)) == expected


NINE, TEN = ((("hour", hour), ("minute", "0")) for hour in ("9", "10"))


def _local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+09:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param(DeclaredInterval((("minutes", 10),)), "every 10 minutes, counted from its first creation"),
        pytest.param(DeclaredInterval((("hours", 1),)), "every hour, counted from its first creation", id="one"),
        pytest.param(
            DeclaredInterval((("minutes", 30), ("hours", 1)), ANCHOR),
            "every 1 h 30 min, counted from 2026-01-01 00:00:00+09:00",
            id="two units, and an anchor in the job's zone",
        ),
        pytest.param(
            DeclaredInterval((("weeks", 2), ("days", 0))), "every 2 weeks, counted from its first creation", id="none"
        ),
        pytest.param(
            DeclaredWallInterval((("weeks", 2),), ANCHOR),
            "every 2 weeks on Thursday at 00:00, counted from 2026-01-01 00:00:00+09:00",
            id="weeks of the calendar",
        ),
        pytest.param(
            DeclaredWallInterval((("days", 3),), ANCHOR, "skip", "both"),
            "every 3 days at 00:00, left out when the clocks jump over it, twice when the time comes twice, "
            "counted from 2026-01-01 00:00:00+09:00",
            id="days of the calendar",
        ),
        pytest.param(
            DeclaredWallInterval((("months", 3),), _local("2026-01-31T18:00:30")),
            "every 3 months on day 31 or the last day of a shorter month at 18:00:30, counted from "
            "2026-01-31 18:00:30+09:00",
            id="the end of a month",
        ),
        pytest.param(
            DeclaredWallInterval((("months", 1),), _local("2026-01-28T18:00")),
            "every month on day 28 at 18:00, counted from 2026-01-28 18:00:00+09:00",
            id="a day that each month has",
        ),
        pytest.param(
            DeclaredWallInterval((("years", 1),), _local("2026-05-31T18:00")),
            "every year on May 31 at 18:00, counted from 2026-05-31 18:00:00+09:00",
            id="years",
        ),
        pytest.param(
            DeclaredWallInterval((("years", 1),), _local("2028-02-29T18:00")),
            "every year on February 29 or the last day of a shorter month at 18:00, counted from "
            "2028-02-29 18:00:00+09:00",
            id="leap day",
        ),
        pytest.param(
            DeclaredWallInterval((("years", 1), ("months", 6), ("days", 1)), ANCHOR),
            "every 1 y 6 mo 1 d at 00:00, counted from 2026-01-01 00:00:00+09:00",
            id="months and days",
        ),
        pytest.param(
            DeclaredCrons(tuple(DeclaredCron(fields, "any", "skip") for fields in (NINE, TEN, NINE))),
            "at 09:00, every day; and at 10:00, every day; left out when the clocks jump over it",
            id="several cron schedules",
        ),
        pytest.param(DeclaredDate("2026-04-01T09:00:00"), "once, on 2026-04-01 09:00 +09:00 (Wednesday)", id="local"),
        pytest.param(
            DeclaredDate("2026-04-01T00:00:30Z"), "once, on 2026-04-01 09:00:30 +09:00 (Wednesday)", id="an offset"
        ),
        pytest.param(DeclaredDate("9999-12-31T23:00:00Z"), "once, on 9999-12-31 23:00 +00:00 (Friday)", id="the end"),
    ],
)
def test_intervals_and_dates(schedule: DeclaredSchedule, expected: str) -> None:
    assert _words(schedule) == expected


def test_the_second_of_two_local_times() -> None:
    late = DeclaredDate("2026-10-25T02:30:00", fold=1)
    assert describe(late, zone="Europe/Berlin") == "once, on 2026-10-25 02:30 +01:00 (Sunday)"


# --- laws ---

_LIMITS = {
    "year": (1970, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "week": (1, 53),
    "day_of_week": (0, 7),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}
_SPECIAL = {"day": ["L", "LW"], "day_of_week": ["MON#1", "5#5", "0L", "7#2", "sat", "*/2"], "month": ["FEB", "jan"]}


def _text(name: str) -> st.SearchStrategy[str]:
    low, high = _LIMITS[name]
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map("{0[0]}-{0[1]}".format)
    step = st.builds("{}/{}".format, st.one_of(st.just("*"), number.map(str), span), st.integers(1, 40))
    item = st.one_of(st.just("*"), number.map(str), span, step, st.sampled_from(_SPECIAL.get(name, ["*"])))
    return st.lists(item, min_size=1, max_size=4).map(",".join)


OBJECTS = st.fixed_dictionaries({}, optional={name: _text(name) for name in FIELDS}).filter(bool)


def _parsed(declared: Mapping[str, str]) -> CronExpression | None:
    with suppress(ScheduleError):
        return parse_cron(declared)
    return None


@given(declared=OBJECTS)
@example(declared={"second": "*", "minute": "0"})
def test_whatever_can_be_read_makes_one_line(declared: dict[str, str]) -> None:
    if _parsed(declared):
        words = _words(_cron(declared))
        assert words.strip() == words != ""
        assert len(words.splitlines()) == 1


@given(declared=OBJECTS.map(lambda fields: fields | {"year": "*"}), other=st.sampled_from(FIELDS[1:]), data=st.data())
def test_equal_sentences_mean_the_same(declared: dict[str, str], other: str, data: st.DataObject) -> None:
    first, second = _parsed(declared), _parsed(changed := declared | {other: data.draw(_text(other))})
    if first and second:
        means = [canonical(replace(expression, real_time=False)) for expression in (first, second)]
        same = _words(_cron(declared)) == _words(_cron(changed))
        assert same == (means[0] == means[1])
