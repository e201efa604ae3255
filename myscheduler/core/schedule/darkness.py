"""All blackouts of a schedule together: the times that they cover, called dark.

Recurring blackouts are not evaluated one opening at a time. Those that opened before a moment and still last are one
number: until when they reach. Those that open on a day are a mask of its seconds (see `seconds`), the same for all
plain days on which the same blackouts open. So a thousand overlapping openings a day cost no more than one.
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
from myscheduler.core.schedule.slots import LAST_INSTANT, TICK, Period, Recurring, forth, slots_between
from myscheduler.core.schedule.zones import FIRST, LAST, reached, to_instant, to_second

_SECOND = timedelta(seconds=1)
_FEW = 4
"""Up to this many openings a day, a blackout is evaluated one opening at a time."""
_SHORT = 3 * DAY
_LAST_DAY = date.max.toordinal()


class _Recurring(NamedTuple):
    opens: Cron
    lasts: int
    """Seconds."""

    def last_opening(self, until: int) -> int | None:
        """The latest opening after which the blackout still covers the second `until`; `None` if there is none."""
        after = max(until - self.lasts, FIRST - 1)
        if until <= after:
            return None
        expression, zone_name = self.opens.expression, self.opens.zone
        if self.lasts <= _SHORT and not _opens_near(expression, zone_name, after, until):
            return None
        found = walk_of(self.opens).previous(expression, zone_name, min(until, LAST), after)
        return None if found is None or found <= after else found


def _opens_near(expression: CronExpression, zone_name: str, after: int, until: int) -> bool:
    """Whether a day from `after` to `until` matches: a cheap check, as the last match may be years earlier."""
    first, last = (reached(zone_name, min(second, LAST)) // DAY for second in (after, until))
    return any(is_day_of(expression, day) for day in range(max(first - 1, 1), min(last + 1, _LAST_DAY) + 1))


class Layer(NamedTuple):
    """Recurring blackouts that open on the same days; the numbers are for a plain day, without a clock change."""

    days: CronExpression
    """An expression that matches these days; its times don't matter."""
    cover: int
    """The seconds of the day that are dark, as bits."""
    ends: int
    """How many seconds after the beginning of the day the last of the blackouts ends."""


