"""The slots of a schedule, that is, the instants at which a job is due: the next, the last, how many.

A schedule is a cron expression or calendar interval in a time zone, an interval of real time, or a single run; limits
may apply to it. Instants are aware datetimes in UTC. For cron at clock changes, see `cron`.
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
from myscheduler.messages.message import said

TICK = timedelta(microseconds=1)
"""The smallest step of time."""
FIRST_INSTANT, LAST_INSTANT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """A schedule that is due at anchor + k * every for k >= 1."""

    every: timedelta
    """Greater than zero."""
    anchor: datetime

    def __post_init__(self) -> None:
        if self.every <= timedelta():
            raise ScheduleError(said("interval-not-positive"), field="interval")


@dataclass(frozen=True, slots=True)
class Once:
    """A schedule that is due once."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Never:
    """The schedule of a job that runs after others: it is due at no time of its own."""


@dataclass(frozen=True, slots=True)
class Period:
    """A single blackout, from `start` (included) to `end` (excluded)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Recurring:
    """A recurring blackout: it opens at the times of a cron schedule and lasts a fixed amount of real time."""

    opens: Cron
    lasts: timedelta


Rhythm = Cron | Interval | WallInterval | Several
"""A schedule that is due repeatedly."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A rhythm with a fixed offset and limits.

    Its slots are those of the rhythm, moved by the offset, from `start` to `end`. Slots in blackouts and on closed days
    are slots too; `exclusions` tells which of them are left out.
    """

    rhythm: Rhythm
    offset: timedelta = timedelta()
    """The job's jitter: constant, and not negative."""
    start: datetime = FIRST_INSTANT
    """There are no slots before this moment."""
    end: datetime = LAST_INSTANT
    """There are no slots from this moment on."""
    blackouts: tuple[Period | Recurring, ...] = ()
    """Slots in them are excluded, by the time at which they are due, jitter included."""
    days: WorkingDays | None = None
    """Slots on other days are excluded, by the local day of the rhythm, before the offset is added."""
    zone: str = "UTC"
    """The time zone of `days`."""


Schedule = Rhythm | Once | Never | Adjusted


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot after `after`; `None` if there is none up to the year 9999."""
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
        case Never():
            return None
        case Adjusted(rhythm, offset):
            slot = next_after(rhythm, back(max(after, back(schedule.start, TICK)), offset))
            moved = None if slot is None else forth(slot, offset)
            return moved if moved is not None and moved < schedule.end else None
        case _:
            assert_never(schedule)


def last_until(schedule: Schedule, until: datetime, *, after: datetime) -> datetime | None:
    """The latest slot after `after` and up to `until`; `None` if there is none."""
    match schedule:
        case Interval(every, anchor):
            count = (until - anchor) // every
            return anchor + count * every if count > max(0, (after - anchor) // every) else None
        case Cron(expression, zone_name) | WallInterval(expression, zone_name):
            follow = walk_of(schedule).previous
            found = follow(expression, zone_name, min(to_second(until), LAST), max(to_second(after), FIRST - 1))
            return None if found is None or found <= to_second(after) else to_instant(found)
        case Several(members):
            slots = (last_until(one, until, after=after) for one in members)
            return max((slot for slot in slots if slot is not None), default=None)
        case Once(at):
            return at if after < at <= until else None
        case Never():
            return None
        case Adjusted(rhythm, offset):
            after, until = inside(schedule, after, until)
            slot = last_until(rhythm, back(until, offset), after=back(after, offset)) if after < until else None
            return None if slot is None else slot + offset
        case _:
            assert_never(schedule)


def count_between(schedule: Schedule, after: datetime, until: datetime) -> int:
    """How many slots are after `after` and up to `until`, without computing each of them."""
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
        case Never():
            return 0
        case Adjusted(rhythm, offset):
            after, until = inside(schedule, after, until)
            return count_between(rhythm, back(after, offset), back(until, offset)) if after < until else 0
        case _:
            assert_never(schedule)


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots after `after` and up to `until`, in order."""
    slot = next_after(schedule, after)
    while slot is not None and slot <= until:
        yield slot
        slot = next_after(schedule, slot)


def inside(schedule: Adjusted, after: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The part of (`after`, `until`] that is between the schedule's start and end."""
    return max(after, back(schedule.start, TICK)), min(until, back(schedule.end, TICK))


def back(moment: datetime, distance: timedelta) -> datetime:
    """The moment that much earlier, but not before `FIRST_INSTANT`."""
    return moment - distance if moment - FIRST_INSTANT >= distance else FIRST_INSTANT


def forth(moment: datetime, distance: timedelta) -> datetime | None:
    """The moment that much later; `None` if that is after `LAST_INSTANT`."""
    return moment + distance if LAST_INSTANT - moment >= distance else None
