"""Statistics of a job's history: how often it succeeds, how long it takes, how late it starts.

An execution counts once it has ended: `completed` is a success; `failed` and `interrupted` are failures, since it is
not known that the call went well. Slots that did not run are only counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from myscheduler.core.history.execution import Kind, Status

PERCENTS = (50, 90, 95, 99)
_MILLISECOND = timedelta(milliseconds=1)
_ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.INTERRUPTED})


class Result(NamedTuple):
    """A row of the history, reduced to what statistics need."""

    status: Status
    reason: str | None
    kind: Kind
    slot: datetime
    slot_count: int
    started_at: datetime | None
    completed_at: datetime | None

    @property
    def has_ended(self) -> bool:
        return self.status in _ENDED

    @property
    def duration_ms(self) -> int | None:
        """From the first request to the end; `None` if it did not end by itself."""
        if self.status not in {Status.COMPLETED, Status.FAILED}:
            return None
        return duration_ms(self.started_at, self.completed_at)

    @property
    def lateness_ms(self) -> int | None:
        """From the slot to the first request; `None` for manual runs, which have no slot, and for what was not sent."""
        if self.started_at is None or self.kind is not Kind.SCHEDULED:
            return None
        return max(0, (self.started_at - self.slot) // _MILLISECOND)


@dataclass(frozen=True, slots=True)
class Spread:
    """How numbers are distributed, in milliseconds."""

    count: int
    lowest: int
    mean: int
    highest: int
    percentiles: Mapping[int, int]
    """By percent: the smallest number that so many percent of all do not exceed."""


@dataclass(frozen=True, slots=True)
class Streak:
    """Consecutive executions with the same result, by their slots."""

    is_success: bool
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class DayStats:
    """The slots of a local day."""

    day: date
    statuses: Mapping[Status, int]
    success_rate: float | None
    duration: Spread | None


class Count(NamedTuple):
    """How many rows of a job have a status, and how many slots these are."""

    status: Status
    rows: int
    slots: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The statistics of some rows of one job."""

    rows: int
    statuses: Mapping[Status, int]
    """Slots by status: a row for several slots counts them all."""
    reasons: Mapping[str, int]
    """Slots by reason."""
    success_rate: float | None
    """Between 0 and 1; `None` if no execution has ended."""
    duration: Spread | None
    lateness: Spread | None
    current: Streak | None
    """The newest executions with the same result."""
    longest_success: Streak | None
    longest_failure: Streak | None
    days: tuple[DayStats, ...]
    """Days with slots, in order. A row for several slots counts on the day of its first."""


def duration_ms(started_at: datetime | None, completed_at: datetime | None) -> int | None:
    """Milliseconds from the start to the end; `None` if there is no start or no end."""
    if started_at is None or completed_at is None:
        return None
    return (completed_at - started_at) // _MILLISECOND


def stats_of(results: Iterable[Result], day_of: Callable[[datetime], date]) -> Stats:
    """The statistics of rows in any order; `day_of` gives the local day of a moment."""
    rows = sorted(results, key=lambda one: one.slot)
    streaks = list(_streaks(rows))
    reasons = Counter[str]()
    for one in rows:
        if one.reason is not None:
            reasons[one.reason] += one.slot_count
    return Stats(
        rows=len(rows),
        statuses=_statuses(rows),
        reasons=reasons,
        success_rate=_success_rate(rows),
        duration=spread_of(one.duration_ms for one in rows),
        lateness=spread_of(one.lateness_ms for one in rows),
        current=streaks[-1] if streaks else None,
        longest_success=_longest(streak for streak in streaks if streak.is_success),
        longest_failure=_longest(streak for streak in streaks if not streak.is_success),
        days=tuple(_days(rows, day_of)),
    )


def day_of_counts(day: date, counts: Sequence[Count], duration: Spread | None) -> DayStats:
    """A day of which only the number of rows is known."""
    rows = {one.status: one.rows for one in counts}
    ended = sum(rows.get(status, 0) for status in _ENDED)
    rate = rows.get(Status.COMPLETED, 0) / ended if ended else None
    return DayStats(day, {one.status: one.slots for one in counts}, rate, duration)


def _days(rows: Iterable[Result], day_of: Callable[[datetime], date]) -> Iterator[DayStats]:
    by_day: dict[date, list[Result]] = {}
    for one in rows:  # not with `groupby`: a clock that goes back over midnight shows the end of a day twice
        by_day.setdefault(day_of(one.slot), []).append(one)
    for day, of_day in sorted(by_day.items()):
        yield DayStats(day, _statuses(of_day), _success_rate(of_day), spread_of(one.duration_ms for one in of_day))


def _statuses(rows: Iterable[Result]) -> Mapping[Status, int]:
    counts = Counter[Status]()
    for one in rows:
        counts[one.status] += one.slot_count
    return counts


def _success_rate(rows: Iterable[Result]) -> float | None:
    ended = [one.status is Status.COMPLETED for one in rows if one.has_ended]
    return sum(ended) / len(ended) if ended else None


def spread_of(found: Iterable[int | None]) -> Spread | None:
    """How the numbers are distributed that are known; `None` without any."""
    numbers = sorted(number for number in found if number is not None)
    if not numbers:
        return None
    percentiles = {percent: numbers[-(-len(numbers) * percent // 100) - 1] for percent in PERCENTS}
    return Spread(len(numbers), numbers[0], sum(numbers) // len(numbers), numbers[-1], percentiles)


def _streaks(rows: Iterable[Result]) -> Iterator[Streak]:
    ended = (one for one in rows if one.has_ended)
    for is_success, grouped in groupby(ended, key=lambda one: one.status is Status.COMPLETED):
        streak: Sequence[Result] = list(grouped)
        yield Streak(is_success, len(streak), streak[0].slot, streak[-1].slot)


def _longest(streaks: Iterable[Streak]) -> Streak | None:
    """The longest streak; of several, the last one."""
    return max(streaks, key=lambda streak: (streak.count, streak.first), default=None)
