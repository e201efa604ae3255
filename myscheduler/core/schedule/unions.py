"""How many slots several cron schedules have together, where one that they share counts once.

They are never counted slot by slot. On days of one kind the same members are due at the same times, and late years of
one kind are alike (see `clock_days`), so all of the calendar is about as much work as two centuries.
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
    """The slots from the second `start` to the second `until`, both included."""
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
    """The days from `first` to `end`, excluded: the year, and which days of it, counted from 0."""
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
    """The members that run in that year, without years of their own."""
    for one in members:
        if one.expression.years is None:
            yield one
        elif is_among(one.expression.years, year):
            yield replace(one, expression=replace(one.expression, years=None))


@lru_cache(maxsize=4_096)
def _count(members: tuple[Cron, ...], year: int, first: int, end: int) -> int:
    """The slots on the days of the year from `first` to `end`, excluded."""
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
    return total + sum(_times_together(times, who).bit_count() * days.bit_count() for who, days in kinds)


def _due(members: Sequence[Cron], start: int, end: int) -> int:
    return reduce(or_, (due_between(one, start, end) for one in members)).bit_count()


def _times_together(times: Sequence[int], who: int) -> int:
    return reduce(or_, (times[number] for number in bits(who)), 0)


def _kinds(days: int, of_members: Sequence[int]) -> list[tuple[int, int]]:
    """The days by the members that run on them, both as bits."""
    kinds = [(0, days)]
    for number, own in enumerate(of_members):
        kinds = [
            (who | is_own << number, part)
            for who, all_days in kinds
            for is_own, part in ((1, all_days & own), (0, all_days & ~own))
            if part
        ]
    return kinds
