"""When a job is due: cron and calendar intervals in a zone, intervals of real time, single runs, and what limits them.

Instants are aware UTC datetimes; what cron does where clocks change stands in `zoned_cron`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never

from myscheduler.core.schedule.calendars import WorkingDays
from myscheduler.core.schedule.cron import Cron, Several, WallInterval, walk_of
from myscheduler.core.schedule.unions import count_union
from myscheduler.core.schedule.zones import FIRST, LAST, to_instant, to_second
from myscheduler.errors import ScheduleError

TICK = timedelta(microseconds=1)
"""The smallest step of time."""
FIRST_MOMENT, LAST_MOMENT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """Due at anchor + k * every for k >= 1."""

    every: timedelta
    """More than zero."""
    anchor: datetime

    def __post_init__(self) -> None:
        if self.every <= timedelta():
            raise ScheduleError("an interval must be longer than zero", field="interval")


@dataclass(frozen=True, slots=True)
class Once:
    """Due a single time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """A blackout of its own: from `start`, included, to `end`, excluded."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Recurring:
    """A blackout that opens again and again, and lasts as long each time (real time)."""

    opens: Cron
    lasts: timedelta


Rhythm = Cron | Interval | WallInterval | Several
"""What is due again and again."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A rhythm, moved by a fixed distance and within limits. Its slots are those of the moved rhythm."""

    rhythm: Rhythm
    offset: timedelta = timedelta()
    """The job's jitter: not negative, and always the same."""
    start: datetime = FIRST_MOMENT
    """There is no slot before."""
    end: datetime = LAST_MOMENT
    """There is no slot from here on."""
    blackouts: tuple[Period | Recurring, ...] = ()
    """Slots in them are left out; what counts is when they are due, jitter included."""
    days: WorkingDays | None = None
    """Slots on other days are left out; what counts is the day of the rhythm, before it is moved by the offset."""
    zone: str = "UTC"
    """Where `days` begin and end."""


Schedule = Rhythm | Once | Adjusted


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot later than `after`; `None` when there is none, also at the end of what datetime can hold."""
    match schedule:
        case Interval(every, anchor):
            with suppress(OverflowError):
                return anchor + max(1, (after - anchor) // every + 1) * every
            return None
        case Cron(expression, zone_name) | WallInterval(expression, zone_name):
            follow = walk_of(schedule).next
            found = follow(expression, zone_name, max(to_second(after), FIRST - 1))
            return None if found is None or found > LAST else to_instant(found)
        case Several(members):
            slots = (next_after(one, after) for one in members)
            return min((slot for slot in slots if slot is not None), default=None)
        case Once(at):
            return at if at > after else None
        case Adjusted(rhythm, offset):
            slot = next_after(rhythm, back(max(after, back(schedule.start, TICK)), offset))
            moved = None if slot is None else forth(slot, offset)
            return moved if moved is not None and moved < schedule.end else None
        case _:
            assert_never(schedule)


def last_until(schedule: Schedule, until: datetime, *, after: datetime) -> datetime | None:
    """The latest slot that is later than `after` and not later than `until`."""
    match schedule:
        case Interval(every, anchor):
            turns = (until - anchor) // every
            return anchor + turns * every if turns > max(0, (after - anchor) // every) else None
        case Cron(expression, zone_name) | WallInterval(expression, zone_name):
            follow = walk_of(schedule).previous
            found = follow(expression, zone_name, min(to_second(until), LAST), max(to_second(after), FIRST - 1))
            return None if found is None or found <= to_second(after) else to_instant(found)
        case Several(members):
            slots = (last_until(one, until, after=after) for one in members)
            return max((slot for slot in slots if slot is not None), default=None)
        case Once(at):
            return at if after < at <= until else None
        case Adjusted(rhythm, offset):
            after, until = inside(schedule, after, until)
            slot = last_until(rhythm, back(until, offset), after=back(after, offset)) if after < until else None
            return None if slot is None else slot + offset
        case _:
            assert_never(schedule)


def count_between(schedule: Schedule, after: datetime, until: datetime) -> int:
    """How many slots are later than `after` and not later than `until`, without walking them one by one."""
    match schedule:
        case Interval(every, anchor):
            return max(0, (until - anchor) // every - max(0, (after - anchor) // every))
        case Cron(expression, zone_name) | WallInterval(expression, zone_name):
            count = walk_of(schedule).count
            return count(expression, zone_name, max(to_second(after) + 1, FIRST), min(to_second(until), LAST))
        case Several():
            return count_union(schedule, max(to_second(after) + 1, FIRST), min(to_second(until), LAST))
        case Once(at):
            return int(after < at <= until)
        case Adjusted(rhythm, offset):
            after, until = inside(schedule, after, until)
            return count_between(rhythm, back(after, offset), back(until, offset)) if after < until else 0
        case _:
            assert_never(schedule)


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots later than `after` and not later than `until`, in order."""
    slot = next_after(schedule, after)
    while slot is not None and slot <= until:
        yield slot
        slot = next_after(schedule, slot)


def inside(schedule: Adjusted, after: datetime, until: datetime) -> tuple[datetime, datetime]:
    """(`after`, `until`] as far as it lies within the schedule's start and end."""
    return max(after, back(schedule.start, TICK)), min(until, back(schedule.end, TICK))


def back(moment: datetime, distance: timedelta) -> datetime:
    """Earlier by that distance, but not before the first moment that datetime can hold."""
    return moment - distance if moment - FIRST_MOMENT >= distance else FIRST_MOMENT


def forth(moment: datetime, distance: timedelta) -> datetime | None:
    """Later by that distance, if datetime can hold it."""
    return moment + distance if LAST_MOMENT - moment >= distance else None
