"""Moments and durations as people write them: which are read, and what is said of others."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.schedule.timestamps import duration_text, parse_duration, parse_timestamp, span_of
from myscheduler.errors import ScheduleError
from tests.support.slots import ZONES, at


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-04-01T09:00:00+09:00", "2026-04-01T00:00:00Z", id="offset"),
        pytest.param("2026-04-01T09:00:00Z", "2026-04-01T09:00:00Z", id="Z"),
        pytest.param("2026-04-01t09:00:00z", "2026-04-01T09:00:00Z", id="small letters"),
        pytest.param("2026-04-01 09:00:00-05:30", "2026-04-01T14:30:00Z", id="space"),
        pytest.param("2026-04-01T09:00:00.25Z", "2026-04-01T09:00:00.250Z", id="fraction"),
        pytest.param("2026-04-01T09:00:00.123456789Z", "2026-04-01T09:00:00.123456Z", id="nanoseconds are cut"),
        pytest.param(" 2026-04-01T09:00 ", "2026-04-01T07:00:00Z", id="local"),
        pytest.param("2026-01-01 09:00:00.5", "2026-01-01T08:00:00.5Z", id="local in winter"),
        pytest.param("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z", id="offset in a repeated hour"),
        pytest.param(datetime(2026, 4, 1, 9), "2026-04-01T07:00:00Z", id="local datetime"),  # noqa: DTZ001
        pytest.param(datetime(2026, 4, 1, 9, tzinfo=UTC), "2026-04-01T09:00:00Z", id="aware datetime"),
        pytest.param("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", id="first"),
        pytest.param("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z", id="last"),
    ],
)
def test_run_at(text: str | datetime, expected: str) -> None:
    moment = parse_timestamp(text, "Europe/Berlin")
    assert moment == at(expected)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("2026-03-29T02:30:00", "2026-03-29 02:30:00 in Europe/Berlin doesn't exist", id="gap"),
        pytest.param(
            "2026-10-25T02:30", "write the offset, 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00", id="twice"
        ),
        pytest.param("2026-04-01", "is not a date with a time; write a time like 2026-04-01T09:00:00+09:00", id="date"),
        pytest.param(date(2026, 4, 1), "is not a date with a time", id="a date object"),
        pytest.param(5, "is not a date with a time", id="a number"),
        pytest.param("", "is not a date with a time", id="empty"),
        pytest.param("tomorrow", "is not a date with a time", id="word"),
        pytest.param("20260401T090000Z", "is not a date with a time", id="basic form"),
        pytest.param("2026-W14-3T09:00Z", "is not a date with a time", id="week form"),
        pytest.param("2026-04-01T24:00:00Z", "is not a date with a time", id="hour 24"),
        pytest.param("2026-04-01T09:00:00+05:75", "is not a date with a time", id="offset of 75 minutes"),
        pytest.param("２026-04-01T09:00:00Z", "is not a date with a time", id="full-width digit"),
        pytest.param("2026-04-31T09:00:00Z", "is not a time that exists", id="31 April"),
        pytest.param("2026-04-01T09:00:60Z", "is not a time that exists", id="leap second"),
        pytest.param("2026-04-01T09:00:00+99:00", "is not a date with a time", id="offset too far"),
        pytest.param("1969-12-31T23:59:59Z", "outside of the years 1970 to 9999", id="too early"),
        pytest.param("0001-01-01T00:00:00+14:00", "outside of the years", id="before time"),
        pytest.param("9999-12-31T23:59:59-14:00", "outside of the years", id="after time"),
        pytest.param(datetime(1, 1, 1), "outside of the years", id="local, before time"),  # noqa: DTZ001
    ],
)
def test_run_at_is_refused(text: Any, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_timestamp(text, "Europe/Berlin")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fold", "moment"),
    [
        pytest.param("2026-10-25T02:30", 0, "2026-10-25T00:30Z", id="the first"),
        pytest.param("2026-10-25T02:30", 1, "2026-10-25T01:30Z", id="the second"),
        pytest.param("2026-10-25T12:00", 1, "2026-10-25T11:00Z", id="comes once"),
        pytest.param("2026-10-25T02:30+02:00", 1, "2026-10-25T00:30Z", id="the offset says it"),
    ],
)
def test_fold(text: str, fold: int, moment: str) -> None:
    assert parse_timestamp(text, "Europe/Berlin", fold=fold) == datetime.fromisoformat(moment)


def test_no_fold_makes_a_time_that_the_clock_jumps_over() -> None:
    with pytest.raises(ScheduleError, match="doesn't exist"):
        parse_timestamp("2026-03-29T02:30", "Europe/Berlin", fold=1)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("PT10M", {"minutes": 10}),
        ("pt1h30m", {"hours": 1, "minutes": 30}),
        ("P1DT12H", {"days": 1, "hours": 12}),
        ("P2W", {"weeks": 2}),
        ("PT90S", {"seconds": 90}),
    ],
)
def test_durations(text: str, units: dict[str, int]) -> None:
    assert dict(parse_duration(text)) == units


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "10M", "P1M", "P1Y", "PT1.5H", "-PT1H", "P1W2D", "PT1M1H", "P1DT", "1"]
)
def test_durations_that_are_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="write one such as PT10M"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=30), "P30D"),
        (timedelta(hours=36), "PT36H"),
        (timedelta(minutes=90), "PT90M"),
        (timedelta(hours=1, seconds=1), "PT3601S"),
        (timedelta(), "PT0S"),
    ],
)
def test_a_duration_has_the_largest_unit_that_fits(length: timedelta, text: str) -> None:
    assert duration_text(length) == text
    assert span_of(text) == length


TIMES = st.from_regex(r"\A\d{4}-[01]\d-[0-3]\d[T ][012]\d:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-][0-9]\d:\d\d)?\Z")


@given(
    text=st.one_of(st.text(max_size=40), TIMES, st.datetimes(timezones=st.none() | st.timezones())),
    name=st.sampled_from(ZONES),
)
@settings(max_examples=500, deadline=None)
def test_any_run_at_is_read_or_refused(text: str | datetime, name: str) -> None:
    try:
        moment = parse_timestamp(text, name)
    except ScheduleError:
        return  # the only error there may be
    else:
        assert 1970 <= moment.year <= 9999
