"""Wires the parts that admit, claim, send and finish executions, and orders their start, drain and stop.

Nothing is sent before its claim is committed, and only a claim moves a job's cursor. So the process may die at any
moment: slots that were claimed are found as `running` at the next start and closed as interrupted or sent again; slots
that were not are still after the cursor and are decided again.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows.chains import Followed
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.calls.trace import TraceParent
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import target_lane
from myscheduler.core.dispatch.hearing import Heard
from myscheduler.core.dispatch.throttles import TargetLimits, Throttles
from myscheduler.core.explain.upcoming import Planned
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Execution, Finish, QueuedRun
from myscheduler.core.history.repeats import RequestKey
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.slots import Schedule
from myscheduler.machine.open_files import MANUAL
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.arming import Arming
from myscheduler.service.dispatch.attempts import Attempts
from myscheduler.service.dispatch.caller import Caller
from myscheduler.service.dispatch.cancelling import Cancelling
from myscheduler.service.dispatch.census import Census
from myscheduler.service.dispatch.chain_cancelling import ChainCancelling
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.claiming import Claiming
from myscheduler.service.dispatch.endings import Endings
from myscheduler.service.dispatch.execution_log import in_words
from myscheduler.service.dispatch.expectations import Expectations
from myscheduler.service.dispatch.flights import STOPPED, Flights
from myscheduler.service.dispatch.manual_runs import Triggered
from myscheduler.service.dispatch.permits import Permits
from myscheduler.service.dispatch.ping_keys import PingKeys
from myscheduler.service.dispatch.pings import Pings
from myscheduler.service.dispatch.recovery import Recovery
from myscheduler.service.dispatch.requiring import Requiring
from myscheduler.service.dispatch.retry_waits import RetryWaits
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.dispatch.target_loads import TargetLoads
from myscheduler.service.dispatch.triggers import Triggers
from myscheduler.service.store_health import StoreHealth

RECORD_SEC = 5.0
"""Seconds that a shutdown waits for the last ends to be recorded."""
DRAIN_LOG_SEC = 5.0
"""Seconds between the log lines that say what a shutdown waits for."""

log = logging.getLogger(__name__)


class Dispatcher:
    """Runs the armed jobs, from `start` to `stop`.

    Five loops run side by side: one makes long decisions, one claims due slots and starts their executions, one records
    waits for further attempts, one records ends, and one checks the database. They share only the agenda, the flights
    and the triggers. Each execution in progress has its own task. Everything runs on one event loop, so no locks are
    needed.

    `stop` claims no more slots, lets executions end by themselves (the drain), cuts off the rest, records their ends,
    ends the loops, and refuses requests that still wait for a manual run.
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
        """`in_flight` is the most scheduled attempts in flight at once, `in_flight_per_host` the most of them to one
        host, and `manual` the most attempts of manual runs; others wait for their turn.
        """
        self.changes = changes = Changes(now())
        """The changes of jobs and executions since now."""
        has_work = asyncio.Event()
        wake = has_work.set
        self.throttles = throttles = Throttles()
        """What holds calls of shared targets back."""
        agenda = Agenda(
            zone=zone,
            permits=in_flight,
            permits_per_host=in_flight_per_host,
            new_id=new_execution_id,
            throttles=throttles,
            asks=True,
        )
        flights = Flights()
        permits = Permits(agenda, manual, wake, throttles)
        self.targets = TargetLoads(throttles, permits, now=now)
        tallies = Tallies(store)
        self.chains = chains = Chains(store, health, agenda, flights, tallies, changes, zone=zone, now=now)
        requiring = Requiring(store, agenda, wake=wake)
        triggers = Triggers(store, health, agenda, flights, permits, tallies, changes, now=now)
        census = Census(store, agenda, flights, triggers)
        endings = Endings(
            store, health, agenda, flights, triggers, census, tallies, changes, chains, requiring, wake=wake, now=now
        )  # fmt: skip
        expectations = Expectations(store, flights, endings, now=now)
        ping_keys = PingKeys()
        self._pings = Pings(ping_keys, agenda, triggers, expectations, now=now)
        self._waits = waits = RetryWaits(store, health, agenda, flights, changes, now=now)
        arming = Arming(
            store, agenda, flights, triggers, census, tallies, ping_keys, waits, changes, chains, requiring,
            wake=wake, now=now,
        )  # fmt: skip
        self._attempts = attempts = Attempts(
            caller, flights, permits, throttles, waits, endings, tallies, expectations, chains, now=now
        )
        endings.on_ready, self._follow = attempts.follow, attempts.follow
        recovery = Recovery(store, agenda, flights, triggers, attempts, tallies, changes, chains, now=now)
        self._claiming = Claiming(
            store, health, agenda, flights, triggers, permits, arming, attempts, recovery, tallies, changes, chains,
            has_work=has_work, now=now,
        )  # fmt: skip
        self._health, self._agenda, self._triggers = health, agenda, triggers
        self._endings, self._arming, self._recovery, self._expectations = endings, arming, recovery, expectations
        self._cancelling = Cancelling(store, flights, triggers, now=now)
        self._chain_cancelling = ChainCancelling(store, flights, chains, now=now)
        self.flights, self.census, self.tallies = flights, census, tallies
        self.loops: list[asyncio.Task[None]] = []
        self._is_draining = False
        self._is_hurried = False
        """Whether a shutdown cuts executions off without waiting for them."""

    def arm(self, changed: Sequence[Job], removed: Sequence[str]) -> None:
        """Take over `changed` jobs as they are stored now, and forget `removed` ones; decide on slots already due."""
        self._arming.arm(changed, removed)

    def note(
        self,
        changed: Sequence[Job],
        removed: Sequence[str],
        *,
        undone: Sequence[UnrunOfJob],
        unsent: Sequence[QueuedRun],
        followed: Followed,
    ) -> None:
        """Take over what runs after what once these jobs were changed, and count what that left out: slots, the queued
        runs of deleted jobs, and executions of chains.
        """
        self.chains.link(changed, removed)
        for one in undone:
            self.tallies.left_out(one.job_id, one.unrun)
        self.tallies.unsent(unsent, Reason.DELETED)
        self.chains.note(followed)

    def follow(self, followed: Followed) -> None:
        """Begin executions that changes of jobs led to: all these jobs are armed."""
        for job, execution in followed.ready:
            self._follow(job, execution)
        self._endings.review()

    def clock_was_set(self) -> None:
        """Decide again on slots that are in the future after the clock was set, and have the timers read the clock."""
        self._arming.clock_was_set()

    async def trigger(
        self,
        job_id: str,
        *,
        by: str,
        may_overlap: bool = False,
        key: RequestKey | None = None,
        rerun_of: str | None = None,
        parent: TraceParent | None = None,
        is_alone: bool = False,
        upstream_chain_id: str | None = None,
    ) -> Triggered:
        """Run a job now; see `Triggers.trigger`."""
        return await self._triggers.trigger(
            job_id,
            by=by,
            may_overlap=may_overlap,
            key=key,
            rerun_of=rerun_of,
            parent=parent,
            is_alone=is_alone,
            upstream_chain_id=upstream_chain_id,
        )

    async def cancel(
        self, execution_id: str, *, by: str, reason: str | None, key: RequestKey | None = None
    ) -> Mapping[str, Any]:
        """End an execution in progress or a queued run; see `Cancelling.cancel`."""
        return await self._cancelling.cancel(execution_id, by=by, reason=reason, key=key)

    async def cancel_chain(
        self, chain_id: str, *, by: str, reason: str | None, key: RequestKey | None = None
    ) -> Mapping[str, Any]:
        """End a chain in progress; see `ChainCancelling.cancel`."""
        return await self._chain_cancelling.cancel(chain_id, by=by, reason=reason, key=key)

    def limit(self, targets: Mapping[str, TargetLimits]) -> None:
        """Set what the shared targets allow, by their names."""
        self.throttles.declare({target_lane(name): limits for name, limits in targets.items()})
        self._claiming.wake()

    async def hear(self, key: str, ping: Heard) -> bool:
        """Take a ping; see `Pings.hear`."""
        return await self._pings.hear(key, ping)

    def on_end(self, listener: Callable[[Job, Execution, Finish], None]) -> None:
        """Call `listener` with each execution that has ended; see `Endings.listen`."""
        self._endings.listen(listener)

    def attempts_of(self, execution_id: str) -> tuple[Attempt, ...] | None:
        """The attempts of an execution in progress so far; `None` if it is not in progress."""
        flight = self.flights.find(execution_id)
        return flight.attempts_detail if flight else None

    def find_queued(self, execution_id: str) -> QueuedRun | None:
        """The manual run with this id that waits until its job has room."""
        return self._triggers.find_queued(execution_id)

    def jobs(self) -> Sequence[tuple[Job, str]]:
        """All jobs as they are armed now, with the keys of their hosts, in any order."""
        return self._agenda.jobs()

    def hosts(self) -> set[str]:
        """The keys of all hosts that jobs call."""
        return {host for _, host in self._agenda.jobs()}

    def cursors(self) -> Sequence[tuple[Job, Schedule, datetime]]:
        """All jobs as they are armed now, with their schedules, and the moments up to which their slots are claimed."""
        return [(armed.job, armed.schedule, armed.claimed) for armed in self._agenda.armed.values()]

    async def planned(self) -> Iterator[Planned]:
        """The next slot in the future of each job that has one, the soonest first; may be consumed in a thread."""
        slots, armed = await self._arming.next_slots(), self._agenda.armed
        known = ((armed.get(job_id), slot) for slot, job_id in slots)
        return (Planned(slot, one.job, one.schedule, one.host) for one, slot in known if one is not None)

    # --- life -----------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Take over what the last process left: queued manual runs, and running executions, which are closed, or sent
        again where their jobs say so. Raises `StoreUnavailableError`.
        """
        await self._triggers.load()
        await self._recovery.recover(Reason.CRASH)

    def start(self) -> None:
        """Start the loops: claim and send the slots of the armed jobs."""
        self._arming.start()
        self.chains.start()
        loops = (self._claiming.run, self._arming.run, self._waits.run, self._endings.run, self._health.run)
        self.loops = [asyncio.create_task(loop()) for loop in loops]
        self._triggers.start()

    def hold(self) -> None:
        """Claim no more slots, and wait for no more attempts and pings; the first step of a shutdown."""
        self._agenda.close()
        self._waits.leave()
        self._expectations.leave()

    def hurry(self) -> None:
        """End the drain of a shutdown now, or skip it if it has not begun; executions cut off are still recorded."""
        self._is_hurried = True
        if self._is_draining:
            self.flights.stop_waiting()

    def waits_for(self) -> str | None:
        """A text that names the executions in progress; `None` if there are none."""
        return in_words(self.flights.executions, self._host_of) if len(self.flights) else None

    def _host_of(self, job_id: str) -> str | None:
        job = self._agenda.find(job_id)
        return host_key(job.spec.target_url) if job else None

    async def stop(self, drain_sec: float) -> None:
        """Start nothing more, wait up to `drain_sec` seconds for executions in progress, and record the rest as
        interrupted.
        """
        self.hold()
        if not self.loops:  # `start` was not called; executions that `recover` sent again still have to be recorded
            self.loops = [asyncio.create_task(self._endings.run())]
        await self._arming.stop()
        await self._drain(drain_sec)
        if left := self.waits_for():
            log.warning("cutting off %s", left)
        self.flights.end_all(STOPPED)
        self._triggers.leave_queued()
        await self.flights.wait(RECORD_SEC)
        if left := self.waits_for():
            log.error(
                "the database did not record the ends of these executions in time, so the next start does: %s", left
            )
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)
        self._triggers.refuse()

    async def _drain(self, seconds: float) -> None:
        """Wait up to `seconds` for executions in progress, and log what is left every `DRAIN_LOG_SEC`."""
        deadline = time.monotonic() + seconds
        self._is_draining = True
        while not self.flights.are_over and not self._is_hurried:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            if words := self.waits_for():
                log.info("waiting up to %d s for %s", math.ceil(left), words)
            await self.flights.wait(min(left, DRAIN_LOG_SEC))
        self._is_draining = False
