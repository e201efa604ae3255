"""Decides which due slots of a job run, and which are only recorded as not run, with the reason.

A job's cursor is the time up to which its slots are decided. Slots at or before the cursor are in the history; slots
after it are still to be decided. Only a decision moves the cursor.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import assert_never

from myscheduler.core.history.execution import Cause, Execution, Status
from myscheduler.core.history.unrun import Unrun, stretches, unrun_between, unrun_by_reason
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import CatchUp, JobSpec
from myscheduler.core.quick import quick
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import TICK, Schedule, back, last_until

ON_TIME = timedelta(minutes=1)
"""The longest time between a slot and its execution for which the execution counts as on time. A later one counts as
catch-up. A slot decided more than this before its time was decided before the clock was set back."""
BACKLOG_LIMIT = 100
"""The most due slots of a job that run one after another; when more are due, only the last one runs."""

_SEARCH_LIMIT = 4_000
"""Limits how far back `_runs_backwards` searches, in stretches of left-out slots and those between them."""
_SPAN_COST = 100
"""What each searched span of time counts towards `_SEARCH_LIMIT`, in addition to the stretches in it."""
_LONGEST_SPAN = timedelta(days=8)


@quick
@dataclass(frozen=True, slots=True)
class Step:
    """One move of a job's cursor: slots to record as not run, then at most one slot to run."""

    unrun: tuple[Unrun, ...]
    run: datetime | None
    cursor: datetime


def admit(
    spec: JobSpec,
    schedule: Schedule,
    *,
    paused_until: datetime | None,
    running: int,
    cursor: datetime,
    now: datetime,
    overdue_until: datetime | None = None,
    catch_up: CatchUp | None = None,
    unsent: int = 0,
    waits_for_database: bool = False,
) -> tuple[Step, ...]:
    """Decide on the slots in (`cursor`, `now`], and return the steps in the order of their slots.

    - Slots before `paused_until` are skipped, even if they are decided after the pause.
    - `running` counts the executions of the job that are running or waiting to be sent; `unsent` counts only those
      waiting to be sent.
    - Slots up to `overdue_until` fell due while the service could not run them.
    - `catch_up` overrides the spec's.
    - `waits_for_database` means that only the database keeps the `unsent` executions from being sent. Slots that do
      not run because of those executions are then recorded as missed because of the database.
    """
    skipped: tuple[Unrun, ...] = ()
    if paused_until is not None and cursor < paused_until:
        end = min(now, back(paused_until, TICK))
        found = unrun_between(schedule, cursor, end, Status.SKIPPED, Reason.PAUSED)
        skipped = (found,) if found else ()
        if now < paused_until:
            return _only_unrun(skipped)
        cursor = max(cursor, end)
    start = min(now, now - timedelta(seconds=spec.misfire_grace_time) - TICK)
    late = unrun_by_reason(schedule, cursor, start, Status.MISSED, Reason.DEADLINE)
    fresh_from = max(cursor, start)
    catch_up = catch_up or spec.catch_up
    if catch_up == "none" and overdue_until is not None:
        late += unrun_by_reason(schedule, fresh_from, min(overdue_until, now), Status.MISSED, Reason.CATCH_UP)
        fresh_from = max(fresh_from, min(overdue_until, now))
    held = (Status.MISSED, Reason.DATABASE) if waits_for_database else None
    if _is_full(spec, running):
        overlap = (Status.SKIPPED, Reason.OVERLAP)
        why = overlap if held is None or _is_full(spec, running - unsent) else held
        steps = _only_unrun(unrun_by_reason(schedule, fresh_from, now, *why))
    elif catch_up == "all":
        steps = _run_each(schedule, fresh_from, now)
    else:
        steps = _run_last(schedule, fresh_from, now, *(held or (Status.SKIPPED, Reason.COALESCED)))
    return _with_unrun_first((*skipped, *late), steps)


def _is_full(spec: JobSpec, running: int) -> bool:
    match spec.overlap:
        case "skip":
            return running >= spec.max_instances
        case "queue" | "replace":
            return running >= spec.max_instances + BACKLOG_LIMIT
        case "allow":
            return False
        case _:
            assert_never(spec.overlap)


def cause_of(slot: datetime, started_at: datetime | None, now: datetime) -> Cause:
    """Why a slot is run now: `CATCH_UP` if it fell due while the service could not run it, which has run slots since
    `started_at`, or if it waited longer than `ON_TIME`.
    """
    return Cause.CATCH_UP if started_at is None or slot <= max(started_at, now - ON_TIME) else Cause.TIMER


def may_resend(job: Job, execution: Execution, now: datetime) -> bool:
    """Whether an execution that was running when the service ended is sent again.

    The job must say `on_interrupt: retry` and must not have changed, so that one `Idempotency-Key` never carries two
    different requests. The slot must be within `misfire_grace_time`, so that an execution that crashes the service is
    not sent again for ever.
    """
    return (
        job.spec.on_interrupt == "retry"
        and (job.paused_until is None or job.paused_until <= now)
        and job.digest == execution.digest
        and now - execution.slot <= timedelta(seconds=job.spec.misfire_grace_time)
    )


def _only_unrun(found: tuple[Unrun, ...]) -> tuple[Step, ...]:
    return (Step(found, None, found[-1].last),) if found else ()


def _run_last(schedule: Schedule, after: datetime, now: datetime, status: Status, reason: Reason) -> tuple[Step, ...]:
    last = next(_runs_backwards(schedule, after, now), None)
    if last is None:
        return _only_unrun(unrun_by_reason(schedule, after, now, status, reason))
    before = unrun_by_reason(schedule, after, last - TICK, status, reason)
    later = unrun_by_reason(schedule, last, now, status, reason)
    return (Step(before, last, last), *_only_unrun(later))


def _run_each(schedule: Schedule, after: datetime, now: datetime) -> tuple[Step, ...]:
    kept = list(islice(_runs_backwards(schedule, after, now), BACKLOG_LIMIT + 1))  # there may be millions
    if len(kept) > BACKLOG_LIMIT:
        return _run_last(schedule, after, now, Status.MISSED, Reason.BACKLOG)
    steps = []
    for slot in reversed(kept):
        steps.append(Step(unrun_by_reason(schedule, after, slot - TICK, Status.MISSED, Reason.BACKLOG), slot, slot))
        after = slot
    return (*steps, *_only_unrun(unrun_by_reason(schedule, after, now, Status.MISSED, Reason.BACKLOG)))


def _runs_backwards(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots in (`after`, `until`] that are not left out, latest first, until `_SEARCH_LIMIT` is reached.

    Each round searches one span of time before the previous one, twice as long up to `_LONGEST_SPAN`.
    """
    searched, span = 0, timedelta(hours=1)
    while searched < _SEARCH_LIMIT and (last := last_until(schedule, until, after=after)) is not None:
        start = max(after, back(last, span))
        parts = list(stretches(schedule, start, last))
        for first, end, left_out in reversed(parts):
            slot = None if left_out else last_until(schedule, end, after=first)
            while slot is not None:
                yield slot
                slot = last_until(schedule, slot - TICK, after=first)
        searched, until, span = searched + len(parts) + _SPAN_COST, start, min(2 * span, _LONGEST_SPAN)


def _with_unrun_first(first: tuple[Unrun, ...], steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if not first:
        return steps
    if not steps:
        return _only_unrun(first)
    head = steps[0]
    return (Step((*first, *head.unrun), head.run, head.cursor), *steps[1:])
