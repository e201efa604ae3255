"""The spans of an execution that is over: one for the execution, and one for each attempt.

Names of attributes are those of OpenTelemetry's semantic conventions; ours begin with `myscheduler.`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from myscheduler.core.caching import cached
from myscheduler.core.calls.hosts import called_host
from myscheduler.core.calls.outcome import Failure
from myscheduler.core.calls.request import rfc3339
from myscheduler.core.calls.trace import span_id_of
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Execution, Finish, Kind, Status
from myscheduler.core.job.crons import crontab_line
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import DeclaredSchedule, crons_of

Attributes: TypeAlias = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Span:
    """What happened from `start` to `end`. It has no secrets: URLs are as the job writes them, and masked."""

    name: str
    span_id: str
    parent_id: str | None
    """The span that contains it; `None` for one that nobody asked for."""
    is_call: bool
    """Whether it is a request to another service."""
    start: datetime
    end: datetime
    attributes: Attributes
    error: str | None = None
    """What went wrong; empty if no text says it, `None` if nothing did."""


def spans_of(job: Job, execution: Execution, finish: Finish) -> Iterator[Span]:
    """The spans of an execution, its own last. Nothing if it goes on at the next start, which then has them all."""
    end = finish.completed_at
    if end is None:
        return
    own = span_id_of(execution.execution_id)
    known = finish.attempts_detail
    for attempt in known:
        yield _of_attempt(job, execution, attempt, finish, own)
    started_at = min((execution.started_at, *(attempt.started_at for attempt in known)))
    yield Span(
        f"job {execution.job_id}",
        own,
        execution.parent.span_id if execution.parent else None,
        is_call=False,
        start=started_at,
        end=max(started_at, end),
        attributes=_of_trigger(job, execution) | _of_execution(execution, finish),
        error=None if finish.status is Status.COMPLETED else masked_text(finish.outcome.error or ""),
    )


def _of_trigger(job: Job, execution: Execution) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {"faas.time": rfc3339(execution.slot)}
    if execution.kind is Kind.MANUAL:
        return attributes | {"faas.trigger": "http"}
    if cron := _crontab(job.spec.schedule):
        attributes["faas.cron"] = cron
    return attributes | {"faas.trigger": "timer"}


def _crontab(schedule: DeclaredSchedule) -> str:
    """A cron schedule as readers of a crontab know it; empty if it can't be said that way."""
    lines = [crontab_line(cron.fields, cron.day_match, "any") for cron in crons_of(schedule)]
    return "; ".join(line for line in lines if line) if all(lines) else ""


def _of_execution(execution: Execution, finish: Finish) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "myscheduler.job.id": execution.job_id,
        "myscheduler.execution.id": execution.execution_id,
        "myscheduler.execution.cause": execution.cause.value,
        "myscheduler.execution.status": finish.status.value,
        "myscheduler.execution.attempts": finish.attempts,
    }
    if execution.source is not None:
        attributes["myscheduler.source.revision"] = execution.source.revision
    if finish.reason is not None:
        attributes["myscheduler.execution.reason"] = str(finish.reason)
    if finish.status is not Status.COMPLETED:
        last = finish.attempts_detail[-1] if finish.attempts_detail else None
        attributes["error.type"] = str(finish.reason or (last and _error_type(last)) or finish.status)
    return attributes


def _of_attempt(job: Job, execution: Execution, attempt: Attempt, finish: Finish, parent_id: str) -> Span:
    cut_off_at = finish.completed_at or attempt.started_at
    end = max(cut_off_at, attempt.started_at) if attempt.duration is None else attempt.started_at + attempt.duration
    attributes: dict[str, str | int] = {"http.request.method": job.spec.method, **_of_url(job.spec.target_url)}
    if attempt.http_status is not None:
        attributes["http.response.status_code"] = attempt.http_status
    if attempt.number > 1:
        attributes["http.request.resend_count"] = attempt.number - 1
    error_type = _error_type(attempt) or (str(finish.reason or finish.status) if attempt.duration is None else None)
    if error_type is not None:
        attributes["error.type"] = error_type
    return Span(
        job.spec.method,
        span_id_of(execution.execution_id, attempt.number),
        parent_id,
        is_call=True,
        start=attempt.started_at,
        end=end,
        attributes=attributes,
        error=None if error_type is None else masked_text(attempt.error or ""),
    )


def _error_type(attempt: Attempt) -> str | None:
    """As the convention for HTTP clients says: the status if it is an error, else a word for what went wrong."""
    if attempt.failure is None:
        return None
    return str(attempt.http_status) if attempt.failure is Failure.HTTP_ERROR else attempt.failure.value


@cached(4_096)
def _of_url(url: str) -> Attributes:
    host = called_host(url)
    attributes: dict[str, str | int] = {"url.full": masked_text(url)}
    if host is not None:
        attributes |= {"server.address": host.name, "server.port": host.port}
    return attributes
