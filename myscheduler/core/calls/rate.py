"""Limits how many calls leave in a time, by the generic cell rate algorithm (ITU-T I.371, virtual scheduling)."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `calls` in each `per`, evenly spaced, but up to `burst` at once after a pause."""

    calls: int
    per: timedelta
    burst: int = 1

    @property
    def spacing(self) -> timedelta:
        return self.per / self.calls


@dataclass(slots=True)
class Pacer:
    """Says when the next call may leave. It keeps a single time, whatever the rate is."""

    rate: Rate
    next_due: datetime | None = None
    """When the next call would be due if all calls were evenly spaced."""

    def free_at(self, now: datetime) -> datetime:
        """The earliest time at which a call may leave: `now`, or later."""
        return max(now, self._due(now) - self.rate.spacing * (self.rate.burst - 1))

    def take(self, now: datetime) -> None:
        """Note that a call leaves."""
        self.next_due = max(now, self._due(now)) + self.rate.spacing

    def _due(self, now: datetime) -> datetime:
        """Never farther ahead than calls can have moved it: the clock may have been set back."""
        return now if self.next_due is None else min(self.next_due, now + self.rate.spacing * self.rate.burst)
