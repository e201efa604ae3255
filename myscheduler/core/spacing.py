"""How close to each other the slots of a schedule come, as the clock shows them.

What moves or leaves out slots is left aside: changes of the clock, calendars, blackouts, jitter.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import assert_never

from myscheduler.core.cron import parse_cron
from myscheduler.core.job import DeclaredCron, DeclaredDate, DeclaredInterval, DeclaredSchedule
from myscheduler.core.walls import DAY, CronExpression, next_day

_CYCLE_DAYS = 28 * 366
"""After 28 years the same days of the month fall on the same weekdays again."""


def shortest_distance(schedule: DeclaredSchedule) -> timedelta | None:
    """Between two slots that follow each other; `None` where there is but one."""
    match schedule:
        case DeclaredCron(fields, day_match):
            return _of_cron(parse_cron(dict(fields), day_match=day_match))
        case DeclaredInterval() as interval:
            return interval.every
        case DeclaredDate():
            return None
        case _:
            assert_never(schedule)


@lru_cache(maxsize=4_096)  # many jobs have few expressions
def _of_cron(expression: CronExpression) -> timedelta | None:
    days = _shortest_days(expression)
    over_night = [] if days is None else [days * DAY - (_last(expression) - _first(expression))]
    found = min([*_within_a_day(expression), *over_night], default=None)
    return None if found is None else timedelta(seconds=found)


def _within_a_day(expression: CronExpression) -> list[int]:
    """The distances from one time of a day to the next, each kind of them once."""
    hours, minutes, seconds = expression.hours, expression.minutes, expression.seconds
    in_minute = seconds[-1] - seconds[0]
    in_hour = (minutes[-1] - minutes[0]) * 60 + in_minute
    return [
        *_steps(seconds, 1, 0),
        *_steps(minutes, 60, in_minute),
        *_steps(hours, 3_600, in_hour),
    ]


def _steps(values: Sequence[int], unit: int, spent: int) -> list[int]:
    """From the last time within one of the values to the first within the next."""
    return [(later - earlier) * unit - spent for earlier, later in pairwise(values)]


def _first(expression: CronExpression) -> int:
    return expression.hours[0] * 3_600 + expression.minutes[0] * 60 + expression.seconds[0]


def _last(expression: CronExpression) -> int:
    return expression.hours[-1] * 3_600 + expression.minutes[-1] * 60 + expression.seconds[-1]


def _shortest_days(expression: CronExpression) -> int | None:
    """Days between two matching days that follow each other; `None` where there is but one."""
    day = next_day(expression, date(2000 if expression.years is None else expression.years[0], 1, 1))
    shortest, end = None, None if day is None else day.toordinal() + _CYCLE_DAYS
    while day is not None and shortest != 1 and (expression.years is not None or day.toordinal() < (end or 0)):
        following = next_day(expression, day + timedelta(days=1)) if day < date.max else None
        if following is not None:
            shortest = min(shortest or _CYCLE_DAYS, (following - day).days)
        day = following
    return shortest
