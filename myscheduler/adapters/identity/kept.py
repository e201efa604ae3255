"""Keeps tokens until shortly before they expire; each is fetched once, however many calls wait for it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.calls.tokens import Token
from myscheduler.core.secrets.redaction import Secret

EARLY_SEC = 60.0
"""A token is fetched anew so long before it expires: the target's clock may differ, and a call takes time."""
KEPT = 1_000

Fetch = Callable[[], Awaitable[Token | Outcome]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A token that can be used."""

    secret: Secret
    """Its value, so that it is removed from what a target returns."""
    until: float
    """The clock's time until which it is used."""
    is_new: bool
    """Whether it was fetched for the call that asks for it."""


class KeptTokens:
    """Tokens by the key of what they were asked for with; only the last `KEPT` ones used stay."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[Kept | Outcome]] = {}

    async def get(self, key: str, fetch: Fetch) -> Kept | Outcome:
        """The token with this key, fetched if there is none that is valid; or the outcome of an attempt without one.

        A call that is cancelled does not end a fetch for which others wait.
        """
        kept = self._kept.get(key)
        if kept is not None and kept.until > self._clock():
            self._kept.move_to_end(key)
            return kept
        task = self._fetching.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(key, fetch))
            self._fetching[key] = task
            task.add_done_callback(lambda _: self._fetching.pop(key, None))
        return await asyncio.shield(task)

    def forget(self, key: str, used: Kept) -> None:
        """Don't use that token again, unless another has replaced it."""
        kept = self._kept.get(key)
        if kept is not None and kept.secret.value == used.secret.value:
            del self._kept[key]

    async def _fetch(self, key: str, fetch: Fetch) -> Kept | Outcome:
        begun = self._clock()
        found = await fetch()
        if isinstance(found, Outcome):
            return found
        secret = Secret.of("", found.value)
        until = begun + found.lifetime_sec - min(EARLY_SEC, found.lifetime_sec / 2)
        self._kept[key] = Kept(secret, until, is_new=False)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return Kept(secret, until, is_new=True)
