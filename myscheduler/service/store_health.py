"""Whether the database can be used: what was last heard of it, for those who send and for `/health`."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import probe
from myscheduler.errors import StoreUnavailableError

RETRY_SEC = 1.0
"""How long those who were refused wait before they write again."""
LOOK_SEC = 2.0
"""How often an empty transaction asks whether the database is still there; it costs no write."""

log = logging.getLogger(__name__)


class StoreHealth:
    """The newest failure of the database, until a write succeeds.

    Whoever writes for the dispatch of executions reports here: `failed` with the error, and `worked` after a write that
    shows that executions can be recorded again. `run` looks beside them, so that a service with nothing due for hours
    notices that its database is gone; it reports failures only, because an empty transaction succeeds on a full disk.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._listeners: list[Callable[[], None]] = []
        self.error: StoreUnavailableError | None = None
        """Why nothing is sent at the moment; `None` when the database can be used."""
        self.well_at = now()
        """When the database was last known to take what is written."""

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each failure, and when the database can be used again."""
        self._listeners.append(listener)

    def failed(self, error: StoreUnavailableError) -> None:
        """The database could not be used just now."""
        if self.error is None:
            log.error("the database can't be used, so nothing is sent until it can: %s", error)
        self.error = error
        self._tell()

    def worked(self) -> None:
        """The database took what is written."""
        if self.error is not None:
            log.warning("the database can be used again")
            self.error = None
            self._tell()
        self.well_at = self._now()

    async def check(self) -> None:
        """Write as much as a busy moment does, and take it back. Raises `StoreUnavailableError`."""
        await self._store.write(probe.fill)
        await self._store.write(probe.clear)

    async def run(self) -> None:
        """Look every `LOOK_SEC` whether the database is still there, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SEC)
            try:
                await self._store.write(probe.look)
            except StoreUnavailableError as error:
                self.failed(error)
            else:
                if self.error is None:
                    self.well_at = self._now()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
