"""Pings: finds whose they are by their keys, and the execution that each is about."""

from collections.abc import Callable
from datetime import datetime, timedelta

from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.hearing import Heard, Signal
from myscheduler.core.schedule.slots import next_after
from myscheduler.service.dispatch.expectations import Expectations
from myscheduler.service.dispatch.ping_keys import PingKeys
from myscheduler.service.dispatch.triggers import Triggers

BY = "ping"
"""Who asked for an execution that began with a ping."""
EARLY = timedelta(seconds=5)
"""A ping may come so long before its slot: clocks differ. It is held until then."""
CLAIM_SEC = 5.0
"""How many seconds a ping waits for the execution of a slot that is due, while that is being recorded."""


class Pings:
    """Takes pings, from their keys to the execution that hears them.

    A ping that no execution waits for, although it reports a start or an end, makes an execution of its own, recorded
    as a manual run.
    """

    def __init__(
        self,
        keys: PingKeys,
        agenda: Agenda,
        triggers: Triggers,
        expectations: Expectations,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._keys = keys
        self._agenda = agenda
        self._triggers = triggers
        self._expectations = expectations
        self._now = now

    async def hear(self, key: str, ping: Heard) -> bool:
        """Record a ping for each job that has this key. Returns whether there is one.

        Raises `StoreUnavailableError` if it can't be recorded; the sender then has to send it again.
        """
        job_ids = self._keys.find(key)
        for job_id in job_ids:
            await self._hear(job_id, ping)
        return bool(job_ids)

    async def _hear(self, job_id: str, ping: Heard) -> None:
        if await self._expectations.hear(job_id, ping):
            return
        if (seconds := self._seconds_until_due(job_id)) is not None:
            await self._expectations.until_begun(job_id, seconds + CLAIM_SEC)
            if await self._expectations.hear(job_id, ping):
                return
        if ping.signal is not Signal.LOG:
            await self._triggers.trigger(job_id, by=BY, may_overlap=True)
            await self._expectations.hear(job_id, ping)

    def _seconds_until_due(self, job_id: str) -> float | None:
        """Seconds until the job's next slot, if that is due or nearly so; `None` if it is not, or will not run."""
        armed, now = self._agenda.armed.get(job_id), self._now()
        slot = next_after(armed.schedule, armed.claimed) if armed else None
        if armed is None or slot is None or slot - now > EARLY:
            return None
        if armed.job.paused_until is not None and slot < armed.job.paused_until:
            return None
        return max((slot - now).total_seconds(), 0.0)
