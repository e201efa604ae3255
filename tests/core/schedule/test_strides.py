"""Intervals by the wall clock: tables, and laws that compare with a judge that turns the calendar page by page."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice, pairwise
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myscheduler.core.reason import Reason
from myscheduler.core.schedule.cron import WallInterval
from myscheduler.core.schedule.exclusions import exclusions, next_run
from myscheduler.core.schedule.expansion import expand, to_datetime
from myscheduler.core.schedule.expression import DAY
from myscheduler.core.schedule.slots import count_between, last_until, next_after, slots_between
from myscheduler.core.schedule.strides import (
    Stride,
    count_wall_times,
    days_of_year,
    next_wall_time,
    phase,
    previous_wall_time,
    shortest_step,
)
from myscheduler.core.schedule.zones import zone
from myscheduler.errors import ScheduleError

MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)
FIRST, END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Asia/Tokyo": ("2026-03-29T01:00Z",),
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),  # half an hour
    "Africa/Casablanca": ("2025-02-23T02:00Z", "2025-04-06T02:00Z"),  # Ramadan
    "Africa/Cairo": ("2026-04-23T22:00Z", "2026-10-29T21:00Z"),  # at midnight
    "Pacific/Apia": ("2011-12-30T10:00Z", "2012-03-31T14:00Z"),  # a whole day is missing
    "America/St_Johns": ("2010-03-14T03:31Z", "2010-11-07T02:31Z"),  # 00:01 back to 23:01
}


def _wall(text: str) -> int:
    local = datetime.fromisoformat(text)
    return local.toordinal() * DAY + local.hour * 3_600 + local.minute * 60 + local.second


def _interval(anchor: str, zone_name: str = "Europe/Berlin", **steps: int) -> WallInterval:
    return WallInterval(Stride(_wall(anchor), **steps), zone_name)


def _local(schedule: WallInterval, after: str, count: int) -> list[str]:
    start = datetime.fromisoformat(after)
    found = islice(slots_between(schedule, start, END), count)
    return [f"{slot.astimezone(zone(schedule.zone)):%Y-%m-%d %H:%M%z}" for slot in found]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        pytest.param(
            _interval("2026-01-05T09:00", days=14), "2026-03-15T00:00Z",
            ["2026-03-16 09:00+0100", "2026-03-30 09:00+0200", "2026-04-13 09:00+0200"], id="every other Monday",
        ),
        pytest.param(
            _interval("2026-01-31T09:00", months=1), "2026-01-01T00:00Z",
            ["2026-02-28 09:00+0100", "2026-03-31 09:00+0200", "2026-04-30 09:00+0200"], id="month's end",
        ),
        pytest.param(
            _interval("2025-10-31T18:00", months=3), "2026-01-01T00:00Z",
            ["2026-01-31 18:00+0100", "2026-04-30 18:00+0200", "2026-07-31 18:00+0200"], id="every three months",
        ),
        pytest.param(
            _interval("2024-02-29T12:00", months=12), "2024-03-01T00:00Z",
            ["2025-02-28 12:00+0100", "2026-02-28 12:00+0100", "2027-02-28 12:00+0100", "2028-02-29 12:00+0100"],
            id="leap day",
        ),
        pytest.param(
            _interval("2026-01-31T12:00", months=1, days=1), "2026-01-01T00:00Z",
            ["2026-03-01 12:00+0100", "2026-04-02 12:00+0200", "2026-05-03 12:00+0200"], id="days are added behind",
        ),
        pytest.param(
            _interval("2026-03-27T02:30", days=1), "2026-03-27T12:00Z",
            ["2026-03-28 02:30+0100", "2026-03-29 03:00+0200", "2026-03-30 02:30+0200"], id="gap: right after",
        ),
        pytest.param(
            _interval("2026-10-24T02:30", days=1), "2026-10-24T12:00Z",
            ["2026-10-25 02:30+0200", "2026-10-26 02:30+0100"], id="twice: the first",
        ),
        pytest.param(
            _interval("2011-12-28T10:00", "Pacific/Apia", days=1), "2011-12-29T00:00Z",
            ["2011-12-29 10:00-1000", "2011-12-31 00:00+1400", "2011-12-31 10:00+1400"], id="a day that is missing",
        ),
        pytest.param(
            _interval("2030-01-01T00:00", days=1), "2026-01-01T00:00Z", ["2030-01-02 00:00+0100"],
            id="one interval after an anchor that is to come",
        ),
        pytest.param(_interval("9999-11-30T00:00", months=1), "9999-12-01T00:00Z", ["9999-12-30 00:00+0100"], id="end"),
    ],
)  # fmt: skip
def test_slots(schedule: WallInterval, after: str, expected: list[str]) -> None:
    assert _local(schedule, after, len(expected)) == expected


def test_nothing_is_no_step() -> None:
    with pytest.raises(ScheduleError, match="longer than zero"):
        Stride(_wall("2026-01-01T00:00"))


@pytest.mark.parametrize(
    ("stride", "expected"),
    [
        pytest.param(Stride(_wall("2026-01-05T09:00"), days=14), 14 * DAY, id="two weeks"),
        pytest.param(Stride(_wall("2026-01-31T09:00"), months=1), 28 * DAY, id="February to its end"),
        pytest.param(Stride(_wall("2026-01-31T09:00"), months=3), 89 * DAY, id="end of January to end of April"),
        pytest.param(Stride(_wall("2026-05-31T09:00"), months=12), 365 * DAY, id="a year"),
        pytest.param(Stride(_wall("2024-02-29T09:00"), months=48), 1460 * DAY, id="1900 has no leap day"),
        pytest.param(Stride(_wall("9950-01-01T00:00"), months=600), None, id="only one"),
    ],
)
def test_the_shortest_step(stride: Stride, expected: int | None) -> None:
    assert shortest_step(stride) == expected


# --- the judge: it knows dates of the standard library, and looks at the clock once a minute ---


def _moved(anchor: date, months: int, days: int, steps: int) -> date | None:
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months * steps, 12)
    if year > 9999:
        return None
    moved = date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))
    return moved + timedelta(days=days * steps)


def _judged(stride: Stride, end: datetime) -> list[datetime]:
    """The local times up to there, one step after the other."""
    day, second = divmod(stride.anchor, DAY)
    found: list[datetime] = []
    while True:
        moved = _moved(date.fromordinal(day), stride.months, stride.days, len(found) + 1)
        time = datetime.combine(moved, datetime.min.time()) + timedelta(seconds=second) if moved else None
        if time is None or time > end:
            return found
        found.append(time)


STRIDES = st.builds(
    lambda anchor, months, days: Stride(_wall(anchor.isoformat()), months, days if days or months else 1),
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(lambda one: one.replace(microsecond=0)),  # noqa: DTZ001
    st.sampled_from([0, 0, 1, 2, 3, 5, 12, 13, 48]),
    st.sampled_from([0, 0, 1, 2, 7, 14, 30, 365]),
)


@given(stride=STRIDES, years=st.integers(0, 40), span=st.integers(0, 2_000))
@settings(max_examples=200, deadline=None)
def test_walls_are_those_of_the_calendar(stride: Stride, years: int, span: int) -> None:
    start = date.fromordinal(stride.anchor // DAY).toordinal() * DAY + years * 366 * DAY
    end = start + span * DAY
    expected = [_wall(one.isoformat()) for one in _judged(stride, datetime.fromordinal(end // DAY))]
    inside = [wall for wall in expected if start <= wall < end]
    found, wall = [], next_wall_time(stride, start)
    while wall is not None and wall < end:
        found.append(wall)
        wall = next_wall_time(stride, wall + 1)
    assert found == inside
    assert count_wall_times(stride, start, end) == len(inside)
    before = [wall for wall in expected if wall < end]
    assert previous_wall_time(stride, end - 1) == (before[-1] if before else None)


@given(stride=STRIDES, year=st.integers(1970, 2200))
@settings(max_examples=100, deadline=None)
def test_the_days_of_a_year(stride: Stride, year: int) -> None:
    new_year = date(year, 1, 1).toordinal()
    expected = {one.toordinal() - new_year for one in _judged(stride, datetime(year, 12, 31, 23, 59, 59))  # noqa: DTZ001
                if one.year == year}  # fmt: skip
    assert days_of_year(stride, year) == sum(1 << day for day in expected)


@given(stride=STRIDES, year=st.integers(2101, 2300), later=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_years_of_one_phase_are_alike(stride: Stride, year: int, later: int) -> None:
    """The days of the calendar come again after 400 years, and so do these when the steps are as far."""
    other = year + 400 * later
    if phase(stride, year) is not None and phase(stride, year) == phase(stride, other):
        assert days_of_year(stride, year) == days_of_year(stride, other)


NEAR_A_CHANGE = st.builds(
    lambda pair, hours: (pair[0], datetime.fromisoformat(pair[1]) + timedelta(hours=hours)),
    st.sampled_from([(name, change) for name, changes in CHANGES.items() for change in changes]),
    st.integers(-30, 30),
)
_TIMES = st.sampled_from(["00:00", "00:30", "01:30", "02:00", "02:15", "02:30", "03:00", "10:30", "23:15", "23:59"])


def _minute_by_minute(walls: set[datetime], schedule: WallInterval, start: datetime, minutes: int) -> list[datetime]:
    """The rules, read off the clock: a time is due when it or a later one is first shown."""
    shown = [(start + n * MINUTE).astimezone(zone(schedule.zone)).replace(tzinfo=None, fold=0) for n in range(minutes)]
    found, reached = [], shown[0]
    for n, wall in enumerate(shown[1:], start=1):
        passed = {reached + k * MINUTE for k in range(1, (wall - reached) // MINUTE + 1)}
        again = wall <= reached and schedule.overlap == "both"
        skipped = schedule.gap == "skip" and wall not in walls
        if (again and wall in walls) or (passed & walls and not skipped):
            found.append(start + n * MINUTE)
        reached = max(reached, wall)
    return found


@given(
    moment=NEAR_A_CHANGE,
    time=_TIMES,
    steps=st.sampled_from([(0, 1), (0, 2), (0, 7), (1, 0), (12, 0), (1, 1)]),
    back=st.integers(1, 800),
    gap=st.sampled_from(["run", "skip"]),
    overlap=st.sampled_from(["first", "both"]),
)
@example(("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)), "10:30", (0, 1), 5, "run", "both")
@example(("Africa/Cairo", datetime(2026, 4, 23, tzinfo=UTC)), "00:30", (0, 1), 5, "skip", "first")
@settings(max_examples=150, deadline=None)
def test_the_rule_minute_by_minute_agrees(
    moment: tuple[str, datetime],
    time: str,
    steps: tuple[int, int],
    back: int,
    gap: Literal["run", "skip"],
    overlap: Literal["first", "both"],
) -> None:
    zone_name, near = moment
    anchor = f"{(near - timedelta(days=back)).date()}T{time}"
    schedule = WallInterval(Stride(_wall(anchor), *steps), zone_name, gap, overlap)
    start = near - timedelta(hours=36)
    after, until = near - timedelta(hours=12), start + 3_599 * MINUTE
    walls = set(_judged(schedule.expression, (near + timedelta(days=4)).replace(tzinfo=None)))
    expected = [slot for slot in _minute_by_minute(walls, schedule, start, 3_600) if slot > after]
    runs, slot = [], next_run(schedule, after)
    while slot is not None and slot <= until:
        runs.append(slot)
        slot = next_run(schedule, slot)
    assert runs == expected
    slots = list(slots_between(schedule, after, until))
    assert [slot for slot in slots if slot not in runs] == [one.start for one in exclusions(schedule, after, until)]
    assert {one.why for one in exclusions(schedule, after, until)} <= {Reason.DST_GAP}
    assert count_between(schedule, after, until) == len(slots)
    assert last_until(schedule, until, after=after) == (slots[-1] if slots else None)
    assert list(map(to_datetime, chain(*expand(schedule, after, until)))) == slots


@given(stride=STRIDES, zone_name=st.sampled_from(sorted(CHANGES)), after=st.datetimes(timezones=st.just(UTC)))
@settings(max_examples=100, deadline=None)
def test_the_four_questions_have_one_answer(stride: Stride, zone_name: str, after: datetime) -> None:
    schedule = WallInterval(stride, zone_name)
    slots = list(islice(slots_between(schedule, after, END), 40))
    until = slots[-1] if len(slots) == 40 else min(after, END - timedelta(days=800)) + timedelta(days=800)
    slots = [slot for slot in slots if slot <= until]
    assert all(one < other for one, other in pairwise([after, *slots]))
    assert count_between(schedule, after, until) == len(slots)
    assert last_until(schedule, until, after=after) == (slots[-1] if slots else None)
    for one, other in pairwise(slots):
        assert last_until(schedule, other - TICK, after=after) == one


@pytest.mark.parametrize(
    ("zone_name", "anchor", "steps"),
    [
        pytest.param("Europe/Berlin", "1970-01-02T00:00", (0, 1), id="each day"),
        pytest.param("Pacific/Apia", "1970-01-02T23:59", (3, 5), id="all of the calendar"),
        pytest.param("America/New_York", "2026-01-31T23:59", (1_200, 0), id="a few"),
        pytest.param("Pacific/Apia", "9999-12-31T00:00", (0, 1), id="none"),
    ],
)
def test_the_ends_of_time(zone_name: str, anchor: str, steps: tuple[int, int]) -> None:
    schedule = WallInterval(Stride(_wall(anchor), *steps), zone_name)
    assert next_after(schedule, END) is None
    assert last_until(schedule, FIRST, after=FIRST) is None
    assert count_between(schedule, END, FIRST) == 0
    latest = last_until(schedule, END, after=FIRST)
    nothings = {latest is None, count_between(schedule, FIRST, END) == 0, next_after(schedule, FIRST) is None}
    assert nothings == {anchor.startswith("9999")}
