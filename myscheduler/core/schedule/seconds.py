"""Sets of seconds as bit masks, in which bit n is the n-th second of a span: a whole day is one integer operation.

Instants are whole seconds, counted like wall time (see `expression`).
"""

import re
from collections.abc import Iterator
from functools import lru_cache, reduce
from operator import or_

from myscheduler.core.schedule.cron import Cron, OnClock, Several, Times, WallInterval, walk_of
from myscheduler.core.schedule.expression import DAY, CronExpression, count_wall_times, is_day_of
from myscheduler.core.schedule.strides import Stride
from myscheduler.core.schedule.zones import FIRST, LAST, reached, stretches_between

FULL_DAY = (1 << DAY) - 1
_RUN = re.compile("1+")


def span_bits(first: int, end: int) -> int:
    """A mask with the bits from `first` (included) to `end` (excluded)."""
    return (1 << end - first) - 1 << first if end > first else 0


def spread(mask: int, length: int, size: int) -> int:
    """The mask with each bit extended to `length` bits, upwards; bits from `size` on are cut off."""
    length, done = min(length, size), 1
    while done < length:
        step = min(done, length - done)
        mask |= mask << step
        done += step
    return mask & (1 << size) - 1


def runs_of(mask: int) -> Iterator[tuple[int, int]]:
    """The runs of consecutive bits, in order, as (first bit, last bit + 1)."""
    return (run.span() for run in _RUN.finditer(bin(mask)[:1:-1])) if mask else iter(())


def lowest(mask: int) -> int:
    """The number of the lowest bit of a mask, which must not be zero."""
    return (mask & -mask).bit_length() - 1


def every(distance: int, first: int, size: int) -> int:
    """A mask with the bits `first`, `first + distance` and so on, below `size`."""
    if first >= size:
        return 0
    if first + distance >= size:
        return 1 << first
    return _repeated(distance, size) << first & (FULL_DAY if size == DAY else (1 << size) - 1)


@lru_cache(maxsize=64)
def _repeated(distance: int, size: int) -> int:
    mask, reach = 1, distance
    while reach < size:
        mask |= mask << reach
        reach *= 2
    return mask


def times_of(expression: Times) -> int:
    """The matching seconds of a matching day."""
    if isinstance(expression, Stride):
        return 1 << expression.anchor % DAY
    return _times(expression.hours, expression.minutes, expression.seconds)


@lru_cache(maxsize=512)
def _times(hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]) -> int:
    of_minute = sum(1 << second for second in seconds)
    of_hour = sum(of_minute << 60 * minute for minute in minutes)
    return sum(of_hour << 3_600 * hour for hour in hours)


def due_between(schedule: OnClock, start: int, end: int) -> int:
    """The seconds at which the schedule is due, from `start` (included) to `end` (excluded); bit 0 is `start`."""
    if isinstance(schedule, Several):
        return reduce(or_, (due_between(one, start, end) for one in schedule.members))
    return _by_slots(schedule, start, end) if isinstance(schedule, WallInterval) else _by_days(schedule, start, end)


def _by_slots(schedule: WallInterval, start: int, end: int) -> int:
    """Slot by slot, for a schedule that is due at most twice a day."""
    follow, mask, slot = walk_of(schedule).next, 0, max(start, FIRST) - 1
    while (found := follow(schedule.expression, schedule.zone, slot)) is not None and found < min(end, LAST + 1):
        mask, slot = mask | 1 << found - start, found
    return mask


def _by_days(schedule: Cron, start: int, end: int) -> int:
    expression, mask = schedule.expression, 0
    first_instant, last_instant = max(start, FIRST), min(end - 1, LAST)
    fresh = reached(schedule.zone, first_instant - 1) + 1
    for first, stop, offset in stretches_between(schedule.zone, first_instant, last_instant):
        begin = shown = first + offset
        if not expression.real_time:
            if fresh < shown and count_wall_times(expression, fresh, shown):
                mask |= 1 << first - start  # a gap skipped a time
            begin = shown if schedule.overlap == "both" else max(fresh, shown)
        if begin < stop + offset:
            mask |= _wall_times_between(expression, begin, stop + offset) << begin - offset - start
        fresh = max(fresh, stop + offset)
    return mask


def _wall_times_between(expression: CronExpression, begin: int, end: int) -> int:
    mask = 0
    for day in range(begin // DAY, (end - 1) // DAY + 1):
        if is_day_of(expression, day):
            first, stop = max(begin - day * DAY, 0), min(end - day * DAY, DAY)
            piece = times_of(expression) >> first
            mask |= (piece if stop == DAY else piece & (1 << stop - first) - 1) << day * DAY + first - begin
    return mask
