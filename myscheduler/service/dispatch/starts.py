"""Starts what is claimed: a few executions in each turn of the event loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

FEWEST, MOST = 4, 64
"""How many are started in a turn, at least and at most."""
TURN_SEC = 0.004
"""A turn of the event loop that takes longer has fewer executions started in the next one."""
WAITING = 64
"""The most executions that may wait to be started while further ones are claimed."""


class Starts:
    """What waits to be started, oldest first.

    If a hundred executions began in one turn of the loop, answers, requests of the API and the first calls themselves
    would wait until each of them has built its request; and each would open a connection, where most could use one of
    those before them. So a turn has a share of them, which follows from how long turns take.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._share = FEWEST
        self._is_planned = False
        self._turn_began: float | None = None
        """When the last turn began that left some to the next; `None` if none waits."""
        self._has_room = asyncio.Event()
        self._has_room.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, start: Callable[[], None]) -> None:
        """Have `start` called in one of the next turns of the loop, after those that were added before."""
        self._waiting.append(start)
        if not self._is_planned:
            self._plan()
        if len(self._waiting) > WAITING:
            self._has_room.clear()

    async def until_few(self) -> None:
        """Wait until at most `WAITING` are left: more should not be claimed before they are started."""
        await self._has_room.wait()

    def _plan(self) -> None:
        self._is_planned = True
        asyncio.get_running_loop().call_soon(self._start_some)

    def _start_some(self) -> None:
        now = time.monotonic()
        if self._turn_began is None:
            self._share = FEWEST  # the first calls are to leave at once, and nothing is known of the turns yet
        elif now - self._turn_began > TURN_SEC:
            self._share = max(FEWEST, self._share // 2)
        else:
            self._share = min(MOST, self._share + 2)
        count = min(self._share, len(self._waiting))
        self._is_planned = False
        if len(self._waiting) > count:
            self._plan()  # before they are started, so that a bug in one of them holds none of the others
        self._turn_began = now if self._is_planned else None
        for _ in range(count):
            self._waiting.popleft()()
        if len(self._waiting) <= WAITING:
            self._has_room.set()
