"""Watches the system clock, which schedules follow: it may be set, and it goes on while the machine sleeps.

Timers wait by the monotonic clock, so they don't notice. After a jump forward the dispatcher checks what is due, and
missed slots are caught up as their jobs say. After a jump back, jobs that are ahead of the clock are realigned to it.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from myscheduler.errors import StoreUnavailableError
from myscheduler.messages.durations import span_words
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.dispatch.dispatcher import Dispatcher

LOOK_SEC = 1.0
CHECK_SEC = 60.0
"""How often jobs ahead of the clock are searched though no jump was seen: the clock may go forward and back between two
checks.
"""
PARTED = timedelta(seconds=1)
"""A larger difference to the monotonic clock means that the clock was set; NTP's slow corrections change both alike."""
READ_AT_ONCE = timedelta(milliseconds=100)
"""The longest time between the reads of the two clocks; a slower pair of reads is repeated."""

log = logging.getLogger(__name__)


class Timekeeper:
    """Compares the system clock with the monotonic one every `LOOK_SEC`, and reacts to jumps."""

    def __init__(self, dispatcher: Dispatcher, catalog: Catalog, *, now: Callable[[], datetime]) -> None:
        self._dispatcher = dispatcher
        self._catalog = catalog
        self._now = now
        self._origin = self._find_origin()
        self._has_to_realign = False
        self._checked = _monotonic()
        self.jumps: Counter[str] = Counter()
        """How often the clock was set, `forward` and `back`."""

    async def run(self) -> None:
        """Check again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SEC)
            try:
                await self.look()
            except StoreUnavailableError:
                continue  # the dispatcher reports it; the next check tries again
            except Exception:
                self._done()
                log.exception("a bug kept jobs from following the clock")

    async def look(self) -> None:
        """Check the clock once, and follow it if it was set. After a `StoreUnavailableError` the next call goes on."""
        origin = self._find_origin()
        moved = origin - self._origin
        is_set = abs(moved) > PARTED
        if is_set:
            self._origin = origin
            self.jumps["back" if moved < timedelta() else "forward"] += 1
            _log_jump(moved)
        if moved < -PARTED or _monotonic() - self._checked >= timedelta(seconds=CHECK_SEC):
            self._has_to_realign = True
        if is_set or self._has_to_realign:
            self._dispatcher.clock_was_set()  # first, so that no slot ahead of the clock is claimed after
        if self._has_to_realign:
            log.debug("looking for jobs that are ahead of the clock")
            await self._catalog.realign()
            self._done()

    def _done(self) -> None:
        self._has_to_realign = False
        self._checked = _monotonic()

    def _find_origin(self) -> datetime:
        """The time of the system clock minus the monotonic one: constant, unless the system clock is set."""
        while True:
            before, now, after = _monotonic(), self._now(), _monotonic()
            if after - before < READ_AT_ONCE:  # else the process was suspended in between
                return now - before


def _monotonic() -> timedelta:
    return timedelta(seconds=time.monotonic())


def _log_jump(moved: timedelta) -> None:
    if moved < timedelta():
        log.warning("the system clock was set back by %s; jobs continue from there", span_words(moved))
    else:
        log.warning("the system clock was set forward by %s, or the machine slept; jobs catch up", span_words(moved))
