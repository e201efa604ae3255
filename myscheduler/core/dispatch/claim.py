"""A claim: the wish to move a job's cursor, record what did not run, and run a slot, all in one transaction."""

from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.history.execution import Execution
from myscheduler.core.history.repeats import Kept
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.job import Source


@dataclass(frozen=True, slots=True)
class Claim:
    """One step of a job's schedule, or a manual run, that is to be made durable before anything is sent."""

    job_id: str
    version: int
    """The version of the job that the decision was made on; the claim is refused when the job has changed since."""
    digest: str
    source: Source | None
    unrun: tuple[Unrun, ...] = ()
    execution: Execution | None = None
    cursor: datetime | None = None
    """The job's new cursor; `None` leaves the schedule alone, as manual runs do."""
    next_slot: datetime | None = None
    """The first slot after the new cursor."""
    kept: Kept | None = None
    """What a repeated request for this manual run is answered with."""
