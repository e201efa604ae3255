"""Runs expensive checks of input in a thread, one at a time, off the event loop."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import TypeVar

SIZE_A_SEC = 100 * 1024
"""This many bytes of input cost as much priority as arriving a second later."""

T = TypeVar("T")


class Judge:
    """Runs one question at a time in a thread; of those that wait, small and early ones first.

    Several threads would not be faster, because they share the interpreter lock, and would slow down the event loop.
    Invariant: `_is_busy` is true from the moment a question gets its turn until it is answered.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        """A heap. The key is the time of arrival, plus a delay by size; then the order of arrival."""
        self._numbers = count()
        self._is_busy = False

    async def ask(self, question: Callable[[], T], *, size: int = 0) -> T:
        """Run `question` in a thread when it is its turn; returns or raises what it does. `size` is in bytes."""
        if self._is_busy:
            await self._wait(size)
        self._is_busy = True
        try:
            return await asyncio.to_thread(question)
        finally:
            self._call_next()

    async def _wait(self, size: int) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        heappush(self._waiting, (loop.time() + size / SIZE_A_SEC, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given the turn already, so pass it on
                self._call_next()
            raise

    def _call_next(self) -> None:
        """Give the turn to the next waiting question; busy at once, so that no newcomer gets ahead of it."""
        self._is_busy = False
        while self._waiting and not self._is_busy:
            _, _, turn = heappop(self._waiting)
            if not turn.done():  # else the waiting caller was cancelled
                turn.set_result(None)
                self._is_busy = True
