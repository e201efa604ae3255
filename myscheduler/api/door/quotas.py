"""Quotas of callers by GCRA, the generic cell rate algorithm: a token bucket that is one number per caller.

The number is the time at which the caller's quota will be full again. Each event moves it ahead by the time in which
one event is regained; an event that would move it further than the whole quota is refused.
"""

import time
from collections.abc import Callable
from heapq import nlargest
from ipaddress import IPv6Address
from typing import NamedTuple

from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.core.caching import cached

CALLERS = 8_192
"""The most callers that are remembered: about a megabyte."""
_KEPT = 3 / 4
"""Of the callers that owe something, the share that is kept if there are too many."""
_ROUNDING = 1e-6

Clock = Callable[[], float]


class Taken(NamedTuple):
    """What became of an event, and the quota after it."""

    wait_sec: float
    """0 for an event within the quota; else the seconds until one will be, and nothing was taken."""
    left: int
    """How many further events are within the quota now."""
    full_sec: float
    """The seconds until the whole quota is there again."""


class Quotas:
    """For each caller, `size` events at once, and one more every `every_sec` seconds.

    A caller whose quota is full needs no memory. If too many callers owe something, those that owe least are forgotten:
    a caller whose quota is used up gains nothing from other addresses, unless each of them has used up more.
    """

    def __init__(self, size: int, every_sec: float, *, most: int = CALLERS, clock: Clock = time.monotonic) -> None:
        self._every_sec = every_sec
        self._whole_sec = size * every_sec
        self._most = most
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: str) -> Taken:
        """Count an event of the caller, if it is within the quota."""
        now, known = self._clock(), self._full_at
        owed = max(known.get(caller, now) - now, 0.0)
        wait = owed + self._every_sec - self._whole_sec
        if wait > _ROUNDING:
            return Taken(wait, 0, owed)
        owed += self._every_sec
        known[caller] = now + owed
        if len(known) > self._most:
            self._forget(now)
        return Taken(0.0, int((self._whole_sec - owed + _ROUNDING) / self._every_sec), owed)

    def _forget(self, now: float) -> None:
        owing = {caller: at for caller, at in self._full_at.items() if at > now}
        kept = int(self._most * _KEPT)
        if len(owing) > kept:
            owing = dict(nlargest(kept, owing.items(), key=lambda one: one[1]))
        self._full_at = owing


@cached(1_024)
def neighbourhood(peer: str) -> str:
    """The address, or its /64 network for IPv6: whoever has one address of such a network usually has all of them."""
    address = address_of(peer)
    return f"{int(address) >> 64:016x}/64" if isinstance(address, IPv6Address) else peer
