"""Permits to send. Each attempt needs one; while none is free, attempts wait, those due longest first."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.lanes import Lanes
from myscheduler.core.dispatch.throttles import Throttles
from myscheduler.core.history.execution import Kind
from myscheduler.service.dispatch.flights import Flight

MANUAL_PER_HOST = 50
"""The most attempts of manual runs in flight to one host."""


class Permits:
    """The permits of scheduled executions, which the agenda gives out with its claims, and those of manual runs.

    They are separate, so that a manual run does not wait for slots. A permit is held from the claim, or from `acquire`,
    until `release`; both wake the claim loop, which gives out free permits.
    """

    def __init__(
        self, agenda: Agenda, manual: int, wake: Callable[[], None], throttles: Throttles | None = None
    ) -> None:
        """`manual` is the most attempts of manual runs in flight at once; `wake` wakes the claim loop."""
        self._agenda = agenda
        self._manual: Lanes[Callable[[], None]] = Lanes(manual, MANUAL_PER_HOST, throttles, is_urgent=True)
        self._wake = wake

    async def acquire(self, flight: Flight) -> None:
        """Wait for a permit for a further attempt of `flight`, in the order of its slot."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go() -> None:
            flight.has_permit = True
            if turn.done():  # the execution has ended in the meantime
                self.release(flight)
            else:
                turn.set_result(None)

        if flight.execution.kind is Kind.MANUAL:
            self.queue_manual(flight.lane, flight.execution.slot, go)
        else:
            self._agenda.queue(flight.lane, flight.execution.slot, go)
            self._wake()
        await turn

    def release(self, flight: Flight) -> None:
        """Return the permit of `flight`, if it holds one."""
        if not flight.has_permit:
            return
        flight.has_permit = False
        if flight.execution.kind is Kind.MANUAL:
            self._manual.leave(flight.lane)
            self._wake()
        elif self._agenda.leave(flight.lane) or self._manual.is_waited_for:  # both heed the limits of a shared target
            self._wake()

    def load(self, lane: str) -> tuple[int, int]:
        """How many attempts hold a permit of the lane, and how many wait for one."""
        (sent, waiting), (by_hand, asked) = self._agenda.load(lane), self._manual.load(lane)
        return sent + by_hand, waiting + asked

    # --- manual runs that are not claimed yet ---------------------------------------------------------------------

    def queue_manual(self, host: str, due: datetime, go: Callable[[], None]) -> None:
        """Call `go` once there is a permit for a manual run; the run then holds it."""
        self._manual.put(host, due, go)
        self._wake()

    def release_manual(self, host: str) -> None:
        """Return the permit of a manual run that was not started."""
        self._manual.leave(host)

    def hand_out_manual(self, now: datetime) -> None:
        """Give free permits to waiting manual runs, by calling their `go`."""
        for go in self._manual.take(now):
            go()

    def held_until(self, now: datetime) -> datetime | None:
        """When there may be a permit for a waiting manual run although none is returned; else `None`."""
        return self._manual.next_at(now)
