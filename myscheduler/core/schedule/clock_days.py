"""The days of a clock as spans of real time; on most of them no clock is changed, and those are all alike."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from myscheduler.core.schedule.expression import DAY, YearKind, kind_of_year
from myscheduler.core.schedule.zones import first_showing, reached, stretch_at, stretches_between

CYCLE = 400
"""Years, after which the days of the calendar come again, with the weeks."""
RULED_FROM = 2_101
"""From this year on, clocks are changed by rules that years of one kind share (the zone data's tables end before)."""


class Block(NamedTuple):
    """Instants from `start`, included, to `end`, excluded."""

    start: int
    end: int
    day: int
    """The number of the local day in which they lie."""
    is_plain: bool
    """It is a whole day, of 24 hours, of one offset."""


def day_blocks(zone_name: str, start: int, end: int) -> Iterator[Block]:
    """The span from `start` to `end`, cut where local days begin."""
    day = reached(zone_name, start) // DAY
    while start < end:
        midnight = (day + 1) * DAY
        following = max(first_showing(zone_name, midnight), start)
        stop = min(following, end)
        if start < stop:
            yield Block(start, stop, day, _is_plain(zone_name, start, stop, day))
        start, day = stop, day + 1


def _is_plain(zone_name: str, start: int, end: int, day: int) -> bool:
    """Since 1970 no clock was changed twice within a day."""
    offset = day * DAY - start
    return (
        end - start == DAY
        and stretch_at(zone_name, start).offset == offset
        and stretch_at(zone_name, end - 1).offset == offset
    )


class Part(NamedTuple):
    """Days of a year; instants are counted from where its first wall-clock second would be in UTC."""

    first: int
    end: int
    """Excluded; days are counted from 0."""
    start: int
    stop: int
    """Excluded."""
    is_plain: bool
    """All are alike: of 24 hours, of one offset, and the day before is so, too. Else it is a single day."""


@lru_cache(maxsize=2_048)
def parts_of_year(zone_name: str, year: int) -> tuple[Part, ...]:
    """All days of the year, in order."""
    first, end = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1
    base, odd = first * DAY, sorted(_odd_days(zone_name, first, end))
    parts, day = [], first
    for one in [*odd, end]:
        if day < one:
            start = first_showing(zone_name, day * DAY) - base
            parts.append(Part(day - first, one - first, start, start + (one - day) * DAY, is_plain=True))
        if one < end:
            start, stop = (first_showing(zone_name, midnight * DAY) - base for midnight in (one, one + 1))
            parts.append(Part(one - first, one + 1 - first, start, stop, is_plain=False))
        day = one + 1
    return tuple(parts)


@lru_cache(maxsize=64)
def like(kind: YearKind) -> int:
    """A year of that kind whose clocks go by rules."""
    return next(year for year in range(RULED_FROM, RULED_FROM + CYCLE) if kind_of_year(year) == kind)


def _odd_days(zone_name: str, first: int, end: int) -> set[int]:
    """The days from `first` to `end`, excluded, on which a clock is changed, and the days after them."""
    near, before = set[int](), None
    for start, _, offset in stretches_between(zone_name, (first - 3) * DAY, (end + 2) * DAY):
        if before is not None and offset != before:
            changed = (start + min(before, offset)) // DAY
            near.update(range(changed - 1, changed + 4))
        before = offset
    odd = {day for day in near if not _is_plain_day(zone_name, day)}
    return {day for day in odd | {day + 1 for day in odd} if first <= day < end}


def _is_plain_day(zone_name: str, day: int) -> bool:
    start, end = (first_showing(zone_name, midnight * DAY) for midnight in (day, day + 1))
    return _is_plain(zone_name, start, end, day)
