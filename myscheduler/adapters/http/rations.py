"""Limits how much time of the event loop responses may take: each one, and all together in one iteration of the loop.

By default aiohttp parses all data that has arrived at once, which may be megabytes. A target that packs much work into
few bytes (interim responses, chunks of one byte) would block the loop for seconds. So data is fed to the parser in
slices while this iteration has time left (its ration). The rest waits, and meanwhile the socket is not read.
"""

import asyncio
from collections import deque
from typing import Protocol

LIGHT_SEC = 0.001
"""A response that took less parsing time is light, as nearly all are; light responses are served first."""
LIGHT_TURN_SEC = 0.010
HEAVY_TURN_SEC = 0.005
"""The time that all light and all other (heavy) responses may take in one iteration of the loop."""


class Eater(Protocol):
    """What takes a part of the rations: a connection."""

    @property
    def is_light(self) -> bool: ...

    def go_on(self) -> None:
        """Continue parsing."""


class Rations:
    """Divides the time of each iteration of the loop among the responses that arrive.

    Responses whose ration is used up wait in two queues, light and heavy. Each iteration renews the rations and resumes
    responses from the queues, until the rations are used up again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._light_left = LIGHT_TURN_SEC
        self._heavy_left = HEAVY_TURN_SEC
        self._light: deque[Eater] = deque()
        self._heavy: deque[Eater] = deque()
        self._is_renewed = False

    def has_room(self, *, is_light: bool) -> bool:
        """Whether a response may be parsed in this iteration."""
        return (self._light_left if is_light else self._heavy_left) > 0

    def spend(self, seconds: float, *, is_light: bool) -> None:
        """Deduct parsing time from this iteration's ration."""
        if is_light:
            self._light_left -= seconds
        else:
            self._heavy_left -= seconds
        self._renew_soon()

    def wait(self, eater: Eater) -> None:
        """Queue a connection; its `go_on` is called when it may continue."""
        (self._light if eater.is_light else self._heavy).append(eater)
        self._renew_soon()

    def _renew_soon(self) -> None:
        if not self._is_renewed:
            self._is_renewed = True
            self._loop.call_soon(self._renew)

    def _renew(self) -> None:
        self._is_renewed = False
        self._light_left, self._heavy_left = LIGHT_TURN_SEC, HEAVY_TURN_SEC
        while self._light and self._light_left > 0:
            self._light.popleft().go_on()
        while self._heavy and self._heavy_left > 0:
            self._heavy.popleft().go_on()
        if self._light or self._heavy:
            self._renew_soon()
