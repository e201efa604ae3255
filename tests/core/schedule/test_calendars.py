"""Closed days: what countries and companies say, and where times go that fall on one."""

from datetime import date

import pytest

from myscheduler.core.reason import Reason
from myscheduler.core.schedule.calendars import (
    Calendar,
    Shift,
    WorkingDays,
    check_calendar,
    closed_days,
    closed_on,
    name_of,
    parse_days,
)
from myscheduler.errors import ScheduleError

JAPAN = Calendar("JP")
COMPANY = Calendar("JP", None, ("12-29/01-03", "2026-08-13/2026-08-14"), ("2026-12-30",))


@pytest.mark.parametrize(
    ("calendar", "weekends", "day", "why"),
    [
        pytest.param(JAPAN, True, "2026-11-23", Reason.HOLIDAY, id="勤労感謝の日"),
        pytest.param(JAPAN, True, "2026-11-24", None, id="the day after"),
        pytest.param(JAPAN, True, "2026-11-22", Reason.WEEKEND, id="Sunday"),
        pytest.param(JAPAN, False, "2026-11-22", None, id="only holidays are closed"),
        pytest.param(JAPAN, False, "2026-05-06", Reason.HOLIDAY, id="a substitute for a holiday on Sunday"),
        pytest.param(JAPAN, True, "2026-01-02", None, id="2 January is a working day to the package"),
        pytest.param(COMPANY, True, "2026-01-02", Reason.HOLIDAY, id="the company's new year"),
        pytest.param(COMPANY, True, "2025-12-29", Reason.HOLIDAY, id="over the turn of each year"),
        pytest.param(COMPANY, True, "2026-01-05", None, id="after it"),
        pytest.param(COMPANY, True, "2026-08-14", Reason.HOLIDAY, id="a range of one year"),
        pytest.param(COMPANY, True, "2027-08-13", None, id="not of the next"),
        pytest.param(COMPANY, True, "2026-12-30", None, id="open beats closed"),
        pytest.param(Calendar("CN"), True, "2026-02-14", None, id="a Saturday that is worked instead"),
        pytest.param(Calendar("US", "CA"), True, "2026-03-31", Reason.HOLIDAY, id="a holiday of California"),
        pytest.param(Calendar("US"), True, "2026-03-31", None, id="and of no other state"),
        pytest.param(Calendar("EG"), True, "2026-11-20", Reason.WEEKEND, id="Friday in Egypt"),
        pytest.param(Calendar(), True, "2026-11-23", None, id="no country: Monday to Friday"),
        pytest.param(Calendar(), True, "2026-11-21", Reason.WEEKEND, id="no country: Saturday"),
    ],
)
def test_whether_a_day_is_closed(calendar: Calendar, weekends: bool, day: str, why: Reason | None) -> None:
    assert closed_on(WorkingDays(calendar, weekends), date.fromisoformat(day)) is why


def test_closed_days_come_in_order() -> None:
    found = list(closed_days(WorkingDays(JAPAN, weekends=True), date(2026, 11, 20), date(2026, 11, 28)))
    assert found == [
        (date(2026, 11, 21), Reason.WEEKEND),
        (date(2026, 11, 22), Reason.WEEKEND),
        (date(2026, 11, 23), Reason.HOLIDAY),
        (date(2026, 11, 28), Reason.WEEKEND),
    ]


@pytest.mark.parametrize(
    ("day", "to", "moved"),
    [
        ("2026-11-21", "next", "2026-11-24"),
        ("2026-11-21", "previous", "2026-11-20"),
        ("2026-11-24", "next", "2026-11-24"),
        ("2027-01-01", "next", "2027-01-04"),
        ("2027-01-01", "previous", "2026-12-30"),
    ],
)
def test_where_a_closed_day_goes(day: str, to: str, moved: str) -> None:
    shift = Shift(WorkingDays(COMPANY, weekends=True), "next" if to == "next" else "previous")
    assert shift.moved(date.fromisoformat(day)) == date.fromisoformat(moved)


def test_a_time_stays_where_no_open_day_is_near() -> None:
    shut = WorkingDays(Calendar(closed=("01-01/12-31",)), weekends=True)
    assert Shift(shut, "next").moved(date(2026, 6, 1)) == date(2026, 6, 1)
    assert Shift(shut, "previous").moved(date.min) == date.min


def test_the_name_of_a_holiday() -> None:
    assert name_of(JAPAN, date(2026, 11, 23)) == "勤労感謝の日"
    assert name_of(JAPAN, date(2026, 11, 24)) is None
    assert name_of(Calendar(), date(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("calendar", "field", "message"),
    [
        pytest.param(Calendar("jp"), "country", "did you mean JP", id="lower case"),
        pytest.param(Calendar("Japan"), "country", "not an ISO 3166 country code", id="a name"),
        pytest.param(Calendar("US", "ca"), "subdivision", "did you mean CA", id="lower-case state"),
        pytest.param(Calendar("US", "XX"), "subdivision", "not a subdivision of US", id="no state"),
        pytest.param(Calendar(None, "CA"), "subdivision", "needs a country: set country as well", id="no country"),
        pytest.param(Calendar(closed=("12/29",)), "closed", "is not a day", id="another form"),
        pytest.param(Calendar(open=("2026-02-29",)), "open", "not a valid date", id="no such day"),
    ],
)
def test_what_is_no_calendar(calendar: Calendar, field: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message) as caught:
        check_calendar(calendar)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "2026-1-1", "13-01", "02-30", "2026-12-29/01-03", "2026-02-01/2026-01-01",
                                  "2026-01-01/2028-01-01"])  # fmt: skip
def test_days_that_are_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_days(text)


def test_29_february_of_every_year_is_there_in_leap_years_only() -> None:
    assert list(parse_days("02-29").of(2028)) == [date(2028, 2, 29)]
    assert list(parse_days("02-29").of(2026)) == []
