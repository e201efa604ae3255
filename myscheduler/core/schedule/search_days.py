"""The days of a year on which a schedule may run, as bit masks; used by `search`."""

from collections.abc import Callable
from typing import NamedTuple

from myscheduler.core.schedule import strides
from myscheduler.core.schedule.cron import Times
from myscheduler.core.schedule.expression import (
    is_day_of,
)
from myscheduler.core.schedule.strides import Stride


class Days(NamedTuple):
    """The days of a year, as bits: bit 0 is the first of January."""

    base: int
    """The wall-clock second in which the year begins."""
    own: tuple[int, ...]
    """For each member of the rhythm, the days on which it may run."""
    had: int
    """The members that may run on the day before the year, as bits."""
    find_opening: Callable[[], list[int]]
    """Computes for each day of the year the layers of blackouts that open on it, as bits."""


def at_day(own: tuple[int, ...], day: int) -> int:
    """The members that may run on that day of the year, as bits."""
    if len(own) == 1:
        return own[0] >> day & 1
    return sum((mask >> day & 1) << number for number, mask in enumerate(own))


def each_day(own: tuple[int, ...], first: int, end: int) -> list[int]:
    """The members that may run, as bits, for each day from `first` (included) to `end` (excluded)."""
    members = [_listed(mask, first, end) for mask in own]
    if len(members) == 1:
        return members[0]
    return [sum(has << number for number, has in enumerate(day)) for day in zip(*members, strict=True)]


def _listed(mask: int, first: int, end: int) -> list[int]:
    """The bits from `first` (included) to `end` (excluded), as booleans."""
    return (
        [bit == "1" for bit in f"{mask >> first & (1 << end - first) - 1:0{end - first}b}"[::-1]] if end > first else []
    )


def runs_on(expression: Times, day: int) -> bool:
    """Whether the expression has times on the day of that number (`date.toordinal`)."""
    return strides.is_day_of(expression, day) if isinstance(expression, Stride) else is_day_of(expression, day)
