"""The retry policy of a job beyond its `max_retries` and `retry_backoff_sec`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from myscheduler.core.statuses import Statuses, read_statuses, write_statuses

RetryOn = Literal["connect", "timeout", "reset", "status", "expectation", "tls"]
"""Kinds of failures: no connection was made; no complete answer came in time; the connection broke after it was made;
the status of the answer; something else that the job expects of it; the certificate or the handshake of TLS."""
RETRY_ON: tuple[RetryOn, ...] = get_args(RetryOn)[:4]
"""The usual ones: a target whose answer lacks something has done its work, right or wrong, and a certificate that is
refused is still refused a minute later."""
Jitter = Literal["none", "full"]
USUAL_STATUSES: Statuses = ((408, 408), (429, 429), (500, 999))
MAX_DELAY_SEC = 3600.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Which failures are retried, and how long it is waited before the next attempt."""

    statuses: Statuses = USUAL_STATUSES
    on: tuple[RetryOn, ...] = RETRY_ON
    max_delay_sec: float = MAX_DELAY_SEC
    """The longest wait. A target that asks for a longer one by `Retry-After` is not called again."""
    max_total_sec: float | None = None
    """No attempt begins later than so many seconds after the first one."""
    jitter: Jitter = "none"
    """`full`: the wait is random, from 0 to what it would be without."""


USUAL_RETRY = Retry()


def retry_to_json(retry: Retry) -> dict[str, Any]:
    """The policy as the field `retry` of a manifest, without what is as usual."""
    written: dict[str, Any] = {
        "statuses": write_statuses(retry.statuses),
        "on": list(retry.on),
        "max_delay_sec": retry.max_delay_sec,
        "max_total_sec": retry.max_total_sec,
        "jitter": retry.jitter,
    }
    return {name: value for name, value in written.items() if getattr(retry, name) != getattr(USUAL_RETRY, name)}


def retry_from_json(stored: Mapping[str, Any]) -> Retry:
    """The inverse of `retry_to_json`."""
    given: dict[str, Any] = dict(stored)
    if "statuses" in given:
        given["statuses"] = read_statuses(given["statuses"])
    if "on" in given:
        given["on"] = tuple(given["on"])
    return Retry(**given)
