"""Detects that the whole process was held up, by a thread of its own, which a busy event loop does not delay."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from myscheduler.core.dispatch.pulse import HELD_UP, Pulse, Standstill

BEAT_SEC = 0.5
"""The time between two signs of life."""

log = logging.getLogger(__name__)


class PulseThread:
    """Notices that the process did not run for a while; see `core.dispatch.pulse`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._pulse = Pulse(now())
        self._guard = threading.Lock()
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the thread. What came before does not count as a standstill: the service's start catches up on it."""
        self._pulse = Pulse(self._now())
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def take(self, now: datetime) -> Standstill | None:
        """The standstill that has ended since the last call, if any."""
        with self._guard:
            return self._pulse.take(now)

    def _run(self) -> None:
        before = time.monotonic()
        while not self._ended.wait(BEAT_SEC):
            with self._guard:
                self._pulse.beat(self._now())
            before, after = time.monotonic(), before
            if before - after > HELD_UP.total_seconds():  # if the machine slept, the clock watch logs it
                log.warning("this process was held up for %.1f s (stopped, or no processor was free)", before - after)
