"""The next run of a limited schedule, however far away it lies, or that there is none.

Blackouts that come again and again are a union with a period: the days of a year are of few kinds, and years that begin
on the same weekday, are as long and see the same clocks are alike. So each kind of day and of year is worked out once,
and four centuries that bring nothing new bring nothing at all. The work is counted, never timed: what is adverse enough
to need more than `MOST_STEPS` is given up.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from myscheduler.core.calendars import WorkingDays, closed_bits, closed_on, last_dated_year
from myscheduler.core.clock_days import Part, day_blocks, parts_of_year
from myscheduler.core.darkness import darkness_of
from myscheduler.core.schedule import Adjusted, Interval
from myscheduler.core.seconds import FULL_DAY, due_between, every, lowest, span_bits, times_of
from myscheduler.core.walls import (
    DAY,
    LAST_YEAR,
    CronExpression,
    Kind,
    bits,
    days_of_year,
    is_among,
    is_day_of,
    kind_of_year,
)
from myscheduler.core.zoned_cron import Cron, swallowing
from myscheduler.core.zones import LAST, first_showing, reached, stretches_between, to_second

MOST_STEPS = 20_000
"""About as many microseconds; one is an operation on the seconds of a day, or a few days of a year."""
KNOWN_YEARS = 30
"""So many years are looked at where a country's holidays count: nobody knows later ones."""
_RULED_FROM = 2_101
"""From this year on, clocks are changed by rules that years of one kind share (the zone data's tables end before)."""
_CYCLE = 400
_SECOND = timedelta(seconds=1)


class GivenUp(Exception):  # noqa: N818 - it ends a search, nothing is wrong
    """The search would take more steps than it may."""


def can_search(schedule: Adjusted) -> bool:
    """Whether it is one that people can write: one zone for all, in whole seconds."""
    zones = {schedule.rhythm.zone} if isinstance(schedule.rhythm, Cron) else set[str]()
    zones |= {schedule.zone} if schedule.days else set()
    darkness = darkness_of(schedule.blackouts)
    zones |= {darkness.zone or ""} if darkness.layers else set()
    is_whole = isinstance(schedule.rhythm, Cron) or not schedule.rhythm.every % _SECOND
    return len(zones) <= 1 and "" not in zones and is_whole and timedelta() <= schedule.offset <= timedelta(days=1)


