"""Ends executions: the loop that records their ends in the history."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chain_edits as chain_edit_rows
from myscheduler.adapters.store.rows import chain_runs as chain_run_rows
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows.chains import Followed
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.chains.following import Ended
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.judging import NOT_RUN
from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.history.execution import WRONG, Execution, Finish, Status
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import Cancellation
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.census import Census
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.execution_log import log_end
from myscheduler.service.dispatch.flights import CutOff, Flight, Flights
from myscheduler.service.dispatch.requiring import Requiring
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.dispatch.triggers import Triggers
from myscheduler.service.store_health import RETRY_SEC, StoreHealth

RECORD_PAUSE_SEC = 0.04
"""Seconds between transactions, so that ends meanwhile share the next one; commits are the main cost."""


class Endings:
    """Takes the ends of executions and records them many at a time.

    Until its end is recorded, an execution counts as in progress: its job does not run again, and a shutdown waits for
    it. Recording is retried until it succeeds; no end is dropped.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        agenda: Agenda,
        flights: Flights,
        triggers: Triggers,
        census: Census,
        tallies: Tallies,
        changes: Changes,
        chains: Chains,
        requiring: Requiring,
        *,
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """`wake` wakes the claim loop."""
        self._store = store
        self._health = health
        self._agenda = agenda
        self._flights = flights
        self._triggers = triggers
        self._census = census
        self._tallies = tallies
        self._changes = changes
        self._chains = chains
        self._requiring = requiring
        self._wake = wake
        self._now = now
        self._ended: list[tuple[Flight, Finish]] = []
        """Ends not yet recorded."""
        self._has_ended = asyncio.Event()
        self._listeners: list[Callable[[Job, Execution, Finish], None]] = []
        self.on_ready: Callable[[Job, Execution], None] = lambda _job, _execution: None
        """Called with each execution that the ends of others have started."""

    def listen(self, listener: Callable[[Job, Execution, Finish], None]) -> None:
        """Call `listener` with each execution, once its end is recorded. It must be quick, and raise nothing."""
        self._listeners.append(listener)

    def end(
        self, flight: Flight, status: Status, attempts: int, outcome: Outcome, reason: Reason | None = None
    ) -> None:
        """End an execution after `attempts` requests. With status `RUNNING`, it is continued at the next start."""
        execution = flight.execution
        completed_at = None if status is Status.RUNNING else self._now()
        finish = Finish(
            execution.execution_id,
            status,
            None if status in NOT_RUN or flight.is_unbegun else execution.started_at,
            completed_at,
            attempts,
            outcome,
            reason,
            flight.attempts_detail,
            flight.next_attempt_at if status is Status.RUNNING else None,
        )
        flight.finish = finish
        if flight.is_counted:
            self._agenda.over(execution.job_id)
        self._ended.append((flight, finish))
        self._has_ended.set()

    def cut_off(self, flight: Flight, how: CutOff, *, attempts: int) -> None:
        """End an execution cut off after `attempts`; one that the next start goes on with stays `running`."""
        if flight.is_unbegun and not how.is_resumable:
            self.end(flight, Status.SKIPPED, 0, Outcome(error=how.unsent), how.reason)
        elif how.is_resumable and flight.next_attempt_at is not None:
            self.end(flight, Status.RUNNING, attempts, Outcome())  # it is not certain what its row says
        elif not (how.is_resumable and may_resend(flight.job, flight.execution, self._now())):
            error = how.error if attempts else how.unsent
            self.end(flight, Status.INTERRUPTED, attempts, Outcome(error=error), how.reason)
        elif attempts > 1 or any(one.duration is not None for one in flight.attempts_detail):
            self.end(flight, Status.RUNNING, attempts - 1, Outcome())  # the outcome of the last attempt is unknown
        else:
            self._flights.close(flight)

    def review(self) -> None:
        """Have chains judged again if what runs after what was changed: ends that were recorded just before may have
        been judged by the former graph.
        """
        if self._chains.is_to_review:
            self._has_ended.set()

    async def run(self) -> None:
        """Record ends as they come, until cancelled."""
        while True:
            await self._has_ended.wait()
            self._has_ended.clear()
            ended, self._ended = self._ended, []
            followed = await self._record(ended)
            self._note(ended)
            self._chains.note(followed)
            for job, execution in followed.ready:
                self.on_ready(job, execution)
            for flight, finish in ended:
                self._flights.close(flight)
                if flight.is_counted:
                    self._agenda.end(flight.execution.job_id)
                self._triggers.begin_queued(flight.execution.job_id)
                log_end(flight.execution, finish)
                for listener in self._listeners:
                    listener(flight.job, flight.execution, finish)
            self._wake()
            await asyncio.sleep(RECORD_PAUSE_SEC)

    def _note(self, ended: Sequence[tuple[Flight, Finish]]) -> None:
        job_ids = [flight.execution.job_id for flight, _ in ended]
        bad = [one for one in ended if one[1].status in WRONG or one[1].reason is Reason.CHAIN_TIMEOUT]
        wrong = [flight.execution.job_id for flight, _ in bad]
        self._changes.of_executions(job_ids, [finish.execution_id for _, finish in ended], wrong=wrong)
        self._census.ended(zip(job_ids, (finish.status for _, finish in ended), strict=True))
        self._tallies.ended((flight.execution, finish) for flight, finish in ended)
        self._requiring.completed(
            (flight.execution.job_id, finish.completed_at)
            for flight, finish in ended
            if finish.status is Status.COMPLETED and finish.completed_at is not None
        )
        self._tallies.forget(job_id for job_id in job_ids if self._agenda.find(job_id) is None)

    async def _record(self, ended: Sequence[tuple[Flight, Finish]]) -> Followed:
        """Record the ends, and what follows from them."""
        finishes, cancelled = [finish for _, finish in ended], [one for one in map(_cancelled, ended) if one]
        of_chains = [one for flight, finish in ended if (one := self._chains.ended(flight.execution, finish))]
        below = self._chains.below(one.job_id for one in of_chains)
        may_be_over = {flight.execution.chain_id for flight, finish in ended if self._chains.may_end(flight, finish)}
        work = partial(
            _store, finishes=finishes, cancelled=cancelled, ended=of_chains, graph=self._chains.graph, below=below,
            before=self._chains.take_before(), may_be_over=may_be_over, decided_at=self._now(), now=self._now,
        )  # fmt: skip
        while True:
            try:
                return await self._store.write(work)
            except StoreUnavailableError as error:
                self._health.failed(error)
                await asyncio.sleep(RETRY_SEC)


