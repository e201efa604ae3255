"""Executions: what set them off, how far they came, and how they ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.job.job import Source


class Kind(StrEnum):
    """Why an execution exists; with job and slot it is the unique name of the execution."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"


class Status(StrEnum):
    """The state of a row of the history."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"
    INTERRUPTED = "interrupted"


class Cause(StrEnum):
    """What set an execution off."""

    TIMER = "timer"
    CATCH_UP = "catch_up"
    API = "api"


@dataclass(frozen=True, slots=True)
class Execution:
    """One firing of a job, as it is claimed before it is sent."""

    execution_id: str
    """A UUID of version 7, so ids sort by the time of their claim (RFC 9562, 5.7)."""
    job_id: str
    slot: datetime
    kind: Kind
    cause: Cause
    digest: str
    source: Source | None
    """Where the job is declared that is run; `None` for one of the API."""
    started_at: datetime
    """When it was claimed, and once it is sent, when its first request left."""
    requested_by: str | None = None
    """Who asked for a manual run, as claimed by the caller."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A manual run that waits until its job has room for it."""

    job_id: str
    execution_id: str
    """What its execution will be called."""
    asked_at: datetime
    requested_by: str


@dataclass(frozen=True, slots=True)
class Finish:
    """How an execution ended; or, `running`, how far it came before a shutdown."""

    execution_id: str
    status: Status
    started_at: datetime
    completed_at: datetime | None
    attempts: int
    outcome: Outcome
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    """A job's executions that failed since one was completed."""

    first: "Record"
    count: int


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the history."""

    execution_id: str
    job_id: str
    slot: datetime
    kind: Kind
    cause: Cause
    status: Status
    reason: str | None
    last_slot: datetime
    slot_count: int
    requested_by: str | None
    digest: str | None
    source: Source | None
    started_at: datetime | None
    completed_at: datetime | None
    attempts: int
    http_status: int | None
    response_size: int | None
    error: str | None
    excerpt: str | None

    def execution(self) -> Execution:
        """What was claimed; only of a row that has started."""
        return Execution(
            self.execution_id,
            self.job_id,
            self.slot,
            self.kind,
            self.cause,
            self.digest or "",
            self.source,
            self.started_at or self.slot,
            self.requested_by,
        )


def final_status(outcome: Outcome) -> Status:
    return Status.FAILED if outcome.failure else Status.COMPLETED
