"""Stopping by signal: the first SIGTERM or SIGINT asks for an orderly stop, the second for a fast one; further ones
change nothing.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

NUMBERS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


def end_at_once() -> None:
    """End the process during startup: nothing was sent, so nothing is to be recorded; an open transaction is undone."""
    log.warning("stopped during startup")
    logging.shutdown()
    os._exit(0)


class Shutdown:
    """Receives the signals of this process and runs a callback for the first and for the second one."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._count = 0
        self.on_first: Callable[[], str | None] = lambda: None
        """Begins the stop; returns a text that says what the stop waits for, if anything."""
        self.on_second: Callable[[], None] = end_at_once

    def listen(self) -> None:
        """Handle the signals from now on, those that arrived (blocked) during the imports included."""
        loop = asyncio.get_running_loop()
        for number in NUMBERS:
            loop.add_signal_handler(number, self._take, number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, set(NUMBERS))

    def close(self) -> None:
        """Ignore the signals from now on: nothing is left to stop, and a signal must not change the exit code."""
        loop = asyncio.get_running_loop()
        for number in NUMBERS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    async def unless_asked(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run `work`, which a stop cancels, also one that was requested before. Returns whether it was completed."""
        if self.is_asked:
            work.close()
            return False
        doing, asked = asyncio.create_task(work), asyncio.create_task(self._asked.wait())
        await asyncio.wait({doing, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not self.is_asked:
            await doing
            return True
        doing.cancel()
        with suppress(asyncio.CancelledError):
            await doing
        return False

    def _take(self, number: signal.Signals) -> None:
        self._count += 1
        if self._count == 1:
            self._asked.set()
            words = self.on_first()
            log.info("stopping", extra={"signal": number.name} | ({"waits_for": words} if words else {}))
        elif self._count == 2:
            log.warning("a second signal: stopping without waiting any longer", extra={"signal": number.name})
            self.on_second()
        else:
            log.debug("a further signal changes nothing", extra={"signal": number.name})
