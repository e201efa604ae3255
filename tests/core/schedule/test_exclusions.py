"""Moved and limited schedules: tables, and laws that compare with a filter over every slot of the rhythm."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice, pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import Calendar, Shift, WorkingDays, closed_on
from myscheduler.core.schedule.cron import Cron, OnClock, Several, WallInterval
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.exclusions import exclusion_at, exclusions, next_run, runs_after
from myscheduler.core.schedule.expansion import expand, to_datetime
from myscheduler.core.schedule.slots import (
    Adjusted,
    Interval,
    Period,
    Recurring,
    count_between,
    last_until,
    next_after,
    slots_between,
)
from myscheduler.core.schedule.strides import Stride
from myscheduler.core.schedule.zones import to_second, zone

TOKYO, NEW_YORK = "Asia/Tokyo", "America/New_York"
JAPAN = WorkingDays(Calendar("JP"), weekends=True)
HOUR = timedelta(hours=1)


def _at(text: str, zone_name: str = TOKYO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone(zone_name)).astimezone(UTC)


def _cron(text: Any, zone_name: str = TOKYO, **options: Any) -> Cron:
    return Cron(parse_cron(text), zone_name, **options)


def _local(moments: Any, zone_name: str = TOKYO) -> list[str]:
    return [f"{moment.astimezone(zone(zone_name)):%m-%d %H:%M:%S}" for moment in moments]


def _runs(schedule: Any, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    while len(found) < count and (slot := next_run(schedule, found[-1] if found else after)) is not None:
        found.append(slot)
    return found


def _shifted(text: str, to: Any, days: WorkingDays = JAPAN) -> Adjusted:
    expression = replace(parse_cron(text), shift=Shift(days, to))
    return Adjusted(Cron(expression, TOKYO), days=days, zone=TOKYO)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        pytest.param(
            _shifted("0 9 1 * *", "next"), "2026-10-15", ["11-02 09:00:00", "12-01 09:00:00", "01-04 09:00:00"],
            id="first business day of the month",
        ),
        pytest.param(
            _shifted("0 18 L * *", "previous"), "2026-10-15", ["10-30 18:00:00", "11-30 18:00:00", "12-31 18:00:00"],
            id="last business day of the month",
        ),
        pytest.param(
            _shifted("0 9 * * *", "next"), "2026-11-20T12:00", ["11-24 09:00:00", "11-25 09:00:00"],
            id="many closed days become one",
        ),
        pytest.param(
            _shifted("0 9 31 12 *", "next", WorkingDays(Calendar("JP", None, ("12-29/01-03",)), weekends=True)),
            "2026-10-15", ["01-04 09:00:00", "01-04 09:00:00"], id="into the next year",
        ),
        pytest.param(
            Adjusted(_cron("0 9 * * *"), days=JAPAN, zone=TOKYO), "2026-11-20", ["11-20 09:00:00", "11-24 09:00:00"],
            id="closed days are left out",
        ),
        pytest.param(
            Adjusted(_cron("*/30 * * * *"), blackouts=(Recurring(_cron("0 1 * * *"), timedelta(hours=5)),)),
            "2026-11-20T00:15", ["11-20 00:30:00", "11-20 06:00:00"], id="a blackout each night",
        ),
        pytest.param(
            Adjusted(_cron("0 * * * *"), blackouts=(Period(_at("2026-11-20T01:00"), _at("2026-11-20T03:00")),)),
            "2026-11-20", ["11-20 03:00:00", "11-20 04:00:00"], id="a blackout's end is outside of it",
        ),
        pytest.param(
            Adjusted(_cron("0 * * * *"), start=_at("2026-11-20T03:00"), end=_at("2026-11-20T05:00")),
            "2026-11-20", ["11-20 03:00:00", "11-20 04:00:00"], id="start is included, end is not",
        ),
        pytest.param(
            Adjusted(_cron("0 23 * * *"), offset=2 * HOUR, days=JAPAN, zone=TOKYO),
            "2026-11-20T12:00", ["11-21 01:00:00", "11-25 01:00:00"], id="jitter: the day is the one that was meant",
        ),
        pytest.param(
            Adjusted(_cron("59 1 * * *"), offset=timedelta(seconds=90),
                     blackouts=(Recurring(_cron("0 2 * * sat"), HOUR),)),
            "2026-11-20T12:00", ["11-22 02:00:30", "11-23 02:00:30"], id="jitter: a blackout is real",
        ),
    ],
)  # fmt: skip
def test_runs(schedule: Adjusted, after: str, expected: list[str]) -> None:
    assert _local(_runs(schedule, _at(after), len(expected))) == expected


def test_why_a_slot_is_left_out() -> None:
    dark = Recurring(_cron("0 9 20 * *"), HOUR)
    schedule = Adjusted(_cron("30 9 * * *"), days=JAPAN, zone=TOKYO, blackouts=(dark,))
    days = {20: Reason.BLACKOUT, 21: Reason.WEEKEND, 22: Reason.WEEKEND, 23: Reason.HOLIDAY, 24: None}
    assert {day: exclusion_at(schedule, _at(f"2026-11-{day}T09:30")) for day in days} == days


def test_a_schedule_without_any_run_is_found_out() -> None:
    assert next_run(Adjusted(_cron("0 9 * * sat"), days=JAPAN, zone=TOKYO), _at("2026-01-01")) is None
    nightly = Recurring(_cron("0 0 * * *"), timedelta(hours=24))
    assert next_run(Adjusted(_cron("*/5 * * * *"), blackouts=(nightly,)), _at("2026-01-01")) is None


def test_the_ends_of_time() -> None:
    first, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for rhythm in (_cron("0 0 * * *"), Interval(HOUR, _at("2026-01-01"))):
        schedule = Adjusted(rhythm, offset=HOUR, days=JAPAN, zone=TOKYO)
        assert next_after(schedule, end) is None
        assert last_until(schedule, first, after=first) is None
        assert count_between(schedule, end, first) == 0
        assert list(exclusions(schedule, end, first)) == []
        assert next_after(schedule, first) is not None
        assert last_until(schedule, end, after=first) is not None
    always = Recurring(_cron("0 0 * * *", "Pacific/Kiritimati"), timedelta(hours=30))
    for zone_name in (TOKYO, NEW_YORK, "Pacific/Kiritimati"):
        schedule = Adjusted(
            _cron("0 0 * * *", zone_name), offset=23 * HOUR, days=JAPAN, zone=zone_name, blackouts=(always,)
        )
        for near, far in ((end - timedelta(days=3), end), (first, first + timedelta(days=3))):
            assert all(one.start < one.end for one in exclusions(schedule, near, far))
            assert next_run(schedule, near) is None


# --- laws ---

_START = datetime(2026, 10, 28, tzinfo=UTC)  # Japan has a holiday, New York's clocks go back, a month turns
_MOMENTS = st.integers(0, 10 * 86_400).map(lambda seconds: _START + timedelta(seconds=seconds))
_RHYTHMS: st.SearchStrategy[Any] = st.builds(
    lambda text, zone_name, gap, overlap: Cron(parse_cron(text), zone_name, gap, overlap),
    st.sampled_from(["0 9 * * *", "*/20 * * * *", "30 1 * * *", "15 0,23 * * *", "0 12 1 * *"]),
    st.sampled_from([TOKYO, NEW_YORK]),
    st.sampled_from(["run", "skip"]),
    st.sampled_from(["first", "both"]),
)
_RHYTHMS |= st.builds(Interval, st.timedeltas(timedelta(minutes=7), timedelta(hours=30)), _MOMENTS)
_RHYTHMS |= st.builds(
    lambda start, days, zone_name, gap: WallInterval(Stride(to_second(start), days=days), zone_name, gap),
    _MOMENTS,
    st.integers(1, 3),
    st.sampled_from([TOKYO, NEW_YORK]),
    st.sampled_from(["run", "skip"]),
)
_RHYTHMS |= st.builds(
    lambda texts, zone_name, gap, overlap: Several(
        tuple(_cron(text, zone_name, gap=gap, overlap=overlap) for text in texts)
    ),
    st.sampled_from(
        [("0 9 * * *", "*/20 9 * * *"), ("30 1 * * *", "0 2 * * *", "30 2 * * *"), ("0 12 1 * *", "0 0 * * 0")]
    ),
    st.sampled_from([TOKYO, NEW_YORK]),
    st.sampled_from(["run", "skip"]),
    st.sampled_from(["first", "both"]),
)
_BLACKOUTS = st.builds(
    lambda start, minutes: Period(start, start + timedelta(minutes=minutes)), _MOMENTS, st.integers(1, 4_000)
) | st.builds(
    lambda text, minutes: Recurring(_cron(text, NEW_YORK), timedelta(minutes=minutes)),
    st.sampled_from(["0 1 * * *", "0 */6 * * *", "30 22 * * 5"]),
    st.integers(1, 600),
)
_DAYS = st.none() | st.builds(WorkingDays, st.just(Calendar("JP", None, ("10-30",), ("11-01",))), st.booleans())


@st.composite
def _adjusted(draw: st.DrawFn) -> Adjusted:
    start, end = draw(_MOMENTS), draw(_MOMENTS)
    schedule = Adjusted(
        draw(_RHYTHMS),
        timedelta(seconds=draw(st.integers(0, 7_200))),
        blackouts=tuple(draw(st.lists(_BLACKOUTS, max_size=3))),
        days=draw(_DAYS),
        zone=draw(st.sampled_from([TOKYO, NEW_YORK])),
    )
    if draw(st.booleans()):
        schedule = replace(schedule, start=start)
    return replace(schedule, end=end) if draw(st.booleans()) else schedule


def _why(schedule: Adjusted, slot: datetime) -> set[Reason]:
    """The rules, one by one, as they are written down."""
    meant = slot - schedule.offset
    found = set()
    if isinstance(schedule.rhythm, OnClock) and exclusion_at(schedule.rhythm, meant):
        found.add(Reason.DST_GAP)
    day = meant.astimezone(zone(schedule.zone)).date()
    if schedule.days and (closed := closed_on(schedule.days, day)):
        found.add(closed)
    for one in schedule.blackouts:
        openings = (
            [(one.start, one.end)]
            if isinstance(one, Period)
            else [(o, o + one.lasts) for o in slots_between(one.opens, slot - one.lasts - HOUR, slot)]
        )
        if any(start <= slot < end for start, end in openings):
            found.add(Reason.BLACKOUT)
    return found


@given(schedule=_adjusted(), after=_MOMENTS, until=_MOMENTS)
def test_slots_are_those_of_the_moved_rhythm_within_its_limits(
    schedule: Adjusted, after: datetime, until: datetime
) -> None:
    offset = schedule.offset
    moved = [slot + offset for slot in slots_between(schedule.rhythm, after - offset, until - offset)]
    expected = [slot for slot in moved if schedule.start <= slot < schedule.end]
    assert list(slots_between(schedule, after, until)) == expected
    assert list(map(to_datetime, chain(*expand(schedule, after, until)))) == expected
    assert count_between(schedule, after, until) == len(expected)
    assert last_until(schedule, until, after=after) == (expected[-1] if expected else None)


@given(schedule=_adjusted(), after=_MOMENTS, until=_MOMENTS)
def test_what_is_left_out_is_what_the_rules_say(schedule: Adjusted, after: datetime, until: datetime) -> None:
    left_out = list(exclusions(schedule, after, until))
    assert all(one.start < one.end and one.start <= until and one.end > after for one in left_out)
    assert all(one.end <= other.start for one, other in pairwise(left_out))
    for slot in slots_between(schedule, after, until):
        why = [one.why for one in left_out if one.start <= slot < one.end]
        assert len(why) <= 1
        assert bool(why) is bool(_why(schedule, slot))
        assert set(why) <= _why(schedule, slot)
        assert exclusion_at(schedule, slot) == next(iter(why), None)
    runs = [slot for slot in slots_between(schedule, after, until) if not _why(schedule, slot)]
    assert next((run for run in _runs(schedule, after, 1) if run <= until), None) == (runs[0] if runs else None)
    assert list(islice(takewhile(lambda run: run <= until, runs_after(schedule, after)), 200)) == runs[:200]


@given(
    text=st.sampled_from(["0 9 * * *", "0 9 1 * *", "0 9 L * *", "0 9 * * fri", "0 9 15,20 * *"]),
    to=st.sampled_from(["next", "previous"]),
    start=st.dates(date(2025, 1, 1), date(2035, 1, 1)),
)
def test_a_shifted_day_is_the_nearest_open_one(text: str, to: Any, start: date) -> None:
    plain, shifted = _cron(text), _shifted(text, to)
    after = datetime(start.year, start.month, start.day, tzinfo=UTC)
    until = after + timedelta(days=80)
    margin = timedelta(days=30)
    expected = set()
    for slot in slots_between(plain, after - margin, until + margin):
        day = slot.astimezone(zone(TOKYO)).date()
        while closed_on(JAPAN, day):
            day += timedelta(days=1 if to == "next" else -1)
        expected.add(_at(f"{day}T09:00"))
    found = list(slots_between(shifted, after, until))
    assert found == sorted(slot for slot in expected if after < slot <= until)
    assert count_between(shifted, after, until) == len(found)
    assert last_until(shifted, until, after=after) == (found[-1] if found else None)
