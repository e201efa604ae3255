"""Slots that are due and left out, whatever state their job is in: for a clock change, a blackout or a closed day."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from heapq import merge
from typing import NamedTuple, assert_never

from myscheduler.core.calendars import Closed, WorkingDays, closed_days
from myscheduler.core.schedule import (
    LAST_MOMENT,
    TICK,
    Adjusted,
    Period,
    Recurring,
    Schedule,
    back,
    forth,
    inside,
    next_after,
    slots_between,
)
from myscheduler.core.walls import DAY
from myscheduler.core.zoned_cron import Cron, swallowing
from myscheduler.core.zones import FIRST, LAST, first_showing, reached, to_instant, to_second

MOST_JUMPS = 1_000
"""So many stretches are jumped in search of a run; a job that has none behind them is taken for one that never runs."""


class Exclusion(StrEnum):
    """Why a slot that is due is left out."""

    DST_GAP = "dst-gap"
    BLACKOUT = "blackout"
    HOLIDAY = "holiday"
    WEEKEND = "weekend"


class Excluded(NamedTuple):
    """The instants from `start`, included, to `end`, excluded: slots in between are left out."""

    start: datetime
    end: datetime
    why: Exclusion


def exclusions(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Excluded]:
    """What is left out of the slots later than `after` and not later than `until`, in order, without overlaps."""
    if isinstance(schedule, Cron):
        yield from _gaps_of_clocks(schedule, after, until)
    elif isinstance(schedule, Adjusted):
        after, until = inside(schedule, after, until)
        found = _joined(merge(*_of_adjusted(schedule, after, until)))
        yield from (
            one for one in found if one.start <= until
        )  # what is left of one that was overlapped may lie behind


def exclusion_at(schedule: Schedule, slot: datetime) -> Exclusion | None:
    """Why that slot is left out, if it is."""
    found = next(exclusions(schedule, slot - TICK, slot), None)
    return found.why if found else None


def next_run(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot later than `after` that is not left out."""
    slot = next_after(schedule, after)
    for _ in range(MOST_JUMPS):
        left_out = next(exclusions(schedule, slot - TICK, slot), None) if slot is not None else None
        if left_out is None:
            return slot
        slot = next_after(schedule, left_out.end - TICK)
    return None


def _of_adjusted(schedule: Adjusted, after: datetime, until: datetime) -> Iterator[Iterator[Excluded]]:
    """What each limit leaves out, in order; they may overlap."""
    if after >= until:
        return
    offset = schedule.offset
    if isinstance(schedule.rhythm, Cron):
        yield _moved(_gaps_of_clocks(schedule.rhythm, back(after, offset), back(until, offset)), offset)
    if schedule.days is not None:
        yield _moved(_closed(schedule.days, schedule.zone, back(after, offset), back(until, offset)), offset)
    for blackout in schedule.blackouts:
        yield _dark(blackout, after, until)


def _joined(found: Iterator[Excluded]) -> Iterator[Excluded]:
    """Without overlaps, and neighbours of one reason as one."""
    last: Excluded | None = None
    for start, end, why in found:
        if last is None:
            last = Excluded(start, end, why)
        elif why is last.why and start <= last.end:
            last = Excluded(last.start, max(last.end, end), why)
        elif end > last.end:
            yield last
            last = Excluded(max(start, last.end), end, why)
    if last is not None:
        yield last


def _moved(found: Iterator[Excluded], offset: timedelta) -> Iterator[Excluded]:
    return (Excluded(_later(start, offset), _later(end, offset), why) for start, end, why in found)


def _later(moment: datetime, distance: timedelta) -> datetime:
    """At the latest the end of what datetime can hold."""
    return forth(moment, distance) or LAST_MOMENT


def _gaps_of_clocks(schedule: Cron, after: datetime, until: datetime) -> Iterator[Excluded]:
    if schedule.gap == "skip" and not schedule.expression.real_time:
        for instant in swallowing(schedule, max(to_second(after) + 1, FIRST), min(to_second(until), LAST)):
            yield Excluded(to_instant(instant), to_instant(instant + 1), Exclusion.DST_GAP)


def _closed(days: WorkingDays, zone_name: str, after: datetime, until: datetime) -> Iterator[Excluded]:
    """Local days from their first instant to that of the next day."""
    first = reached(zone_name, max(to_second(after), FIRST)) // DAY
    last = min(reached(zone_name, min(to_second(until), LAST)) // DAY, date.max.toordinal())
    for day, why in closed_days(days, date.fromordinal(first), date.fromordinal(last)):
        midnight = day.toordinal() * DAY
        start = to_instant(first_showing(zone_name, midnight))
        end = to_instant(min(first_showing(zone_name, midnight + DAY), LAST))
        if end - TICK > after and start <= until:
            yield Excluded(start, end, Exclusion.HOLIDAY if why is Closed.HOLIDAY else Exclusion.WEEKEND)


def _dark(blackout: Period | Recurring, after: datetime, until: datetime) -> Iterator[Excluded]:
    match blackout:
        case Period(start, end):
            if end - TICK > after and start <= until:
                yield Excluded(start, end, Exclusion.BLACKOUT)
        case Recurring(opens, lasts):
            for start in slots_between(opens, back(after, lasts - TICK), until):
                yield Excluded(start, _later(start, lasts), Exclusion.BLACKOUT)
        case _:
            assert_never(blackout)
