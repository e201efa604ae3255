"""The attempts of an execution, and how they are kept in its row.

An execution that completes at its first attempt keeps nothing here: its row says all, unless it is a part of the trace
of a caller. Of any other, the attempts are kept as JSON. What the row says about the last one, its HTTP status, its
error and its exchange, is not kept twice.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from myscheduler.core.calls.exchange import Exchange, exchange_from_json, exchange_to_json
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.quick import quick

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@quick
@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of an execution."""

    number: int
    """From 1, as in the header `X-MyScheduler-Attempt`."""
    started_at: datetime
    duration: timedelta | None = None
    """Until its outcome was known; `None` if it was cut off, or is in progress."""
    http_status: int | None = None
    failure: Failure | None = None
    """How it failed; `None` if it succeeded, or if its outcome is not known."""
    error: str | None = None
    trace_id: str | None = None
    """The trace of the caller that asked for the execution; `None` if the execution has a trace of its own."""
    exchange: Exchange | None = None

    def ended(self, outcome: Outcome, at: datetime) -> "Attempt":
        duration = max(at - self.started_at, timedelta())  # the clock may have been set back
        status, failure, error = outcome.http_status, outcome.failure, outcome.error
        return Attempt(self.number, self.started_at, duration, status, failure, error, self.trace_id, outcome.exchange)

    def matches(self, outcome: Outcome) -> bool:
        """Whether a row with this outcome says what this attempt's status and error are."""
        return self.duration is not None and (self.http_status, self.error) == (outcome.http_status, outcome.error)


def kept(attempts: Sequence[Attempt], outcome: Outcome, *, is_completed: bool) -> str | None:
    """The attempts as they are kept in a row with that outcome; `None` if the row alone says it all."""
    if not attempts or (is_completed and len(attempts) == 1 and attempts[0].trace_id is None):
        return None
    *earlier, last = attempts
    if last.matches(outcome):
        last = replace(last, http_status=None, error=None, exchange=None)
    return json.dumps([_as_json(one) for one in (*earlier, last)], ensure_ascii=False, separators=(",", ":"))


def read(text: str) -> tuple[Attempt, ...]:
    """The inverse of `kept`; the last attempt has no status, error and exchange if its row says them."""
    return tuple(map(_attempt, json.loads(text)))


def _as_json(one: Attempt) -> dict[str, Any]:
    values = {
        "number": one.number,
        "started_at": (one.started_at - _EPOCH) // _MICROSECOND,
        "duration": None if one.duration is None else one.duration // _MICROSECOND,
        "http_status": one.http_status,
        "failure": one.failure,
        "error": one.error,
        "trace_id": one.trace_id,
        "exchange": None if one.exchange is None else exchange_to_json(one.exchange),
    }
    return {name: value for name, value in values.items() if value is not None}


def _attempt(values: dict[str, Any]) -> Attempt:
    duration, failure = values.get("duration"), values.get("failure")
    return Attempt(
        number=values["number"],
        started_at=_EPOCH + timedelta(microseconds=values["started_at"]),
        duration=None if duration is None else timedelta(microseconds=duration),
        http_status=values.get("http_status"),
        failure=Failure(failure) if failure else None,
        error=values.get("error"),
        trace_id=values.get("trace_id"),
        exchange=exchange_from_json(values.get("exchange")),
    )
