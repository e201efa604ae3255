"""Calendars: which days are closed, and to which day a slot on a closed day is moved.

Public holidays, weekends and working days on weekends come from the `holidays` package; a manifest may add closed and
open days. Days of a year are handled as bit masks, in which bit 0 is the first of January.
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
from myscheduler.messages.message import said

FARTHEST = 28
"""The most days by which a slot is moved; in a longer closure it is not moved, and is left out."""
_EVERY_SEVENTH = sum(1 << day for day in range(0, 366, 7))
_WEEKEND = frozenset({5, 6})
"""The weekend of a calendar without a country: Saturday and Sunday (Monday is 0)."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The holidays and weekends of a country, with a company's own closed and open days.

    Without a country, weekends are Saturday and Sunday and there are no public holidays.
    """

    country: str | None = None
    """A two-letter ISO 3166-1 code."""
    subdivision: str | None = None
    """The code of a state or province, as in the `holidays` package."""
    closed: tuple[str, ...] = ()
    """Additional closed days, as `parse_days` reads them."""
    open: tuple[str, ...] = ()
    """Days that are working days even if they are holidays, weekends or in `closed`."""


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Which days of a calendar count as open."""

    calendar: Calendar
    weekends: bool
    """Whether weekends are closed; holidays always are."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Moves slots on closed days to an open day."""

    days: WorkingDays
    to: Literal["next", "previous"]

    def moved(self, day: date) -> date:
        """The nearest open day in direction `to`; `day` itself if it is open, or none is within `FARTHEST` days."""
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
    """Why `day` is closed; `None` if it is open."""
    return _closed_in(days, day.year).get(day)


def closed_days(days: WorkingDays, first: date, last: date) -> Iterator[tuple[date, ClosedReason]]:
    """The closed days from `first` to `last`, both included, in order."""
    for year in range(first.year, last.year + 1):
        for day, why in _closed_in(days, year).items():
            if first <= day <= last:
                yield day, why


def last_dated_year(days: WorkingDays) -> int | None:
    """The last year for which `closed` or `open` name days (0 for none); `None` with a country, whose days may always
    differ.

    In later years the closed days depend only on the weekday of the first of January and on leap days.
    """
    calendar = days.calendar
    if calendar.country is not None:
        return None
    dated = [one for texts in (calendar.closed, calendar.open) for one in _compiled(texts).dated]
    return max((one.last_year or 0 for one in dated), default=0)


def name_of(calendar: Calendar, day: date) -> str | None:
    """The name of a public holiday, in the country's default language; `None` if `day` is none."""
    return _holidays_of(calendar.country, calendar.subdivision, day.year).get(day) if calendar.country else None


def check_calendar(calendar: Calendar) -> None:
    """Raise a `ScheduleError` for an invalid calendar; its `field` names the invalid field."""
    if calendar.country is not None:
        _check_country(calendar.country, calendar.subdivision)
    elif calendar.subdivision is not None:
        raise ScheduleError(said("subdivision-without-country"), field="subdivision")
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
    """The closed days of a year, as bits; bit 0 is the first of January."""
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
    """The open days of a year and its neighbours, as bits; bit `FARTHEST` is the first of January of `year`."""
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
    """The weekdays of the weekend, and the days of weekends that are working days."""
    if country is None:
        return _WEEKEND, frozenset()
    source = _source(country, subdivision, year)
    return frozenset(source.weekend), frozenset(getattr(source, "weekend_workdays", ()))


def _source(country: str, subdivision: str | None, year: int) -> Any:
    import holidays  # noqa: PLC0415 - only jobs with a calendar need it

    own = holidays.country_holidays(country).default_language  # else names depend on the machine's locale
    return holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False, language=own)


@cache
def _countries() -> dict[str, list[str]]:
    import holidays  # noqa: PLC0415 - only jobs with a calendar need it

    return holidays.list_supported_countries()


def _check_country(country: str, subdivision: str | None) -> None:
    known = _countries()
    if country not in known:
        hint = said("did-you-mean-this", meant=country.upper()) if country.upper() in known else said("write-a-country")
        raise ScheduleError(said("not-a-country", value=shown(country), hint=hint), field="country")
    if subdivision is not None and subdivision not in known[country]:
        close = get_close_matches(subdivision.upper(), known[country], n=1)
        choice = (
            said("write-one-of", known=", ".join(known[country]))
            if known[country]
            else said("no-subdivisions", country=country)
        )
        hint = said("did-you-mean-this", meant=close[0]) if close else choice
        raise ScheduleError(
            said("not-a-subdivision", value=shown(subdivision), country=country, hint=hint), field="subdivision"
        )


# --- days as written in manifests ---

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
        """The days that are in `year`."""
        first, mask = date(year, 1, 1).toordinal(), self.bits(year)
        yield from (date.fromordinal(first + day) for day in range(mask.bit_length()) if mask >> day & 1)

    def bits(self, year: int) -> int:
        """The days that are in `year`, as bits; bit 0 is the first of January."""
        first, end = _number(year, self.first), _number(year, self.last, is_end=True)
        if self.year is None or self.last_year is None:
            wraps = self.first > self.last  # such as 12-29/01-03
            return _span(0, end) | _span(first, _length(year)) if wraps else _span(first, end)
        if not self.year <= year <= self.last_year:
            return 0
        return _span(first if year == self.year else 0, end if year == self.last_year else _length(year))


def _number(year: int, day: tuple[int, int], *, is_end: bool = False) -> int:
    """The number of days of the year before `day`; for an end, with `day` itself.

    A 29 February counts as a day of no length in other years.
    """
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
    """Parse `2026-08-13`, `2026-12-29/2027-01-03`, or for every year `08-13`, `12-29/01-03`.

    Raises `ScheduleError` for anything else.
    """
    found = _DAYS.fullmatch(text.strip())
    if found is None:
        raise ScheduleError(said("not-a-day", value=shown(text)))
    year, month, day, last_year, last_month, last_day = (int(part) if part else None for part in found.groups())
    first = (month or 0, day or 0)
    last = (last_month, last_day) if last_month is not None and last_day is not None else first
    if last_month is not None and (year is None) is not (last_year is None):
        raise ScheduleError(said("year-at-both-ends", value=shown(text)))
    end = last_year if last_year is not None else year
    try:
        start_day, end_day = date(year or _LEAP_YEAR, *first), date(end or _LEAP_YEAR, *last)
    except ValueError:
        raise ScheduleError(said("not-a-date", value=shown(text))) from None
    if year is not None and not timedelta() <= end_day - start_day <= timedelta(days=_LONGEST):
        raise ScheduleError(said("range-backwards", value=shown(text)))
    return Days(year, first, last, end)


class _Compiled(NamedTuple):
    """The days of a list of texts, parsed."""

    common: int
    """The days of every year, as bits of a year without a leap day."""
    leap: int
    """The same, as bits of a leap year."""
    dated: tuple[Days, ...]
    """The days of particular years."""


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
    """The days of `texts` in `year`, as bits."""
    found = _compiled(texts)
    mask = found.leap if isleap(year) else found.common
    for days in found.dated:
        mask |= days.bits(year)
    return mask
