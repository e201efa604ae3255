"""The cron dialect: tables of what is meant by what is written, and laws over anything that can be written."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.schedule.dialect import FIELDS, DayMatch, canonical, parse_cron
from myscheduler.core.schedule.expression import (
    DAY,
    CronExpression,
    count_wall_times,
    matches_day,
    next_day,
    next_wall_time,
    previous_day,
    previous_wall_time,
)
from myscheduler.errors import ScheduleError

Declared = str | Mapping[str, str | int]
START = date(2026, 1, 1)


def _days(
    declared: Declared, start: date = START, end: date = date(2026, 12, 31), match: DayMatch = "any"
) -> list[str]:
    """All matching days from `start` to `end`, as MM-DD."""
    expression = parse_cron(declared, day_match=match)
    every = (date.fromordinal(day) for day in range(start.toordinal(), end.toordinal() + 1))
    return [day.strftime("%m-%d") for day in every if matches_day(expression, day)]


def _walls(expression: CronExpression, start: datetime, count: int) -> list[str]:
    """The first matching wall times from `start` on."""
    found: list[str] = []
    wall = start.toordinal() * DAY + start.hour * 3600 + start.minute * 60 + start.second
    while len(found) < count and (following := next_wall_time(expression, wall)) is not None:
        day, second = divmod(following, DAY)
        moment = datetime.fromordinal(day) + timedelta(seconds=second)
        found.append(moment.isoformat(" "))
        wall = following + 1
    return found


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param({"hour": 10}, ["2026-01-01 10:00:00", "2026-01-02 10:00:00"], id="hour: once a day"),
        pytest.param({"hour": 10, "second": 0}, ["2026-01-01 10:00:00", "2026-01-01 10:01:00"], id="hour and second"),
        pytest.param({"day": 1}, ["2026-01-01 00:00:00", "2026-02-01 00:00:00"], id="day: midnight of each month"),
        pytest.param({"month": 4}, ["2026-04-01 00:00:00", "2027-04-01 00:00:00"], id="month: its first day"),
        pytest.param({"second": 0}, ["2026-01-01 00:00:00", "2026-01-01 00:01:00"], id="second: each minute"),
        pytest.param({"second": "*/30"}, ["2026-01-01 00:00:00", "2026-01-01 00:00:30"], id="second with a step"),
        pytest.param({"minute": "*/5"}, ["2026-01-01 00:00:00", "2026-01-01 00:05:00"], id="minute: each hour"),
        pytest.param({"year": 2030}, ["2030-01-01 00:00:00"], id="year: new year, once"),
        pytest.param({"year": 2030, "hour": 5}, ["2030-01-01 05:00:00", "2030-01-02 05:00:00"], id="year and hour"),
        pytest.param({"day_of_week": "mon"}, ["2026-01-05 00:00:00", "2026-01-12 00:00:00"], id="weekday: day is any"),
        pytest.param(
            {"month": 4, "day_of_week": 1}, ["2026-04-06 00:00:00", "2026-04-13 00:00:00"], id="month, weekday"
        ),
        pytest.param(
            {"year": 2027, "day_of_week": 5}, ["2027-01-01 00:00:00", "2027-01-08 00:00:00"], id="year, weekday"
        ),
        pytest.param({"week": 2}, ["2026-01-05 00:00:00", "2026-01-06 00:00:00"], id="week: each of its days"),
        pytest.param(
            {"week": "1,53", "day_of_week": 4}, ["2026-01-01 00:00:00", "2026-12-31 00:00:00"], id="ISO weeks"
        ),
        pytest.param({"year": 2027, "week": 53}, ["2027-01-01 00:00:00", "2027-01-02 00:00:00"], id="year of calendar"),
        pytest.param({"minute": " 30 ", "hour": "9"}, ["2026-01-01 09:30:00", "2026-01-02 09:30:00"], id="stripped"),
        pytest.param(
            {"hour": "10", "minute": "*"}, ["2026-01-01 10:00:00", "2026-01-01 10:01:00"], id="a star is given"
        ),
        pytest.param({"month": 2, "day": 29}, ["2028-02-29 00:00:00", "2032-02-29 00:00:00"], id="leap day"),
        pytest.param("30 10 * * *", ["2026-01-01 10:30:00", "2026-01-02 10:30:00"], id="crontab"),
        pytest.param("  5/20  10\t* * * ", ["2026-01-01 10:05:00", "2026-01-01 10:25:00"], id="from 5 in twenties"),
        pytest.param("0 22-23,1 * * *", ["2026-01-01 01:00:00", "2026-01-01 22:00:00"], id="list with a range"),
        pytest.param("5-59/20 10 * * *", ["2026-01-01 10:05:00", "2026-01-01 10:25:00"], id="range with a step"),
        pytest.param("*/100 10 * * *", ["2026-01-01 10:00:00", "2026-01-02 10:00:00"], id="step past the end"),
        pytest.param("0 0 1 JAN,jul *", ["2026-01-01 00:00:00", "2026-07-01 00:00:00"], id="month names"),
        pytest.param("0 0 1 feb-Apr/2 *", ["2026-02-01 00:00:00", "2026-04-01 00:00:00"], id="month names, a step"),
        pytest.param("@hourly", ["2026-01-01 00:00:00", "2026-01-01 01:00:00"], id="@hourly"),
        pytest.param("@daily", ["2026-01-01 00:00:00", "2026-01-02 00:00:00"], id="@daily"),
        pytest.param("@midnight", ["2026-01-01 00:00:00", "2026-01-02 00:00:00"], id="@midnight"),
        pytest.param("@weekly", ["2026-01-04 00:00:00", "2026-01-11 00:00:00"], id="@weekly is Sunday"),
        pytest.param("@monthly", ["2026-01-01 00:00:00", "2026-02-01 00:00:00"], id="@monthly"),
        pytest.param("@yearly", ["2026-01-01 00:00:00", "2027-01-01 00:00:00"], id="@yearly"),
        pytest.param(" @Annually ", ["2026-01-01 00:00:00", "2027-01-01 00:00:00"], id="@annually"),
    ],
)
def test_the_times_that_are_meant(declared: Declared, expected: list[str]) -> None:
    assert _walls(parse_cron(declared), datetime(2026, 1, 1), 2) == expected  # noqa: DTZ001 - wall time has no zone


@pytest.mark.parametrize(
    ("weekday", "expected"),
    [
        pytest.param("0", ["01-04"], id="0 is Sunday"),
        pytest.param("7", ["01-04"], id="7 is Sunday"),
        pytest.param("sun", ["01-04"], id="name"),
        pytest.param("1", ["01-05"], id="1 is Monday"),
        pytest.param("1-5", ["01-01", "01-02", "01-05", "01-06", "01-07"], id="workdays"),
        pytest.param("5-7", ["01-02", "01-03", "01-04"], id="up to 7"),
        pytest.param("FRI-SUN", ["01-02", "01-03", "01-04"], id="names up to Sunday"),
        pytest.param("sat-Sun", ["01-03", "01-04"], id="weekend"),
        pytest.param("SUN-TUE", ["01-04", "01-05", "01-06"], id="from Sunday"),
        pytest.param("sun-sun", ["01-04"], id="Sunday to Sunday"),
        pytest.param("0-7", ["01-01", "01-02", "01-03", "01-04", "01-05", "01-06", "01-07"], id="all"),
        pytest.param("1/2", ["01-02", "01-04", "01-05", "01-07"], id="steps reach 7, as in cronsim"),
        pytest.param("*/2", ["01-01", "01-03", "01-04", "01-06"], id="even weekdays"),
        pytest.param("mon,3", ["01-05", "01-07"], id="list of both kinds"),
    ],
)
def test_weekdays(weekday: str, expected: list[str]) -> None:
    assert _days(f"0 0 * * {weekday}", end=date(2026, 1, 7)) == expected


@pytest.mark.parametrize(
    ("day", "weekday", "expected"),
    [
        pytest.param("L", "*", ["01-31", "02-28"], id="last day"),
        pytest.param("lw", "*", ["01-30", "02-27"], id="last workday"),
        pytest.param("1,L", "*", ["01-01", "01-31", "02-01", "02-28"], id="listed"),
        pytest.param("*", "MON#1", ["01-05", "02-02"], id="first Monday"),
        pytest.param("*", "5#5", ["01-30"], id="fifth Friday, where there is one"),
        pytest.param("*", "7#1", ["01-04", "02-01"], id="first Sunday"),
        pytest.param("*", "5L", ["01-30", "02-27"], id="last Friday"),
        pytest.param("*", "0l", ["01-25", "02-22"], id="last Sunday"),
        pytest.param("*", "MON#1,5L", ["01-05", "01-30", "02-02", "02-27"], id="first Monday, last Friday"),
        pytest.param("13", "5L", ["01-13", "01-30", "02-13", "02-27"], id="both restricted: either"),
        pytest.param("*/4", "FRI", ["01-09", "02-13"], id="a step from * counts as unrestricted: both"),
        pytest.param("1-7", "*/7", ["01-04", "02-01"], id="weekday from *: both"),
        pytest.param("31", "*", ["01-31"], id="31st"),
        pytest.param("5-5/10", "*", ["01-05", "02-05"], id="a range ends where it says, unlike in cronsim"),
    ],
)
def test_days_of_a_month(day: str, weekday: str, expected: list[str]) -> None:
    assert _days(f"0 0 {day} * {weekday}", end=date(2026, 2, 28)) == expected


def test_day_match_all_wants_both() -> None:
    assert _days("0 0 13 * FRI", match="all") == ["02-13", "03-13", "11-13"]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param("0 10 * * *", False, id="fixed"),
        pytest.param("0,30 1-3 * * *", False, id="fixed list"),
        pytest.param("*/5 10 * * *", True, id="minute"),
        pytest.param("0 * * * *", True, id="hour"),
        pytest.param("0 */2 1 * 1", True, id="hour step"),
        pytest.param("0 0-23 */2 * *", False, id="all hours written out"),
        pytest.param({"hour": 10}, False, id="object"),
        pytest.param({"hour": 10, "second": 0}, True, id="minute left out"),
        pytest.param({"hour": 10, "minute": 0, "second": "*"}, True, id="second"),
        pytest.param({"hour": 10, "minute": 0, "second": "0,30"}, False, id="seconds listed"),
    ],
)
def test_which_expressions_follow_real_time(declared: Declared, expected: bool) -> None:
    assert parse_cron(declared).real_time is expected


@pytest.mark.parametrize(
    ("declared", "field", "message"),
    [
        pytest.param("60 * * * *", "minute", "`60` is out of range: minute takes 0-59", id="minute 60"),
        pytest.param("0 24 * * *", "hour", "`24` is out of range: hour takes 0-23", id="hour 24"),
        pytest.param("0 0 0 * *", "day", "`0` is out of range: day takes 1-31", id="day 0"),
        pytest.param("0 0 * 13 *", "month", "month takes 1-12 or JAN-DEC", id="month 13"),
        pytest.param("0 0 * * 8", "day_of_week", "day_of_week takes 0-7 or SUN-SAT", id="weekday 8"),
        pytest.param(
            "0 0 * * sunday",
            "day_of_week",
            "`SUNDAY` is not understood: did you mean `SUN`? day_of_week",
            id="long name",
        ),
        pytest.param("0 0 * * wedn", "day_of_week", "did you mean `WED`?", id="half a name"),
        pytest.param("0 0 * augst *", "month", "did you mean `AUG`?", id="mistyped name"),
        pytest.param("0 0 * mon *", "month", "`MON` is not understood", id="weekday as month"),
        pytest.param("x * * * *", "minute", "`X` is not understood: minute takes 0-59", id="letter"),
        pytest.param("-5 * * * *", "minute", "`-5` is not understood", id="negative"),
        pytest.param("5- * * * *", "minute", "`5-` is not understood", id="half a range"),
        pytest.param("1-2-3 * * * *", "minute", "`1-2-3` is not understood", id="range of three"),
        pytest.param("1.5 * * * *", "minute", "`1.5` is not understood", id="fraction"),
        pytest.param("0 22-2 * * *", "hour", "`22-2` runs backwards: write `22-23,0-2`", id="backwards"),
        pytest.param("0 0 * * 5-1", "day_of_week", "`5-1` runs backwards: write `5-6,0-1`", id="backwards weekday"),
        pytest.param("*/0 * * * *", "minute", "`*/0`: the step after `/` is a number from 1", id="step 0"),
        pytest.param("*/ * * * *", "minute", "`*/`: the step", id="no step"),
        pytest.param("*/5/2 * * * *", "minute", "`*/5/2`: the step", id="two steps"),
        pytest.param("1,,2 * * * *", "minute", "`1,,2` has an empty item", id="empty item"),
        pytest.param(", * * * *", "minute", "has an empty item", id="only a comma"),
        pytest.param("٣ * * * *", "minute", "characters other than ASCII", id="Arabic digit"),
        pytest.param("0 0 * * ſun", "day_of_week", "characters other than ASCII", id="long s"),
        pytest.param("9" * 10000 + " * * * *", "minute", "is out of range", id="huge number"),
        pytest.param("*/" + "9" * 10000 + " * * * *", "minute", "the step", id="huge step"),
        pytest.param("0 0 ? * 1", "day", "`?` belongs to Quartz: write `*`", id="question mark"),
        pytest.param("0 0 15W * *", "day", "`15W` is not understood", id="nearest workday"),
        pytest.param("0 0 L-3 * *", "day", "is not understood", id="days before the last"),
        pytest.param("0 0 L/2 * *", "day", "is not understood", id="step of L"),
        pytest.param("0 0 * * L", "day_of_week", "a lone `L` belongs to `day`", id="L as weekday"),
        pytest.param("0 0 * * fri-l", "day_of_week", "`FRI-L` is not understood", id="fri-l"),
        pytest.param("0 0 * * FRIL", "day_of_week", "the last Friday of a month is `5L`", id="FRIL"),
        pytest.param("0 0 * * 8L", "day_of_week", "`8L` is out of range", id="8L"),
        pytest.param("0 0 * * MON#6", "day_of_week", "after `#` write 1 to 5", id="sixth Monday"),
        pytest.param("0 0 * * MON#", "day_of_week", "after `#` write 1 to 5", id="no number"),
        pytest.param("0 0 * * 1-5#2", "day_of_week", "`1-5#2` is not understood", id="# of a range"),
        pytest.param("0 0 * * #2", "day_of_week", "`#2` is not understood", id="# of nothing"),
        pytest.param("* * * * * *", "", "write `seconds: true` beside it", id="six fields"),
        pytest.param("* * * *", "", "has 4 fields, not 5", id="four fields"),
        pytest.param("", "", "has 0 fields, not 5", id="nothing"),
        pytest.param("@reboot", "", "nothing runs because the service started", id="@reboot"),
        pytest.param("@minutely", "", "`@minutely` is not known here: write `* * * * *`", id="@minutely"),
        pytest.param("@secondly", "", "write `interval: {seconds: 1}`", id="@secondly"),
        pytest.param("@fortnightly", "", "`@fortnightly` is not known here; there are @hourly", id="no near name"),
        pytest.param("@dayly", "", "did you mean @daily?", id="a near name"),
        pytest.param("0\u30006 * * *", "", "has ideographic space (U+3000) in it: write plain spaces", id="full width"),
        pytest.param("0 6 * * *\u00a0", "", "has no-break space (U+00A0) in it: write plain spaces", id="no-break"),
        pytest.param({}, "", "the cron object is empty", id="empty object"),
        pytest.param({"hours": 3}, "hours", "did you mean `hour`?", id="close name"),
        pytest.param({"zzz": 3}, "zzz", "there are year, month, day", id="far name"),
        pytest.param({"hour": ""}, "hour", "hour is empty: write `*`", id="empty text"),
        pytest.param({"hour": "1, 2"}, "hour", "write lists as `1,2,3`", id="space inside"),
        pytest.param({"hour": True}, "hour", "hour is a bool", id="bool"),
        pytest.param({"hour": None}, "hour", "hour is an empty value", id="null"),
        pytest.param({"hour": 1.5}, "hour", "hour is a float", id="float"),
        pytest.param({"hour": -1}, "hour", "-1 is out of range: hour takes 0-23", id="negative number"),
        pytest.param({"hour": 10**5000}, "hour", "the number is out of range", id="huge integer"),
        pytest.param({"week": 54}, "week", "week takes 1-53", id="week 54"),
        pytest.param({"week": 0}, "week", "week takes 1-53", id="week 0"),
        pytest.param({"year": 1969}, "year", "year takes 1970-9999", id="year 1969"),
        pytest.param([1, 2], "", "a cron schedule is a crontab string, or an object", id="list"),
        pytest.param("0 0 30 2 *", "", "never fires: no day has month 2, day 30", id="30 February"),
        pytest.param("0 0 31 4,6,9,11 *", "", "never fires", id="31st of short months"),
        pytest.param({"month": 2, "day": 31}, "", "never fires: no day has month 2, day 31", id="31 February"),
        pytest.param({"year": 2027, "month": 2, "day": 29}, "", "never fires: no day has year 2027", id="no leap year"),
        pytest.param({"year": "2100,2200", "month": 2, "day": 29}, "", "never fires", id="centuries"),
        pytest.param({"month": 6, "week": 53}, "", "never fires: no day has month 6, week 53", id="week 53 in June"),
        pytest.param({"year": 2025, "week": 53}, "", "never fires", id="year without week 53"),
    ],
)
def test_what_is_refused(declared: Any, field: str, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_cron(declared)
    assert caught.value.field == field
    assert message in str(caught.value)
    assert len(str(caught.value)) < 220


def test_day_match_has_two_words() -> None:
    with pytest.raises(ScheduleError, match="either `any` or `all`"):
        parse_cron("0 0 1 * 1", day_match="both")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("0 10 * * *", {"hour": 10}, id="string and object"),
        pytest.param("0 10 * * *", {"hour": "10", "minute": "00", "second": 0}, id="texts and numbers"),
        pytest.param("0 9 * * 1-5", "0 9 * * mon-fri", id="names"),
        pytest.param("0 9 * * 0,6", "0 9 * * SAT-SUN", id="weekend"),
        pytest.param("0 9 1,2,3 * *", "0 9 1-3 * *", id="list and range"),
        pytest.param("0 * * * *", "0 */1 * * *", id="step one"),
        pytest.param("0 0 1-31 * 1", "0 0 * * 0-7", id="either of which one is everything"),
        pytest.param("0 0 1-31,L * *", "0 0 * * *", id="L adds nothing"),
        pytest.param("0 0 * * MON,MON#1", "0 0 * * MON", id="#1 adds nothing"),
        pytest.param({"year": "1970-9999", "hour": 1}, {"hour": 1}, id="every year"),
        pytest.param("@daily", "0 0 * * *", id="macro"),
    ],
)
def test_one_meaning_has_one_canonical_form(one: Declared, other: Declared) -> None:
    assert canonical(parse_cron(one)) == canonical(parse_cron(other))
    assert parse_cron(one) == parse_cron(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("0 10 * * *", "0 11 * * *", id="hour"),
        pytest.param("*/30 10 * * *", "0,30 10 * * *", id="clock changes"),
        pytest.param("0 0 13 * FRI", "0 0 13 * *", id="weekday"),
        pytest.param("0 0 1-7 * 1", "0 0 */1 * 1", id="day rule"),
        pytest.param("0 0 L * *", "0 0 31 * *", id="last"),
        pytest.param({"hour": 10}, {"hour": 10, "second": 5}, id="second"),
    ],
)
def test_different_meanings_have_different_canonical_forms(one: Declared, other: Declared) -> None:
    assert canonical(parse_cron(one)) != canonical(parse_cron(other))


def test_the_canonical_form_is_readable() -> None:
    assert canonical(parse_cron("*/15 9-17 L,LW * MON#1,5L,2")) == (
        "year=* month=* week=* day=L,LW day_of_week=2,1#1,5L day_match=any hour=9-17 minute=0-45/15 second=0 clock=real"
    )


def _item(low: int, high: int) -> st.SearchStrategy[str]:
    """An item of a list, but no range of one value with a step: cronsim reads `5-5/10` as `5/10`, Debian as 5."""
    number = st.integers(low, high)
    span = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1]).map("{0[0]}-{0[1]}".format)
    step = st.integers(1, high + 3)
    return st.one_of(
        st.just("*"),
        number.map(str),
        span,
        st.builds("{}/{}".format, st.one_of(st.just("*"), number.map(str), span), step),
    )


def _written(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), item, st.lists(item, min_size=2, max_size=3).map(",".join))


CRONTABS = st.tuples(
    _written(_item(0, 59)),
    _written(_item(0, 23)),
    _written(st.one_of(_item(1, 31), st.sampled_from(["L", "LW", "29", "31"]))),
    _written(st.one_of(_item(1, 12), st.sampled_from(["FEB", "jan"]))),
    _written(st.one_of(_item(0, 7), st.sampled_from(["MON#1", "5#5", "0L", "7#2", "sat", "SUN"]))),
).map(" ".join)


def _parsed(crontab: str) -> CronExpression | None:
    try:
        return parse_cron(crontab)
    except ScheduleError as error:
        assert str(error).startswith("never fires")  # noqa: PT017 - anything else in a valid string is a failure
        return None


@given(crontab=CRONTABS, start=st.datetimes(datetime(1970, 1, 1), datetime(2150, 1, 1)))  # noqa: DTZ001 - wall time
@settings(max_examples=300, deadline=None)
def test_cronsim_agrees_on_the_wall_clock(crontab: str, start: datetime) -> None:
    expression = _parsed(crontab)
    if expression is None:
        return
    judge = CronSim(crontab, start.replace(microsecond=0))
    expected = [next(judge, None) for _ in range(3)]
    following = start.replace(microsecond=0) + timedelta(seconds=1)
    found = _walls(expression, following, 3)
    assert [moment.isoformat(" ") for moment in expected if moment] == found[: len([m for m in expected if m])]


ANY_FIELD = st.one_of(st.integers(), st.text(max_size=12), st.text("0123456789*/-,#LWlwMONmon ?", max_size=8))


@given(declared=st.one_of(st.text(), st.lists(ANY_FIELD.map(str), min_size=5, max_size=5).map(" ".join)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(declared: str) -> None:
    _read_or_refuse(declared)


@given(declared=st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=9)), ANY_FIELD))
@settings(max_examples=500, deadline=None)
def test_any_object_is_read_or_refused(declared: dict[str, str | int]) -> None:
    _read_or_refuse(declared)


def _read_or_refuse(declared: Declared) -> None:
    try:
        expression = parse_cron(declared)
    except ScheduleError as error:
        assert str(error)  # noqa: PT017 - the only error there may be
    else:
        assert canonical(expression)


@given(crontab=CRONTABS)
@settings(max_examples=100, deadline=None)
def test_the_canonical_form_tells_equal_from_different(crontab: str) -> None:
    expression = _parsed(crontab)
    if expression is None:
        return
    minute, hour, day, month, weekday = crontab.split()
    as_object = {"minute": minute, "hour": hour, "day": day, "month": month, "day_of_week": weekday}
    assert canonical(parse_cron(as_object)) == canonical(expression)
    shifted = parse_cron(as_object | {"second": 1})
    assert canonical(shifted) != canonical(expression)


@given(crontab=CRONTABS, start=st.dates(date(1960, 1, 1), date(2100, 1, 1)), length=st.integers(0, 800))
@settings(max_examples=150, deadline=None)
def test_walking_days_agrees_with_asking_each_day(crontab: str, start: date, length: int) -> None:
    expression = _parsed(crontab)
    if expression is None:
        return
    end = start + timedelta(days=length)
    every = [start + timedelta(days=n) for n in range(length + 1)]
    matching = [day for day in every if matches_day(expression, day)]
    following, preceding = next_day(expression, start), previous_day(expression, end)
    assert (following if following and following <= end else None) == (matching[0] if matching else None)
    assert (preceding if preceding and preceding >= start else None) == (matching[-1] if matching else None)
    assert all(next_day(expression, one + timedelta(days=1)) == other for one, other in pairwise(matching))
    assert all(previous_day(expression, other - timedelta(days=1)) == one for one, other in pairwise(matching))


@given(
    crontab=CRONTABS,
    start=st.integers(date(1969, 12, 1).toordinal() * DAY, date(2060, 1, 1).toordinal() * DAY),
    length=st.integers(0, 40 * DAY),
)
@settings(max_examples=150, deadline=None)
def test_counting_agrees_with_walking(crontab: str, start: int, length: int) -> None:
    expression = _parsed(crontab)
    if expression is None:
        return
    walked: list[int] = []
    wall = next_wall_time(expression, start)
    while wall is not None and wall < start + length and len(walked) < 2000:
        walked.append(wall)
        wall = next_wall_time(expression, wall + 1)
    end = start + length if len(walked) < 2000 else walked[-1] + 1
    assert count_wall_times(expression, start, end) == len(walked)
    back = previous_wall_time(expression, end - 1)
    assert (back if back is not None and back >= start else None) == (walked[-1] if walked else None)
    assert all(previous_wall_time(expression, other - 1) == one for one, other in pairwise(walked[:50]))


def test_the_calendar_ends_in_9999_and_begins_in_1970() -> None:
    expression = parse_cron("0 12 * * *")
    assert next_day(expression, date(9999, 12, 31)) == date(9999, 12, 31)
    assert next_day(parse_cron("0 0 30 12 *"), date(9999, 12, 31)) is None
    assert previous_day(expression, date(1970, 1, 1)) == date(1970, 1, 1)
    assert previous_day(expression, date(1969, 12, 31)) is None
    assert next_wall_time(expression, date(9999, 12, 31).toordinal() * DAY + 13 * 3600) is None
    assert next_wall_time(expression, 10**15) is None
    assert next_wall_time(expression, -(10**15)) == date(1970, 1, 1).toordinal() * DAY + 12 * 3600
    assert previous_wall_time(expression, 10**15) == date(9999, 12, 31).toordinal() * DAY + 12 * 3600
    assert previous_wall_time(expression, -(10**15)) is None


def test_a_restricted_year_is_not_searched_past() -> None:
    expression = parse_cron({"year": "2030,2040", "month": 3, "day": 5})
    assert next_day(expression, date(2031, 1, 1)) == date(2040, 3, 5)
    assert next_day(expression, date(2041, 1, 1)) is None
    assert previous_day(expression, date(2039, 1, 1)) == date(2030, 3, 5)
    assert previous_day(expression, date(2029, 1, 1)) is None
