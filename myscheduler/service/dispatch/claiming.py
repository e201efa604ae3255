"""The claim loop: nothing is sent before its claim is stored."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.dispatch.arming import Arming
from myscheduler.service.dispatch.attempts import Attempts
from myscheduler.service.dispatch.execution_log import log_claims
from myscheduler.service.dispatch.flights import GIVEN_UP, CutOff, Flights
from myscheduler.service.dispatch.recovery import Recovery
from myscheduler.service.dispatch.triggers import Asked, Triggers
from myscheduler.service.store_health import RETRY_SEC, StoreHealth

CLAIMS_AT_ONCE = 100
"""How many claims share a transaction at the most. The first are sent while the next are being claimed."""
CLAIM_PAUSE_SEC = 0.02
"""What falls due meanwhile shares the next transaction; one for each costs more than all else."""


class Claiming:
    """Takes what has its turn from the agenda and from the triggers, stores the claims, and has them sent.

    `wake` only says that there may be something; the loop looks for itself what there is. While the database can't be
    used nothing is sent: claims that failed are undone and decided anew, and every `RETRY_SEC` it is tried again. Once
    it takes a probe, what was stored unheard is recovered, and slots that fell due meanwhile are caught up on.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        agenda: Agenda,
        flights: Flights,
        triggers: Triggers,
        arming: Arming,
        attempts: Attempts,
        recovery: Recovery,
        *,
        has_work: asyncio.Event,
        now: Callable[[], datetime],
    ) -> None:
        """`has_work` is set by whoever may have made something claimable."""
        self._store = store
        self._health = health
        self._agenda = agenda
        self._flights = flights
        self._triggers = triggers
        self._arming = arming
        self._attempts = attempts
        self._recovery = recovery
        self._has_work = has_work
        self._now = now
        health.listen(self._after_report)

    async def run(self) -> None:
        """Claim what is due, many at a time, and send it; until cancelled."""
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
                if self._health.error is known:  # else something failed after the last claim
                    self._health.worked()

    def _after_report(self) -> None:
        self._agenda.is_database_well = self._health.error is None
        self._has_work.set()

    async def _claim_all(self) -> None:
        while count := await self._claim_next():
            if count < CLAIMS_AT_ONCE:
                await asyncio.sleep(CLAIM_PAUSE_SEC)

    async def _claim_next(self) -> int:
        """Claim and send what has its turn. Returns how much that was."""
        await self._arming.reload()
        self._arming.look_back(self._now())
        asked = self._triggers.take()
        batch = self._agenda.take(self._now(), CLAIMS_AT_ONCE)
        self._arming.follow()  # a slot that stood behind a mere record may need a permit only now
        if not asked and not batch:
            return 0
        with self._flights.claiming():
            await self._claim(asked, batch)
        return len(asked) + len(batch)

    async def _claim(self, asked: list[Asked], batch: list[Taken]) -> None:
        claims = [one.claim for one in (*(one.taken for one in asked), *batch)]
        try:
            accepted = await self._store.write(partial(claim_rows.claim, claims=claims, now=self._now))
        except StoreUnavailableError:
            self._agenda.undo(batch, self._now())
            self._arming.follow()
            self._triggers.ask_again(asked)
            raise
        log_claims(claims, accepted)
        for one, is_accepted in zip(asked, accepted[: len(asked)], strict=True):
            self._after_asked(one, is_accepted=is_accepted)
        for taken, is_accepted in zip(batch, accepted[len(asked) :], strict=True):
            self._after_claim(taken, is_accepted=is_accepted)

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
