"""What the main process and a sender tell each other.

A message holds all that one end has to say since its last one. Neither holds a secret: those of a job are read by the
sender, and its answers come back redacted. What is sent for each call is a plain tuple, as objects take several times
as long to pickle.
"""

import copyreg
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from myscheduler.core.calls.exchange import Exchange
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.trace import TraceParent
from myscheduler.core.history.execution import Cause, Execution, Kind, Link
from myscheduler.core.job.job import Job
from myscheduler.core.policy.file import Rules
from myscheduler.core.policy.policy import NO_POLICY
from myscheduler.service.dispatch.calling import CallSettings


@dataclass(frozen=True, slots=True)
class Setup:
    """The first message to a sender: the settings of the service that it needs."""

    calls: CallSettings
    api_may_call_private: bool
    own_ports: frozenset[int]
    """Where the service itself listens."""
    log_level: int
    log_format: str
    """As in `log.configure`."""


Extras: TypeAlias = tuple[Link | None, TraceParent | None, Mapping[str, Mapping[str, Any]] | None]
"""What only executions of chains and of traced requests have."""
CallId: TypeAlias = tuple[str, int]
"""Execution and attempt: what is sent at most once."""
CallRow: TypeAlias = tuple[CallId, int, datetime, str, Extras | None]
"""The call, the number of its job, the slot, the cause."""
OutcomeRow: TypeAlias = tuple[
    int | None, str | None, str | None, int | None, str | None, bool, Mapping[str, Any] | None, str | None,
    tuple[Any, ...] | None,
]  # fmt: skip
"""The fields of an `Outcome`, in order."""


class Orders(NamedTuple):
    """A message to a sender. What it says about jobs and rules comes before its calls."""

    calls: Sequence[CallRow]
    jobs: Sequence[tuple[int, bytes]] = ()
    """Jobs that calls refer to, by their numbers, as `packed` makes them."""
    forgotten: Sequence[int] = ()
    """Numbers of jobs that no later call refers to."""
    cancelled: Sequence[CallId] = ()
    """Calls to end; each is answered."""
    rules: Rules | None = None
    """The rules in force from now on; `None` if they are as before."""


class Report(NamedTuple):
    """A message of a sender."""

    outcomes: Sequence[tuple[CallId, OutcomeRow]]
    cancelled: Sequence[CallId] = ()
    """Calls that have ended without an outcome, as they were told."""
    bugs: Sequence[tuple[CallId, str]] = ()
    """Calls that ended by a bug, with its stack trace, in which secrets are redacted."""
    certificates: Sequence[tuple[str, datetime]] = ()
    """Hosts of jobs, and the ends of their certificates, as new connections showed them."""


def _read_only(values: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(values)


class _Pickler(pickle.Pickler):
    dispatch_table = copyreg.dispatch_table | {MappingProxyType: lambda proxy: (_read_only, (dict(proxy),))}


def packed(job: Job) -> bytes:
    """A job in bytes: apart from the message, so that a job that can't be pickled spoils no other's call."""
    target = BytesIO()
    _Pickler(target, pickle.HIGHEST_PROTOCOL).dump(job)
    return target.getvalue()


def unpacked(data: bytes) -> Job:
    """The inverse of `packed`."""
    job: Job = pickle.loads(data)  # noqa: S301 - only the main process sends it
    return job


def told_rules(rules: Rules) -> Rules:
    """The rules without the text of their file."""
    return Rules(rules.policy)


def taken_rules(told: Rules) -> Rules:
    """The inverse: where there are no rules is told by identity, which pickling does not keep."""
    return Rules() if told.policy == NO_POLICY else told


def call_row(execution: Execution, attempt: int, job_number: int) -> CallRow:
    extras: Extras | None = None
    if execution.link is not None or execution.parent is not None or execution.upstream is not None:
        extras = execution.link, execution.parent, execution.upstream
    return (execution.execution_id, attempt), job_number, execution.slot, execution.cause.value, extras


def execution_of(row: CallRow, job: Job) -> Execution:
    """The execution of a call, as far as its request depends on it."""
    (execution_id, _), _, slot, cause, extras = row
    link, parent, upstream = extras or (None, None, None)
    return Execution(
        execution_id,
        job.job_id,
        slot,
        Kind.SCHEDULED,
        Cause(cause),
        job.digest,
        job.source,
        slot,
        parent=parent,
        link=link,
        upstream=upstream,
    )


def outcome_row(outcome: Outcome) -> OutcomeRow:
    failure, exchange = outcome.failure, outcome.exchange
    return (
        outcome.http_status,
        None if failure is None else failure.value,
        outcome.error,
        outcome.response_size,
        outcome.excerpt,
        outcome.is_unreached,
        outcome.extracted,
        outcome.retry_after,
        None if exchange is None else tuple(exchange),
    )


def outcome_of(row: OutcomeRow) -> Outcome:
    status, failure, error, size, excerpt, is_unreached, extracted, retry_after, exchange = row
    return Outcome(
        status,
        None if failure is None else Failure(failure),
        error,
        size,
        excerpt,
        is_unreached,
        extracted,
        retry_after,
        None if exchange is None else Exchange._make(exchange),
    )
