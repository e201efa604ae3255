"""Watches the system clock: schedules follow it, and it may be set, or go on while the machine sleeps.

What waits goes by a clock that only runs on, and would not notice. After a jump forward the timers look again, and
what is due by then is caught up on as its job says. After a jump back, jobs that are ahead of the clock are taken back.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from myscheduler.core.explain.durations import span_words
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.dispatch.dispatcher import Dispatcher

LOOK_SEC = 1.0
CHECK_SEC = 60.0
"""How often jobs are looked for that are ahead though no jump was seen: it may go forward and back between two looks.
"""
PARTED = timedelta(seconds=1)
"""A clock that is further from where it should be was set; NTP's slow corrections change both clocks alike."""
READ_AT_ONCE = timedelta(milliseconds=100)
"""The two clocks are compared only when they were read within so short a time."""

log = logging.getLogger(__name__)


class Timekeeper:
    def __init__(self, dispatcher: Dispatcher, catalog: Catalog, *, now: Callable[[], datetime]) -> None:
        self._dispatcher = dispatcher
        self._catalog = catalog
        self._now = now
        self._origin = self._find_origin()
        self._has_to_realign = False
        self._checked = _monotonic()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SEC)
            try:
                await self.look()
            except StoreUnavailableError:
                continue  # the dispatcher says so; the next look tries again
            except Exception:
                self._done()
                log.exception("a bug kept jobs from following the clock")

    async def look(self) -> None:
        """Follow the clock, if it was set. After a `StoreUnavailableError` the next look goes on with it."""
        origin = self._find_origin()
        moved = origin - self._origin
        is_set = abs(moved) > PARTED
        if is_set:
            self._origin = origin
            _tell(moved)
        if moved < -PARTED or _monotonic() - self._checked >= timedelta(seconds=CHECK_SEC):
            self._has_to_realign = True
        if is_set or self._has_to_realign:
            self._dispatcher.clock_was_set()  # before jobs are taken back, so that no claim that is ahead follows
        if self._has_to_realign:
            log.debug("looking for jobs that are ahead of the clock")
            await self._catalog.realign()
            self._done()

    def _done(self) -> None:
        self._has_to_realign = False
        self._checked = _monotonic()

    def _find_origin(self) -> datetime:
        """What the system clock should have shown when the monotonic one was at zero. It moves as the clock is set."""
        while True:
            before, now, after = _monotonic(), self._now(), _monotonic()
            if after - before < READ_AT_ONCE:  # else the process was held up in between
                return now - before


def _monotonic() -> timedelta:
    return timedelta(seconds=time.monotonic())


def _tell(moved: timedelta) -> None:
    if moved < timedelta():
        log.warning("the system clock was set back by %s; jobs go on from there", span_words(moved))
    else:
        log.warning("the system clock was set forward by %s, or the machine slept; jobs catch up", span_words(moved))
