"""Cron expressions and calendar intervals in a time zone: when the wall clock matches, including at clock changes.

At clock changes, Debian's rules apply. A fixed time is due at the first instant at which the clock shows it or a later
time: once in a repeated hour, and right after a gap that skips it. An expression that follows real time is due whenever
the clock shows a matching time: twice in a repeated hour, never in a gap. For its fixed times, a job may choose to be
due again in a repeated hour (`overlap`), or not to run for a skipped time (`gap`). The times of a calendar interval are
fixed times.

Instants are whole seconds here, counted like wall time (see `expression`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby
from typing import Any, Literal, overload

from myscheduler.core.schedule import expression as walls
from myscheduler.core.schedule import strides
from myscheduler.core.schedule.expression import DAY, CronExpression
from myscheduler.core.schedule.strides import Stride
from myscheduler.core.schedule.zones import LAST, first_showing, reached, stretch_at, stretches_between


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule that is due when the wall clock of a zone matches an expression, in the years 1970 to 9999."""

    expression: CronExpression
    zone: str
    """An IANA name that `check_zone` accepts."""
    gap: Literal["run", "skip"] = "run"
    """What happens to a fixed time that a gap skips: it is due right after the gap and, with `skip`, is excluded."""
    overlap: Literal["first", "both"] = "first"
    """Whether a fixed time that occurs twice is due the first time only, or both times."""


@dataclass(frozen=True, slots=True)
class WallInterval:
    """A schedule that is due at the times of a calendar interval, on the wall clock of a zone."""

    expression: Stride
    zone: str
    gap: Literal["run", "skip"] = "run"
    overlap: Literal["first", "both"] = "first"
    """`gap` and `overlap` have the same meaning as in `Cron`."""


@dataclass(frozen=True, slots=True)
class Several:
    """The union of cron schedules: due whenever at least one of its members is due."""

    members: tuple[Cron, ...]
    """At least two, which differ only in their expressions."""

    @property
    def zone(self) -> str:
        return self.members[0].zone

    @property
    def gap(self) -> Literal["run", "skip"]:
        return self.members[0].gap

    @property
    def overlap(self) -> Literal["first", "both"]:
        return self.members[0].overlap


OnClock = Cron | WallInterval | Several
"""Any schedule that depends on what a clock shows."""


@overload
def members_of(schedule: Cron | Several) -> tuple[Cron, ...]: ...
@overload
def members_of(schedule: OnClock) -> tuple[Cron, ...] | tuple[WallInterval]: ...
def members_of(schedule: OnClock) -> tuple[Cron | WallInterval, ...]:
    """The members of a union, or the schedule itself if it is not a union."""
    return schedule.members if isinstance(schedule, Several) else (schedule,)


def with_overlap(schedule: OnClock, overlap: Literal["first", "both"]) -> OnClock:
    """The same schedule with another `overlap`."""
    if isinstance(schedule, Several):
        return Several(tuple(replace(one, overlap=overlap) for one in schedule.members))
    return replace(schedule, overlap=overlap)


Times = CronExpression | Stride
"""A set of wall-clock times, without a time zone."""


@dataclass(frozen=True, slots=True)
class _WallTimes:
    """The functions that find the wall-clock times of one type of `Times`: those of `expression` or `strides`."""

    next: Callable[[Any, int], int | None]
    previous: Callable[[Any, int], int | None]
    count: Callable[[Any, int, int], int]


_WALL_TIMES: Mapping[type, _WallTimes] = {
    CronExpression: _WallTimes(walls.next_wall_time, walls.previous_wall_time, walls.count_wall_times),
    Stride: _WallTimes(strides.next_wall_time, strides.previous_wall_time, strides.count_wall_times),
}


def count_wall_times(expression: Times, start: int, end: int) -> int:
    """How many of the times are between `start` (included) and `end` (excluded)."""
    return _WALL_TIMES[type(expression)].count(expression, start, end)


@dataclass(frozen=True, slots=True)
class Walk:
    """The functions that find due instants, in seconds, for one rule about clock changes.

    `next(times, zone, after)` is the first due instant after `after`. `previous(times, zone, until, after)` is the last
    one up to `until`; it may be at or before `after`, which only limits the search. `count(times, zone, start, until)`
    counts those from `start` to `until`, both included.
    """

    next: Callable[[Times, str, int], int | None]
    previous: Callable[[Times, str, int, int], int | None]
    count: Callable[[Times, str, int, int], int]


def walk_of(schedule: Cron | WallInterval) -> Walk:
    """The functions for the rule that applies to the schedule: real time, both times of an overlap, or the first."""
    if schedule.expression.real_time:
        return _REAL
    return _BOTH if schedule.overlap == "both" else _FIXED


def _next_fixed(expression: Times, zone_name: str, after: int) -> int | None:
    wall = _WALL_TIMES[type(expression)].next(expression, reached(zone_name, after) + 1)
    return None if wall is None else first_showing(zone_name, wall)


