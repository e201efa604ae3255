"""Whether an execution that another one's end has started may begin. Pure decisions."""

from datetime import datetime, timedelta
from enum import StrEnum

from myscheduler.core.dispatch.admission import BACKLOG_LIMIT
from myscheduler.core.history.execution import Execution, Status, is_of
from myscheduler.core.job.job import Job
from myscheduler.core.job.left_out import left_out_at
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.reason import Reason


class Turn(StrEnum):
    """What becomes of an execution whose turn in its chain has come."""

    BEGIN = "begin"
    WAIT = "wait"
    """It waits until its job has room for it."""
    REPLACE = "replace"
    """It waits, and the oldest execution of its job is cut off."""
    SKIP = "skip"
    """It does not run, because its job has no room for it."""


def turn_of(spec: JobSpec, *, has_room: bool, waiting: int) -> Turn:
    """What becomes of it; `waiting` counts the executions of the job that wait for room."""
    if has_room and not waiting:
        return Turn.BEGIN
    if spec.overlap == "skip" or waiting >= BACKLOG_LIMIT:
        return Turn.SKIP
    return Turn.REPLACE if spec.overlap == "replace" else Turn.WAIT


def why_not_begun(job: Job | None, execution: Execution, now: datetime, *, zone: str) -> Reason | None:
    """Why it does not begin now; `None` if it does. `job` is the present one with its id, `zone` the service's.

    `execution.started_at` is when it was started, so the job's `misfire_grace_time` counts from there.
    """
    if job is None or not is_of(job, execution.execution_id):
        return Reason.DELETED
    until = execution.link.until if execution.link else None
    if until is not None and now >= until:
        return Reason.CHAIN_TIMEOUT
    if job.paused_until is not None and job.paused_until > now:
        return Reason.PAUSED
    if now - execution.started_at > timedelta(seconds=job.spec.misfire_grace_time):
        return Reason.DEADLINE
    return left_out_at(job.spec, now, zone=zone)


def status_of(reason: Reason) -> Status:
    """The status of an execution that does not begin for that reason."""
    return Status.MISSED if reason in {Reason.DEADLINE, Reason.EXPIRED} else Status.SKIPPED
