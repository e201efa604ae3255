"""The wall-clock times of a cron expression, without time zones: the next, the previous, how many.

Wall time is an integer, in whole seconds: `date.toordinal() * 86400 + second of the day`, so it can't overflow. Days
are numbered by `date.toordinal()`.
"""

from array import array
from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from myscheduler.core.schedule.calendars import Shift

DAY = 86400
"""Seconds of a wall-clock day."""
FIRST_YEAR, LAST_YEAR = 1970, 9999
"""The years that `*` means: nothing fires before or after them."""

_FIRST_DAY = date(FIRST_YEAR, 1, 1).toordinal()
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()
_EVERY_SEVENTH = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28
MONTH_LENGTHS: tuple[tuple[int, ...], ...] = (
    (),
    (31,),
    (28, 29),
    (31,),
    (30,),
    (31,),
    (30,),
    (31,),
    (31,),
    (30,),
    (31,),
    (30,),
    (31,),
)


class DayRule(NamedTuple):
    """Which days of a month match. Bit n of `days` is day n; bit n of `weekdays` is weekday n (0 = Sunday)."""

    days: int
    last: bool
    """The last day of the month (`L`)."""
    last_workday: bool
    """The last day of the month that is not a Saturday or Sunday (`LW`)."""
    weekdays: int
    nth: tuple[tuple[int, int], ...]
    """Pairs (weekday, n) for the n-th such weekday of the month (`MON#1`); n = 0 for the last one (`5L`)."""
    either: bool
    """Whether it is enough that the day of the month or the weekday matches (crontab's OR); otherwise both must."""


@dataclass(frozen=True, slots=True)
class CronExpression:
    """The meaning of a cron expression: the sorted values of each field; `None` means any year or any week.

    Expressions with the same meaning are equal, however they are written (see `dialect.canonical`).
    """

    years: tuple[int, ...] | None
    months: tuple[int, ...]
    weeks: tuple[int, ...] | None
    """ISO weeks. `years` applies to the calendar year of a day, not to the ISO year of its week."""
    day_rule: DayRule
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    real_time: bool
    """Whether it follows real time where clocks change, because its hour, minute or second starts with `*`.

    Otherwise it names fixed times of the day: each is due once a day, whatever the clocks do (Debian's rule).
    """
    shift: Shift | None = None
    """How matching days that are closed are moved to open days; the times of the day stay the same."""


# --- days ---


def matches_day(expression: CronExpression, day: date) -> bool:
    """Whether the expression has times on that day of the calendar."""
    return bool(_days(expression, day.year, day.month) >> day.day & 1)


def is_day_of(expression: CronExpression, day: int) -> bool:
    """Whether the day of that number matches; none matches outside of the years 1970 to 9999."""
    return _FIRST_DAY <= day <= _LAST_DAY and matches_day(expression, date.fromordinal(day))


def days_of_year(expression: CronExpression, year: int) -> int:
    """The matching days of a year as bits; bit 0 is the first of January."""
    mask, first = 0, date(year, 1, 1).toordinal()
    for month in _reach(expression)[0]:
        mask |= _days(expression, year, month) >> 1 << date(year, month, 1).toordinal() - first
    return mask


class YearKind(NamedTuple):
    """The kind of a year: in years of one kind, all days have the same weekdays and ISO weeks."""

    weekday: int
    """The weekday of the first of January (0 = Monday)."""
    is_leap: bool
    is_after_leap: bool


@lru_cache(maxsize=1_024)
def kind_of_year(year: int) -> YearKind:
    return YearKind(date(year, 1, 1).weekday(), isleap(year), isleap(year - 1))


def is_among(values: Sequence[int], value: int) -> bool:
    """Whether it is one of the sorted values, by bisection, as there may be thousands."""
    index = bisect_left(values, value)
    return index < len(values) and values[index] == value


def next_day(expression: CronExpression, start: date) -> date | None:
    """The first matching day from `start` on, `start` included; `None` if there is none up to the year 9999."""
    mask = _days(expression, start.year, start.month) >> start.day << start.day
    if mask:
        return start.replace(day=_lowest(mask))
    for year, month in _months_after(expression, start.year, start.month):
        mask = _days(expression, year, month)
        if mask:
            return date(year, month, _lowest(mask))
    return None


def previous_day(expression: CronExpression, start: date) -> date | None:
    """The last matching day up to `start`, `start` included; `None` if there is none back to the year 1970."""
    mask = _days(expression, start.year, start.month) & ((2 << start.day) - 1)
    if mask:
        return start.replace(day=mask.bit_length() - 1)
    for year, month in _months_before(expression, start.year, start.month):
        mask = _days(expression, year, month)
        if mask:
            return date(year, month, mask.bit_length() - 1)
    return None


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _months_after(expression: CronExpression, year: int, month: int) -> Iterator[tuple[int, int]]:
    """The months after the given one in which days may match, as (year, month)."""
    months, years = _reach(expression)
    if years is None or is_among(years, year):
        yield from ((year, later) for later in months[bisect_right(months, month) :])
    later_years = (
        range(max(year + 1, FIRST_YEAR), LAST_YEAR + 1) if years is None else years[bisect_right(years, year) :]
    )
    yield from ((later, each) for later in later_years for each in months)


