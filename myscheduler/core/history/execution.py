"""Executions: what started them, their state, and how they ended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from myscheduler.core.calls.exchange import Exchange, exchange_from_text
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.trace import TraceParent, trace_id_of
from myscheduler.core.history import attempts as attempt_texts
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.job.job import Job, Source
from myscheduler.core.quick import quick

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """Whether the schedule, a request, or the end of another execution made it; (job, slot, kind) is unique."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    CHAINED = "chained"


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
    CHAIN = "chain"


@dataclass(frozen=True, slots=True)
class Link:
    """The place of an execution in a chain that began with another one."""

    chain_id: str
    """The execution that the chain began with."""
    parent_id: str | None
    """The execution whose end started it."""
    until: datetime | None = None
    """When the chain times out."""


@quick
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
    rerun_of: str | None = None
    """The execution that a manual run repeats."""
    parent: TraceParent | None = None
    """The span of the caller that requested a manual run. It is not stored: a restart forgets it."""
    link: Link | None = None
    """`None` for one that no other started: it may be the first of a chain."""
    is_alone: bool = False
    """Whether nothing runs after it, as the request for a manual run asked for."""
    upstream: Mapping[str, Mapping[str, Any]] | None = None
    """What templates have of the jobs that its job runs after; `None` before it is read. It is not stored here."""
    upstream_chain_id: str | None = None
    """The chain whose ends count for the jobs that its own chain lacks: it repeats a part of that one."""

    def begun(self, at: datetime) -> "Execution":
        """It, as its first request is sent; `replace` takes four times as long."""
        return Execution(
            self.execution_id,
            self.job_id,
            self.slot,
            self.kind,
            self.cause,
            self.digest,
            self.source,
            at,
            self.requested_by,
            self.rerun_of,
            self.parent,
            self.link,
            self.is_alone,
            self.upstream,
            self.upstream_chain_id,
        )

    @property
    def chain_id(self) -> str:
        """The execution that its chain began with, or begins with."""
        return self.link.chain_id if self.link else self.execution_id

    @property
    def trace_id(self) -> str:
        return self.parent.trace_id if self.parent else trace_id_of(self.execution_id)


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A manual run that waits until its job has room for it."""

    job_id: str
    execution_id: str
    """The id that its execution will have."""
    asked_at: datetime
    requested_by: str
    rerun_of: str | None = None
    """The execution that it repeats."""
    parent: TraceParent | None = None
    """As in `Execution`."""
    is_alone: bool = False
    """As in `Execution`."""
    upstream_chain_id: str | None = None
    """As in `Execution`."""


@quick
@dataclass(frozen=True, slots=True)
class Finish:
    """How an execution ended; with status `running`, how far it got before a shutdown."""

    execution_id: str
    status: Status
    started_at: datetime | None
    """`None` for an execution that waited for pings, and missed them: it is not known to have begun."""
    completed_at: datetime | None
    attempts: int
    outcome: Outcome
    reason: str | None = None
    attempts_detail: tuple[Attempt, ...] = ()
    """The attempts that are known, in order."""
    next_attempt_at: datetime | None = None
    """With status `running`: when the next start makes the next attempt, if no request was in flight."""


@dataclass(frozen=True, slots=True)
class RetryWait:
    """The wait of an execution for its next attempt."""

    execution_id: str
    started_at: datetime
    attempts: int
    """How many attempts are over."""
    attempts_detail: tuple[Attempt, ...]
    next_attempt_at: datetime


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
    kept_attempts: str | None = None
    """See `attempts.kept`."""
    rerun_of: str | None = None
    next_attempt_at: datetime | None = None
    """When its next attempt begins; `None` unless it waits for that."""
    kept_exchange: str | None = None
    """That of its last attempt; lists don't read it."""
    link: Link | None = None
    is_alone: bool = False
    """As in `Execution`, like `link`."""
    extracted: str | None = None
    """JSON: the values that it extracted from its answer, by name."""
    chain_id: str | None = None
    """The execution that its chain began with: its own id, if others followed it. `None` if it is in no chain."""
    is_called_off: bool = False
    """Whether its chain was cancelled: nothing of it begins any more."""
    upstream_chain_id: str | None = None
    """As in `Execution`."""

    @property
    def is_unbegun(self) -> bool:
        """Whether it waits for its turn in a chain: it is started, but nothing of it was sent."""
        return self.status is Status.RUNNING and self.kind is Kind.CHAINED and self.started_at is None

    def execution(self) -> Execution:
        """The execution of a row that is no stretch of slots.

        One that waits for its turn in a chain was started when it became due.
        """
        return Execution(
            self.execution_id,
            self.job_id,
            self.slot,
            self.kind,
            self.cause,
            self.digest or "",
            self.source,
            self.started_at or self.next_attempt_at or self.slot,
            self.requested_by,
            self.rerun_of,
            link=self.link,
            is_alone=self.is_alone,
            upstream_chain_id=self.upstream_chain_id,
        )

    def attempts_detail(self) -> tuple[Attempt, ...]:
        """Its attempts as far as they are known, in order. Those that a crash cut off are not known."""
        if self.kept_attempts:
            *earlier, last = attempt_texts.read(self.kept_attempts)
            return (*earlier, self._completed_by_row(last))
        if self.started_at is None or self.status is Status.RUNNING or not (self.attempts or self.failure):
            return ()
        duration = None if self.completed_at is None else self.completed_at - self.started_at
        only = Attempt(self.attempts or 1, self.started_at, duration, failure=self.failure)
        return (self._completed_by_row(only),) if self.attempts <= 1 else ()

    @property
    def exchange(self) -> Exchange | None:
        """That of its last attempt, once its end is recorded."""
        return exchange_from_text(self.kept_exchange)

    @property
    def failure(self) -> Failure | None:
        """How the last attempt of a failed execution failed, as far as its row alone says it."""
        if self.status is not Status.FAILED:
            return None
        unsent = next((one for one in Failure if one == self.reason), None)
        return unsent or (Failure.HTTP_ERROR if self.http_status else None)

    def _completed_by_row(self, last: Attempt) -> Attempt:
        if last.error is not None or last.http_status is not None or self.status not in _DECIDED:
            return last
        error = self.error if self.status is Status.FAILED else None
        return replace(last, http_status=self.http_status, error=error, exchange=self.exchange)


_DECIDED = frozenset({Status.COMPLETED, Status.FAILED})


def final_status(outcome: Outcome) -> Status:
    return Status.FAILED if outcome.failure else Status.COMPLETED


def is_of(job: Job, execution_id: str) -> bool:
    """Whether an execution, or an incident, with the job's id is of this job, and not of one that had the id before it
    and was deleted.
    """
    return _claimed_at_ms(execution_id) >= int(job.created_at.timestamp() * 1000)


def claimed_at(execution_id: str) -> datetime:
    """When an execution was claimed, or a manual run asked for, in whole milliseconds."""
    return _EPOCH + timedelta(milliseconds=_claimed_at_ms(execution_id))


def _claimed_at_ms(execution_id: str) -> int:
    """Ids of executions and incidents begin with their time in milliseconds."""
    return int(execution_id[:8] + execution_id[9:13], 16)
