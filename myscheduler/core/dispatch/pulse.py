"""Whether the service as a whole was held up: stopped (SIGSTOP), its machine asleep, or without a processor.

It is told of signs of life, which come several times a second as long as the process runs at all. The system clock
measures the time between two, as it goes on meanwhile; so a clock that is set forward counts alike.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

HELD_UP = timedelta(seconds=3)
"""Signs of life that are further apart leave a pause between them; a busy machine lets them wait for some time, too."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """The service could not run what fell due after `since`, up to `until`."""

    since: datetime
    until: datetime


@dataclass(slots=True)
class Pulse:
    last: datetime
    """The latest sign of life."""
    pause: Standstill | None = None
    """What is not told yet."""

    def beat(self, now: datetime) -> None:
        """A sign of life. A clock that was set back only moves the next ones."""
        if now - self.last > HELD_UP:
            since = self.pause.since if self.pause else self.last
            self.pause = Standstill(min(since, self.last), now)
        self.last = now

    def take(self, now: datetime) -> Standstill | None:
        """The pause that is over since the last call, if there was one; a sign of life itself."""
        self.beat(now)
        pause, self.pause = self.pause, None
        return pause
