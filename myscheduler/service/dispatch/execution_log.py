"""Log lines about executions: one for each when it has ended, and a summary of those in progress for the shutdown."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import islice

from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.calls.request import rfc3339
from myscheduler.core.calls.trace import span_id_of
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.findings.problem import printable
from myscheduler.core.history.execution import Execution, Finish, Kind, Status
from myscheduler.log import write

NAMED = 5
"""The most jobs that `in_words` names; the others are only counted."""

_USUAL = (Status.COMPLETED, Status.RUNNING, Status.SKIPPED)
_MILLISECOND = timedelta(milliseconds=1)

log = logging.getLogger(__name__)


def names_of(execution: Execution) -> dict[str, object]:
    """The fields that identify an execution in each log line about it."""
    names: dict[str, object] = {
        "job_id": execution.job_id,
        "execution_id": execution.execution_id,
        "scheduled_at": rfc3339(execution.slot),
        "trace_id": execution.trace_id,
    }
    if execution.kind is not Kind.SCHEDULED:
        names["kind"] = execution.kind
    if execution.link is not None:
        names["chain_id"] = execution.link.chain_id
    return names


def names_of_attempt(execution: Execution, attempt: int) -> dict[str, object]:
    """The fields that identify an attempt, counted from 1, in each log line about it."""
    return names_of(execution) | {"attempt": attempt, "span_id": span_id_of(execution.execution_id, attempt)}


def log_start(execution: Execution) -> None:
    if log.isEnabledFor(logging.DEBUG):
        log.debug("execution started", extra=names_of(execution))


def log_attempt(execution: Execution, attempt: int, host: str, outcome: Outcome) -> None:
    if log.isEnabledFor(logging.DEBUG):
        answer = {"host": host, "http_status": outcome.http_status, "failure": outcome.failure}
        log.debug("attempt ended", extra=names_of_attempt(execution, attempt) | answer)


def log_claims(claims: Sequence[Claim], accepted: Sequence[bool]) -> None:
    """Log, at DEBUG, a stored batch of claims and the slots in it that did not run."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    log.debug("claims stored", extra={"claims": len(claims), "refused": len(claims) - sum(accepted)})
    for claim, is_accepted in zip(claims, accepted, strict=True):
        for unrun in claim.unrun if is_accepted else ():
            log.debug(
                "slots %s",
                unrun.status,
                extra={
                    "job_id": claim.job_id,
                    "reason": unrun.reason,
                    "scheduled_at": rfc3339(unrun.first),
                    "last_scheduled_at": rfc3339(unrun.last),
                    "slots": unrun.count,
                },
            )


def log_end(execution: Execution, finish: Finish) -> None:
    """Log the end of an execution, once it is recorded."""
    level = logging.INFO if finish.status in _USUAL else logging.WARNING
    if not log.isEnabledFor(level):
        return
    if finish.completed_at is None:
        log.info("execution goes on at the next start", extra=names_of(execution))
        return
    details = names_of(execution)
    details["started_at"] = f"{execution.started_at.isoformat(timespec='milliseconds')[:-6]}Z"
    details["status"] = finish.status
    details["duration_ms"] = round((finish.completed_at - execution.started_at) / _MILLISECOND, 1)
    details["retries"] = max(finish.attempts - 1, 0)
    if finish.outcome.http_status is not None:
        details["http_status"] = finish.outcome.http_status
    if finish.reason is not None:
        details["reason"] = finish.reason
    if finish.outcome.error is not None:
        details["note" if finish.status is Status.COMPLETED else "error"] = finish.outcome.error
    write(log, level, "execution %s", finish.status, details)


def in_words(executions: Iterable[Execution], host_of: Callable[[str], str | None]) -> str:
    """`3 executions in flight: slow (2) at 10.0.0.1:80, late at example.com`; `host_of` returns the host of a job."""
    counts = Counter(execution.job_id for execution in executions)
    named = [_one(job_id, count, host_of(job_id)) for job_id, count in islice(counts.items(), NAMED)]
    if len(counts) > NAMED:
        named.append(f"and {len(counts) - NAMED:,} more jobs")
    total = counts.total()
    return f"{total:,} execution{'s' if total != 1 else ''} in flight: {', '.join(named)}"


def _one(job_id: str, count: int, host: str | None) -> str:
    several = f" ({count:,})" if count > 1 else ""
    return printable(f"{job_id}{several} at {host}" if host else f"{job_id}{several}")