class Search:
    """For the seconds in which a schedule is due and not left out; blackouts from one moment to another left aside."""

    def __init__(self, schedule: Adjusted, most_steps: int = MOST_STEPS) -> None:
        """The schedule is one that `can_search`."""
        self._most_steps = most_steps
        self._rhythm = schedule.rhythm
        self._days = schedule.days
        self._darkness = darkness_of(schedule.blackouts)
        self._offset = schedule.offset // _SECOND
        self._zone = schedule.rhythm.zone if isinstance(schedule.rhythm, Cron) else schedule.zone
        if self._darkness.zone:
            self._zone = self._darkness.zone
        self._anchor, self._distance = 0, 1
        if isinstance(schedule.rhythm, Interval):
            self._distance = schedule.rhythm.every // _SECOND
            self._anchor = to_second(schedule.rhythm.anchor + schedule.offset)
            self._offset = self._anchor - to_second(schedule.rhythm.anchor)
        self.steps = 0
        self._plain = dict[tuple[int, bool, bool], tuple[int, int]]()
        self._of_interval = dict[object, int]()
        self._odd = dict[object, tuple[int, int]]()
        self._years = dict[object, tuple[int | None, int]]()
        self._known_ends = dict[int, int]()
        self._openings = dict[object, list[int]]()
        self._kinds = dict[tuple[int | None, Kind], int]()

    def first_from(self, second: int) -> int | None:
        """The first such second that is not earlier; `None` when there is none.

        Raises `GivenUp` when it takes too many steps.
        """
        day = reached(self._zone, second) // DAY
        end = min(first_showing(self._zone, (day + 1) * DAY), LAST + 1)
        found, reach = self._exactly(second, end, self._darkness.reach(second))
        if found is not None:
            return found
        self._seen = set[object]()
        self._own_until = self._last_year_of_its_own
        first_year, first = date.fromordinal(day).year, date.fromordinal(day).timetuple().tm_yday
        for year in range(first_year, LAST_YEAR + 1):
            found, reach = self._in_year(year, first if year == first_year else 0, reach)
            if found is not None:
                return found if found <= LAST else None
            if self._is_known(year, year - first_year, reach):
                return None
        return None

    # --- years ---

    def count(self, start: int, end: int) -> int:
        """How many there are from `start`, included, to `end`, excluded."""
        total, reach = 0, self._darkness.reach(start)
        for block in day_blocks(self._zone, start, end):
            free, ends = self._work_out_odd(block.start, block.end)
            total += (free & ~span_bits(0, min(reach, block.end) - block.start)).bit_count()
            reach = max(reach, block.start + ends)
        return total

    def free_seconds(self, start: int, end: int) -> int:
        """Those from `start`, included, to `end`, excluded, as bits."""
        mask = 0
        for block, dark in self._darkness.of_days(start, end):
            mask |= (self._slots(block.start, block.end) & ~dark) << block.start - start
        return mask

    def _is_known(self, year: int, years: int, reach: int) -> bool:
        """Whether what comes behind that year, the `years`-th, was looked at before."""
        if self._own_until is None:
            return years >= KNOWN_YEARS
        if year < max(self._own_until, _RULED_FROM):
            return False
        base = date(year, 12, 31).toordinal() * DAY
        state = year % _CYCLE, max(reach - base, 0), self._phase(base)
        is_known = state in self._seen
        self._seen.add(state)
        return is_known

    @property
    def _last_year_of_its_own(self) -> int | None:
        """Behind it, years of one kind are alike; `None` where a country's days count."""
        expressions = [layer.days for layer in self._darkness.layers]
        if isinstance(self._rhythm, Cron):
            expressions.append(self._rhythm.expression)
        years = [expression.years[-1] + 1 for expression in expressions if expression.years]
        shift = self._rhythm.expression.shift if isinstance(self._rhythm, Cron) else None
        dated = [last_dated_year(days) for days in (self._days, shift.days if shift else None) if days]
        if None in dated:
            return None
        return max([*years, *((one or 0) + 1 for one in dated)], default=0)

    def _phase(self, second: int) -> int:
        return (second - self._anchor) % self._distance

    def _in_year(self, year: int, first: int, reach: int) -> tuple[int | None, int]:
        """The first free second of the year from its day `first` on, and how far the darkness reaches behind it."""
        self._count(4)
        kind = kind_of_year(year)
        parts = parts_of_year(self._zone, year if year < _RULED_FROM else _like(kind))
        base = date(year, 1, 1).toordinal() * DAY
        days = _Days(base, self._own_days(year, kind), self._is_own_day(base // DAY - 1), self._opening(year, kind))
        start = max(reach - base, parts[0].start)
        key = days.own, days.had, kind, self._active(year), start, parts, self._phase(base)
        known = self._years.get(key) if first == 0 else None
        if known is None:
            known = self._work_out(days, parts, first, start)
            if first == 0:
                self._years[key] = known
        found, behind = known
        return None if found is None else base + found, base + behind

    def _active(self, year: int) -> tuple[bool, ...]:
        """Of each layer, whether it may open in that year."""
        limits = (layer.days.years for layer in self._darkness.layers)
        return tuple(years is None or is_among(years, year) for years in limits)

    def _own_days(self, year: int, kind: Kind) -> int:
        """The days of the year on which the rhythm may run, as bits."""
        mask = (1 << 366) - 1
        if isinstance(self._rhythm, Cron):
            mask = self._days_of(-1, self._rhythm.expression, year, kind)
        if self._days:
            mask &= ~self._closed(self._days, year, kind)
        return mask

    def _closed(self, days: WorkingDays, year: int, kind: Kind) -> int:
        if self._own_until is None or year < self._own_until:
            self._count(400 if days.calendar.country else 30)
            return closed_bits(days, year)
        if (None, kind) not in self._kinds:
            self._kinds[None, kind] = closed_bits(days, year)
        return self._kinds[None, kind]

    def _is_own_day(self, day: int) -> bool:
        if self._days and closed_on(self._days, date.fromordinal(day)):
            return False
        return not isinstance(self._rhythm, Cron) or is_day_of(self._rhythm.expression, day)

    def _days_of(self, number: int, expression: CronExpression, year: int, kind: Kind) -> int:
        """The days of a layer, or of the rhythm, whose number is -1."""
        if expression.shift is not None:
            self._count(1_000)
            return days_of_year(expression, year)
        if expression.years is not None and not is_among(expression.years, year):
            return 0
        if (number, kind) not in self._kinds:
            self._count(15)
            self._kinds[number, kind] = days_of_year(expression, year)
        return self._kinds[number, kind]

    def _opening(self, year: int, kind: Kind) -> Callable[[], list[int]]:
        """Finds of each day which layers open on it, as bits."""
        key = kind, self._active(year)

        def found() -> list[int]:
            if key in self._openings:
                return self._openings[key]
            opening = self._openings[key] = [0] * 366
            for number, layer in enumerate(self._darkness.layers):
                mask = self._days_of(number, layer.days, year, kind)
                self._count(1 + mask.bit_count() // 16)
                for day in bits(mask):
                    opening[day] |= 1 << number
            return opening

        return found

    def _work_out(self, days: "_Days", parts: Sequence[Part], first: int, reach: int) -> tuple[int | None, int]:
        """Day by day, counted from the beginning of the year."""
        self._count(100)
        opening, own, base = days.find_opening(), days.own, days.base
        had = own << 1 | days.had
        for part in parts:
            begin = max(part.first, first)
            if part.is_plain and self._is_dark(opening, own, had, range(begin, part.end), base + part.start):
                reach = max(reach, self._reach_behind(opening, part, begin))
                continue
            for day in range(begin, part.end):
                start = part.start + (day - part.first) * DAY
                if part.is_plain and reach >= start + DAY:
                    free, ends = 0, self._ends(opening[day])
                elif part.is_plain:
                    free, ends = self._plain_day(opening[day], bool(own >> day & 1), bool(had >> day & 1), base + start)
                else:
                    free, ends = self._odd_day(days, opening, day, base + start, base + part.stop)
                if free and reach > start:
                    free &= ~span_bits(0, min(reach - start, free.bit_length()))
                if free:
                    return start + lowest(free), reach
                reach = max(reach, start + ends)
        return None, reach

    def _is_dark(self, opening: list[int], own: int, had: int, days: range, start: int) -> bool:
        """Whether nothing is left of these plain days, by their few kinds; `start` is the first instant of one."""
        first, end = days.start, days.stop
        kinds = set(zip(opening[first:end], _listed(own, first, end), _listed(had, first, end), strict=True))
        self._count(10 + len(kinds))
        return not any(self._may_be_free(*kind, start) for kind in kinds)

    def _may_be_free(self, opening: int, has: bool, had: bool, start: int) -> bool:
        if DAY % self._distance:  # each day has other slots of the interval
            return bool(self._kind_of_day(opening, has, had)[0])
        return bool(self._plain_day(opening, has, had, start)[0])

    def _reach_behind(self, opening: list[int], part: Part, first: int) -> int:
        """How far the darkness reaches that opens on the days of a part, from `first` on."""
        last = dict(zip(opening[first : part.end], range(first, part.end), strict=True))
        return max((part.start + (day - part.first) * DAY + self._ends(one) for one, day in last.items()), default=0)

    # --- days ---

    def _plain_day(self, opening: int, has: bool, had: bool, start: int) -> tuple[int, int]:
        """The free seconds as bits, and how long what opens on the day lasts at most.

        `has` and `had`: the rhythm runs on the day and the day before, that lateness may carry over midnight.
        """
        free, ends = self._kind_of_day(opening, has, had)
        if free and isinstance(self._rhythm, Interval):
            free = self._met((opening, has, had), free, (self._anchor - start) % self._distance)
        return free, ends

    def _kind_of_day(self, opening: int, has: bool, had: bool) -> tuple[int, int]:
        key = opening, has, had
        if key not in self._plain:
            self._plain[key] = self._work_out_plain(*key)
        return self._plain[key]

    def _met(self, key: object, free: int, first: int) -> int:
        """The free seconds of an interval whose first slot of the day, or behind it, is the second `first`."""
        if first >= DAY:
            return 0
        if DAY % self._distance:  # every day is another one
            self._count(1)
            return free & every(self._distance, first, DAY)
        if (key, first) not in self._of_interval:
            self._of_interval[key, first] = free & every(self._distance, first, DAY)
        return self._of_interval[key, first]

    def _work_out_plain(self, opening: int, has: bool, had: bool) -> tuple[int, int]:
        cover, late = 0, self._offset
        for number in bits(opening):
            cover |= self._darkness.layers[number].cover
        self._count(10 + 2 * opening.bit_count())
        if isinstance(self._rhythm, Cron):
            times = times_of(self._rhythm.expression) << late
            slots = (times & FULL_DAY if has else 0) | (times >> DAY if had else 0)
        else:
            slots = (span_bits(late, DAY) if has else 0) | (span_bits(0, late) if had else 0)
        return slots & ~cover, self._ends(opening)

    def _ends(self, opening: int) -> int:
        if opening not in self._known_ends:
            ends = (self._darkness.layers[number].ends for number in bits(opening))
            self._known_ends[opening] = max(ends, default=0)
        return self._known_ends[opening]

    def _odd_day(self, days: "_Days", opening: list[int], day: int, start: int, stop: int) -> tuple[int, int]:
        """The same for a day around a change of the clock; `start` and `stop` are its instants."""
        if not 2 <= day < 363:
            return self._work_out_odd(start, stop)
        midnight = days.base + day * DAY
        shape = tuple(
            (first - midnight, offset) for first, _, offset in stretches_between(self._zone, start - DAY, stop + DAY)
        )
        key = (*opening[day - 1 : day + 2], days.own >> day - 2 & 15, start - midnight, stop - midnight, shape,
               self._phase(midnight))  # fmt: skip
        if key not in self._odd:
            self._odd[key] = self._work_out_odd(start, stop)
        return self._odd[key]

    def _work_out_odd(self, start: int, stop: int) -> tuple[int, int]:
        self._count(30 + 30 * self._darkness.size)
        cover, reach = self._darkness.cover(start, stop, start)
        return self._slots(start, stop) & ~cover, reach - start

    def _exactly(self, start: int, stop: int, reach: int) -> tuple[int | None, int]:
        free, ends = self._work_out_odd(start, stop)
        free &= ~span_bits(0, min(reach - start, stop - start))
        return start + lowest(free) if free else None, max(reach, start + ends)

    def _slots(self, start: int, stop: int) -> int:
        """When the rhythm is due on days that are open, moved by what it is late."""
        start, stop = start - self._offset, stop - self._offset
        if isinstance(self._rhythm, Interval):
            mask = every(self._distance, (self._anchor - self._offset - start) % self._distance, stop - start)
        else:
            mask = due_between(self._rhythm, start, stop)
            if self._rhythm.gap == "skip" and not self._rhythm.expression.real_time:
                for instant in swallowing(self._rhythm, start, stop - 1):
                    mask &= ~(1 << instant - start)
        if self._days:
            for block in day_blocks(self._zone, start, stop):
                if closed_on(self._days, date.fromordinal(block.day)):
                    mask &= ~span_bits(block.start - start, block.end - start)
        return mask

    def _count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > self._most_steps:
            raise GivenUp


class _Days(NamedTuple):
    """The days of a year, as bits."""

    base: int
    """The wall-clock second in which the year begins."""
    own: int
    """Those on which the rhythm may run."""
    had: bool
    """Whether the day before the year is one."""
    find_opening: Callable[[], list[int]]


def _listed(mask: int, first: int, end: int) -> list[bool]:
    """The bits from `first` to `end`, excluded."""
    return (
        [bit == "1" for bit in f"{mask >> first & (1 << end - first) - 1:0{end - first}b}"[::-1]] if end > first else []
    )


@lru_cache(maxsize=64)
def _like(kind: Kind) -> int:
    """A year of that kind whose clocks go by rules."""
    return next(year for year in range(_RULED_FROM, _RULED_FROM + _CYCLE) if kind_of_year(year) == kind)
