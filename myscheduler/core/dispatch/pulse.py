"""Detects that the whole process stood still: stopped (SIGSTOP), its machine suspended, or without CPU time.

A thread reports a heartbeat several times a second; a long gap between two is a standstill. The gap is measured with
the system clock, because it advances meanwhile; so setting the clock forward counts as a standstill, too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

HELD_UP = timedelta(seconds=3)
"""A gap between heartbeats longer than this is a standstill; shorter ones also occur on a busy machine."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """A time in which the service could not run slots: those after `since`, up to `until`."""

    since: datetime
    until: datetime


@dataclass(slots=True)
class Pulse:
    """Collects heartbeats, and the standstill that they show until it is taken."""

    last: datetime
    """The latest heartbeat."""
    pause: Standstill | None = None
    """The standstill that `take` has not returned yet."""

    def beat(self, now: datetime) -> None:
        """Record a heartbeat. A clock that was set back makes no standstill."""
        if now - self.last > HELD_UP:
            since = self.pause.since if self.pause else self.last
            self.pause = Standstill(min(since, self.last), now)
        self.last = now

    def take(self, now: datetime) -> Standstill | None:
        """Record a heartbeat, and return the standstill since the last call, if there was one."""
        self.beat(now)
        pause, self.pause = self.pause, None
        return pause
