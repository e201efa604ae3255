"""The order admit, claim, send, decide, finish: wires its parts, and owns the order of start, drain and stop.

Nothing is sent before its claim is committed, and no cursor moves but by a claim. So the process may die at any moment:
what was claimed is found as `running` and closed as interrupted, and what was not is still after its job's cursor.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.machine.open_files import MANUAL
from myscheduler.service.dispatch.arming import Arming
from myscheduler.service.dispatch.attempts import Attempts
from myscheduler.service.dispatch.caller import Caller
from myscheduler.service.dispatch.claiming import Claiming
from myscheduler.service.dispatch.endings import Endings
from myscheduler.service.dispatch.execution_log import in_words
from myscheduler.service.dispatch.flights import STOPPED, Flights
from myscheduler.service.dispatch.permits import Permits
from myscheduler.service.dispatch.recovery import Recovery
from myscheduler.service.dispatch.triggers import Triggered, Triggers
from myscheduler.service.store_health import StoreHealth

RECORD_SEC = 5.0
"""How long a shutdown waits for the last ends to be recorded."""
TELL_SEC = 5.0
"""How often a shutdown says what it waits for."""

log = logging.getLogger(__name__)


class Dispatcher:
    """Runs what is armed, from `start` to `stop`.

    Four loops work side by side, and share nothing but the agenda, the flights and the triggers: long decisions are
    made, due slots are claimed and begun, ends are recorded, and the database is looked at. Each execution under way is
    a task of its own. All of it is on one event loop, so nobody needs a lock.

    The stop is: claim no more slots, let executions end by themselves (the drain), cut off the rest, record their ends,
    end the loops, and refuse whoever still waits for a manual run.
    """

    def __init__(
        self,
        store: Store,
        caller: Caller,
        health: StoreHealth,
        *,
        zone: str,
        now: Callable[[], datetime],
        in_flight: int,
        in_flight_per_host: int,
        manual: int = MANUAL,
    ) -> None:
        """`in_flight` is how many scheduled executions may be on their way at once, and `manual` how many manual runs;
        others wait for their turn.
        """
        has_work = asyncio.Event()
        wake = has_work.set
        agenda = Agenda(
            zone=zone,
            permits=in_flight,
            permits_per_host=in_flight_per_host,
            new_id=new_execution_id,
            asks=True,
        )
        flights = Flights()
        permits = Permits(agenda, manual, wake)
        triggers = Triggers(store, health, agenda, flights, permits, now=now)
        endings = Endings(store, health, agenda, flights, triggers, wake=wake, now=now)
        arming = Arming(store, agenda, flights, triggers, wake=wake, now=now)
        attempts = Attempts(caller, flights, permits, endings, now=now)
        recovery = Recovery(store, agenda, flights, triggers, attempts, now=now)
        self._claiming = Claiming(
            store, health, agenda, flights, triggers, arming, attempts, recovery, has_work=has_work, now=now
        )
        self._health, self._agenda, self._triggers = health, agenda, triggers
        self._endings, self._arming, self._recovery = endings, arming, recovery
        self.flights = flights
        self.loops: list[asyncio.Task[None]] = []
        self._is_draining = False
        self._is_hurried = False
        """A shutdown waits for nothing that is in flight."""

    def arm(self, changed: Sequence[Job], removed: Sequence[str]) -> None:
        """Take over jobs as they are stored now, and forget removed ones. What is due already is decided at once."""
        self._arming.arm(changed, removed)

    def clock_was_set(self) -> None:
        """Decide anew what was decided for a time that has not come, and let the timers look at the clock again."""
        self._arming.clock_was_set()

    async def trigger(
        self, job_id: str, *, by: str, may_overlap: bool = False, key: RequestKey | None = None
    ) -> Triggered:
        """Run a job now, as `Triggers.trigger` says."""
        return await self._triggers.trigger(job_id, by=by, may_overlap=may_overlap, key=key)

    # --- life -----------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Take over what the last process left: close executions that were under way, or send them again where their
        jobs say so. Raises `StoreUnavailableError`.
        """
        await self._triggers.load()
        await self._recovery.recover(Reason.CRASH)

    def start(self) -> None:
        """Begin to claim and send what is armed."""
        self._arming.start()
        loops = (self._claiming.run, self._arming.run, self._endings.run, self._health.run)
        self.loops = [asyncio.create_task(loop()) for loop in loops]
        self._triggers.start()

    def hold(self) -> None:
        """Send nothing more that is due; for the first moment of a shutdown."""
        self._agenda.close()

    def hurry(self) -> None:
        """Wait no longer for what is in flight, if a shutdown does or comes to that; what it cuts off is recorded."""
        self._is_hurried = True
        if self._is_draining:
            self.flights.stop_waiting()

    def waits_for(self) -> str | None:
        """What is in flight, in words; `None` when nothing is."""
        return in_words(self.flights.executions, self._host_of) if len(self.flights) else None

    def _host_of(self, job_id: str) -> str | None:
        job = self._agenda.find(job_id)
        return host_key(job.spec.target_url) if job else None

    async def stop(self, drain_sec: float) -> None:
        """Start nothing more, wait up to `drain_sec` for what is in flight, and record the rest as interrupted."""
        self.hold()
        if not self.loops:  # the start was cut short; what `recover` sent again still has to be recorded
            self.loops = [asyncio.create_task(self._endings.run())]
        await self._arming.stop()
        await self._drain(drain_sec)
        if left := self.waits_for():
            log.warning("cutting off %s", left)
        self.flights.end_all(STOPPED)
        self._triggers.leave_queued()
        await self.flights.wait(RECORD_SEC)
        if left := self.waits_for():
            log.error("the database did not take these ends in time, so the next start records them: %s", left)
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)
        self._triggers.refuse()

    async def _drain(self, seconds: float) -> None:
        """Wait for what is in flight, and say again and again what that is."""
        deadline = time.monotonic() + seconds
        self._is_draining = True
        while not self.flights.are_over and not self._is_hurried:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            if words := self.waits_for():
                log.info("waiting up to %d s for %s", math.ceil(left), words)
            await self.flights.wait(min(left, TELL_SEC))
        self._is_draining = False
