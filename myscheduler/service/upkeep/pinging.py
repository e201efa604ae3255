"""Tells a monitor elsewhere that the service is well, so that somebody notices when it is not, or is gone."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from myscheduler.adapters.http.pings import Ping, PingError
from myscheduler.core.gitops.sync_state import SyncCondition, SyncState
from myscheduler.service.store_health import StoreHealth

LOOK_SEC = 2.0
"""How often it is checked whether the service is well."""
PATIENCE_SEC = 30.0
"""How long something may be wrong before the monitor is told: a short lock of the database is no alarm."""

log = logging.getLogger(__name__)


class Monitor(Protocol):
    """Where pings go."""

    host: str

    async def send(self, ping: Ping, reason: str = "") -> None:
        """Raises `PingError`."""
        ...


class Pinging:
    """Sends a success every `interval_sec` while the database and the source are well, else one failure.

    It runs on the event loop that makes the calls: if that stands still, so do the pings.
    """

    def __init__(
        self,
        monitor: Monitor,
        health: StoreHealth,
        source: Callable[[], SyncState],
        *,
        interval_sec: float,
        now: Callable[[], datetime],
        patience_sec: float = PATIENCE_SEC,
    ) -> None:
        self._monitor = monitor
        self._health = health
        self._source = source
        self._interval_sec = interval_sec
        self._patience_sec = patience_sec
        self._now = now
        self._is_cut = False
        """Whether the monitor could not be reached last time."""
        self._due_at = float("-inf")
        """When the next success is due, by the monotonic clock."""
        self._wrong_since: float | None = None
        self._is_told = False
        """Whether the monitor knows that something is wrong."""
        self.last_success: datetime | None = None
        """When the monitor last took a success."""

    async def run(self) -> None:
        """Ping until cancelled."""
        await self._send(Ping.START)
        while True:
            try:
                await self._look()
            except Exception:
                log.exception("a bug kept the heartbeat from being sent")
            await asyncio.sleep(LOOK_SEC)

    async def _look(self) -> None:
        why, at = self._wrong(), time.monotonic()
        if why is None:
            self._wrong_since, self._is_told = None, False
            if at >= self._due_at:
                self._due_at = at + self._interval_sec
                await self._succeed()
            return
        if self._wrong_since is None:
            self._wrong_since = at
        self._due_at = at  # once all is well again, the monitor is told at once
        if not self._is_told and at >= self._wrong_since + self._patience_sec:
            self._is_told = await self._send(Ping.FAIL, why)

    async def _succeed(self) -> None:
        if await self._send(Ping.SUCCESS):
            self.last_success = self._now()

    def _wrong(self) -> str | None:
        """Why the service is not well; `None` if it is."""
        if self._health.error is not None:
            return f"the database can't be used, so nothing is sent: {self._health.error}"
        state = self._source()
        if state.condition is SyncCondition.STALLED:
            return f"the source is not applied: {state.message}"
        return None

    async def _send(self, ping: Ping, reason: str = "") -> bool:
        """Returns whether the monitor took it. The log says once that it does not, and once that it does again."""
        try:
            await self._monitor.send(ping, reason)
        except PingError as error:
            if not self._is_cut:
                log.warning("the heartbeat does not reach %s: %s", self._monitor.host, error)
            self._is_cut = True
            return False
        if self._is_cut:
            log.info("the heartbeat reaches %s again", self._monitor.host)
        self._is_cut = False
        return True
