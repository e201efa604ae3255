"""Counts the slots of a union of cron schedules; a slot of several members counts once.

Slots are never counted one by one. On plain days, the set of members that match decides the times of the day, so days
with the same members are counted together. Late years of one kind are alike (see `clock_days`), so they are counted
once. This way the whole calendar takes about as much work as two centuries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache, reduce
from operator import or_

from myscheduler.core.schedule.clock_days import RULED_FROM, like, parts_of_year
from myscheduler.core.schedule.cron import Cron, Several
from myscheduler.core.schedule.expression import DAY, bits, days_of_year, is_among, kind_of_year
from myscheduler.core.schedule.seconds import due_between, span_bits, times_of
from myscheduler.core.schedule.zones import first_showing, reached

_WHOLE = 366
_LAST_DAY = date.max.toordinal()


def count_union(schedule: Several, start: int, until: int) -> int:
    """The number of slots from the second `start` to the second `until`, both included."""
    if until < start:
        return 0
    zone_name, end = schedule.zone, until + 1
    first, last = reached(zone_name, start) // DAY + 1, min(reached(zone_name, until) // DAY, _LAST_DAY)
    begin, stop = (first_showing(zone_name, day * DAY) for day in (first, last))
    if first >= last or begin >= stop:
        return due_between(schedule, start, end).bit_count()
    edges = due_between(schedule, start, begin).bit_count() + due_between(schedule, stop, end).bit_count()
    return edges + sum(_in_year(schedule, *days) for days in _by_years(first, last))


def _by_years(first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The days from `first` (included) to `end` (excluded), split by year: (year, first day, end), counted from 0."""
    while first < end:
        year = date.fromordinal(first).year
        new_year = date(year, 1, 1).toordinal()
        stop = min(end, date(year, 12, 31).toordinal() + 1)
        yield year, first - new_year, stop - new_year if stop == end else _WHOLE
        first = stop


def _in_year(schedule: Several, year: int, first: int, end: int) -> int:
    if year < RULED_FROM or any(one.expression.shift for one in schedule.members):
        return _count(schedule.members, year, first, end)
    return _count(tuple(_of_year(schedule.members, year)), like(kind_of_year(year)), first, end)


def _of_year(members: Sequence[Cron], year: int) -> Iterator[Cron]:
    """The members that run in that year, with their restriction to years removed."""
    for one in members:
        if one.expression.years is None:
            yield one
        elif is_among(one.expression.years, year):
            yield replace(one, expression=replace(one.expression, years=None))


@lru_cache(maxsize=4_096)
def _count(members: tuple[Cron, ...], year: int, first: int, end: int) -> int:
    """The number of slots on the days of the year from `first` (included) to `end` (excluded)."""
    if not members:
        return 0
    total, plain, base = 0, 0, date(year, 1, 1).toordinal() * DAY
    for part in parts_of_year(members[0].zone, year):
        begin, stop = max(part.first, first), min(part.end, end)
        if part.is_plain:
            plain |= span_bits(begin, stop)
        elif begin < stop:
            total += _due(members, base + part.start, base + part.stop)
    kinds = _kinds(plain, [days_of_year(one.expression, year) for one in members])
    times = [times_of(one.expression) for one in members]
    return total + sum(_times_together(times, group).bit_count() * days.bit_count() for group, days in kinds)


def _due(members: Sequence[Cron], start: int, end: int) -> int:
    return reduce(or_, (due_between(one, start, end) for one in members)).bit_count()


def _times_together(times: Sequence[int], group: int) -> int:
    """The seconds of a day on which any of these members (as bits) is due."""
    return reduce(or_, (times[number] for number in bits(group)), 0)


def _kinds(days: int, of_members: Sequence[int]) -> list[tuple[int, int]]:
    """The days, grouped by the members that run on them: (members, days), both as bits."""
    kinds = [(0, days)]
    for number, own in enumerate(of_members):
        kinds = [
            (group | is_own << number, part)
            for group, all_days in kinds
            for is_own, part in ((1, all_days & own), (0, all_days & ~own))
            if part
        ]
    return kinds
