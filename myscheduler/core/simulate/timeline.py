"""The virtual clock of a simulation, and what is to be done at which time."""

import heapq
from collections.abc import Callable
from datetime import datetime
from functools import partial

from myscheduler.core.schedule.expansion import to_datetime, to_micros
from myscheduler.core.simulate.outlook import Sent


class Timeline:
    """The present, and the future of executions. Integer times are in microseconds since the Unix epoch."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self.started_at = start
        """When the service started last."""
        self._later: list[tuple[int, int, Sent, Callable[[], None]]] = []
        """A heap, in which what is due together is in the order in which it was asked for."""
        self._order = 0

    def restart(self, moment: datetime) -> None:
        """Go to the next start of the service, and forget what was to be done."""
        self.now = self.started_at = moment
        self._later.clear()

    def do_later(self, at: datetime, sent: Sent, do: Callable[[Sent], None]) -> None:
        """Do it with the execution at that time, if that is not over by then."""
        self._order += 1
        entry: tuple[int, int, Sent, Callable[[], None]] = (to_micros(at), self._order, sent, partial(do, sent))
        heapq.heappush(self._later, entry)

    def next_at(self) -> int | None:
        """When there is something to do next."""
        return self._later[0][0] if self._later else None

    def go_to(self, moment: int) -> None:
        """Put the clock forward."""
        self.now = to_datetime(moment)

    def do_due(self, moment: int) -> None:
        """Do what is to be done up to that time."""
        while self._later and self._later[0][0] <= moment:
            _, _, sent, do = heapq.heappop(self._later)
            if sent.ended_at is None:
                do()
