"""The claim loop: stores claims, and has executions sent once their claims are stored."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows.chains import Followed
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.core.chains.graph import Graph
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import WRONG
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.changes import Changes
from myscheduler.service.dispatch.arming import Arming
from myscheduler.service.dispatch.attempts import Attempts
from myscheduler.service.dispatch.chaining import Chains
from myscheduler.service.dispatch.execution_log import log_claims
from myscheduler.service.dispatch.flights import GIVEN_UP, CutOff, Flights
from myscheduler.service.dispatch.manual_runs import Asked
from myscheduler.service.dispatch.permits import Permits
from myscheduler.service.dispatch.recovery import Recovery
from myscheduler.service.dispatch.tallies import Tallies
from myscheduler.service.dispatch.triggers import Triggers
from myscheduler.service.store_health import RETRY_SEC, StoreHealth

FIRST_CLAIMS = 32
"""The most claims in the first transaction after a pause: it is short, so that the first calls of a herd leave soon."""
CLAIMS_AT_ONCE = 128
"""The most claims in one transaction; each has twice as many as the one before, up to this number. Its executions are
sent while the next claims are stored."""
CLAIM_PAUSE_SEC = 0.02
"""Seconds between transactions, so that slots falling due meanwhile share the next one; commits are the main cost."""


class Claiming:
    """Takes claims from the agenda and from the triggers, stores them, and has their executions sent.

    The loop waits for `has_work`, which only means that there may be something to claim. While the database can't be
    used, nothing is sent: failed claims are undone and their slots decided again, and the database is checked every
    `RETRY_SEC`. Once it works, claims that were stored without an answer are recovered, and slots that fell due in the
    meantime are caught up on.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        agenda: Agenda,
        flights: Flights,
        triggers: Triggers,
        permits: Permits,
        arming: Arming,
        attempts: Attempts,
        recovery: Recovery,
        tallies: Tallies,
        changes: Changes,
        chains: Chains,
        *,
        has_work: asyncio.Event,
        now: Callable[[], datetime],
    ) -> None:
        """`has_work` is set by other parts when there may be something to claim."""
        self._store = store
        self._health = health
        self._agenda = agenda
        self._flights = flights
        self._triggers = triggers
        self._permits = permits
        self._arming = arming
        self._attempts = attempts
        self._recovery = recovery
        self._tallies = tallies
        self._changes = changes
        self._chains = chains
        self._has_work = has_work
        self._now = now
        self._held: asyncio.TimerHandle | None = None
        """Wakes the loop when a throttled lane may go on."""
        health.listen(self._after_report)

    async def run(self) -> None:
        """Claim what is due, many at a time, and have it sent, until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            try:
                if self._health.error is not None:
                    await asyncio.sleep(RETRY_SEC)
                    await self._health.check()
                    await self._recovery.recover(Reason.DATABASE)
                    self._agenda.held_up(self._health.well_at, self._now())
                known = self._health.error
                await self._claim_all()
            except StoreUnavailableError as error:
                self._health.failed(error)
            else:
                if self._health.error is known:  # else another part reported an error meanwhile
                    self._health.worked()

    def wake(self) -> None:
        """Look whether there is something to claim."""
        self._has_work.set()

    def _after_report(self) -> None:
        self._agenda.is_database_well = self._health.error is None
        self._has_work.set()

    async def _claim_all(self) -> None:
        at_most = FIRST_CLAIMS
        while count := await self._claim_next(at_most):
            if count < at_most:
                await asyncio.sleep(CLAIM_PAUSE_SEC)
            at_most = min(2 * at_most, CLAIMS_AT_ONCE)
            await self._attempts.starts.until_few()
        self._wake_for_held()

    def _wake_for_held(self) -> None:
        """Have the loop woken when a lane may go on that its throttle holds back: nothing else would do it."""
        if self._held is not None:
            self._held.cancel()
            self._held = None
        now = self._now()
        times = [one for one in (self._agenda.held_until(now), self._permits.held_until(now)) if one is not None]
        if times:
            delay = max(0.0, (min(times) - now).total_seconds())
            self._held = asyncio.get_running_loop().call_later(delay, self._has_work.set)

    async def _claim_next(self, at_most: int) -> int:
        """Claim and send one batch. Returns the number of claims taken, accepted or not."""
        await self._arming.reload()
        self._arming.report_standstill(self._now())
        asked = self._triggers.take()
        batch = self._agenda.take(self._now(), at_most)
        self._arming.follow()  # a slot that waited after a step to record may need room only now
        if not asked and not batch:
            return 0
        with self._flights.claiming():
            await self._claim(asked, batch)
        return len(asked) + len(batch)

    async def _claim(self, asked: list[Asked], batch: list[Taken]) -> None:
        claims = [one.claim for one in (*(one.taken for one in asked), *batch)]
        try:
            graph, below = self._chains.graph, self._chains.below(one.job_id for one in claims if one.unrun)
            work = partial(_store, claims=claims, graph=graph, below=below, now=self._now)
            accepted, left_out, followed = await self._store.write(work)
        except StoreUnavailableError:
            self._agenda.undo(batch, self._now())
            self._arming.follow()
            self._triggers.ask_again(asked)
            raise
        log_claims(claims, accepted)
        self._note(claims)
        self._tallies.claimed(zip(claims, accepted, strict=True))
        for gap in left_out:
            self._tallies.left_out(gap.job_id, gap.unrun)
        self._chains.note(followed)
        for job, execution in followed.ready:
            self._attempts.follow(job, execution)
        for one, is_accepted in zip(asked, accepted[: len(asked)], strict=True):
            self._after_asked(one, is_accepted=is_accepted)
        for taken, is_accepted in zip(batch, accepted[len(asked) :], strict=True):
            self._after_claim(taken, is_accepted=is_accepted)

    def _note(self, claims: Sequence[Claim]) -> None:
        begun = [claim.execution.execution_id for claim in claims if claim.execution is not None]
        wrong = [claim.job_id for claim in claims for gap in claim.unrun if gap.status in WRONG]
        self._changes.of_executions([claim.job_id for claim in claims], begun, wrong=wrong)

    def _after_asked(self, asked: Asked, *, is_accepted: bool) -> None:
        still_waits = self._triggers.answer(asked, is_accepted=is_accepted)
        if is_accepted:
            self._begin(asked.taken, None if still_waits else GIVEN_UP)
        else:
            self._arming.outdate(asked.taken.claim.job_id)

    def _after_claim(self, taken: Taken, *, is_accepted: bool) -> None:
        if is_accepted:
            self._agenda.confirm(taken)
            self._begin(taken)
        else:
            self._agenda.give_up(taken)
            self._arming.outdate(taken.claim.job_id)

    def _begin(self, taken: Taken, cut_off: CutOff | None = None) -> None:
        if taken.claim.execution is not None:
            self._attempts.begin(taken.job, taken.claim.execution, taken.host, cut_off=cut_off)


def _store(
    connection: Connection,
    *,
    claims: Sequence[Claim],
    graph: Graph,
    below: Mapping[str, Job],
    now: Callable[[], datetime],
) -> tuple[list[bool], Sequence[UnrunOfJob], Followed]:
    """Store claims, and what follows from their slots that do not run."""
    # what is stored already has led to what follows: the answer to its commit was lost
    fresh = claim_rows.undecided(connection, [one for one in claims if one.unrun]) if below else []
    accepted = claim_rows.claim(connection, claims, now=now)
    if not fresh:
        return accepted, (), Followed()
    left_out = [UnrunOfJob(one.job_id, one.unrun, one.digest, one.source) for one in fresh]
    return accepted, *chain_rows.record_left_out(connection, left_out, graph, find=below.get, now=now())
