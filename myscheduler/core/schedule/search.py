"""Finds the next run of a schedule with limits, however far away it is, or that there is none.

A search slot by slot could take for ever, so this one works with whole days and years. On days of one kind (the same
blackouts open, the same members of the rhythm run), the same seconds are free; years of one kind (see `YearKind`) have
the same days. Each kind of day and of year is worked out once and cached. If a state recurs after the calendar's cycle
of 400 years, nothing new can follow, so there is no further run.

The work is counted in steps, not measured in time, so that the result doesn't depend on the machine. A search that
would take more than `MOST_STEPS` is given up.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import reduce
from operator import or_

from myscheduler.core.schedule import strides
from myscheduler.core.schedule.calendars import WorkingDays, closed_bits, closed_on, last_dated_year
from myscheduler.core.schedule.clock_days import CYCLE, RULED_FROM, Part, day_blocks, like, parts_of_year
from myscheduler.core.schedule.cron import OnClock, Times, members_of, swallowing
from myscheduler.core.schedule.darkness import darkness_of
from myscheduler.core.schedule.expression import (
    DAY,
    LAST_YEAR,
    CronExpression,
    YearKind,
    bits,
    days_of_year,
    is_among,
    kind_of_year,
)
from myscheduler.core.schedule.search_days import Days, at_day, each_day, runs_on
from myscheduler.core.schedule.seconds import FULL_DAY, due_between, every, lowest, span_bits, times_of
from myscheduler.core.schedule.slots import Adjusted, Interval
from myscheduler.core.schedule.strides import Stride
from myscheduler.core.schedule.zones import LAST, first_showing, reached, stretches_between, to_second

MOST_STEPS = 20_000
"""The most steps of a search; one takes about a microsecond: an operation on the seconds of a day, say."""
KNOWN_YEARS = 30
"""How many years are searched if the holidays of a country apply: later ones are not known."""
_SECOND = timedelta(seconds=1)


class GivenUp(Exception):  # noqa: N818 - it ends a search, nothing is wrong
    """The search would take more steps than allowed."""


def can_search(schedule: Adjusted) -> bool:
    """Whether `Search` supports the schedule: it has one zone and whole seconds, as any that a manifest declares."""
    zones = {schedule.rhythm.zone} if isinstance(schedule.rhythm, OnClock) else set[str]()
    zones |= {schedule.zone} if schedule.days else set()
    darkness = darkness_of(schedule.blackouts)
    zones |= {darkness.zone or ""} if darkness.layers else set()
    is_whole = isinstance(schedule.rhythm, OnClock) or not schedule.rhythm.every % _SECOND
    return len(zones) <= 1 and "" not in zones and is_whole and timedelta() <= schedule.offset <= timedelta(days=1)


class Search:
    """Finds the free seconds of a schedule: those at which it is due and not excluded.

    Fixed blackout periods, and the schedule's `start` and `end`, are ignored; the caller takes care of them. Throughout
    the search, `reach` is the second until which recurring blackouts that opened earlier last.
    """

    def __init__(self, schedule: Adjusted, most_steps: int = MOST_STEPS) -> None:
        """Prepare a search in a schedule for which `can_search` is true."""
        self._most_steps = most_steps
        self._rhythm = schedule.rhythm
        on_clock = members_of(schedule.rhythm) if isinstance(schedule.rhythm, OnClock) else ()
        self._times = tuple(one.expression for one in on_clock)
        """The members of which the rhythm is the union; empty for an interval of real time."""
        self._days = schedule.days
        self._darkness = darkness_of(schedule.blackouts)
        self._offset = schedule.offset // _SECOND
        self._zone = schedule.rhythm.zone if isinstance(schedule.rhythm, OnClock) else schedule.zone
        if self._darkness.zone:
            self._zone = self._darkness.zone
        self._anchor, self._distance = 0, 1
        if isinstance(schedule.rhythm, Interval):
            self._distance = schedule.rhythm.every // _SECOND
            self._anchor = to_second(schedule.rhythm.anchor + schedule.offset)
            self._offset = self._anchor - to_second(schedule.rhythm.anchor)
        self.steps = 0
        self._plain = dict[tuple[int, int, int], tuple[int, int]]()
        self._of_interval = dict[object, int]()
        self._odd = dict[object, tuple[int, int]]()
        self._years = dict[object, tuple[int | None, int]]()
        self._known_ends = dict[int, int]()
        self._openings = dict[object, list[int]]()
        self._kinds = dict[tuple[int | None, YearKind], int]()
        self._of_strides = dict[object, int]()

    def first_from(self, second: int) -> int | None:
        """The first free second from `second` on, included; `None` if there is none.

        Raises `GivenUp` if that takes too many steps.
        """
        day = reached(self._zone, second) // DAY
        end = min(first_showing(self._zone, (day + 1) * DAY), LAST + 1)
        found, reach = self._exactly(second, end, self._darkness.reach(second))
        if found is not None:
            return found
        self._seen = set[object]()
        self._uniform_from = self._first_uniform_year
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
        """The number of free seconds from `start` (included) to `end` (excluded)."""
        total, reach = 0, self._darkness.reach(start)
        for block in day_blocks(self._zone, start, end):
            free, ends = self._work_out_odd(block.start, block.end)
            total += (free & ~span_bits(0, min(reach, block.end) - block.start)).bit_count()
            reach = max(reach, block.start + ends)
        return total

    def free_seconds(self, start: int, end: int) -> int:
        """The free seconds from `start` (included) to `end` (excluded), as bits."""
        mask = 0
        for block, dark in self._darkness.of_days(start, end):
            mask |= (self._slots(block.start, block.end) & ~dark) << block.start - start
        return mask

    def _is_known(self, year: int, years: int, reach: int) -> bool:
        """Whether the years after that one need no search, as they are like years that were searched.

        `years` is the number of years searched before it.
        """
        if self._uniform_from is None:
            return years >= KNOWN_YEARS
        if year < max(self._uniform_from, RULED_FROM):
            return False
        base = date(year, 12, 31).toordinal() * DAY
        steps = [strides.phase(one, year + 1) for one in self._times if isinstance(one, Stride)]
        if None in steps:
            return False
        state = year % CYCLE, max(reach - base, 0), self._phase(base), *steps
        is_known = state in self._seen
        self._seen.add(state)
        return is_known

    @property
    def _first_uniform_year(self) -> int | None:
        """The year from which on years of one kind are alike; `None` if the holidays of a country apply."""
        own = [one for one in self._times if isinstance(one, CronExpression)]
        expressions = [*own, *(layer.days for layer in self._darkness.layers)]
        years = [expression.years[-1] + 1 for expression in expressions if expression.years]
        shifts = [one.shift.days for one in own if one.shift]
        dated = [last_dated_year(days) for days in (self._days, *shifts) if days]
        if None in dated:
            return None
        return max([*years, *((one or 0) + 1 for one in dated)], default=0)

    def _phase(self, second: int) -> int:
        """The position of that second between two slots of an interval; always 0 for other rhythms."""
        return (second - self._anchor) % self._distance

    def _in_year(self, year: int, first: int, reach: int) -> tuple[int | None, int]:
        """The first free second of the year from its day `first` on, and the reach of the blackouts before it."""
        self._count(4)
        kind = kind_of_year(year)
        parts = parts_of_year(self._zone, year if year < RULED_FROM else like(kind))
        base = date(year, 1, 1).toordinal() * DAY
        days = Days(base, self._own_days(year, kind), self._members_on(base // DAY - 1), self._opening(year, kind))
        start = max(reach - base, parts[0].start)
        key = days.own, days.had, kind, self._active(year), start, parts, self._phase(base)
        known = self._years.get(key) if first == 0 else None
        if known is None:
            known = self._work_out(days, parts, first, start)
            if first == 0:
                self._years[key] = known
        found, reach = known
        return None if found is None else base + found, base + reach

    def _active(self, year: int) -> tuple[bool, ...]:
        """For each layer of blackouts, whether it may open in that year."""
        limits = (layer.days.years for layer in self._darkness.layers)
        return tuple(years is None or is_among(years, year) for years in limits)

    def _own_days(self, year: int, kind: YearKind) -> tuple[int, ...]:
        """For each member of the rhythm, the days of the year on which it may run, as bits."""
        masks = [self._days_of(-1 - number, one, year, kind) for number, one in enumerate(self._times)]
        if not self._times:
            masks = [(1 << 366) - 1]
        if self._days:
            is_open = ~self._closed(self._days, year, kind)
            masks = [mask & is_open for mask in masks]
        return tuple(masks)

    def _closed(self, days: WorkingDays, year: int, kind: YearKind) -> int:
        if self._uniform_from is None or year < self._uniform_from:
            self._count(400 if days.calendar.country else 30)
            return closed_bits(days, year)
        if (None, kind) not in self._kinds:
            self._kinds[None, kind] = closed_bits(days, year)
        return self._kinds[None, kind]

    def _members_on(self, day: int) -> int:
        """The members that may run on that day, as bits."""
        if self._days and closed_on(self._days, date.fromordinal(day)):
            return 0
        return sum(runs_on(one, day) << number for number, one in enumerate(self._times)) if self._times else 1

    def _days_of(self, number: int, expression: Times, year: int, kind: YearKind) -> int:
        """The days of the year of a layer, or of a member of the rhythm, as bits.

        `number` is a key of the cache: that of the layer, or a negative one for a member.
        """
        if isinstance(expression, Stride):
            return self._days_of_stride(number, expression, year, kind)
        if expression.shift is not None:
            self._count(1_000)
            return days_of_year(expression, year)
        if expression.years is not None and not is_among(expression.years, year):
            return 0
        if (number, kind) not in self._kinds:
            self._count(15)
            self._kinds[number, kind] = days_of_year(expression, year)
        return self._kinds[number, kind]

    def _days_of_stride(self, number: int, stride: Stride, year: int, kind: YearKind) -> int:
        """The same for a stride. Years of one kind and phase are alike, after the first step of the stride."""
        at = strides.phase(stride, year)
        key = (number, kind, at) if at is not None and strides.has_begun(stride, year) else (number, year)
        if key not in self._of_strides:
            self._count(15)
            self._of_strides[key] = strides.days_of_year(stride, year)
        return self._of_strides[key]

    def _opening(self, year: int, kind: YearKind) -> Callable[[], list[int]]:
        """A function that computes, for each day of the year, the layers that open on it, as bits."""
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

    def _work_out(self, days: Days, parts: Sequence[Part], first: int, reach: int) -> tuple[int | None, int]:
        """The first free second from the day `first` on, and the reach, both from the beginning of the year.

        Days are checked one by one, except that plain days without free seconds are skipped together.
        """
        self._count(100)
        opening, own, base = days.find_opening(), days.own, days.base
        for part in parts:
            begin = max(part.first, first)
            if part.is_plain and self._is_dark(days, opening, range(begin, part.end), base + part.start):
                reach = max(reach, self._reach_after(opening, part, begin))
                continue
            for day in range(begin, part.end):
                start = part.start + (day - part.first) * DAY
                if part.is_plain and reach >= start + DAY:
                    free, ends = 0, self._ends(opening[day])
                elif part.is_plain:
                    had = at_day(own, day - 1) if day else days.had
                    free, ends = self._plain_day(opening[day], at_day(own, day), had, base + start)
                else:
                    free, ends = self._odd_day(days, opening, day, base + start, base + part.stop)
                if free and reach > start:
                    free &= ~span_bits(0, min(reach - start, free.bit_length()))
                if free:
                    return start + lowest(free), reach
                reach = max(reach, start + ends)
        return None, reach

    def _is_dark(self, days: Days, opening: list[int], plain: range, start: int) -> bool:
        """Whether these plain days have no free second, by their kinds; `start` is the first instant of any of them."""
        first, end = plain.start, plain.stop
        has = each_day(days.own, first, end)
        had = [at_day(days.own, first - 1) if first else days.had, *has][: len(has)]
        kinds = set(zip(opening[first:end], has, had, strict=True))
        self._count(10 + len(kinds))
        return not any(self._may_be_free(*kind, start) for kind in kinds)

    def _may_be_free(self, opening: int, has: int, had: int, start: int) -> bool:
        if DAY % self._distance:  # the slots of the interval differ from day to day
            return bool(self._kind_of_day(opening, has, had)[0])
        return bool(self._plain_day(opening, has, had, start)[0])

    def _reach_after(self, opening: list[int], part: Part, first: int) -> int:
        """Until when blackouts last that open on the days of a part, from `first` on."""
        last = dict(zip(opening[first : part.end], range(first, part.end), strict=True))
        return max((part.start + (day - part.first) * DAY + self._ends(one) for one, day in last.items()), default=0)

    # --- days ---

    def _plain_day(self, opening: int, has: int, had: int, start: int) -> tuple[int, int]:
        """The free seconds of a plain day, as bits, and the second at which the last blackout that opens on it ends.

        `has` and `had` are the members that run on the day and on the day before, whose slots jitter may carry over
        midnight.
        """
        free, ends = self._kind_of_day(opening, has, had)
        if free and isinstance(self._rhythm, Interval):
            free = self._of_slots((opening, has, had), free, (self._anchor - start) % self._distance)
        return free, ends

    def _kind_of_day(self, opening: int, has: int, had: int) -> tuple[int, int]:
        key = opening, has, had
        if key not in self._plain:
            self._plain[key] = self._work_out_plain(*key)
        return self._plain[key]

    def _of_slots(self, key: object, free: int, first: int) -> int:
        """The free seconds at which an interval is due, whose first slot from the start of the day is at `first`."""
        if first >= DAY:
            return 0
        if DAY % self._distance:  # the slots differ from day to day
            self._count(1)
            return free & every(self._distance, first, DAY)
        if (key, first) not in self._of_interval:
            self._of_interval[key, first] = free & every(self._distance, first, DAY)
        return self._of_interval[key, first]

    def _work_out_plain(self, opening: int, has: int, had: int) -> tuple[int, int]:
        cover, delay = 0, self._offset
        for number in bits(opening):
            cover |= self._darkness.layers[number].cover
        self._count(10 + 2 * opening.bit_count())
        if self._times:
            slots = self._together(has) << delay & FULL_DAY | self._together(had) << delay >> DAY
        else:
            slots = (span_bits(delay, DAY) if has else 0) | (span_bits(0, delay) if had else 0)
        return slots & ~cover, self._ends(opening)

    def _together(self, members: int) -> int:
        """The seconds of a day at which any of these members (as bits) is due."""
        return reduce(or_, (times_of(self._times[number]) for number in bits(members)), 0)

    def _ends(self, opening: int) -> int:
        if opening not in self._known_ends:
            ends = (self._darkness.layers[number].ends for number in bits(opening))
            self._known_ends[opening] = max(ends, default=0)
        return self._known_ends[opening]

    def _odd_day(self, days: Days, opening: list[int], day: int, start: int, stop: int) -> tuple[int, int]:
        """The same as `_plain_day`, for a day around a clock change, from the instant `start` to `stop` (excluded)."""
        if not 2 <= day < 363:
            return self._work_out_odd(start, stop)
        midnight = days.base + day * DAY
        shape = tuple(
            (first - midnight, offset) for first, _, offset in stretches_between(self._zone, start - DAY, stop + DAY)
        )
        own = (mask >> day - 2 & 15 for mask in days.own)
        key = *opening[day - 1 : day + 2], *own, start - midnight, stop - midnight, shape, self._phase(midnight)
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
        """The seconds at which the rhythm is due on open days, moved by the offset; bit 0 is `start`."""
        start, stop = start - self._offset, stop - self._offset
        if isinstance(self._rhythm, Interval):
            mask = every(self._distance, (self._anchor - self._offset - start) % self._distance, stop - start)
        else:
            mask = due_between(self._rhythm, start, stop)
            if self._rhythm.gap == "skip":
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
