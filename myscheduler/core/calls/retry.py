"""Decides whether and when a failed attempt is retried."""

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.job.spec import JobSpec

MAX_BACKOFF_SEC = 3600.0


def retry_delay(spec: JobSpec, outcome: Outcome, attempt: int) -> float | None:
    """Seconds until the next attempt; `None` if there is no further one. Attempts count from 1.

    5xx, timeouts and connection errors are retried; any other outcome is final. The delay doubles with each attempt.
    """
    if attempt > spec.max_retries or not _is_retryable(outcome):
        return None
    return backoff(spec, attempt)


def backoff(spec: JobSpec, attempt: int) -> float:
    """Seconds between that attempt, counted from 1, and the next; at most `MAX_BACKOFF_SEC`."""
    return float(min(spec.retry_backoff_sec * 2 ** min(attempt - 1, 32), MAX_BACKOFF_SEC))


def longest_run(spec: JobSpec) -> float:
    """Seconds that an execution lasts if every attempt times out."""
    return (spec.max_retries + 1) * spec.timeout_sec + sum(backoff(spec, one) for one in range(1, spec.max_retries + 1))


def _is_retryable(outcome: Outcome) -> bool:
    match outcome.failure:
        case Failure.TIMEOUT | Failure.CONNECTION | Failure.NO_FILE:
            return True
        case Failure.HTTP_ERROR:
            return (outcome.http_status or 0) >= 500
        case _:
            return False
