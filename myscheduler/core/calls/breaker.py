"""A circuit breaker: a target that fails again and again is left alone for a while.

After `failures` failures in a row the circuit opens: nothing is sent for `open_sec`. Then it is half-open: one call
goes through. If that one succeeds, the circuit is closed; if it fails, the circuit opens for longer, `open_sec` times
the number of openings in a row, up to `longest_sec` (as Envoy's outlier detection does).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.messages.message import said

_OF_THE_TARGET = frozenset(
    {
        Failure.TIMEOUT,
        Failure.DNS,
        Failure.REFUSED,
        Failure.CONNECT,
        Failure.TLS,
        Failure.RESET,
        Failure.UNREADABLE_ANSWER,
    }
)


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When the circuit opens, and for how long."""

    failures: int = 5
    open_sec: float = 30.0
    longest_sec: float = 300.0


class Circuit(StrEnum):
    """The state of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


def is_alive(outcome: Outcome) -> bool | None:
    """Whether the outcome shows that the target works; `None` if it says nothing about that.

    Every answer below 500 does: the target is there, even if it refuses the call.
    """
    if outcome.http_status is not None:
        return None if outcome.http_status == 429 else outcome.http_status < 500
    return False if outcome.failure in _OF_THE_TARGET else None


def why_of(outcome: Outcome) -> str | None:
    """What is told of a failure of the target, without anything that the target wrote."""
    if outcome.http_status is not None:
        return said("answered", status=outcome.http_status)
    return outcome.error if outcome.failure is not Failure.UNREADABLE_ANSWER else None


@dataclass(slots=True)
class Breaker:
    """The breaker of one target, in memory: after a restart it is closed."""

    rules: BreakerRules
    failures: int = 0
    """Failures since the last success."""
    openings: int = 0
    """How often in a row it has opened."""
    open_until: datetime | None = None
    """When it is half-open, or was; `None` while it is closed."""
    closed_at: datetime | None = None
    opened_at: datetime | None = None
    """When it opened last after it was closed."""
    alive_at: datetime | None = None
    """When a call last showed that the target works; `None` if none has since the start."""
    why: str | None = None
    """What is told of the last failure that counted."""
    is_probing: bool = False
    """Whether the one call of the half-open state is on its way."""

    def state(self, now: datetime) -> Circuit:
        if self.open_until is None:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.open_until else Circuit.HALF_OPEN

    def blocks(self, now: datetime) -> bool:
        """Whether a call must not be sent now."""
        return self.open_until is not None and (self.is_probing or now < self.open_until)

    def sent(self, now: datetime) -> None:
        """Note that a call is on its way."""
        if self.state(now) is Circuit.HALF_OPEN:
            self.is_probing = True

    def note(self, *, alive: bool | None, now: datetime, why: str | None = None) -> None:
        """Note how a call ended. While the circuit is open, a success closes it, and only a probe's failure counts."""
        was_probe, self.is_probing = self.is_probing, False
        if alive:
            self.closed_at = now if self.open_until is not None else self.closed_at
            self.failures, self.open_until, self.alive_at = 0, None, now
        elif alive is False and (was_probe or self.open_until is None):
            self.failures, self.why = self.failures + 1, why
            if was_probe or self.failures >= self.rules.failures:
                self._open(now)

    def _open(self, now: datetime) -> None:
        healthy_long = timedelta(seconds=self.rules.longest_sec)
        if self.open_until is None and self.closed_at is not None and now - self.closed_at > healthy_long:
            self.openings = 0
        self.opened_at = now if self.open_until is None else self.opened_at
        self.openings += 1
        self.open_until = now + timedelta(seconds=min(self.rules.open_sec * self.openings, self.rules.longest_sec))
