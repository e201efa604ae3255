"""Decides whether and when a failed attempt is retried."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.job.retry import Retry, RetryOn
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.statuses import is_among

_SECONDS = re.compile(r"[0-9]{1,9}")


def retry_delay(
    spec: JobSpec, outcome: Outcome, attempt: int, *, elapsed_sec: float, now: datetime, chance: float = 1.0
) -> float | Literal[Reason.RETRY_AFTER] | None:
    """Seconds until the next attempt; `None` if there is no further one.

    The answer is the reason `retry-after-too-long` if the target asks, by `Retry-After`, for a longer wait than the job
    allows: it is never called earlier than it asks. Attempts count from 1, `elapsed_sec` from the start of the first,
    and `chance` is a random number from 0 to 1.

    The delay doubles with each attempt.
    """
    retry = spec.retry
    if attempt > spec.max_retries or not _is_retryable(retry, outcome):
        return None
    left = float("inf") if retry.max_total_sec is None else retry.max_total_sec - elapsed_sec
    delay = backoff(spec, attempt) * (chance if retry.jitter == "full" else 1)
    asked = asked_sec(outcome.retry_after, now)
    if asked and asked > min(retry.max_delay_sec, left):
        return Reason.RETRY_AFTER
    wait = max(delay, asked)
    return wait if wait <= left else None


def backoff(spec: JobSpec, attempt: int) -> float:
    """Seconds between that attempt, counted from 1, and the next, without jitter."""
    return float(min(spec.retry_backoff_sec * 2 ** min(attempt - 1, 32), spec.retry.max_delay_sec))


def longest_run(spec: JobSpec) -> float:
    """Seconds that an execution lasts if every attempt times out."""
    longest = (spec.max_retries + 1) * spec.timeout_sec + sum(
        backoff(spec, one) for one in range(1, spec.max_retries + 1)
    )
    total = spec.retry.max_total_sec
    return longest if total is None else min(longest, total + spec.timeout_sec)


def _is_retryable(retry: Retry, outcome: Outcome) -> bool:
    match outcome.failure:
        case Failure.NO_FILE:  # the service itself lacks something, and nothing was sent
            return True
        case Failure.HTTP_ERROR:
            return "status" in retry.on and is_among(retry.statuses, outcome.http_status or 0)
        case failure:
            return _kind_of(failure, is_unreached=outcome.is_unreached) in retry.on


def _kind_of(failure: Failure | None, *, is_unreached: bool) -> RetryOn | None:
    match failure:
        case Failure.TIMEOUT:
            return "connect" if is_unreached else "timeout"
        case Failure.DNS | Failure.REFUSED | Failure.CONNECT:
            return "connect"
        case Failure.TLS:
            return "tls"
        case Failure.RESET:
            return "connect" if is_unreached else "reset"
        case Failure.EXPECTATION:
            return "expectation"
        case Failure.AUTH_FAILED if is_unreached:  # the token endpoint could not be reached, or failed itself
            return "connect"
        case _:
            return None


def asked_sec(written: str | None, now: datetime) -> float:
    """The wait that `Retry-After` (RFC 9110, 10.2.3) asks for, by seconds or by a date; 0 for one that says neither."""
    text = (written or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())
