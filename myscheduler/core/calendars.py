"""Calendars: which days are closed, and on which day a time is due that falls on one.

Public holidays, weekends and substituted working days come from the `holidays` package; an author adds days on which
the company is closed or open.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Literal

from myscheduler.core.problem import shown
from myscheduler.errors import ScheduleError

FARTHEST = 28
"""Days that a time is moved at the most; behind a longer closure it stays where it is, and is left out."""
_WEEKEND = frozenset({5, 6})
"""Saturday and Sunday, where no country says otherwise; Monday is 0."""
_ONE_DAY = timedelta(days=1)


class Closed(StrEnum):
    """Why a day is closed."""

    WEEKEND = "weekend"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A country's days with a company's own; without a country, Monday to Friday."""

    country: str | None = None
    """ISO 3166-1 code of two letters."""
    subdivision: str | None = None
    """A state or province as the `holidays` package names it."""
    closed: tuple[str, ...] = ()
    """Days, as `parse_days` reads them, on which the company is closed beyond the country's."""
    open: tuple[str, ...] = ()
    """Days that are working days whatever the others say."""


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Which days of a calendar count as open."""

    calendar: Calendar
    weekends: bool
    """Whether weekends are closed, too; holidays always are."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Where a time goes that falls on a closed day."""

    days: WorkingDays
    to: Literal["next", "previous"]

    def moved(self, day: date) -> date:
        """The nearest open day in that direction; the day itself when it is open, or none is near."""
        step = 1 if self.to == "next" else -1
        for distance in range(FARTHEST + 1):
            candidate = day.toordinal() + step * distance
            if not date.min.toordinal() <= candidate <= date.max.toordinal():
                return day
            if closed_on(self.days, date.fromordinal(candidate)) is None:
                return date.fromordinal(candidate)
        return day


def closed_on(days: WorkingDays, day: date) -> Closed | None:
    """Why that day is closed, if it is."""
    return _closed_in(days, day.year).get(day)


def closed_days(days: WorkingDays, first: date, last: date) -> Iterator[tuple[date, Closed]]:
    """The closed days from `first` to `last`, both included, in order."""
    for year in range(first.year, last.year + 1):
        for day, why in _closed_in(days, year).items():
            if first <= day <= last:
                yield day, why


def name_of(calendar: Calendar, day: date) -> str | None:
    """What a public holiday is called in its country, in the language there."""
    return _holidays_of(calendar.country, calendar.subdivision, day.year).get(day) if calendar.country else None


def check_calendar(calendar: Calendar) -> None:
    """Raise a `ScheduleError` (`field` names the part) for what is no calendar."""
    if calendar.country is not None:
        _check_country(calendar.country, calendar.subdivision)
    elif calendar.subdivision is not None:
        raise ScheduleError("belongs to a country: write that too", field="subdivision")
    for field, texts in (("closed", calendar.closed), ("open", calendar.open)):
        for text in texts:
            try:
                parse_days(text)
            except ScheduleError as error:
                raise ScheduleError(str(error), field=field) from None


# --- days of a year ---


@lru_cache(maxsize=1_024)
def _closed_in(days: WorkingDays, year: int) -> dict[date, Closed]:
    """The closed days of a year, in order."""
    calendar = days.calendar
    found: dict[date, Closed] = {}
    if days.weekends:
        weekend, worked = _weekend_of(calendar.country, calendar.subdivision, year)
        found = dict.fromkeys((day for day in _year(year) if day.weekday() in weekend and day not in worked),
                              Closed.WEEKEND)  # fmt: skip
    if calendar.country:
        found |= dict.fromkeys(_holidays_of(calendar.country, calendar.subdivision, year), Closed.HOLIDAY)
    found |= dict.fromkeys(_written(calendar.closed, year), Closed.HOLIDAY)
    opened = _written(calendar.open, year)
    return {day: found[day] for day in sorted(found.keys() - opened)}


def _year(year: int) -> Iterator[date]:
    first = date(year, 1, 1).toordinal()
    return (date.fromordinal(day) for day in range(first, date(year, 12, 31).toordinal() + 1))


