"""Calendars: which days are closed, and on which day a time is due that falls on one.

Public holidays, weekends and substituted working days come from the `holidays` package; an author adds days on which
the company is closed or open.
"""

import re
from calendar import isleap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from myscheduler.core.caching import cached
from myscheduler.core.findings.problem import shown
from myscheduler.core.reason import ClosedReason, Reason
from myscheduler.errors import ScheduleError

FARTHEST = 28
"""Days that a time is moved at the most; behind a longer closure it stays where it is, and is left out."""
_EVERY_SEVENTH = sum(1 << day for day in range(0, 366, 7))
_WEEKEND = frozenset({5, 6})
"""Saturday and Sunday, where no country says otherwise; Monday is 0."""


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
        at = day.toordinal() - date(day.year, 1, 1).toordinal() + FARTHEST
        open_days = _open_around(self.days, day.year)
        if self.to == "next":
            near = open_days >> at & (2 << FARTHEST) - 1
            distance = (near & -near).bit_length() - 1
        else:
            near = open_days >> at - FARTHEST & (2 << FARTHEST) - 1
            distance = near.bit_length() - 1 - FARTHEST
        return date.fromordinal(day.toordinal() + distance) if near else day


def closed_on(days: WorkingDays, day: date) -> ClosedReason | None:
    """Why that day is closed, if it is."""
    return _closed_in(days, day.year).get(day)


def closed_days(days: WorkingDays, first: date, last: date) -> Iterator[tuple[date, ClosedReason]]:
    """The closed days from `first` to `last`, both included, in order."""
    for year in range(first.year, last.year + 1):
        for day, why in _closed_in(days, year).items():
            if first <= day <= last:
                yield day, why


def last_dated_year(days: WorkingDays) -> int | None:
    """Behind it, years that begin on one weekday and are as long are closed on the same days; `None`: nobody knows."""
    calendar = days.calendar
    if calendar.country is not None:
        return None
    dated = [one for texts in (calendar.closed, calendar.open) for one in _compiled(texts).dated]
    return max((one.last_year or 0 for one in dated), default=0)


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
def _closed_in(days: WorkingDays, year: int) -> dict[date, ClosedReason]:
    """The closed days of a year, in order."""
    closed, holidays = closed_bits(days, year), _holiday_bits(days.calendar, year)
    first = date(year, 1, 1).toordinal()
    return {
        date.fromordinal(first + day): Reason.HOLIDAY if holidays >> day & 1 else Reason.WEEKEND
        for day in range(closed.bit_length())
        if closed >> day & 1
    }


@lru_cache(maxsize=1_024)
def closed_bits(days: WorkingDays, year: int) -> int:
    """The closed days of a year; bit 0 is the first of January."""
    calendar, closed = days.calendar, _holiday_bits(days.calendar, year)
    if days.weekends:
        weekend, worked = _weekend_of(calendar.country, calendar.subdivision, year)
        closed |= _weekdays(weekend, year) & ~_bits_of(worked, year)
    return closed & ~_written(calendar.open, year)


@lru_cache(maxsize=1_024)
def _holiday_bits(calendar: Calendar, year: int) -> int:
    closed = _written(calendar.closed, year)
    if calendar.country:
        closed |= _bits_of(_holidays_of(calendar.country, calendar.subdivision, year), year)
    return closed


def _weekdays(weekdays: frozenset[int], year: int) -> int:
    first, mask = date(year, 1, 1).weekday(), 0
    for weekday in weekdays:
        mask |= _EVERY_SEVENTH << (weekday - first) % 7
    return mask & (1 << _length(year)) - 1


def _bits_of(found: Iterable[date], year: int) -> int:
    first, mask = date(year, 1, 1).toordinal(), 0
    for day in found:
        if day.year == year:
            mask |= 1 << day.toordinal() - first
    return mask


@lru_cache(maxsize=1_024)
def _open_around(days: WorkingDays, year: int) -> int:
    """The open days of a year and of its neighbours; bit `FARTHEST` is the first of January."""
    mask = 0
    for near in (year - 1, year, year + 1):
        if MINYEAR <= near <= MAXYEAR:
            opened = ((1 << _length(near)) - 1) & ~closed_bits(days, near)
            start = FARTHEST + date(near, 1, 1).toordinal() - date(year, 1, 1).toordinal()
            mask |= opened << start if start >= 0 else opened >> -start
    return mask


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
        first, mask = date(year, 1, 1).toordinal(), self.bits(year)
        yield from (date.fromordinal(first + day) for day in range(mask.bit_length()) if mask >> day & 1)

    def bits(self, year: int) -> int:
        """The days that lie in that year; bit 0 is the first of January."""
        first, end = _number(year, self.first), _number(year, self.last, is_end=True)
        if self.year is None or self.last_year is None:
            turns = self.first > self.last  # over the turn of the year
            return _span(0, end) | _span(first, _length(year)) if turns else _span(first, end)
        if not self.year <= year <= self.last_year:
            return 0
        return _span(first if year == self.year else 0, end if year == self.last_year else _length(year))


def _number(year: int, day: tuple[int, int], *, is_end: bool = False) -> int:
    """How many days of the year are earlier than that one, itself included for an end; one that it lacks is none."""
    month, number = day
    if (month, number) == (2, 29) and not isleap(year):
        return date(year, 3, 1).toordinal() - date(year, 1, 1).toordinal()
    return date(year, month, number).toordinal() - date(year, 1, 1).toordinal() + is_end


def _length(year: int) -> int:
    return 366 if isleap(year) else 365


def _span(first: int, end: int) -> int:
    return (1 << end) - (1 << first) if first < end else 0


@cached(1_024)
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


class _Compiled(NamedTuple):
    """Days as they are written, read once."""

    common: int
    """Those of every year, as bits of a year without a leap day."""
    leap: int
    dated: tuple[Days, ...]


@lru_cache(maxsize=256)
def _compiled(texts: tuple[str, ...]) -> _Compiled:
    common, leap, dated = 0, 0, []
    for days in map(parse_days, texts):
        if days.year is None:
            common, leap = common | days.bits(_LEAP_YEAR + 1), leap | days.bits(_LEAP_YEAR)
        else:
            dated.append(days)
    return _Compiled(common, leap, tuple(dated))


def _written(texts: tuple[str, ...], year: int) -> int:
    """The days of that year, as bits."""
    found = _compiled(texts)
    mask = found.leap if isleap(year) else found.common
    for days in found.dated:
        mask |= days.bits(year)
    return mask
