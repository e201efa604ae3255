"""The wall-clock times of an interval that is counted by the calendar (`clock: wall`), without time zones.

Wall time is counted in whole seconds as in `expression`. The n-th time is n steps after the anchor, not one step after
the time before it: so an anchor on the 31st is due on the 31st again after a shorter month.
"""

from calendar import isleap
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import ClassVar

from myscheduler.core.schedule.expression import DAY, LAST_YEAR, MONTH_LENGTHS
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

MONTH = 2_629_746
"""Seconds of a month of the Gregorian calendar on average."""
_END = (date(LAST_YEAR, 12, 31).toordinal() + 1) * DAY
_CYCLE_MONTHS = 400 * 12


@dataclass(frozen=True, slots=True)
class Stride:
    """The times n * (`months` and `days`) after the anchor for n >= 1, up to the year 9999.

    Months are added first; if the resulting month lacks the anchor's day, its last day is used. Then days are added.
    """

    anchor: int
    """A second of wall time."""
    months: int = 0
    days: int = 0

    real_time: ClassVar[bool] = False
    """As in `CronExpression`; the times of a stride are fixed times."""

    def __post_init__(self) -> None:
        if min(self.months, self.days) < 0 or not self.months + self.days:
            raise ScheduleError(said("interval-not-positive"), field="interval")


def next_wall_time(stride: Stride, start: int) -> int | None:
    """The first time from `start` on, `start` included; `None` when there is none up to 9999."""
    wall = _time(stride, _steps_until(stride, start - 1) + 1)
    return wall if wall < _END else None


def previous_wall_time(stride: Stride, start: int) -> int | None:
    """The last time up to `start`, `start` included; `None` when there is none."""
    steps = _steps_until(stride, start)
    return _time(stride, steps) if steps else None


def count_wall_times(stride: Stride, start: int, end: int) -> int:
    """How many times there are from `start` (included) to `end` (excluded)."""
    return _steps_until(stride, end - 1) - _steps_until(stride, start - 1) if start < end else 0


def is_day_of(stride: Stride, day: int) -> bool:
    """Whether there is a time on the day of that number (`date.toordinal`)."""
    return count_wall_times(stride, day * DAY, (day + 1) * DAY) > 0


def days_of_year(stride: Stride, year: int) -> int:
    """The days of a year that have a time as bits; bit 0 is the first of January."""
    first, mask = date(year, 1, 1).toordinal(), 0
    end = first + 365 + isleap(year)
    wall = next_wall_time(stride, first * DAY)
    while wall is not None and wall < end * DAY:
        mask |= 1 << wall // DAY - first
        wall = next_wall_time(stride, wall + 1)
    return mask


def has_begun(stride: Stride, year: int) -> bool:
    """Whether there was a time before that year."""
    return _time(stride, 1) < date(year, 1, 1).toordinal() * DAY


def phase(stride: Stride, year: int) -> int | None:
    """The position within a step, in months or days, at which the year begins.

    Years of one kind with the same position have the same times. `None` if that doesn't hold: with months and days.
    """
    if stride.months and stride.days:
        return None
    if stride.months:
        return (year * 12 - _month(stride.anchor // DAY)) % stride.months
    return (date(year, 1, 1).toordinal() - stride.anchor // DAY) % stride.days


@lru_cache(maxsize=1_024)
def shortest_step(stride: Stride) -> int | None:
    """Seconds between the two consecutive times that are closest to each other; `None` if there is only one."""
    if not stride.months:
        return stride.days * DAY
    # after this many steps the sequence of months repeats
    times = takewhile(lambda time: time < _END, (_time(stride, steps) for steps in range(1, _CYCLE_MONTHS + 2)))
    return min((after - before for before, after in pairwise(times)), default=None)


def _steps_until(stride: Stride, wall: int) -> int:
    """How many times there are up to that wall second, included."""
    wall = min(wall, _END - 1)
    if not stride.months:
        return max(0, (wall - stride.anchor) // (stride.days * DAY))
    steps = max(0, (wall - stride.anchor) // (stride.months * MONTH + stride.days * DAY))
    while _time(stride, steps + 1) <= wall:
        steps += 1
    while steps and _time(stride, steps) > wall:
        steps -= 1
    return steps


def _time(stride: Stride, steps: int) -> int:
    """The time that many steps after the anchor; some value from `_END` on if that is after the end of the calendar."""
    if not stride.months:
        return stride.anchor + steps * stride.days * DAY
    day, second = divmod(stride.anchor, DAY)
    year, month = divmod(_month(day) + steps * stride.months, 12)
    if year > LAST_YEAR:
        return _END
    length = 29 if month == 1 and isleap(year) else MONTH_LENGTHS[month + 1][0]
    clamped = date(year, month + 1, min(date.fromordinal(day).day, length)).toordinal()
    return (clamped + steps * stride.days) * DAY + second


def _month(day: int) -> int:
    """The month of a day, counted from the year 0."""
    on = date.fromordinal(day)
    return on.year * 12 + on.month - 1
