"""What becomes of due slots: which run, and which are only recorded, with the reason.

Every slot of a job lies either at or before the job's cursor, and is then in the history, or after it, and is then
still to be decided. A decision moves the cursor; nothing else does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from myscheduler.core.execution import Execution, Status
from myscheduler.core.job import Job, JobSpec
from myscheduler.core.schedule import Schedule, count_between, last_until, next_after

BACKLOG_LIMIT = 100
"""Without `coalesce`, so many due slots of a job are run one after the other; older ones are recorded as missed."""


class Reason(StrEnum):
    """Why a slot did not run, or why an execution ended as it did."""

    PAUSED = "paused"
    OVERLAP = "overlap"
    DEADLINE = "deadline"
    COALESCED = "coalesced"
    BACKLOG = "backlog"
    EDITED = "edited"
    DELETED = "deleted"
    EXPIRED = "expired"
    CRASH = "crash"
    SHUTDOWN = "shutdown"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Gap:
    """Consecutive slots that do not run, for one reason."""

    status: Status
    reason: Reason
    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a job's cursor: gaps to record, then perhaps a slot to run."""

    gaps: tuple[Gap, ...]
    run: datetime | None
    cursor: datetime


def admit(
    spec: JobSpec, schedule: Schedule, *, paused: bool, running: int, cursor: datetime, now: datetime
) -> tuple[Step, ...]:
    """Decide on the slots in (`cursor`, `now`], in their order.

    `running` counts the scheduled executions of the job that are under way or waiting to be sent.
    """
    if paused:
        return _skip_all(schedule, cursor, now, Reason.PAUSED)
    start = min(now, now - timedelta(seconds=spec.misfire_grace_time, microseconds=1))
    late = gap(schedule, cursor, start, Status.MISSED, Reason.DEADLINE)
    fresh_from = max(cursor, start)
    if running >= spec.max_instances:
        steps = _skip_all(schedule, fresh_from, now, Reason.OVERLAP)
    elif spec.coalesce:
        steps = _run_last(schedule, fresh_from, now)
    else:
        steps = _run_each(schedule, fresh_from, now)
    return _with_gap_first(late, steps)


def may_resend(job: Job, execution: Execution, now: datetime) -> bool:
    """Whether an execution that was under way when the service ended is sent again.

    Only for a job that asks for it and is what it was, so that the same key never carries another request; and only
    within the job's grace, so that an execution that brings the service down is not sent for ever.
    """
    return (
        job.spec.on_interrupt == "retry"
        and not job.is_paused
        and job.digest == execution.digest
        and now - execution.slot <= timedelta(seconds=job.spec.misfire_grace_time)
    )


def gap(schedule: Schedule, after: datetime, until: datetime, status: Status, reason: Reason) -> Gap | None:
    """The slots in (`after`, `until`] as a gap, or `None` when there are none."""
    if until <= after:
        return None
    first = next_after(schedule, after)
    if first is None or first > until:
        return None
    last = last_until(schedule, until, after=after)
    return Gap(status, reason, first, last or first, count_between(schedule, after, until))


def _skip_all(schedule: Schedule, after: datetime, now: datetime, reason: Reason) -> tuple[Step, ...]:
    skipped = gap(schedule, after, now, Status.SKIPPED, reason)
    return (Step((skipped,), None, skipped.last),) if skipped else ()


def _run_last(schedule: Schedule, after: datetime, now: datetime) -> tuple[Step, ...]:
    last = last_until(schedule, now, after=after)
    if last is None:
        return ()
    before = gap(schedule, after, last - timedelta(microseconds=1), Status.SKIPPED, Reason.COALESCED)
    return (Step((before,) if before else (), last, last),)


def _run_each(schedule: Schedule, after: datetime, now: datetime) -> tuple[Step, ...]:
    kept: list[datetime] = []  # from the latest back, as there may be millions of older ones
    until = now
    while len(kept) < BACKLOG_LIMIT and (slot := last_until(schedule, until, after=after)) is not None:
        kept.append(slot)
        until = slot - timedelta(microseconds=1)
    if not kept:
        return ()
    oldest, *later = reversed(kept)
    over = gap(schedule, after, until, Status.MISSED, Reason.BACKLOG)
    return (Step((over,) if over else (), oldest, oldest), *(Step((), slot, slot) for slot in later))


def _with_gap_first(first: Gap | None, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if first is None:
        return steps
    if not steps:
        return (Step((first,), None, first.last),)
    head = steps[0]
    return (Step((first, *head.gaps), head.run, head.cursor), *steps[1:])
