"""Permits to send. Each attempt holds one, and while there is none it waits, whoever is due longest first."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.lanes import Lanes
from myscheduler.core.history.execution import Kind
from myscheduler.service.dispatch.flights import Flight

MANUAL_PER_HOST = 50


class Permits:
    """The permits of scheduled executions, which the agenda gives out with its claims, and those of manual runs.

    They are apart, so that a manual run does not wait behind slots. A permit is held from the claim, or from
    `acquire`, until `release`; both wake the claim loop, which hands on what is free.
    """

    def __init__(self, agenda: Agenda, manual: int, wake: Callable[[], None]) -> None:
        """`manual` is how many manual runs may be on their way at once; `wake` has the claim loop look again."""
        self._agenda = agenda
        self._manual: Lanes[Callable[[], None]] = Lanes(manual, MANUAL_PER_HOST)
        self._wake = wake

    async def acquire(self, flight: Flight) -> None:
        """Wait for a permit for a further attempt of `flight`, by the slot of its execution."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def go() -> None:
            flight.has_permit = True
            if turn.done():  # the execution has ended meanwhile
                self.release(flight)
            else:
                turn.set_result(None)

        if flight.execution.kind is Kind.MANUAL:
            self.queue_manual(flight.host, flight.execution.slot, go)
        else:
            self._agenda.queue(flight.host, flight.execution.slot, go)
            self._wake()
        await turn

    def release(self, flight: Flight) -> None:
        """Give back the permit of `flight`, if it holds one."""
        if not flight.has_permit:
            return
        flight.has_permit = False
        if flight.execution.kind is Kind.MANUAL:
            self._manual.leave(flight.host)
        else:
            self._agenda.leave(flight.host)
        self._wake()

    # --- manual runs that are not claimed yet ---------------------------------------------------------------------

    def queue_manual(self, host: str, due: datetime, go: Callable[[], None]) -> None:
        """Call `go` when there is a permit for a manual run; it then holds that permit."""
        self._manual.put(host, due, go)
        self._wake()

    def release_manual(self, host: str) -> None:
        """Give back a permit of a manual run that did not come to be under way."""
        self._manual.leave(host)

    def hand_out_manual(self) -> None:
        """Call those whose turn it is, as far as there are permits."""
        for go in self._manual.take():
            go()