def _previous_fixed(expression: Times, zone_name: str, until: int, after: int) -> int | None:
    wall = _WALL_TIMES[type(expression)].previous(expression, reached(zone_name, until)) if until > after else None
    return None if wall is None else first_showing(zone_name, wall)


def _count_fixed(expression: Times, zone_name: str, start: int, until: int) -> int:
    """Count each time once: not again when the clock shows it again, and all times that a gap skips as one, at its end.

    `fresh` is the first wall time that the clock has not shown yet.
    """
    begin = fresh = reached(zone_name, start - 1) + 1
    doubles = 0
    for first, end, offset in stretches_between(zone_name, start, until):
        shown = first + offset
        if fresh < shown and (skipped := count_wall_times(expression, fresh, shown)):
            doubles += skipped - 1 + count_wall_times(expression, shown, shown + 1)
        fresh = max(fresh, end + offset)
    return count_wall_times(expression, begin, fresh) - doubles


def swallowing(schedule: OnClock, start: int, until: int) -> Iterator[int]:
    """The ends, as instants, of gaps that skip fixed times, from `start` to `until`, both included.

    The end of a gap is left out if the clock shows a matching time at that instant anyway.
    """
    if isinstance(schedule, Several):
        ends = groupby(merge(*(swallowing(one, start, until) for one in schedule.members)))
        yield from (end for end, _ in ends if not any(_is_shown(one, end) for one in schedule.members))
        return
    if not schedule.expression.real_time:
        yield from _ends_of_gaps(schedule.expression, schedule.zone, start, until)


def _ends_of_gaps(expression: Times, zone_name: str, start: int, until: int) -> Iterator[int]:
    fresh = reached(zone_name, start - 1) + 1
    for first, end, offset in stretches_between(zone_name, start, until):
        shown = first + offset
        if (
            fresh < shown
            and count_wall_times(expression, fresh, shown)
            and not count_wall_times(expression, shown, shown + 1)
        ):
            yield first
        fresh = max(fresh, end + offset)


def _is_shown(schedule: Cron, instant: int) -> bool:
    """Whether the clock shows a matching time at that instant."""
    wall = instant + stretch_at(schedule.zone, instant).offset
    return bool(count_wall_times(schedule.expression, wall, wall + 1))


def _next_both(expression: Times, zone_name: str, after: int) -> int | None:
    """The next instant at which the clock shows a matching time, or at which a gap ends that skips one."""
    found = (_next_fixed(expression, zone_name, after), _next_real(expression, zone_name, after))
    return min((one for one in found if one is not None), default=None)


def _previous_both(expression: Times, zone_name: str, until: int, after: int) -> int | None:
    found = (_previous_fixed(expression, zone_name, until, after), _previous_real(expression, zone_name, until, after))
    return max((one for one in found if one is not None), default=None)


def _count_both(expression: Times, zone_name: str, start: int, until: int) -> int:
    ends = sum(1 for _ in _ends_of_gaps(expression, zone_name, start, until))
    return ends + _count_real(expression, zone_name, start, until)


def _next_real(expression: Times, zone_name: str, after: int) -> int | None:
    """Search stretch by stretch; far from a clock change, jump close to the next matching wall time."""
    instant = after + 1
    while instant <= LAST:
        stretch = stretch_at(zone_name, instant)
        wall = _WALL_TIMES[type(expression)].next(expression, instant + stretch.offset)
        if wall is not None and wall < stretch.end + stretch.offset:
            return wall - stretch.offset
        steady = stretch_at(zone_name, instant + 2 * DAY).offset == stretch.offset
        if wall is None and steady:
            return None
        instant = max(stretch.end, wall - DAY) if wall is not None and steady else stretch.end
    return None


def _previous_real(expression: Times, zone_name: str, until: int, after: int) -> int | None:
    """The same as `_next_real`, backwards."""
    instant = until
    while instant > after:
        stretch = stretch_at(zone_name, instant)
        wall = _WALL_TIMES[type(expression)].previous(expression, instant + stretch.offset)
        if wall is not None and wall >= stretch.start + stretch.offset:
            return wall - stretch.offset
        steady = stretch_at(zone_name, instant - 2 * DAY).offset == stretch.offset
        if wall is None and steady:
            return None
        instant = min(stretch.start - 1, wall + DAY) if wall is not None and steady else stretch.start - 1
    return None


def _count_real(expression: Times, zone_name: str, start: int, until: int) -> int:
    total, begin, last = 0, start, None
    for first, _, offset in stretches_between(zone_name, start, until):
        if last is not None and offset != last:
            total, begin = total + count_wall_times(expression, begin + last, first + last), first
        last = offset
    return total if last is None else total + count_wall_times(expression, begin + last, until + 1 + last)


_REAL = Walk(_next_real, _previous_real, _count_real)
_FIXED = Walk(_next_fixed, _previous_fixed, _count_fixed)
_BOTH = Walk(_next_both, _previous_both, _count_both)
