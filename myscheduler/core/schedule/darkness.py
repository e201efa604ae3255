"""The blackouts of a schedule together: when it is dark, and for how long.

The question is never answered opening by opening. What began before some moment and still lasts is one number, how far
it reaches; what begins on a day is a number of a day's bits (see `seconds`), the same for all days of one kind. So a
thousand openings a day that overlap each other cost no more than one.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from heapq import merge
from itertools import chain
from typing import NamedTuple

from myscheduler.core.schedule.clock_days import Block, day_blocks
from myscheduler.core.schedule.cron import Cron, walk_of
from myscheduler.core.schedule.expression import DAY, CronExpression, is_day_of, times_per_day
from myscheduler.core.schedule.seconds import due_between, runs_of, span_bits, spread, times_of
from myscheduler.core.schedule.slots import LAST_MOMENT, TICK, Period, Recurring, forth, slots_between
from myscheduler.core.schedule.zones import FIRST, LAST, reached, to_instant, to_second

_SECOND = timedelta(seconds=1)
_FEW = 4
"""A blackout that opens so often a day at the most is walked opening by opening."""
_SHORT = 3 * DAY
_LAST_DAY = date.max.toordinal()


class _Recurring(NamedTuple):
    opens: Cron
    lasts: int
    """Seconds."""

    def last_opening(self, until: int) -> int | None:
        """The latest that is not later than `until`, and still lasts one second later."""
        after = max(until - self.lasts, FIRST - 1)
        if until <= after:
            return None
        expression, zone_name = self.opens.expression, self.opens.zone
        if self.lasts <= _SHORT and not _opens_near(expression, zone_name, after, until):
            return None
        found = walk_of(self.opens).previous(expression, zone_name, min(until, LAST), after)
        return None if found is None or found <= after else found


def _opens_near(expression: CronExpression, zone_name: str, after: int, until: int) -> bool:
    """Whether any day between matches: a look back to the last one that does may go over years."""
    first, last = (reached(zone_name, min(second, LAST)) // DAY for second in (after, until))
    return any(is_day_of(expression, day) for day in range(max(first - 1, 1), min(last + 1, _LAST_DAY) + 1))


class Layer(NamedTuple):
    """Recurring blackouts that open on the same days, on one on which no clock is changed."""

    days: CronExpression
    cover: int
    """The seconds of such a day that they make dark, as bits."""
    ends: int
    """How many seconds after its beginning the last of them is over."""


class Darkness:
    def __init__(self, blackouts: Sequence[Period | Recurring]) -> None:
        self._recurring = [
            _Recurring(one.opens, one.lasts // _SECOND) for one in blackouts if isinstance(one, Recurring)
        ]
        self._periods = [one for one in blackouts if isinstance(one, Period)]
        self.ranges = _merged(self._periods)
        """Those from one moment to another, without overlaps."""
        self._starts = [start for start, _ in self.ranges]

    @property
    def size(self) -> int:
        """How many blackouts there are that come again."""
        return len(self._recurring)

    @cached_property
    def zone(self) -> str | None:
        """The one that all recurring blackouts follow."""
        zones = {one.opens.zone for one in self._recurring}
        return zones.pop() if len(zones) == 1 else None

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        found: dict[object, Layer] = {}
        for one in self._recurring:
            expression = one.opens.expression
            times = times_of(expression)
            days = expression.years, expression.months, expression.weeks, expression.day_rule
            layer = found.get(days, Layer(expression, 0, 0))
            cover, ends = spread(times, one.lasts, DAY), times.bit_length() - 1 + one.lasts
            found[days] = Layer(layer.days, layer.cover | cover, max(layer.ends, ends))
        return tuple(found.values())

    # --- one moment ---

    def covers(self, slot: datetime) -> bool:
        """Whether it is dark then."""
        second = to_second(slot)
        return self._period_end(slot) is not None or any(
            one.last_opening(second) is not None for one in self._recurring
        )

    def until(self, slot: datetime) -> datetime | None:
        """When the longest of what is dark at that moment ends; `None` when it is not dark."""
        second = to_second(slot)
        openings = ((one.last_opening(second), one.lasts) for one in self._recurring)
        found = [_instant(opening + lasts) for opening, lasts in openings if opening is not None]
        period = self._period_end(slot)
        return max([*found, *([period] if period else [])], default=None)

    def wins_until(self, start: datetime, end: datetime) -> datetime:
        """Until when it stays dark by what was so before something else began that lasts from `start` to `end`.

        Of what covers a moment, the first to begin counts; of those that begin together, the first to end.
        """
        second = to_second(start - TICK) + 1  # a blackout opens at a whole second
        found = [one.end for one in self._periods if (one.start, one.end) <= (start, end)]
        if self._recurring:
            found.append(_instant(self.reach(second)))
        if _instant(second) == start:
            together = [one for one in self._recurring if _instant(second + one.lasts) <= end]
            found += [_instant(second + one.lasts) for one in together if one.last_opening(second) == second]
        return max(found, default=start)

    def _period_end(self, slot: datetime) -> datetime | None:
        place = bisect_right(self._starts, slot) - 1
        return self.ranges[place][1] if place >= 0 and slot < self.ranges[place][1] else None

    # --- spans of time ---

    def reach(self, second: int) -> int:
        """Until when what opened before that second lasts; the second itself when nothing does."""
        found = ((one.last_opening(second - 1), one.lasts) for one in self._recurring)
        return max([second, *(opening + lasts for opening, lasts in found if opening is not None)])

    def cover(self, start: int, end: int, reach: int) -> tuple[int, int]:
        """The dark seconds from `start` to `end`, excluded, as bits; and until when what opened before `end` lasts.

        `reach` is that of `start`. Ranges of moments are left aside.
        """
        size, mask = end - start, span_bits(0, min(reach, end) - start)
        for opens, lasts in self._recurring:
            if opened := due_between(opens, start, end):
                mask |= spread(opened, lasts, size)
                reach = max(reach, start + opened.bit_length() - 1 + lasts)
        return mask, reach

    def between(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """When it is dark from `first` to `last`, both included; by the starts, some overlapping, some longer."""
        start, end = max(to_second(first), FIRST), min(to_second(last), LAST) + 1
        rare, often = self._by_frequency
        by_days = often.by_days(start, end) if often and start < end else iter(())
        ranges = [(start, end) for start, end in self.ranges if end > first and start <= last]
        return merge(ranges, by_days, *(_by_openings(one, first, last) for one in rare))

    @cached_property
    def _by_frequency(self) -> tuple[list[_Recurring], "Darkness | None"]:
        """The blackouts that open a few times a day, and all the others."""
        rare = [one for one in self._recurring if times_per_day(one.opens.expression) <= _FEW]
        often = [one for one in self._recurring if times_per_day(one.opens.expression) > _FEW]
        return rare, Darkness([Recurring(one.opens, one.lasts * _SECOND) for one in often]) if often else None

    def by_days(self, start: int, end: int) -> Iterator[tuple[datetime, datetime]]:
        """When it is dark by blackouts that come again, those that touch each other as one, a day at a time."""
        for block, mask in self.of_days(start, end):
            for first, behind in runs_of(mask):
                yield _instant(block.start + first), _instant(block.start + behind)

    def of_days(self, start: int, end: int) -> Iterator[tuple[Block, int]]:
        """The seconds of each day that are dark by blackouts that come again, as bits."""
        reach = self.reach(start)
        for block in day_blocks(self.zone or "UTC", start, end):
            is_alike = block.is_plain and self.zone is not None
            mask, reach = self._cover_day(block, reach) if is_alike else self.cover(block.start, block.end, reach)
            yield block, mask

    @cached_property
    def openings_per_day(self) -> int:
        """At the most, those that open at once included."""
        return sum(times_per_day(one.opens.expression) for one in self._recurring)

    def _cover_day(self, block: Block, reach: int) -> tuple[int, int]:
        """The same for a plain day of the blackouts' zone."""
        mask, start = span_bits(0, min(reach - block.start, DAY)), block.start
        for layer in self.layers:
            if is_day_of(layer.days, block.day):
                mask |= layer.cover
                reach = max(reach, start + layer.ends)
        return mask, reach


@lru_cache(maxsize=1_024)
def darkness_of(blackouts: tuple[Period | Recurring, ...]) -> Darkness:
    return Darkness(blackouts)


def _merged(periods: Sequence[Period]) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted((one.start, one.end) for one in periods):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _by_openings(one: _Recurring, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    lasts = timedelta(seconds=one.lasts)
    before = one.last_opening(to_second(first))
    openings = slots_between(one.opens, first, last)
    for opening in openings if before is None else chain([to_instant(before)], openings):
        yield opening, forth(opening, lasts) or LAST_MOMENT


def _instant(second: int) -> datetime:
    return to_instant(second) if second <= LAST else LAST_MOMENT
