"""Counts how many calls start in each minute of a span of time.

Minutes are numbered from the start of the span. A schedule is expanded once for all jobs that share it: jobs with
different jitters have the same slots, shifted by some seconds.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol

from myscheduler.core.schedule.darkness import darkness_of
from myscheduler.core.schedule.exclusions import exclusions, free_seconds
from myscheduler.core.schedule.expansion import SECOND, expand, to_micros
from myscheduler.core.schedule.expression import DAY
from myscheduler.core.schedule.search import can_search
from myscheduler.core.schedule.slots import TICK, Adjusted, Rhythm, Schedule, count_between
from myscheduler.core.schedule.zones import stretches_between, to_second, zone

MINUTE = timedelta(minutes=1)
HOUR = 3600
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Starter:
    """A job, reduced to when it starts calls on which host."""

    job_id: str
    host: str
    schedule: Schedule
    offset: timedelta = timedelta()
    """How long after its slots the job is counted, in whole seconds, not negative: a jitter that `schedule` lacks, or
    how long those before it take.
    """
    is_chained: bool = False
    """`schedule` is that of another job, after which this one runs."""

    @property
    def offset_sec(self) -> int:
        return int(self.offset.total_seconds())

    @property
    def has_jitter(self) -> bool:
        return isinstance(self.schedule, Adjusted) and bool(self.schedule.offset)


class Stint(NamedTuple):
    """Minutes from `first` (included) to `end` (excluded) that are in the same hour of the local clock."""

    day: int
    """The proleptic ordinal of the local date."""
    hour: int
    past: int
    """Minutes of the hour that are before `first`."""
    first: int
    end: int


@dataclass(frozen=True)
class Horizon:
    """The span of time of a forecast, with the zone of the service."""

    start: datetime
    """A whole minute."""
    until: datetime
    """Excluded."""
    zone: str

    @classmethod
    def of_days(cls, now: datetime, days: int, zone_name: str) -> "Horizon":
        """From the minute of `now` to the same local time `days` days later.

        Raises `OverflowError` at the end of the calendar.
        """
        start = now.replace(second=0, microsecond=0)
        local = start.astimezone(zone(zone_name)) + timedelta(days=days)
        return cls(start, local.astimezone(start.tzinfo), zone_name)

    @cached_property
    def minutes(self) -> int:
        return -((self.start - self.until) // MINUTE)

    @cached_property
    def stints(self) -> Sequence[Stint]:
        """The local hours in order: one that occurs twice is two stints, one that the clock skips is none."""
        return tuple(self._stints())

    def _stints(self) -> Iterator[Stint]:
        base, last = to_second(self.start), to_second(self.until) - 1
        for begin, end, offset in stretches_between(self.zone, base, last):
            start = begin
            while start < end:
                wall = start + offset
                stop = min(end, wall - wall % HOUR + HOUR - offset)
                first, final = -((base - start) // 60), -((base - stop) // 60)
                if first < final:
                    yield Stint(wall // DAY, wall % DAY // HOUR, wall % HOUR // 60, first, final)
                start = stop

    @cached_property
    def clock(self) -> Sequence[int]:
        """The local time of each minute, in minutes after midnight."""
        return [stint.hour * 60 + stint.past + n for stint in self.stints for n in range(stint.end - stint.first)]

    def moment(self, minute: int) -> datetime:
        """The start of the minute, in local time."""
        return (self.start + minute * MINUTE).astimezone(zone(self.zone))


class Slots(Protocol):
    """The slots of a schedule. They begin before the span, in negative minutes, as an offset may move them into it."""

    def start_in(self, minute: int, offset: int) -> bool:
        """Whether a job that starts `offset` seconds after its slots starts in this minute."""

    def meet(self, wanted: frozenset[int], offset: int) -> bool:
        """Whether such a job starts in any of these minutes."""

    def per_minute(self, offset: int) -> Counter[int]:
        """The starts of such a job by minute."""

    @property
    def shortest_gap(self) -> float:
        """Seconds between the two closest slots; infinite if there are fewer than two."""


@dataclass(frozen=True)
class FewSlots:
    """Slots as ascending minutes, for each second of a minute that has slots."""

    by_second: Mapping[int, Sequence[int]]

    def start_in(self, minute: int, offset: int) -> bool:
        for second, minutes in self.by_second.items():
            slot = minute - (second + offset) // 60
            place = bisect_left(minutes, slot)
            if place < len(minutes) and minutes[place] == slot:
                return True
        return False

    def meet(self, wanted: frozenset[int], offset: int) -> bool:
        for second, minutes in self.by_second.items():
            shift = (second + offset) // 60
            if not wanted.isdisjoint(minute + shift for minute in minutes):
                return True
        return False

    def per_minute(self, offset: int) -> Counter[int]:
        found = Counter[int]()
        for second, minutes in self.by_second.items():
            shift = (second + offset) // 60
            found.update(minute + shift for minute in minutes)
        return found

    @cached_property
    def shortest_gap(self) -> float:
        seconds = sorted(minute * 60 + second for second, minutes in self.by_second.items() for minute in minutes)
        return min((later - earlier for earlier, later in pairwise(seconds)), default=float("inf"))


@dataclass(frozen=True)
class ManySlots:
    """Slots as bits, one for each second."""

    mask: int
    first: int
    """The minute that starts with the first bit."""

    def start_in(self, minute: int, offset: int) -> bool:
        begin = (minute - self.first) * 60 - offset
        first, end = max(begin, 0), max(begin + 60, 0)
        return bool(self.mask >> first & (1 << end - first) - 1)

    def meet(self, wanted: frozenset[int], offset: int) -> bool:
        return not wanted.isdisjoint(self.per_minute(offset))

    def per_minute(self, offset: int) -> Counter[int]:
        text = bin(self.mask << offset % 60)[:1:-1]
        counts = (text.count("1", second, second + 60) for second in range(0, len(text), 60))
        first = self.first + offset // 60
        return Counter({minute: count for minute, count in enumerate(counts, first) if count})

    @cached_property
    def shortest_gap(self) -> float:
        if not self.mask & self.mask - 1:
            return float("inf")
        return next(gap for gap in range(1, self.mask.bit_length()) if self.mask & self.mask >> gap)


def find_slots(schedule: Schedule, span: Horizon, margin: int) -> Slots:
    """The slots of the span and of `margin` minutes before it, without those that blackouts and calendars exclude."""
    after, until = span.start - margin * MINUTE - TICK, span.until - TICK
    limited = Adjusted(schedule) if isinstance(schedule, Rhythm) else schedule
    if isinstance(limited, Adjusted) and _has_many(limited, after, until) and can_search(limited):
        return ManySlots(free_seconds(limited, after, until), -margin)
    return _few_slots(schedule, after, until, to_micros(span.start))


def _has_many(schedule: Adjusted, after: datetime, until: datetime) -> bool:
    """Whether there are more slots or blackouts than minutes: those are not expanded one by one."""
    most = (until - after) // MINUTE + 1
    days = (until - after) // _DAY + 1
    return (
        count_between(schedule, after, until) > most or darkness_of(schedule.blackouts).openings_per_day * days > most
    )


def _few_slots(schedule: Schedule, after: datetime, until: datetime, base: int) -> FewSlots:
    left_out = [(to_micros(one.start), to_micros(one.end)) for one in exclusions(schedule, after, until)]
    found: defaultdict[int, array[int]] = defaultdict(lambda: array("i"))
    for part in expand(schedule, after, until):
        kept = _without(part, left_out) if left_out else part
        seconds = [(slot - base) // SECOND for slot in kept]
        places = {second % 60 for second in seconds}
        if len(places) == 1:
            found[places.pop()].extend([second // 60 for second in seconds])
        else:
            for second in seconds:
                found[second % 60].append(second // 60)
    return FewSlots(dict(found))


def _without(slots: Sequence[int], left_out: Sequence[tuple[int, int]]) -> list[int]:
    starts = [start for start, _ in left_out]
    places = ((slot, bisect_right(starts, slot) - 1) for slot in slots)
    return [slot for slot, place in places if place < 0 or slot >= left_out[place][1]]


class Group(NamedTuple):
    """Jobs that share a schedule, and its slots."""

    slots: Slots
    jobs: Sequence[Starter]

    def started(self, minute: int) -> Iterator[str]:
        """The ids of the jobs that start in this minute."""
        for offset, jobs in _by_offset(self.jobs).items():
            if self.slots.start_in(minute, offset):
                yield from (job.job_id for job in jobs)


class Tally:
    """Starts per minute of a span. Minutes before and after it are counted, too, as offsets move starts in and out."""

    def __init__(self, span: Horizon, margin: int) -> None:
        """`margin` is the number of minutes before the span that `Slots` cover, and at least the largest offset."""
        self._margin, self._span = margin, span
        self._counts = [0] * (margin + span.minutes + margin + 1)

    def copy(self) -> "Tally":
        copied = Tally(self._span, self._margin)
        copied._counts = self._counts.copy()
        return copied

    def add(self, group: Group, weight: int = 1) -> None:
        """Count each start of these jobs `weight` times; -1 removes them again."""
        counts = self._counts
        if not isinstance(group.slots, FewSlots):
            for offset, alike in _by_offset(group.jobs).items():
                for minute, starts in group.slots.per_minute(offset).items():
                    counts[minute + self._margin] += starts * len(alike) * weight
            return
        for minutes, shifts in _shifted(group.slots, group.jobs):
            for shift, jobs in shifts.items():
                place, more = shift + self._margin, jobs * weight
                for minute in minutes:
                    counts[minute + place] += more

    @property
    def starts(self) -> list[int]:
        """The number of starts in each minute of the span."""
        return self._counts[self._margin : self._margin + self._span.minutes]


def _shifted(slots: FewSlots, sharing: Iterable[Starter]) -> Iterator[tuple[Sequence[int], Counter[int]]]:
    """For each second of `slots`, its minutes, and the number of jobs by how many minutes their offset shifts them."""
    offsets = {offset: len(jobs) for offset, jobs in _by_offset(sharing).items()}
    for second, minutes in slots.by_second.items():
        shifts = Counter[int]()
        for offset, jobs in offsets.items():
            shifts[(second + offset) // 60] += jobs
        yield minutes, shifts


def _by_offset(jobs: Iterable[Starter]) -> dict[int, list[Starter]]:
    found: dict[int, list[Starter]] = {}
    for job in jobs:
        found.setdefault(job.offset_sec, []).append(job)
    return found
