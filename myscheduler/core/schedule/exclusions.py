"""Slots that a schedule leaves out: because of a clock change (`dst: {gap: skip}`), a blackout or a closed day.

A slot that is left out is recorded as skipped and does not run, whatever the state of its job. `exclusions` yields the
stretches in which slots are left out; `search_run` and `runs_after` find the slots that run.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from heapq import merge
from itertools import islice
from math import gcd
from typing import NamedTuple

from myscheduler.core.reason import ExclusionReason, Reason
from myscheduler.core.schedule.calendars import WorkingDays, closed_days
from myscheduler.core.schedule.cron import OnClock, WallInterval, count_wall_times, swallowing
from myscheduler.core.schedule.darkness import darkness_of
from myscheduler.core.schedule.expression import DAY, bits
from myscheduler.core.schedule.search import GivenUp, Search, can_search
from myscheduler.core.schedule.seconds import span_bits
from myscheduler.core.schedule.slots import (
    LAST_INSTANT,
    TICK,
    Adjusted,
    Interval,
    Schedule,
    back,
    count_between,
    forth,
    inside,
    last_until,
    next_after,
)
from myscheduler.core.schedule.zones import FIRST, LAST, first_showing, reached, to_instant, to_second

_SECOND = timedelta(seconds=1)
_SPAN = timedelta(days=1)
_NEAR = 8
"""How many times `search_run` jumps to the end of an exclusion before it searches for the next run day by day."""
_MOST_JUMPS = 1_000
"""The most jumps to the end of an exclusion where a search day by day is not possible."""
_MOST_STRETCHES = 200
"""The most exclusions subtracted one by one when runs are counted; with more, each day's seconds are counted."""
_MOST_COUNTED = 200_000
"""The most steps of a search that counts runs."""


class Excluded(NamedTuple):
    """A stretch of time in which slots are left out: from `start`, included, to `end`, excluded."""

    start: datetime
    end: datetime
    why: ExclusionReason


def exclusions(schedule: Schedule, after: datetime, until: datetime) -> Iterator[Excluded]:
    """The exclusions of slots in (`after`, `until`], in order, not overlapping."""
    if isinstance(schedule, OnClock):
        yield from _gaps_of_clocks(schedule, after, until)
    elif isinstance(schedule, Adjusted) and limits_slots(schedule):
        after, until = inside(schedule, after, until)
        first = next_after(schedule, after)
        last = None if first is None or first > until else last_until(schedule, until, after=after)
        if first is None or last is None:
            return
        yield from _at(schedule, first) if first == last else _joined(_combined(schedule, first, last))


def exclusion_at(schedule: Schedule, slot: datetime) -> ExclusionReason | None:
    """Why `slot`, a slot of the schedule, is left out; `None` if it is not."""
    found = next(exclusions(schedule, slot - TICK, slot), None)
    return found.why if found else None


def limits_slots(schedule: Adjusted) -> bool:
    """Whether the schedule may leave slots out."""
    gap = isinstance(schedule.rhythm, OnClock) and schedule.rhythm.gap == "skip"
    return gap or schedule.days is not None or bool(schedule.blackouts)


def may_leave_out(schedule: Schedule) -> bool:
    """Whether any slot of the schedule may be left out: a cheap check that is never wrong about "no"."""
    if isinstance(schedule, Adjusted):
        return limits_slots(schedule)
    return isinstance(schedule, OnClock) and schedule.gap == "skip"


def left_out_until(schedule: Schedule, slot: datetime) -> datetime | None:
    """A moment such that all slots from `slot` up to it, excluded, are left out; `None` if `slot` itself is not."""
    if isinstance(schedule, OnClock):
        return next((one.end for one in _gaps_of_clocks(schedule, slot - TICK, slot)), None)
    if not isinstance(schedule, Adjusted) or not limits_slots(schedule):
        return None
    others = [one.end for one in _others(schedule, slot, slot)]
    dark = darkness_of(schedule.blackouts).until(slot) if schedule.blackouts else None
    return max([*others, *([dark] if dark else [])], default=None)


class SearchResult(NamedTuple):
    """The result of a search for the next run."""

    run: datetime | None
    """The next run, or `None` if none was found."""
    is_certain: bool = True
    """`False` if the search was given up because it takes too long, so there may be a run far away."""


