"""Whether an execution that waits for its next attempt may still make it. Pure decisions."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from myscheduler.core.history.execution import Execution, Kind, is_of
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.messages.message import said

NOT_RETRIED: Mapping[Reason, str] = {
    Reason.DELETED: said("retry-deleted"),
    Reason.EDITED: said("retry-edited"),
    Reason.PAUSED: said("retry-paused"),
    Reason.DEADLINE: said("retry-too-late"),
}
"""Why there is no next attempt, with the error that is recorded."""


def why_not_retried(job: Job | None, execution: Execution, now: datetime) -> Reason | None:
    """Why an execution makes no further attempt; `None` if it does. `job` is the present one with its id.

    What is sent must still be declared, and one `Idempotency-Key` never carries two different requests. A pause counts
    for what the schedule has started: manual runs run in a pause, too.
    """
    if job is None or not is_of(job, execution.execution_id):
        return Reason.DELETED
    if job.digest != execution.digest:
        return Reason.EDITED
    if execution.kind is Kind.SCHEDULED and job.paused_until is not None and job.paused_until > now:
        return Reason.PAUSED
    total = job.spec.retry.max_total_sec
    if total is not None and now - execution.started_at > timedelta(seconds=total):
        return Reason.DEADLINE
    return None
