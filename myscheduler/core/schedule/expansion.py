"""Computes all slots in a span of time, ten million of them in seconds, for forecasts of weeks and of many jobs.

The result is the same as that of `slots.slots_between`, but computed a day at a time. Instants are integers, in
microseconds since 1970, because creating ten million datetimes would take longer than everything else.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from myscheduler.core.schedule.cron import Cron, OnClock, Several, WallInterval, swallowing
from myscheduler.core.schedule.expression import CronExpression, wall_times_between
from myscheduler.core.schedule.slots import (
    Adjusted,
    Interval,
    Never,
    Once,
    Schedule,
    back,
    inside,
    next_after,
    slots_between,
)
from myscheduler.core.schedule.zones import EPOCH, FIRST, LAST, reached, stretches_between, to_second

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
_EPOCH_SECOND = to_second(EPOCH)


def to_micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def to_datetime(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def expand(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Sequence[int]]:
    """The slots after `after` and up to `until`, in order, as non-empty parts of about a day each."""
    match schedule:
        case Cron() | WallInterval() | Several():
            yield from _on_clock(schedule, after, until)
        case Interval(every, _):
            first, last = next_after(schedule, after), to_micros(until)
            if first is not None and first <= until:
                yield range(to_micros(first), last + 1, every // MICROSECOND)
        case Once(at):
            if after < at <= until:
                yield [to_micros(at)]
        case Never():
            return
        case Adjusted(rhythm, offset):
            after, until = inside(schedule, after, until)
            for part in expand(rhythm, back(after, offset), back(until, offset)) if after < until else ():
                yield _moved(part, offset // MICROSECOND)
        case _:
            assert_never(schedule)


def _on_clock(schedule: OnClock, after: datetime, until: datetime) -> Iterator[Sequence[int]]:
    match schedule:
        case Cron():
            start, end = max(to_second(after) + 1, FIRST), min(to_second(until), LAST)
            for instants in _cron(schedule, start, end):
                yield [(instant - _EPOCH_SECOND) * SECOND for instant in instants]
        case WallInterval():
            yield from ([to_micros(slot)] for slot in slots_between(schedule, after, until))
        case Several(members):
            yield from _merged([expand(one, after, until) for one in members])
        case _:
            assert_never(schedule)


def _merged(of_members: Sequence[Iterator[Sequence[int]]]) -> Iterator[Sequence[int]]:
    """Merge the parts of all members, in order; a slot of several members is kept once.

    Each step yields the slots of all members up to the earliest end of their current parts.
    """
    parts = [part for one in of_members if (part := _Rest.of(one))]
    while parts:
        end = min(part.slots[-1] for part in parts)
        yield sorted({slot for part in parts for slot in part.take(end)})
        parts = [part for part in parts if part.slots]


@dataclass(slots=True)
class _Rest:
    """The parts of one member that are not taken yet."""

    slots: Sequence[int]
    """The rest of the current part; empty if there are no more parts."""
    more: Iterator[Sequence[int]]

    @classmethod
    def of(cls, parts: Iterator[Sequence[int]]) -> "_Rest | None":
        first = next(parts, None)
        return cls(first, parts) if first else None

    def take(self, end: int) -> Sequence[int]:
        """Take the slots of the current part up to `end`, included."""
        count = bisect_right(self.slots, end)
        taken, self.slots = self.slots[:count], self.slots[count:] or next(self.more, ())
        return taken


def _moved(part: Sequence[int], offset: int) -> Sequence[int]:
    if isinstance(part, range):
        return range(part.start + offset, part.stop + offset, part.step)
    return [micros + offset for micros in part] if offset else part


def _cron(schedule: Cron, start: int, until: int) -> Iterator[list[int]]:
    """The instants from `start` to `until`, both included."""
    are_all = schedule.expression.real_time or schedule.overlap == "both"
    shown = _shown(schedule.expression, schedule.zone, start, until, are_all=are_all)
    return shown if schedule.expression.real_time else _with_ends(schedule, start, until, shown)


def _shown(expression: CronExpression, zone_name: str, start: int, until: int, *, are_all: bool) -> Iterator[list[int]]:
    """The instants at which the clock shows a matching time: every time (`are_all`), or only the first time."""
    fresh = reached(zone_name, start - 1) + 1
    for first, end, offset in stretches_between(zone_name, start, until):
        begin = first + offset if are_all else max(fresh, first + offset)
        for walls in wall_times_between(expression, begin, end + offset):
            yield [wall - offset for wall in walls]
        fresh = max(fresh, end + offset)


def _with_ends(schedule: Cron, start: int, until: int, parts: Iterator[list[int]]) -> Iterator[list[int]]:
    """Insert the ends of gaps that skip fixed times into the parts, in order."""
    ends = list(swallowing(schedule, start, until))
    for part in parts:
        while ends and ends[0] < part[0]:
            yield [ends.pop(0)]
        if ends and ends[0] < part[-1]:
            yield sorted({*part, ends.pop(0)})
        else:
            yield part
    for end in ends:
        yield [end]
