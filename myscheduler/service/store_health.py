"""Whether the database can be used, for the dispatcher and for `/health`."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import probe
from myscheduler.errors import StoreUnavailableError

RETRY_SEC = 1.0
"""How long a caller whose write failed waits before it tries again."""
LOOK_SEC = 2.0
"""How often an empty transaction checks that the database is there; it writes nothing."""

log = logging.getLogger(__name__)


class StoreHealth:
    """Holds the newest failure of the database until a write succeeds.

    The parts that record executions report here: `failed` with the error, and `worked` after a write that proves that
    executions can be recorded. In addition `run` checks the database, so that its loss is noticed while no job is due.
    It reports failures only, because an empty transaction succeeds even on a full disk.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._listeners: list[Callable[[], None]] = []
        self.error: StoreUnavailableError | None = None
        """Why nothing is sent at the moment; `None` while the database can be used."""
        self.well_at = now()
        """When the database was last known to work."""

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each failure, and when the database can be used again."""
        self._listeners.append(listener)

    def failed(self, error: StoreUnavailableError) -> None:
        """Record that the database failed."""
        if self.error is None:
            log.error("the database can't be used, so nothing is sent until it can: %s", error)
        self.error = error
        self._notify()

    def worked(self) -> None:
        """Record that a write succeeded."""
        if self.error is not None:
            log.warning("the database can be used again")
            self.error = None
            self._notify()
        self.well_at = self._now()

    async def check(self) -> None:
        """Write as much as a busy moment does, and delete it again. Raises `StoreUnavailableError`."""
        await self._store.write(probe.fill)
        await self._store.write(probe.clear)

    async def run(self) -> None:
        """Check every `LOOK_SEC` that the database is still there, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SEC)
            try:
                await self._store.write(probe.look)
            except StoreUnavailableError as error:
                self.failed(error)
            else:
                if self.error is None:
                    self.well_at = self._now()

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()