def _months_before(expression: CronExpression, year: int, month: int) -> Iterator[tuple[int, int]]:
    months, years = _reach(expression)
    if years is None or is_among(years, year):
        yield from ((year, earlier) for earlier in reversed(months[: bisect_left(months, month)]))
    earlier_years = range(FIRST_YEAR, year) if years is None else years[: bisect_left(years, year)]
    yield from ((earlier, each) for earlier in reversed(earlier_years) for each in reversed(months))


def _reach(expression: CronExpression) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """The months and years in which days may match, including those into which a shift may move days."""
    if expression.shift is None or expression.years is None:
        return expression.months if expression.shift is None else tuple(range(1, 13)), expression.years
    return tuple(range(1, 13)), _years_near(expression.years)


@lru_cache(maxsize=64)
def _years_near(years: tuple[int, ...]) -> tuple[int, ...]:
    near = {year + step for year in years for step in (-1, 0, 1)}
    return tuple(sorted(near & set(range(FIRST_YEAR, LAST_YEAR + 1))))


def _days(expression: CronExpression, year: int, month: int) -> int:
    """The matching days of a month as bits."""
    return _own_days(expression, year, month) if expression.shift is None else _shifted_days(expression, year, month)


@lru_cache(maxsize=4096)
def _shifted_days(expression: CronExpression, year: int, month: int) -> int:
    """The days of a month after the shift; days move at most into an adjacent month."""
    mask = 0
    for months_on in (-1, 0, 1):
        near_year, near_month = divmod(year * 12 + month - 1 + months_on, 12)
        for day in bits(_own_days(expression, near_year, near_month + 1)):
            moved = expression.shift.moved(date(near_year, near_month + 1, day)) if expression.shift else None
            if moved is not None and (moved.year, moved.month) == (year, month):
                mask |= 1 << moved.day
    return mask


def _own_days(expression: CronExpression, year: int, month: int) -> int:
    """The matching days of a month before any of them is moved."""
    years = expression.years
    if (
        month not in expression.months
        or not FIRST_YEAR <= year <= LAST_YEAR
        or (years is not None and not is_among(years, year))
    ):
        return 0
    first = date(year, month, 1)
    length = 29 if month == 2 and isleap(year) else MONTH_LENGTHS[month][0]
    mask = month_days(expression.day_rule, first.isoweekday() % 7, length)
    weeks = expression.weeks
    if weeks is None:
        return mask
    chosen = 0
    for week, days in _weeks_of_month(year, month):
        if week in weeks:
            chosen |= days
    return mask & chosen


@lru_cache(maxsize=4096)
def _weeks_of_month(year: int, month: int) -> tuple[tuple[int, int], ...]:
    """The ISO weeks of a month, each with its days of the month as bits."""
    found: dict[int, int] = {}
    for day in range(1, (29 if month == 2 and isleap(year) else MONTH_LENGTHS[month][0]) + 1):
        week = date(year, month, day).isocalendar().week
        found[week] = found.get(week, 0) | 1 << day
    return tuple(found.items())


