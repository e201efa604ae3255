"""Runs of slots that did not run, for one reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from myscheduler.core.history.execution import Status
from myscheduler.core.history.reasons import Reason
from myscheduler.core.schedule.exclusions import Exclusion, exclusions
from myscheduler.core.schedule.slots import TICK, Schedule, count_between, last_until, next_after

MOST_STRETCHES = 200
"""So many stretches of slots that are left out are told apart in one decision: each costs rows of the history."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Consecutive slots that do not run, for one reason."""

    status: Status
    reason: Reason
    first: datetime
    last: datetime
    count: int
    schedule: Schedule | None = field(default=None, compare=False, repr=False)
    """Whose slots these are: all of its slots from `first` to `last`. Not known of what was read from the history."""

    def joined(self, following: "Gap") -> "Gap | None":
        """One gap of both, where the slots that follow did not run for the same reason."""
        if (self.status, self.reason) != (following.status, following.reason):
            return None
        return replace(self, last=following.last, count=self.count + following.count)


def gap(schedule: Schedule, after: datetime, until: datetime, status: Status, reason: Reason) -> Gap | None:
    """The slots in (`after`, `until`] as a gap, or `None` when there are none."""
    if until <= after:
        return None
    first = next_after(schedule, after)
    if first is None or first > until:
        return None
    last = last_until(schedule, until, after=after)
    return Gap(status, reason, first, last or first, count_between(schedule, after, until), schedule)


def without(whole: Gap, slots: Sequence[datetime]) -> tuple[Gap, ...]:
    """What is left of the gap when `slots`, in their order, are taken out: they have their own place in the history."""
    if whole.schedule is None:
        return (whole,)
    starts = (whole.first - TICK, *slots)
    ends = (*(slot - TICK for slot in slots), whole.last)
    parts = (
        gap(whole.schedule, max(start, starts[0]), min(end, whole.last), whole.status, whole.reason)
        for start, end in zip(starts, ends, strict=True)
    )
    return tuple(part for part in parts if part)


def gaps(
    schedule: Schedule,
    after: datetime,
    until: datetime,
    status: Status,
    reason: Reason,
    *,
    most: int = MOST_STRETCHES,
) -> tuple[Gap, ...]:
    """The slots in (`after`, `until`] as gaps, in order; those that are left out anyway have that as their reason.

    Behind `most` stretches of the latter, all that follow count as the former.
    """
    found = (
        gap(schedule, start, end, Status.SKIPPED, Reason(left_out))
        if left_out
        else gap(schedule, start, end, status, reason)
        for start, end, left_out in stretches(schedule, after, until, most)
    )
    return tuple(one for one in found if one)


def stretches(
    schedule: Schedule, after: datetime, until: datetime, most: int | None = None
) -> Iterator[tuple[datetime, datetime, Exclusion | None]]:
    """(`after`, `until`] cut where slots begin or cease to be left out, `most` times, and why they are."""
    for start, end, why in islice(exclusions(schedule, after, until), most):
        first, last = max(start - TICK, after), min(end - TICK, until)
        if first > after:
            yield after, first, None
        yield first, last, why
        after = last
    if after < until:
        yield after, until, None
