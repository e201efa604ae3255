"""What is sent for a job, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from myscheduler.core.header_values import HeaderValue
from myscheduler.core.job.spec import Source
from myscheduler.core.secrets.redaction import Secret

EXCERPT_BYTES = 4096
"""How much of a response is kept in the history."""


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


class Failure(StrEnum):
    """How an attempt failed; `HTTP_ERROR` stands for an answer that is not 2xx."""

    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    UNREADABLE_ANSWER = "unreadable-answer"
    """Something came in which nobody can read a status. The target may have acted on the request."""
    INVALID_REQUEST = "invalid_request"
    NO_FILE = "no-file"
    """This process had no file left for a connection or a secret, so nothing was sent."""
    SECRET_MISSING = "secret-missing"  # noqa: S105 - a word, no password
    SECRET_UNUSABLE = "secret-unusable"  # noqa: S105 - a word, no password
    SECRET_NOT_ALLOWED = "secret-not-allowed"  # noqa: S105 - a word, no password
    """Without its secrets nothing is sent."""
    TARGET_NOT_ALLOWED = "target-not-allowed"
    """The host is a link-local address, or leads to one only, and nothing was sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready to be sent. Its `repr` tells nothing that may hold a secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, HeaderValue] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout_sec: float
    """Seconds for the whole attempt: connect, send, and read the response to its end."""
    secrets: tuple[Secret, ...] = field(default=(), repr=False)
    """What was put into it, and is taken out of the response."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt gave. A failing target is an outcome, never an exception."""

    http_status: int | None = None
    failure: Failure | None = None
    error: str | None = None
    """For people: what went wrong or, of a success, what was odd about the answer; without the request's secrets."""
    response_size: int | None = None
    """Bytes of the response body that were read."""
    excerpt: str | None = None
    """The first `EXCERPT_BYTES` bytes of the response as text."""


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
