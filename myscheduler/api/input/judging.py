"""Judging what callers send, beside the event loop."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import TypeVar

SIZE_A_SEC = 100 * 1024
"""Bytes that count as much as having come a second later."""

T = TypeVar("T")


class Judge:
    """Judges one thing at a time: of those that wait, what is small before what is large.

    Several threads would not be faster, as they share the interpreter; the event loop would wait for each of them.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        """A heap: by when they came, and how large they are."""
        self._numbers = count()
        self._is_busy = False

    async def ask(self, question: Callable[[], T], *, size: int = 0) -> T:
        """The answer, or what the question raises. `size` is that of what is judged, in bytes."""
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
            if not turn.cancelled():  # it had its turn, and does not take it
                self._call_next()
            raise

    def _call_next(self) -> None:
        """Who has the turn is busy from now on, so that nobody who comes meanwhile is before him."""
        self._is_busy = False
        while self._waiting and not self._is_busy:
            _, _, turn = heappop(self._waiting)
            if not turn.done():  # else whoever waited went away
                turn.set_result(None)
                self._is_busy = True
