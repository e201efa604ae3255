"""Slots that did not run: consecutive slots with the same reason are one `Unrun`, and one row of the history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from myscheduler.core.history.execution import Status
from myscheduler.core.reason import ExclusionReason, Reason
from myscheduler.core.schedule.exclusions import exclusions
from myscheduler.core.schedule.slots import TICK, Schedule, count_between, last_until, next_after

MOST_STRETCHES = 200
"""The most stretches of left-out slots distinguished in one decision, because each costs rows of the history."""


@dataclass(frozen=True, slots=True)
class Unrun:
    """Consecutive slots of a job that did not run, all for the same reason."""

    status: Status
    reason: Reason
    first: datetime
    last: datetime
    count: int
    schedule: Schedule | None = field(default=None, compare=False, repr=False)
    """The schedule of the slots; `None` if this was read from the history."""

    def joined(self, following: "Unrun") -> "Unrun | None":
        """Both as one, or `None` if `following` has another status or reason."""
        if (self.status, self.reason) != (following.status, following.reason):
            return None
        return replace(self, last=following.last, count=self.count + following.count)


def append_joined(earlier: list[Unrun], following: Unrun) -> None:
    """Append `following` to `earlier`, joined with its last element where status and reason are the same."""
    both = earlier[-1].joined(following) if earlier else None
    if both:
        earlier[-1] = both
    else:
        earlier.append(following)


def unrun_between(schedule: Schedule, after: datetime, until: datetime, status: Status, reason: Reason) -> Unrun | None:
    """All slots in (`after`, `until`] with the given status and reason, or `None` if there are none."""
    if until <= after:
        return None
    first = next_after(schedule, after)
    if first is None or first > until:
        return None
    last = last_until(schedule, until, after=after)
    return Unrun(status, reason, first, last or first, count_between(schedule, after, until), schedule)


def without(whole: Unrun, slots: Sequence[datetime]) -> tuple[Unrun, ...]:
    """`whole` cut around `slots`, which are in order and already have rows in the history."""
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
    """The slots in (`after`, `until`], in order, with the given status and reason, except that slots that the schedule
    leaves out are skipped for that reason.

    After `most` stretches of left-out slots, the rest is treated as not left out.
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
    """Cut (`after`, `until`] into stretches (start excluded, end included, why its slots are left out or `None`).

    At most `most` stretches of left-out slots are distinguished.
    """
    for start, end, why in islice(exclusions(schedule, after, until), most):
        first, last = max(start - TICK, after), min(end - TICK, until)
        if first > after:
            yield after, first, None
        yield first, last, why
        after = last
    if after < until:
        yield after, until, None
