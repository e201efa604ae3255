"""Slots that did not run: consecutive slots with one reason are one `Unrun`, and one row of the history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from myscheduler.core.history.execution import Status
from myscheduler.core.reason import ExclusionReason, Reason
from myscheduler.core.schedule.exclusions import exclusions
from myscheduler.core.schedule.slots import TICK, Schedule, count_between, last_until, next_after

MOST_STRETCHES = 200
"""The most stretches of left-out slots that one decision tells apart: each costs rows of the history."""


@dataclass(frozen=True, slots=True)
class Unrun:
    """Consecutive slots of a job that did not run, for one reason."""

    status: Status
    reason: Reason
    first: datetime
    last: datetime
    count: int
    schedule: Schedule | None = field(default=None, compare=False, repr=False)
    """The schedule with all of its slots from `first` to `last`; `None` for what was read from the history."""

    def joined(self, following: "Unrun") -> "Unrun | None":
        """Both as one, or `None` where the slots that follow did not run for another reason."""
        if (self.status, self.reason) != (following.status, following.reason):
            return None
        return replace(self, last=following.last, count=self.count + following.count)


def append_joined(earlier: list[Unrun], following: Unrun) -> None:
    """Append slots that did not run to the `earlier` ones; as part of the last one where the reason is the same."""
    both = earlier[-1].joined(following) if earlier else None
    if both:
        earlier[-1] = both
    else:
        earlier.append(following)


def unrun_between(schedule: Schedule, after: datetime, until: datetime, status: Status, reason: Reason) -> Unrun | None:
    """The slots in (`after`, `until`] for one reason, or `None` when there are none."""
    if until <= after:
        return None
    first = next_after(schedule, after)
    if first is None or first > until:
        return None
    last = last_until(schedule, until, after=after)
    return Unrun(status, reason, first, last or first, count_between(schedule, after, until), schedule)


def without(whole: Unrun, slots: Sequence[datetime]) -> tuple[Unrun, ...]:
    """What remains when `slots`, in their order, are taken out because they have rows of their own in the history."""
    if whole.schedule is None:
        return (whole,)
    starts = (whole.first - TICK, *slots)
    ends = (*(slot - TICK for slot in slots), whole.last)
    parts = (
        unrun_between(whole.schedule, max(start, starts[0]), min(end, whole.last), whole.status, whole.reason)
        for start, end in zip(starts, ends, strict=True)
    )
    return tuple(part for part in parts if part)


def unrun_by_reason(
    schedule: Schedule,
    after: datetime,
    until: datetime,
    status: Status,
    reason: Reason,
    *,
    most: int = MOST_STRETCHES,
) -> tuple[Unrun, ...]:
    """The slots in (`after`, `until`] in order; those that the schedule leaves out have that as their reason.

    After `most` stretches of left-out slots, all that follow count as not left out.
    """
    found = (
        unrun_between(schedule, start, end, Status.SKIPPED, left_out)
        if left_out
        else unrun_between(schedule, start, end, status, reason)
        for start, end, left_out in stretches(schedule, after, until, most)
    )
    return tuple(one for one in found if one)


def stretches(
    schedule: Schedule, after: datetime, until: datetime, most: int | None = None
) -> Iterator[tuple[datetime, datetime, ExclusionReason | None]]:
    """Cut (`after`, `until`] where slots begin or cease to be left out, at most `most` times; with the reason."""
    for start, end, why in islice(exclusions(schedule, after, until), most):
        first, last = max(start - TICK, after), min(end - TICK, until)
        if first > after:
            yield after, first, None
        yield first, last, why
        after = last
    if after < until:
        yield after, until, None
