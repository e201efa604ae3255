"""Executions that the ends of others have started, until they begin."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows.chains import Followed
from myscheduler.core.calls.hosts import host_key
from myscheduler.core.chains.following import Ended
from myscheduler.core.chains.graph import Graph, chained
from myscheduler.core.chains.judging import End
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.turns import Turn, turn_of, why_not_begun
from myscheduler.core.history.execution import Execution, Finish, Kind, Link, Status
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.flights import REPLACED, Flight, Flights
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.store_health import RETRY_SEC, StoreHealth


class Chains:
    """Knows what runs after what, and has what runs next wait until its job has room.

    All that is decided here is decided again after a restart: the rows of those that wait say that nothing was sent.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        agenda: Agenda,
        flights: Flights,
        tallies: Tallies,
        changes: Changes,
        *,
        zone: str,
        now: Callable[[], datetime],
    ) -> None:
        """`zone` is the service's."""
        self._store = store
        self._health = health
        self._agenda = agenda
        self._flights = flights
        self._tallies = tallies
        self._changes = changes
        self._zone = zone
        self._now = now
        self.graph = Graph({})
        self._before: Graph | None = None
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Those that wait until their jobs have room, by job; the first one is next."""
        self._is_started = asyncio.Event()
        self.called_off: set[str] = set()
        """The chains that are being cancelled: nothing of them begins."""
        agenda.on_room = self._freed

    def link(self, changed: Iterable[Job], removed: Iterable[str]) -> None:
        """Take over what changed jobs declare, and forget removed ones: all of one change at once."""
        before, removed = self.graph, [one for one in removed if self.graph.knows(one)]
        links = {job.job_id: chained(job.spec) for job in changed}
        if removed or any(found != (None, None) or before.knows(job_id) for job_id, found in links.items()):
            self.graph = before.changed(links, removed)
        if self._is_started.is_set() and self.graph is not before:
            self._before = self._before or before

    def arm(self, changed: Sequence[Job], removed: Iterable[str]) -> None:
        """Take over changed jobs, and forget removed ones."""
        self.link(changed, removed)
        for job in changed:
            self._freed(job.job_id)

    @property
    def is_to_review(self) -> bool:
        """Whether ends may have been judged by a graph that was changed meanwhile."""
        return self._before is not None

    def take_before(self) -> Graph | None:
        """The graph as it was when chains that go on were last reviewed; `None` if that is how it is."""
        before, self._before = self._before, None
        return before

    # --- what ends lead to ----------------------------------------------------------------------------------------

    def ended(self, execution: Execution, finish: Finish) -> Ended | None:
        """The end of an execution as its chain sees it; `None` if nothing runs after it."""
        if execution.job_id not in self.graph or execution.is_alone or finish.status is Status.RUNNING:
            return None
        end = End(execution.execution_id, finish.status, finish.outcome.extracted)
        return ended_of(self.graph, execution, end)

    def may_end(self, flight: Flight, finish: Finish) -> bool:
        """Whether the end of an execution may be the last one of a chain."""
        execution = flight.execution
        if finish.status is Status.RUNNING:
            return False
        return execution.link is not None or (self.goes_on_after(execution.job_id) and not execution.is_alone)

    def start(self) -> None:
        """Let executions that have not begun take their turns: all jobs are armed."""
        self._is_started.set()

    def find(self, job_id: str) -> Job | None:
        """The job as it is at present."""
        return self._agenda.find(job_id)

    def goes_on_after(self, job_id: str) -> bool:
        """Whether other jobs run after it."""
        return bool(self.graph.children(job_id))

    def below(self, job_ids: Iterable[str]) -> Mapping[str, Job]:
        """All jobs that run after these, as they are at present."""
        found = (self._agenda.find(one) for job_id in set(job_ids) for one in self.graph.below(job_id))
        return {job.job_id: job for job in found if job is not None}

    def note(self, followed: Followed) -> None:
        """Note what was recorded because others ended."""
        of_all = [*(execution for _, execution in followed.ready), *(execution for execution, _ in followed.skipped)]
        if of_all:
            ids = [one.execution_id for one in of_all]
            late = [one.job_id for one, reason in followed.skipped if reason is Reason.CHAIN_TIMEOUT]
            self._changes.of_executions([one.job_id for one in of_all], ids, wrong=late)
        self._tallies.passed_over(followed.skipped)
        self._tallies.chains_over(followed.over)

    def placed(self, execution: Execution) -> Execution:
        """The execution with its place in a chain: one that no other started begins one, if jobs run after it."""
        if execution.link is not None or execution.is_alone or not self.graph.children(execution.job_id):
            return execution
        return replace(execution, link=Link(execution.execution_id, None, self._until(execution)))

    def _until(self, execution: Execution) -> datetime | None:
        timeout = self.graph.timeouts.get(execution.job_id)
        return None if timeout is None else execution.started_at + timedelta(seconds=timeout)

    async def inform(self, flight: Flight) -> None:
        """Give an execution what the jobs handed on that its job runs after, if its templates may ask for that."""
        execution, after = flight.execution, flight.job.spec.schedule
        if execution.upstream is not None or not flight.job.spec.templates or not isinstance(after, DeclaredAfter):
            return
        work = partial(chain_rows.ends_in, graph=self.graph, chain_id=execution.chain_id, job_ids=after.jobs)
        while True:
            try:
                ends = await self._store.read(work)
                break
            except StoreUnavailableError as error:
                self._health.failed(error)
                await asyncio.sleep(RETRY_SEC)
        flight.execution = replace(flight.execution, upstream={one: _known_of(ends.get(one)) for one in after.jobs})

    # --- turns ----------------------------------------------------------------------------------------------------

    async def turn(self, flight: Flight) -> Reason | None:
        """Wait until the job of an execution that has not begun has room for it. Returns why it does not begin, or
        `None`; then the agenda counts it.
        """
        await self._is_started.wait()  # what an earlier process left is known before the jobs are
        job_id = flight.execution.job_id
        if why := self.why_not(flight):
            return why
        self.renew(flight)
        waiting = len(self._waiting.get(job_id, ()))
        turn = turn_of(flight.job.spec, has_room=self._agenda.may_begin(job_id), waiting=waiting)
        if turn is Turn.SKIP:
            return Reason.OVERLAP
        if turn is Turn.BEGIN:
            self._agenda.begin(job_id)
        else:
            if turn is Turn.REPLACE:
                self._make_room(flight)
            await self._room(job_id)
            if why := self.why_not(flight):
                self._agenda.withdraw(job_id)
                return why
        flight.is_counted = True
        return None

    def why_not(self, flight: Flight) -> Reason | None:
        """Why an execution that has not begun may not begin now."""
        if flight.execution.chain_id in self.called_off:
            return Reason.CANCELLED
        current = self._agenda.find(flight.execution.job_id)
        return why_not_begun(current, flight.execution, self._now(), zone=self._zone)

    def is_current(self, flight: Flight) -> bool:
        """Whether its job is still as it is to be sent."""
        return self._agenda.find(flight.execution.job_id) is flight.job

    def renew(self, flight: Flight) -> None:
        """Have an execution of which nothing was sent sent as its job is declared now. It may hold no permit."""
        job = self._agenda.find(flight.execution.job_id)
        if job is not None and job is not flight.job:
            flight.job, flight.host = job, host_key(job.spec.target_url)
            flight.execution = replace(flight.execution, upstream=None)

    async def _room(self, job_id: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(job_id, deque())
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._agenda.withdraw(job_id)  # it was counted just now
            elif turn in waiting:
                waiting.remove(turn)
            raise
        finally:
            if not waiting:
                self._waiting.pop(job_id, None)

    def _freed(self, job_id: str) -> None:
        """Give the room that a job may have to those that wait for it."""
        waiting = self._waiting.get(job_id)
        while waiting and self._agenda.may_begin(job_id):
            turn = waiting.popleft()
            if not turn.done():
                self._agenda.begin(job_id)
                turn.set_result(None)

    def _make_room(self, newer: Flight) -> None:
        """Cut off the oldest execution of the job that no person asked for, begun or not, for a newer one."""
        for flight in self._flights.of_job(newer.execution.job_id):
            is_left = flight is not newer and flight.execution.kind is not Kind.MANUAL and flight.cut_off is None
            if is_left and self._flights.end(flight.execution.execution_id, REPLACED):
                return


def _known_of(end: End | None) -> Mapping[str, Any]:
    """What templates have of a job; nothing, if it did not run in the chain."""
    if end is None:
        return {}
    return {**(end.extracted or {}), "status": end.status.value, "execution_id": end.execution_id}


def ended_of(graph: Graph, execution: Execution, end: End) -> Ended:
    """The end of an execution as its chain sees it."""
    until = execution.link.until if execution.link else None
    if execution.link is None and (timeout := graph.timeouts.get(execution.job_id)) is not None:
        until = execution.started_at + timedelta(seconds=timeout)
    return Ended(execution.chain_id, execution.job_id, end, execution.slot, until)
