"""What the explanation of a job at some time is made from, as the database has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from myscheduler.core.explain.chained import ChainFacts
from myscheduler.core.history.execution import QueuedRun, Record
from myscheduler.core.job.job import Job


@dataclass(frozen=True, slots=True)
class Downtime:
    """The service was not running from `start` to `end`."""

    start: datetime
    """When it was stopped, or after a crash when it was last known to run."""
    end: datetime
    """When it started again."""
    is_crash: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database has about a job around some time."""

    job_id: str
    job: Job | None
    """`None` if it is deleted."""
    rows: Sequence[Record]
    """The history's rows of slots around the time, oldest first."""
    blockers: dict[datetime, Record] = field(default_factory=dict)
    """By slot: the execution that was in progress, so that the slot did not run."""
    downtimes: dict[datetime, Downtime] = field(default_factory=dict)
    """By slot: when the service was not running though the slot was due."""
    is_held: bool = False
    """Whether the job's manifest is broken, so that its last good spec applies."""
    held_because: str | None = None
    """What is wrong with it; `None` if that is not about the job alone."""
    waiting: QueuedRun | None = None
    """The manual run that waits for an execution of the job in progress."""
    completed: Mapping[datetime, Mapping[str, datetime]] = field(default_factory=dict)
    """By slot that waits, or waited in vain, for jobs that are required: when these had last completed by the end."""
    chain: ChainFacts = field(default_factory=ChainFacts)
    """For a job that runs after others, as the next field."""
    beginnings: "tuple[Facts, ...]" = ()
    """What the database has about the jobs with which its chains begin, if no run of one was there."""
