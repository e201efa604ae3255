"""Cron in a zone: the instants at which the wall clock matches, also where it is changed.

Where clocks change, cron keeps Debian's rules. A fixed time is due at the first instant at which the clock shows it or
something later: once in a repeated hour, and right after a gap that swallowed it. An expression that follows real time
is due whenever the clock shows a matching time: twice in a repeated hour, never in a gap. A job may choose otherwise
for its fixed times: due again in a repeated hour, or left out in a gap.

Instants are whole seconds here, counted as wall time is (see `walls`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from myscheduler.core.walls import DAY, CronExpression, count_walls, next_wall, previous_wall
from myscheduler.core.zones import LAST, first_showing, reached, stretch_at, stretches_between


@dataclass(frozen=True, slots=True)
class Cron:
    """Due when the wall clock of a zone matches, in the years 1970 to 9999."""

    expression: CronExpression
    zone: str
    """IANA name, as `check_zone` accepts it."""
    gap: Literal["run", "skip"] = "run"
    """What becomes of a fixed time that a gap swallowed; `skip`: its slot is due right after the gap, but left out."""
    overlap: Literal["first", "both"] = "first"
    """Whether fixed times are due again when they come twice."""


@dataclass(frozen=True, slots=True)
class Walk:
    next: Callable[[CronExpression, str, int], int | None]
    previous: Callable[[CronExpression, str, int, int], int | None]
    count: Callable[[CronExpression, str, int, int], int]


def walk_of(schedule: Cron) -> Walk:
    if schedule.expression.real_time:
        return _REAL
    return _BOTH if schedule.overlap == "both" else _FIXED


def _next_fixed(expression: CronExpression, zone_name: str, after: int) -> int | None:
    wall = next_wall(expression, reached(zone_name, after) + 1)
    return None if wall is None else first_showing(zone_name, wall)


def _previous_fixed(expression: CronExpression, zone_name: str, until: int, after: int) -> int | None:
    wall = previous_wall(expression, reached(zone_name, until)) if until > after else None
    return None if wall is None else first_showing(zone_name, wall)


def _count_fixed(expression: CronExpression, zone_name: str, start: int, until: int) -> int:
    """Times count once: not again when shown again, and all that a gap swallowed count as one, at its end."""
    total, fresh = 0, reached(zone_name, start - 1) + 1
    for first, end, offset in stretches_between(zone_name, start, until):
        shown = first + offset
        if fresh < shown and count_walls(expression, fresh, shown) and not count_walls(expression, shown, shown + 1):
            total += 1
        total += count_walls(expression, max(fresh, shown), end + offset)
        fresh = max(fresh, end + offset)
    return total


def swallowing(schedule: Cron, start: int, until: int) -> Iterator[int]:
    """The ends of gaps that swallowed fixed times, where the clock doesn't show another one of them just then."""
    expression, fresh = schedule.expression, reached(schedule.zone, start - 1) + 1
    for first, end, offset in stretches_between(schedule.zone, start, until):
        shown = first + offset
        if fresh < shown and count_walls(expression, fresh, shown) and not count_walls(expression, shown, shown + 1):
            yield first
        fresh = max(fresh, end + offset)


def _next_both(expression: CronExpression, zone_name: str, after: int) -> int | None:
    """All times that are shown, and the ends of gaps."""
    found = (_next_fixed(expression, zone_name, after), _next_real(expression, zone_name, after))
    return min((one for one in found if one is not None), default=None)


def _previous_both(expression: CronExpression, zone_name: str, until: int, after: int) -> int | None:
    found = (_previous_fixed(expression, zone_name, until, after), _previous_real(expression, zone_name, until, after))
    return max((one for one in found if one is not None), default=None)


def _count_both(expression: CronExpression, zone_name: str, start: int, until: int) -> int:
    ends = sum(1 for _ in swallowing(Cron(expression, zone_name), start, until))
    return ends + _count_real(expression, zone_name, start, until)


def _next_real(expression: CronExpression, zone_name: str, after: int) -> int | None:
    """Look stretch by stretch; far from a change of the clock, jump to where the next matching wall time must lie."""
    instant = after + 1
    while instant <= LAST:
        stretch = stretch_at(zone_name, instant)
        wall = next_wall(expression, instant + stretch.offset)
        if wall is not None and wall < stretch.end + stretch.offset:
            return wall - stretch.offset
        steady = stretch_at(zone_name, instant + 2 * DAY).offset == stretch.offset
        if wall is None and steady:
            return None
        instant = max(stretch.end, wall - DAY) if wall is not None and steady else stretch.end
    return None


def _previous_real(expression: CronExpression, zone_name: str, until: int, after: int) -> int | None:
    """The mirror image of `_next_real`."""
    instant = until
    while instant > after:
        stretch = stretch_at(zone_name, instant)
        wall = previous_wall(expression, instant + stretch.offset)
        if wall is not None and wall >= stretch.start + stretch.offset:
            return wall - stretch.offset
        steady = stretch_at(zone_name, instant - 2 * DAY).offset == stretch.offset
        if wall is None and steady:
            return None
        instant = min(stretch.start - 1, wall + DAY) if wall is not None and steady else stretch.start - 1
    return None


def _count_real(expression: CronExpression, zone_name: str, start: int, until: int) -> int:
    stretches = stretches_between(zone_name, start, until)
    return sum(count_walls(expression, first + offset, end + offset) for first, end, offset in stretches)


_REAL = Walk(_next_real, _previous_real, _count_real)
_FIXED = Walk(_next_fixed, _previous_fixed, _count_fixed)
_BOTH = Walk(_next_both, _previous_both, _count_both)
