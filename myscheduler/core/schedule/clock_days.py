"""Local days as spans of instants. Days without a clock change are alike, so they can be computed together.

A plain day has 24 hours and one UTC offset. The few other days, around clock changes, are handled one by one.
"""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from myscheduler.core.schedule.expression import DAY, YearKind, kind_of_year
from myscheduler.core.schedule.zones import first_showing, reached, stretch_at, stretches_between

CYCLE = 400
"""Years after which the calendar repeats, with its weekdays and ISO weeks."""
RULED_FROM = 2_101
"""From this year on, clock changes follow a yearly rule, so they are the same in years of one kind (see `YearKind`).

The tables of the zone data end before it.
"""


class Block(NamedTuple):
    """The instants of a local day, or of a part of it: from `start` (included) to `end` (excluded)."""

    start: int
    end: int
    day: int
    """The number (`date.toordinal`) of the local day."""
    is_plain: bool
    """Whether it is a whole day of 24 hours and one UTC offset."""


def day_blocks(zone_name: str, start: int, end: int) -> Iterator[Block]:
    """The instants from `start` (included) to `end` (excluded), split where local days begin."""
    day = reached(zone_name, start) // DAY
    while start < end:
        midnight = (day + 1) * DAY
        next_midnight = max(first_showing(zone_name, midnight), start)
        stop = min(next_midnight, end)
        if start < stop:
            yield Block(start, stop, day, _is_plain(zone_name, start, stop, day))
        start, day = stop, day + 1


def _is_plain(zone_name: str, start: int, end: int, day: int) -> bool:
    """Comparing the offsets of both ends is enough, as no clock has changed twice within a day since 1970."""
    offset = day * DAY - start
    return (
        end - start == DAY
        and stretch_at(zone_name, start).offset == offset
        and stretch_at(zone_name, end - 1).offset == offset
    )


class Part(NamedTuple):
    """Consecutive days of a year: either plain days only, or a single day that is not plain.

    Instants are in seconds from the beginning of the year in UTC, so that they are the same in years of one kind.
    """

    first: int
    end: int
    """`first` (included) to `end` (excluded) are days of the year, counted from 0."""
    start: int
    stop: int
    """`start` (included) to `stop` (excluded) are the instants of these days."""
    is_plain: bool
    """Whether all days have 24 hours and the same UTC offset, as has the day before them."""


@lru_cache(maxsize=2_048)
def parts_of_year(zone_name: str, year: int) -> tuple[Part, ...]:
    """The parts of which the year consists, in order."""
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
    """A year of that kind, from `RULED_FROM` on, that represents all years of the kind from then on."""
    return next(year for year in range(RULED_FROM, RULED_FROM + CYCLE) if kind_of_year(year) == kind)


def _odd_days(zone_name: str, first: int, end: int) -> set[int]:
    """The days from `first` (included) to `end` (excluded) that have a clock change, and the days after them."""
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
