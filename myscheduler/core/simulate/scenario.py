"""What is simulated: a span of time, outages in it, how long calls take, and how they end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from myscheduler.core.simulate.assumptions import NOTHING_ASSUMED, Assumptions

PERMITS = 1 << 60
"""More than are ever taken: the limits of the service over all jobs are not simulated."""


class Outage(NamedTuple):
    """The service is killed at `start` and starts again at `end`; a slot at `end` is on time."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to simulate: the slots from `start`, included, to `until`, excluded."""

    start: datetime
    until: datetime
    latency: timedelta
    """How long each call takes of which nothing else is assumed."""
    outages: tuple[Outage, ...] = ()
    """In order, not touching each other; each is within `start` and `until`, and the last ends before `until`."""
    assumed: Assumptions = NOTHING_ASSUMED

    def latency_of(self, job_id: str) -> timedelta:
        """How long each call of the job takes."""
        return self.assumed.durations.get(job_id, self.latency)

    def ups(self) -> Iterator[tuple[datetime, datetime]]:
        """The (start, end) of each time in which the service is up; ends are excluded."""
        edges = [Outage(self.start, self.start), *self.outages, Outage(self.until, self.until)]
        for before, after in pairwise(edges):
            if before.end < after.start:
                yield before.end, after.start
