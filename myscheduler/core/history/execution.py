"""Executions: what started them, their state, and how they ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.job.job import Source


class Kind(StrEnum):
    """Whether the schedule or a request made an execution; (job, slot, kind) is unique."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"


class Status(StrEnum):
    """The state of a row of the history: of an execution, or (`skipped`, `missed`) of slots that did not run."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"
    INTERRUPTED = "interrupted"


WRONG = (Status.FAILED, Status.INTERRUPTED, Status.MISSED)
"""The statuses of rows that somebody should look at; slots are skipped on purpose."""


class Cause(StrEnum):
    """What started an execution."""

    TIMER = "timer"
    CATCH_UP = "catch_up"
    API = "api"


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a job, with all its attempts, as it is claimed before anything is sent."""

    execution_id: str
    """A UUID of version 7 (RFC 9562, 5.7), so ids sort by the time of the claim."""
    job_id: str
    slot: datetime
    kind: Kind
    cause: Cause
    digest: str
    source: Source | None
    """Where the job is declared; `None` for a job created by the API."""
    started_at: datetime
    """When it was claimed; once it is sent, when its first request was sent."""
    requested_by: str | None = None
    """Who requested a manual run, according to the caller."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A manual run that waits until its job has room for it."""

    job_id: str
    execution_id: str
    """The id that its execution will have."""
    asked_at: datetime
    requested_by: str


@dataclass(frozen=True, slots=True)
class Finish:
    """How an execution ended; with status `running`, how far it got before a shutdown."""

    execution_id: str
    status: Status
    started_at: datetime
    completed_at: datetime | None
    attempts: int
    outcome: Outcome
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    """A job's executions that failed since the last completed one."""

    first: "Record"
    count: int


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the history: an execution, or the slots from `slot` to `last_slot` that did not run."""

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
        """The execution of a row with `started_at`."""
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
