"""The shortest time between two consecutive slots of a schedule, in wall-clock time.

Whatever moves or excludes slots is ignored: clock changes, calendars, blackouts, jitter.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache, reduce
from itertools import pairwise
from operator import or_
from typing import assert_never

from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    DeclaredWallInterval,
)
from myscheduler.core.schedule.dialect import parse_cron
from myscheduler.core.schedule.expression import (
    DAY,
    FIRST_YEAR,
    LAST_YEAR,
    CronExpression,
    YearKind,
    bits,
    days_of_year,
    is_among,
    kind_of_year,
    next_day,
)
from myscheduler.core.schedule.seconds import lowest, runs_of, times_of
from myscheduler.core.schedule.strides import shortest_step

_CYCLE_DAYS = 28 * 366
"""The days of 28 years, after which the days of the month fall on the same weekdays again."""


def shortest_distance(schedule: DeclaredSchedule) -> timedelta | None:
    """The shortest time between two consecutive slots; `None` if the schedule has only one, or none."""
    match schedule:
        case DeclaredCron(fields, day_match):
            return _of_cron(parse_cron(dict(fields), day_match=day_match))
        case DeclaredCrons(crons):
            return _of_several(tuple(parse_cron(dict(one.fields), day_match=one.day_match) for one in crons))
        case DeclaredWallInterval():
            seconds = shortest_step(schedule.stride("UTC"))
            return None if seconds is None else timedelta(seconds=seconds)
        case DeclaredInterval() as interval:
            return interval.every
        case DeclaredDate() | DeclaredAfter():
            return None
        case _:
            assert_never(schedule)


@lru_cache(maxsize=4_096)  # many jobs share few expressions
def _of_cron(expression: CronExpression) -> timedelta | None:
    days = _shortest_days(expression)
    overnight = [] if days is None else [days * DAY - (_last(expression) - _first(expression))]
    found = min([*_within_a_day(expression), *overnight], default=None)
    return None if found is None else timedelta(seconds=found)


def _within_a_day(expression: CronExpression) -> list[int]:
    """The possible distances, in seconds, from one time of a day to the next on the same day."""
    hours, minutes, seconds = expression.hours, expression.minutes, expression.seconds
    in_minute = seconds[-1] - seconds[0]
    in_hour = (minutes[-1] - minutes[0]) * 60 + in_minute
    return [
        *_steps(seconds, 1, 0),
        *_steps(minutes, 60, in_minute),
        *_steps(hours, 3_600, in_hour),
    ]


def _steps(values: Sequence[int], unit: int, span: int) -> list[int]:
    """Seconds from the last time within each value (an hour, say) to the first time within the next value.

    `unit` is the length of one value in seconds; `span` the seconds from the first to the last time within a value.
    """
    return [(later - earlier) * unit - span for earlier, later in pairwise(values)]


def _first(expression: CronExpression) -> int:
    return expression.hours[0] * 3_600 + expression.minutes[0] * 60 + expression.seconds[0]


def _last(expression: CronExpression) -> int:
    return expression.hours[-1] * 3_600 + expression.minutes[-1] * 60 + expression.seconds[-1]


def _shortest_days(expression: CronExpression) -> int | None:
    """The fewest days between two consecutive matching days; `None` if there is only one."""
    day = next_day(expression, date(2000 if expression.years is None else expression.years[0], 1, 1))
    shortest, end = None, None if day is None else day.toordinal() + _CYCLE_DAYS
    while day is not None and shortest != 1 and (expression.years is not None or day.toordinal() < (end or 0)):
        following = next_day(expression, day + timedelta(days=1)) if day < date.max else None
        if following is not None:
            shortest = min(shortest or _CYCLE_DAYS, (following - day).days)
        day = following
    return shortest


# --- several expressions ---


@lru_cache(maxsize=4_096)
def _of_several(expressions: tuple[CronExpression, ...]) -> timedelta | None:
    times = _Together([times_of(one) for one in expressions])
    known = dict[object, tuple[int | None, int | None]]()
    days = dict[tuple[int, YearKind], int]()
    shortest, last = None, None
    for year in _years_of(expressions):
        kind, base = kind_of_year(year), date(year, 1, 1).toordinal() * DAY
        for number, one in enumerate(expressions):
            if (number, kind) not in days:
                days[number, kind] = days_of_year(replace(one, years=None), year)
        masks = tuple(
            days[number, kind] if one.years is None or is_among(one.years, year) else 0
            for number, one in enumerate(expressions)
        )
        key = masks, None if last is None else last - base
        if key not in known:
            known[key] = times.walk(*key)
        found, end = known[key]
        shortest = min((one for one in (shortest, found) if one is not None), default=None)
        last = None if end is None else base + end
    return None if shortest is None else timedelta(seconds=shortest)


def _years_of(expressions: Sequence[CronExpression]) -> list[int]:
    """The years to check, in order.

    If every expression lists its years, those. Otherwise the listed years with their neighbours, and one whole cycle of
    28 years for the expressions that run in every year.
    """
    listed = {year for one in expressions for year in one.years or ()}
    if all(one.years is not None for one in expressions):
        return sorted(listed)
    near = {year + step for year in listed for step in (-1, 0, 1)}
    return sorted(near & set(range(FIRST_YEAR, LAST_YEAR + 1)) | set(range(2000, 2028)))


class _Together:
    """Distances between the slots of several expressions together; `times` are the seconds of a day of each, as bits.

    Which expressions match on a day decides its times, so each combination of them is worked out once.
    """

    def __init__(self, times: Sequence[int]) -> None:
        self._times = times
        self._known = dict[int, tuple[int, int, int | None]]()

    def walk(self, masks: Sequence[int], last: int | None) -> tuple[int | None, int | None]:
        """The shortest distance between consecutive slots of a year, and the year's last slot.

        `masks` are the matching days of each expression, as bits; slots are in seconds from the start of the year;
        `last` is the last slot before the year, if there is one.
        """
        shortest = None
        for day in bits(reduce(or_, masks)):
            first, end, within = self._of_day(sum((mask >> day & 1) << number for number, mask in enumerate(masks)))
            overnight = None if last is None else day * DAY + first - last
            shortest = min((one for one in (shortest, within, overnight) if one is not None), default=None)
            last = day * DAY + end
        return shortest, last

    def _of_day(self, members: int) -> tuple[int, int, int | None]:
        """The first and last time of a day on which these expressions (as bits) match, and the shortest distance."""
        if members not in self._known:
            mask = reduce(or_, (self._times[number] for number in bits(members)))
            self._known[members] = lowest(mask), mask.bit_length() - 1, _closest(mask)
        return self._known[members]


def _closest(mask: int) -> int | None:
    if mask & mask >> 1:
        return 1
    starts = (first for first, _ in runs_of(mask))
    return min((later - earlier for earlier, later in pairwise(starts)), default=None)
