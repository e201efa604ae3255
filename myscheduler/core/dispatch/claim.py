"""A claim: a request to move a job's cursor, record slots that did not run, and run a slot, in one transaction."""

from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.core.history.repeats import Kept
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Job, Source
from myscheduler.core.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Claim:
    """One step of a job's schedule, or a manual run. It is stored before anything is sent."""

    job_id: str
    version: int
    """The version of the job when the decision was made; the claim is refused if the job has changed since."""
    digest: str
    source: Source | None
    unrun: tuple[Unrun, ...] = ()
    execution: Execution | None = None
    cursor: datetime | None = None
    """The job's new cursor; `None` for manual runs, which don't move it."""
    next_slot: datetime | None = None
    """The first slot after the new cursor."""
    kept: Kept | None = None
    """The answer to store for repeated requests for this manual run (see `RequestKey`)."""


def scheduled(job: Job, slot: datetime, cause: Cause, execution_id: str, now: datetime) -> Execution:
    """The execution of a slot that is claimed now."""
    return Execution(execution_id, job.job_id, slot, Kind.SCHEDULED, cause, job.digest, job.source, now)