@lru_cache(maxsize=4096)
def month_days(rule: DayRule, first: int, length: int) -> int:
    """The matching days, as bits, of a month of `length` days that starts on the weekday `first` (0 = Sunday)."""
    whole = (2 << length) - 2
    days = rule.days & whole
    if rule.last:
        days |= 1 << length
    if rule.last_workday:
        days |= 1 << length - {6: 1, 0: 2}.get((first + length - 1) % 7, 0)
    weekdays = 0
    for weekday in bits(rule.weekdays):
        weekdays |= _EVERY_SEVENTH << 1 + (weekday - first) % 7
    for weekday, nth in rule.nth:
        day = 1 + (weekday - first) % 7
        weekdays |= 1 << day + 7 * (nth - 1 if nth else (length - day) // 7)
    weekdays &= whole
    return days | weekdays if rule.either else days & weekdays


# --- wall time ---


def next_wall_time(expression: CronExpression, start: int) -> int | None:
    """The first matching wall second from `start` on, `start` included; `None` when there is none up to 9999."""
    day, second = divmod(start, DAY)
    if day < _FIRST_DAY:
        day, second = _FIRST_DAY, 0
    if day > _LAST_DAY:
        return None
    today = date.fromordinal(day)
    if matches_day(expression, today):
        rank = _times_before(expression, second)
        if rank < times_per_day(expression):
            return day * DAY + _time(expression, rank)
    found = next_day(expression, date.fromordinal(day + 1)) if day < _LAST_DAY else None
    return None if found is None else found.toordinal() * DAY + _time(expression, 0)


def previous_wall_time(expression: CronExpression, start: int) -> int | None:
    """The last matching wall second up to `start`, `start` included; `None` when there is none back to 1970."""
    day, second = divmod(start, DAY)
    if day > _LAST_DAY:
        day, second = _LAST_DAY, DAY - 1
    if day < _FIRST_DAY:
        return None
    if matches_day(expression, date.fromordinal(day)):
        rank = _times_before(expression, second + 1)
        if rank:
            return day * DAY + _time(expression, rank - 1)
    found = previous_day(expression, date.fromordinal(day - 1))
    return None if found is None else found.toordinal() * DAY + _time(expression, times_per_day(expression) - 1)


def count_wall_times(expression: CronExpression, start: int, end: int) -> int:
    """How many wall seconds match from `start` (included) to `end` (excluded)."""
    if end <= start:
        return 0
    return _wall_times_before(expression, end, start // DAY) - _wall_times_before(expression, start, start // DAY)


def wall_times_between(expression: CronExpression, start: int, end: int) -> Iterator[list[int]]:
    """The matching wall seconds from `start` (included) to `end` (excluded), as one non-empty list per day."""
    day, second = divmod(max(start, _FIRST_DAY * DAY), DAY)
    times = _seconds_of(expression)
    while day <= _LAST_DAY and day * DAY < end:
        found = next_day(expression, date.fromordinal(day))
        if found is None:
            return
        if found.toordinal() > day:
            day, second = found.toordinal(), 0
        midnight = day * DAY
        first, last = bisect_left(times, second), bisect_left(times, end - midnight)
        if first < last:
            yield [midnight + time for time in times[first:last]]
        day, second = day + 1, 0


def _seconds_of(expression: CronExpression) -> Sequence[int]:
    """The matching seconds of a matching day."""
    return _few(expression) if times_per_day(expression) <= _MINUTES else _many(expression)


def _times(expression: CronExpression) -> Sequence[int]:
    return array("I", (_time(expression, rank) for rank in range(times_per_day(expression))))


_MINUTES = 1440
_few = lru_cache(maxsize=1024)(_times)
_many = lru_cache(maxsize=16)(_times)
"""A smaller cache: its entries take up to 340 KiB each, for a job that runs every second."""


def times_per_day(expression: CronExpression) -> int:
    """How many times match on a matching day."""
    return len(expression.hours) * len(expression.minutes) * len(expression.seconds)


def _wall_times_before(expression: CronExpression, wall: int, since: int) -> int:
    """How many wall seconds match from the start of the day numbered `since` to `wall` (excluded)."""
    day, second = divmod(wall, DAY)
    whole = _count_days(expression, since, day) * times_per_day(expression)
    if _FIRST_DAY <= day <= _LAST_DAY and matches_day(expression, date.fromordinal(day)):
        return whole + _times_before(expression, second)
    return whole


def _count_days(expression: CronExpression, start: int, end: int) -> int:
    """How many days match from the day numbered `start` (included) to `end` (excluded)."""
    start, end = max(start, _FIRST_DAY), min(end, _LAST_DAY + 1)
    if end <= start:
        return 0
    first, last = date.fromordinal(start), date.fromordinal(end - 1)
    total = (_days(expression, first.year, first.month) >> first.day).bit_count()
    total -= (_days(expression, last.year, last.month) >> last.day + 1).bit_count()
    for year, month in _months_after(expression, first.year, first.month):
        if (year, month) > (last.year, last.month):
            break
        total += _days(expression, year, month).bit_count()
    return total


def _times_before(expression: CronExpression, second: int) -> int:
    """How many times of a matching day are before that second of the day."""
    hour, rest = divmod(second, 3600)
    minute, second = divmod(rest, 60)
    hours, minutes, seconds = expression.hours, expression.minutes, expression.seconds
    rank = bisect_left(hours, hour)
    if rank == len(hours) or hours[rank] != hour:
        return rank * len(minutes) * len(seconds)
    in_hour = bisect_left(minutes, minute)
    rank = rank * len(minutes) + in_hour
    if in_hour == len(minutes) or minutes[in_hour] != minute:
        return rank * len(seconds)
    return rank * len(seconds) + bisect_left(seconds, second)


def _time(expression: CronExpression, rank: int) -> int:
    """The time of a matching day with that rank (from 0), as a second of the day."""
    rank, second = divmod(rank, len(expression.seconds))
    hour, minute = divmod(rank, len(expression.minutes))
    return expression.hours[hour] * 3600 + expression.minutes[minute] * 60 + expression.seconds[second]


def mask_of(values: Iterable[int]) -> int:
    """The values as the bits of one number."""
    mask = 0
    for value in values:
        mask |= 1 << value
    return mask


def bits(mask: int) -> tuple[int, ...]:
    """The inverse of `mask_of`, in order."""
    return tuple(n for n, bit in enumerate(bin(mask)[:1:-1]) if bit == "1") if mask else ()
