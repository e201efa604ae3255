"""When a run should be over, and which job is late: it neither ran by then, nor is there a row that says why not.

A slot that a pause, a holiday, a blackout, an edit or `catchup: none` leaves out is never late.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from myscheduler.core.calls.retry import longest_run
from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.history.stats import duration_ms, spread_of
from myscheduler.core.incidents.past import LEFT_OUT_BY_US, UNHEARD, Past
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.job.job import Job
from myscheduler.core.schedule.exclusions import next_run
from myscheduler.core.schedule.slots import LAST_INSTANT, TICK, Schedule, back, forth

LEAST_GRACE = timedelta(minutes=1)
"""A derived grace is not shorter."""
PERCENT = 95
FACTOR = 3
"""A derived grace is this many times the duration that `PERCENT` of the job's executions do not exceed."""


def usual_duration(rows: Iterable[Past]) -> timedelta | None:
    """The duration that `PERCENT` of the executions that completed do not exceed; `None` if none has. `rows` are the
    newest of the job's history.
    """
    usual = spread_of(duration_ms(row.started_at, row.completed_at) for row in rows if row.status is Status.COMPLETED)
    return timedelta(milliseconds=usual.percentiles[PERCENT]) if usual else None


def grace_of(job: Job, thresholds: Thresholds, usual: timedelta | None, longest: timedelta | None = None) -> timedelta:
    """How long after its slot a run should be over. `usual` is its `usual_duration`, and `longest` how long the
    chain that it begins may take by the timeouts of all its jobs, if it begins one.

    That of pings is declared. What nobody declared is derived from it, and leaves time for all retries. A job that has
    never completed may take as long as its timeouts allow.
    """
    if job.spec.ping is not None:
        return job.spec.ping.grace
    if thresholds.late_after is not None:
        return thresholds.late_after
    known = FACTOR * usual if usual is not None else timedelta()
    if job.spec.max_retries or usual is None:
        known = max(known, longest or timedelta(seconds=longest_run(job.spec)))
    return max(LEAST_GRACE, known)


def deadline_of(job: Job, schedule: Schedule, grace: timedelta) -> datetime | None:
    """When the next run that must take place should be over; `None` if there is none: the job is paused without an
    end, or has no more slots.
    """
    if job.paused_until == LAST_INSTANT:
        return None
    after = max(job.cursor, back(job.paused_until, TICK)) if job.paused_until else job.cursor
    slot = next_run(schedule, after)
    return None if slot is None else forth(slot, grace)


def late_since(
    job: Job, schedule: Schedule, rows: Sequence[Past], grace: timedelta, *, now: datetime
) -> datetime | None:
    """The first deadline that passed while the job should have run and did not; `None` if the job is not late.

    `rows` are the newest of the job's history, newest first.
    """
    moment = first_deadline(job, schedule, rows, grace, now=now)
    return moment if moment is not None and moment <= now else None


def first_deadline(
    job: Job, schedule: Schedule, rows: Sequence[Past], grace: timedelta, *, now: datetime
) -> datetime | None:
    """The first deadline that passed or, if none has, that comes next; `None` if there is none. While a job is paused,
    only those after the pause count.

    `rows` are the newest of the job's history, newest first. Those that are neither running nor `missed_first` may be
    left out.
    """
    if job.is_paused and (job.paused_until or LAST_INSTANT) > now:
        return deadline_of(job, schedule, grace)
    return min(_deadlines(job, schedule, rows, grace), default=None)


def missed_first(job: Job, rows: Sequence[Past]) -> Past | None:
    """The earliest of the newest slots that did not run though they should have, if the job has not run since."""
    return min(_missed(job, rows), key=lambda row: row.slot, default=None)


def _deadlines(job: Job, schedule: Schedule, rows: Sequence[Past], grace: timedelta) -> Iterator[datetime]:
    waiting = deadline_of(job, schedule, grace)
    if waiting is not None:
        yield waiting
    if job.spec.ping is None:  # an execution that waits for pings ends at its deadline
        yield from (_by(row, grace) for row in rows if row.status is Status.RUNNING and row.cause is not Cause.API)
    yield from (_by(row, grace) for row in _missed(job, rows))


def _missed(job: Job, rows: Sequence[Past]) -> Iterator[Past]:
    """The newest slots that did not run though they should have, unless the job has run since, or is running."""
    reasons = LEFT_OUT_BY_US if job.spec.ping is None else UNHEARD
    for row in rows:
        if row.has_run or row.status is Status.RUNNING:
            return
        if row.status is Status.MISSED:
            if row.reason not in reasons:
                return
            yield row


def _by(row: Past, grace: timedelta) -> datetime:
    """A run that is caught up has its time from its start on: its slot may be hours old."""
    start = row.started_at if row.cause is Cause.CATCH_UP and row.started_at is not None else row.slot
    return forth(start, grace) or LAST_INSTANT