def _store(
    connection: Connection,
    *,
    finishes: Sequence[Finish],
    cancelled: Sequence[Cancellation],
    ended: Sequence[Ended],
    graph: Graph,
    below: Mapping[str, Job],
    before: Graph | None,
    may_be_over: Collection[str],
    decided_at: datetime,
    now: Callable[[], datetime],
) -> Followed:
    """Whatever is repeated because an answer was lost, is decided as it was before: `decided_at` stays."""
    claim_rows.finish(connection, finishes, cancelled)
    followed, at = Followed(), now()
    if ended:
        followed += chain_rows.record_followers(connection, ended, graph, find=below.get, now=at, decided_at=decided_at)
    if before is not None:
        stored, jobs = chain_rows.stored_graph(connection)
        followed += chain_edit_rows.judge_again(connection, before, stored, find=jobs.get, now=at)
    left = set(may_be_over).difference(execution.chain_id for _, execution in followed.ready)
    return replace(followed, over=chain_run_rows.over_of(connection, left)) if left else followed


def _cancelled(ended: tuple[Flight, Finish]) -> Cancellation | None:
    """The request that ended an execution, if one did."""
    flight, finish = ended
    return flight.cut_off.cancelled if flight.cut_off and finish.reason is Reason.CANCELLED else None
