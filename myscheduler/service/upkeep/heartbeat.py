"""Records when the service was running, so that `why` can explain later why a slot was missed."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import uptime as uptime_rows
from myscheduler.errors import StoreUnavailableError

BEAT_SEC = 30.0
"""Time between two beats; so exactly the time of a crash is known afterwards."""

log = logging.getLogger(__name__)


class Heartbeat:
    """Writes one row for this run of the service: its start, when it was last alive, and its orderly end."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._started_at = now()

    async def begin(self) -> None:
        self._started_at = self._now()
        await self._store.write(partial(uptime_rows.begin, now=self._started_at))

    async def run(self) -> None:
        """Beat until cancelled. Failures of the database are ignored: `StoreHealth` reports them."""
        while True:
            await asyncio.sleep(BEAT_SEC)
            with suppress(StoreUnavailableError):
                await self._store.write(partial(uptime_rows.see, started_at=self._started_at, now=self._now()))
                log.debug("heartbeat recorded")

    async def end(self) -> None:
        with suppress(StoreUnavailableError):
            work = partial(uptime_rows.see, started_at=self._started_at, now=self._now(), has_stopped=True)
            await self._store.write(work)