class Darkness:
    """The blackouts of a schedule: fixed periods, and recurring ones that open at the times of a cron expression.

    Methods with `datetime` arguments consider all blackouts; those with seconds (`int`) only the recurring ones.
    """

    def __init__(self, blackouts: Sequence[Period | Recurring]) -> None:
        self._recurring = [
            _Recurring(one.opens, one.lasts // _SECOND) for one in blackouts if isinstance(one, Recurring)
        ]
        self._periods = [one for one in blackouts if isinstance(one, Period)]
        self.ranges = _merged(self._periods)
        """The fixed periods in order, with overlapping and adjacent ones merged."""
        self._starts = [start for start, _ in self.ranges]

    @property
    def size(self) -> int:
        """The number of recurring blackouts."""
        return len(self._recurring)

    @cached_property
    def zone(self) -> str | None:
        """The time zone that all recurring blackouts have in common; `None` if they have none or several."""
        zones = {one.opens.zone for one in self._recurring}
        return zones.pop() if len(zones) == 1 else None

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The recurring blackouts, grouped by the days on which they open."""
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
        """Whether the slot is in a blackout."""
        second = to_second(slot)
        return self._period_end(slot) is not None or any(
            one.last_opening(second) is not None for one in self._recurring
        )

    def until(self, slot: datetime) -> datetime | None:
        """The end of the last blackout that covers the slot to end; `None` if none covers it."""
        second = to_second(slot)
        openings = ((one.last_opening(second), one.lasts) for one in self._recurring)
        found = [_instant(opening + lasts) for opening, lasts in openings if opening is not None]
        period = self._period_end(slot)
        return max([*found, *([period] if period else [])], default=None)

    def wins_until(self, start: datetime, end: datetime) -> datetime:
        """Until when blackouts take precedence over another exclusion that lasts from `start` to `end`.

        Of several exclusions that cover a moment, the one that begins first counts; of those that begin together, the
        one that ends first. Returns `start` if no blackout takes precedence.
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
        index = bisect_right(self._starts, slot) - 1
        return self.ranges[index][1] if index >= 0 and slot < self.ranges[index][1] else None

    # --- spans of time ---

    def reach(self, second: int) -> int:
        """Until when recurring blackouts that opened before that second last; the second itself if none still lasts."""
        found = ((one.last_opening(second - 1), one.lasts) for one in self._recurring)
        return max([second, *(opening + lasts for opening, lasts in found if opening is not None)])

    def cover(self, start: int, end: int, reach: int) -> tuple[int, int]:
        """The dark seconds from `start` (included) to `end` (excluded), as bits, and the reach of `end`.

        `reach` is that of `start` (see the method `reach`). Fixed periods are ignored.
        """
        size, mask = end - start, span_bits(0, min(reach, end) - start)
        for opens, lasts in self._recurring:
            if opened := due_between(opens, start, end):
                mask |= spread(opened, lasts, size)
                reach = max(reach, start + opened.bit_length() - 1 + lasts)
        return mask, reach

    def between(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The dark spans from `first` to `last`, both included, ordered by their starts.

        Spans may overlap, and may extend beyond `first` and `last`.
        """
        start, end = max(to_second(first), FIRST), min(to_second(last), LAST) + 1
        rare, often = self._by_frequency
        by_days = often.by_days(start, end) if often and start < end else iter(())
        ranges = [(start, end) for start, end in self.ranges if end > first and start <= last]
        return merge(ranges, by_days, *(_by_openings(one, first, last) for one in rare))

    @cached_property
    def _by_frequency(self) -> tuple[list[_Recurring], "Darkness | None"]:
        """The recurring blackouts that open at most `_FEW` times a day, and all others."""
        rare = [one for one in self._recurring if times_per_day(one.opens.expression) <= _FEW]
        often = [one for one in self._recurring if times_per_day(one.opens.expression) > _FEW]
        return rare, Darkness([Recurring(one.opens, one.lasts * _SECOND) for one in often]) if often else None

    def by_days(self, start: int, end: int) -> Iterator[tuple[datetime, datetime]]:
        """The spans that recurring blackouts cover, with adjacent ones of one day merged."""
        for block, mask in self.of_days(start, end):
            for first, stop in runs_of(mask):
                yield _instant(block.start + first), _instant(block.start + stop)

    def of_days(self, start: int, end: int) -> Iterator[tuple[Block, int]]:
        """For each local day, the seconds that recurring blackouts cover, as bits."""
        reach = self.reach(start)
        for block in day_blocks(self.zone or "UTC", start, end):
            is_alike = block.is_plain and self.zone is not None
            mask, reach = self._cover_day(block, reach) if is_alike else self.cover(block.start, block.end, reach)
            yield block, mask

    @cached_property
    def openings_per_day(self) -> int:
        """The most openings of recurring blackouts on one day; simultaneous ones count separately."""
        return sum(times_per_day(one.opens.expression) for one in self._recurring)

    def _cover_day(self, block: Block, reach: int) -> tuple[int, int]:
        """The same as `cover`, for a plain day of the blackouts' zone."""
        mask, start = span_bits(0, min(reach - block.start, DAY)), block.start
        for layer in self.layers:
            if is_day_of(layer.days, block.day):
                mask |= layer.cover
                reach = max(reach, start + layer.ends)
        return mask, reach


@lru_cache(maxsize=1_024)
def darkness_of(blackouts: tuple[Period | Recurring, ...]) -> Darkness:
    """The blackouts as `Darkness`, cached."""
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
        yield opening, forth(opening, lasts) or LAST_INSTANT


def _instant(second: int) -> datetime:
    return to_instant(second) if second <= LAST else LAST_INSTANT