@lru_cache(maxsize=1_024)
def _holidays_of(country: str, subdivision: str | None, year: int) -> dict[date, str]:
    return {day: name for day, name in _source(country, subdivision, year).items() if day.year == year}


def _weekend_of(country: str | None, subdivision: str | None, year: int) -> tuple[frozenset[int], frozenset[date]]:
    """The weekdays of the weekend, and the days of weekends that are worked instead of others."""
    if country is None:
        return _WEEKEND, frozenset()
    source = _source(country, subdivision, year)
    return frozenset(source.weekend), frozenset(getattr(source, "weekend_workdays", ()))


def _source(country: str, subdivision: str | None, year: int) -> Any:
    import holidays  # noqa: PLC0415 - only jobs with a calendar need it

    own = holidays.country_holidays(country).default_language  # else names would follow the machine's language
    return holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False, language=own)


@cache
def _countries() -> dict[str, list[str]]:
    import holidays  # noqa: PLC0415 - only jobs with a calendar need it

    return holidays.list_supported_countries()


def _check_country(country: str, subdivision: str | None) -> None:
    known = _countries()
    if country not in known:
        hint = f"did you mean {country.upper()}?" if country.upper() in known else "write one such as JP, US or DE"
        raise ScheduleError(f"{shown(country)} is no country code of ISO 3166; {hint}", field="country")
    if subdivision is not None and subdivision not in known[country]:
        close = get_close_matches(subdivision.upper(), known[country], n=1)
        there = f"there are {', '.join(known[country])}" if known[country] else f"{country} has none here"
        hint = f"did you mean {close[0]}?" if close else there
        raise ScheduleError(f"{shown(subdivision)} is no subdivision of {country}; {hint}", field="subdivision")


# --- days as people write them ---

_DAYS = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)(?:/(?:(\d{4})-)?(\d\d)-(\d\d))?", re.ASCII)
_LEAP_YEAR = 2000
_LONGEST = 366


@dataclass(frozen=True, slots=True)
class Days:
    """A day or a range of days, of one year or of every year."""

    year: int | None
    first: tuple[int, int]
    """Month and day."""
    last: tuple[int, int]
    last_year: int | None

    def of(self, year: int) -> Iterator[date]:
        """The days that lie in that year."""
        if self.year is not None and self.last_year is not None:
            yield from (day for day in _range(date(self.year, *self.first), date(self.last_year, *self.last))
                        if day.year == year)  # fmt: skip
        elif self.first <= self.last:
            yield from (day for day in _year(year) if self.first <= (day.month, day.day) <= self.last)
        else:  # over the turn of the year
            yield from (day for day in _year(year) if not self.last < (day.month, day.day) < self.first)


@lru_cache(maxsize=1_024)
def parse_days(text: str) -> Days:
    """Read `2026-08-13`, `2026-12-29/2027-01-03`, or for every year `08-13`, `12-29/01-03`.

    A `ScheduleError` for anything else.
    """
    found = _DAYS.fullmatch(text.strip())
    if found is None:
        raise ScheduleError(
            f"{shown(text)} is not a day: write 2026-08-13, 08-13 for every year, or a range 12-29/01-03"
        )
    year, month, day, last_year, last_month, last_day = (int(part) if part else None for part in found.groups())
    first = (month or 0, day or 0)
    last = (last_month, last_day) if last_month is not None and last_day is not None else first
    if last_month is not None and (year is None) is not (last_year is None):
        raise ScheduleError(f"{shown(text)}: write the year at both ends of a range, or at none")
    end = last_year if last_year is not None else year
    try:
        start_day, end_day = date(year or _LEAP_YEAR, *first), date(end or _LEAP_YEAR, *last)
    except ValueError:
        raise ScheduleError(f"{shown(text)} is no day of the calendar") from None
    if year is not None and not timedelta() <= end_day - start_day <= timedelta(days=_LONGEST):
        raise ScheduleError(f"{shown(text)}: a range runs forwards, and over a year at the most")
    return Days(year, first, last, end)


def _written(texts: tuple[str, ...], year: int) -> set[date]:
    return {day for text in texts for day in parse_days(text).of(year)}


def _range(first: date, last: date) -> Iterator[date]:
    return (first + number * _ONE_DAY for number in range((last - first).days + 1))