def next_run(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot later than `after` that is not left out; `None` if none was found (see `search_run`)."""
    return search_run(schedule, after).run


def runs_after(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The slots later than `after` that are not left out, in order, as far as they can be found.

    With several blackouts a search takes long, so each is followed by finding all runs of the next 24 hours at once.
    """
    by_days = isinstance(schedule, Adjusted) and len(schedule.blackouts) > 1 and can_search(schedule)
    while (run := next_run(schedule, after)) is not None:
        yield run
        after = run
        if by_days and isinstance(schedule, Adjusted) and (until := forth(run, _SPAN)) is not None:
            yield from (run + (second + 1) * _SECOND for second in bits(free_seconds(schedule, run, until)))
            after = until


def search_run(schedule: Schedule, after: datetime) -> SearchResult:
    """The first slot later than `after` that is not left out."""
    slot = next_after(schedule, after)
    for _ in range(_NEAR):
        end = None if slot is None else left_out_until(schedule, slot)
        if slot is None or end is None:
            return SearchResult(slot)
        slot = next_after(schedule, end - TICK)
    if slot is None:
        return SearchResult(None)
    rhythm = schedule.rhythm if isinstance(schedule, Adjusted) else schedule
    if _has_few(schedule, rhythm, slot):
        return _jump(schedule, slot)
    limited = Adjusted(schedule) if isinstance(schedule, OnClock) else schedule
    return _search(limited, slot) if isinstance(limited, Adjusted) and can_search(limited) else _jump(limited, slot)


def _has_few(schedule: Schedule, rhythm: Schedule, slot: datetime) -> bool:
    """Whether the rhythm is an interval with so few slots left that jumping from one to the next is fast enough."""
    if isinstance(rhythm, WallInterval):
        return count_wall_times(rhythm.expression, to_second(slot), LAST) < _MOST_JUMPS
    return isinstance(rhythm, Interval) and count_between(schedule, slot, LAST_INSTANT) < _MOST_JUMPS


def count_runs(schedule: Schedule, after: datetime, until: datetime) -> int:
    """The number of slots in (`after`, `until`] that are not left out."""
    total = count_between(schedule, after, until)
    if not isinstance(schedule, Adjusted) or not limits_slots(schedule):
        return total - sum(1 for _ in exclusions(schedule, after, until))  # each excludes one slot
    left_out = list(islice(exclusions(schedule, after, until), _MOST_STRETCHES))
    if len(left_out) == _MOST_STRETCHES and can_search(schedule):
        return _count_by_days(schedule, *inside(schedule, after, until))
    counted = (count_between(schedule, max(start - TICK, after), min(end - TICK, until)) for start, end, _ in left_out)
    return total - sum(counted)


def free_seconds(schedule: Adjusted, after: datetime, until: datetime) -> int:
    """The slots in (`after`, `until`] that are not left out, as a bit mask with one bit for each second.

    Bit 0 is the second after `after`. `can_search` must hold for the schedule.
    """
    base, first = to_second(after) + 1, next_after(schedule, after)
    last = None if first is None else last_until(schedule, until, after=after)
    if first is None or last is None:
        return 0
    start, end = to_second(first), to_second(last) + 1
    mask, fraction = Search(schedule).free_seconds(start, end), first - to_instant(start)
    for dark_from, dark_until in darkness_of(schedule.blackouts).ranges:
        begin, stop = (to_second(back(one, fraction + TICK)) + 1 for one in (dark_from, dark_until))
        mask &= ~span_bits(max(begin, start) - start, min(stop, end) - start)
    return mask << start - base


def _count_by_days(schedule: Adjusted, after: datetime, until: datetime) -> int:
    """Count runs by the seconds of each day, in whole seconds; the count is too low after `_MOST_COUNTED` steps."""
    search, start, end = Search(schedule, most_steps=_MOST_COUNTED), to_second(after) + 1, to_second(until) + 1
    total = 0
    try:
        for dark_from, dark_until in darkness_of(schedule.blackouts).ranges:
            stop = min(max(to_second(dark_from), start), end)
            total, start = total + search.count(start, stop), max(start, min(to_second(dark_until), end))
        return total + search.count(start, end)
    except GivenUp:
        return total


def _search(schedule: Adjusted, slot: datetime) -> SearchResult:
    search, second = Search(schedule), to_second(slot)
    if _leaves_out_all(schedule, second):
        return SearchResult(None)
    try:
        while (found := search.first_from(second)) is not None:
            run = next_after(schedule, to_instant(found) - TICK)
            end = None if run is None else left_out_until(schedule, run)
            if run is None or end is None:
                return SearchResult(run)
            second = max(to_second(end - TICK), found) + 1  # a single blackout, which the search does not know
    except GivenUp:
        return SearchResult(None, is_certain=False)
    return SearchResult(None)


def _leaves_out_all(schedule: Adjusted, second: int) -> bool:
    """Whether the schedule leaves out even all slots of a denser rhythm, which is the same on every day.

    This is quick to find. For an interval that doesn't divide the day, a search would go day by day through centuries.
    """
    rhythm = schedule.rhythm
    if isinstance(rhythm, Interval):
        every = gcd(rhythm.every // _SECOND, DAY)
        often = replace(schedule, rhythm=Interval(every * _SECOND, rhythm.anchor))
    else:
        often = Adjusted(Interval(_SECOND, to_instant(second)), blackouts=schedule.blackouts, zone=schedule.zone)
    try:
        return often != schedule and Search(often).first_from(second) is None
    except GivenUp:
        return False


def _jump(schedule: Schedule, slot: datetime | None) -> SearchResult:
    """Find the next run by going from the end of one exclusion to the next, where `can_search` does not hold."""
    for _ in range(_MOST_JUMPS):
        end = None if slot is None else left_out_until(schedule, slot)
        if slot is None or end is None:
            return SearchResult(slot)
        slot = next_after(schedule, end - TICK)
    return SearchResult(None, is_certain=False)


def _at(schedule: Adjusted, slot: datetime) -> Iterator[Excluded]:
    """The same as `_combined` for a single slot, but faster."""
    other = next(_others(schedule, slot, slot), None)
    darkness = darkness_of(schedule.blackouts) if schedule.blackouts else None
    if darkness and (slot < darkness.wins_until(other.start, other.end) if other else darkness.covers(slot)):
        yield Excluded(slot, slot + TICK, Reason.BLACKOUT)
    elif other:
        yield Excluded(slot, slot + TICK, other.why)


def _combined(schedule: Adjusted, first: datetime, last: datetime) -> Iterator[Excluded]:
    """The exclusions from `first` to `last`, both included. Where some overlap, the one that begins first counts.

    Everything before `position` has been yielded.
    """
    darkness, position = darkness_of(schedule.blackouts), first
    for start, end, why in _others(schedule, first, last):
        begin = max(start, position)
        if end <= position:
            continue
        if begin > position:
            dark = darkness.between(position, begin - TICK)
            yield from (Excluded(one, min(over, begin), Reason.BLACKOUT) for one, over in dark)
        dark_until = max(begin, min(darkness.wins_until(start, end), end))
        if dark_until > begin:
            yield Excluded(begin, dark_until, Reason.BLACKOUT)
        if dark_until < end:
            yield Excluded(dark_until, end, why)
        position = end
    if position <= last:
        yield from (Excluded(*one, Reason.BLACKOUT) for one in darkness.between(position, last))


def _others(schedule: Adjusted, first: datetime, last: datetime) -> Iterator[Excluded]:
    """Exclusions other than blackouts, ordered by their start; they may overlap."""
    offset = schedule.offset
    after, until = back(first, offset + TICK), back(last, offset)
    found = []
    if isinstance(schedule.rhythm, OnClock):
        found.append(_moved(_gaps_of_clocks(schedule.rhythm, after, until), offset))
    if schedule.days is not None:
        found.append(_moved(_closed(schedule.days, schedule.zone, after, until), offset))
    return merge(*found)


def _joined(found: Iterator[Excluded]) -> Iterator[Excluded]:
    """Cut overlaps off, and join adjacent exclusions with the same reason."""
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
    """`moment` plus `distance`, but at most the last moment that datetime can hold."""
    return forth(moment, distance) or LAST_INSTANT


def _gaps_of_clocks(schedule: OnClock, after: datetime, until: datetime) -> Iterator[Excluded]:
    if schedule.gap == "skip":
        for instant in swallowing(schedule, max(to_second(after) + 1, FIRST), min(to_second(until), LAST)):
            yield Excluded(to_instant(instant), to_instant(instant + 1), Reason.DST_GAP)


def _closed(days: WorkingDays, zone_name: str, after: datetime, until: datetime) -> Iterator[Excluded]:
    """Closed local days, each from its first instant to that of the next day."""
    first = reached(zone_name, max(to_second(after), FIRST)) // DAY
    last = min(reached(zone_name, min(to_second(until), LAST)) // DAY, date.max.toordinal())
    for day, why in closed_days(days, date.fromordinal(first), date.fromordinal(last)):
        midnight = day.toordinal() * DAY
        start = to_instant(first_showing(zone_name, midnight))
        end = to_instant(min(first_showing(zone_name, midnight + DAY), LAST))
        if end - TICK > after and start <= until:
            yield Excluded(start, end, why)
