"""The keys of the issuers of JWTs, kept in memory.

A failure never takes a key away: as long as an issuer is down or answers nonsense, its last good keys count.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from myscheduler.adapters.http.issuer_documents import FetchError, fetch_keys
from myscheduler.core.access.issuers import Issuer
from myscheduler.core.access.jwks import Jwk

FRESH_SEC = 3_600.0
"""Keys are fetched again when they are this old, so that a key that an issuer withdrew soon stops counting."""
AGAIN_SEC = 30.0
"""The least time between two fetches, for any number of tokens with unknown keys."""
FIRST_AGAIN_SEC = 5.0
"""The same while there are no keys yet, so that none of the issuer's tokens is accepted."""
LOG_SEC = 60.0
"""The least time between two log lines about one issuer."""
ISSUERS = 100
"""The most issuers whose keys are kept."""

log = logging.getLogger(__name__)
Clock = Callable[[], float]


class KeySets:
    """The keys of all issuers. Use `open_key_sets`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sets: dict[tuple[str | None, ...], _KeySet] = {}

    async def find(self, issuer: Issuer, key_id: str) -> tuple[Jwk, ...]:
        """The keys of an issuer with this id, fetched if need be. Empty if there is none, or none can be fetched."""
        place = (issuer.url, issuer.jwks_url, issuer.ca_file, issuer.bearer_file)
        found = self._sets.pop(place, None) or _KeySet(issuer, self._clock)
        self._sets[place] = found  # at the end, so that those that nobody asks for drop out
        if len(self._sets) > ISSUERS:
            self._sets.pop(next(iter(self._sets))).cancel()
        return await found.find(key_id)

    async def close(self) -> None:
        """Cancel the fetches in progress."""
        tasks = [task for one in self._sets.values() if (task := one.cancel()) is not None]
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def open_key_sets(clock: Clock = time.monotonic) -> AsyncIterator[KeySets]:
    """The keys of issuers, each fetched when it is first asked for. `clock` returns seconds."""
    sets = KeySets(clock)
    try:
        yield sets
    finally:
        await sets.close()


class _KeySet:
    """The keys of one issuer. At most one fetch is in progress, and all who need it wait for it."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys: dict[str, tuple[Jwk, ...]] = {}
        self._fetched_at = self._tried_at = self._logged_at = float("-inf")
        self._fault: str | None = None
        """Why the last fetch failed; `None` if it did not."""
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> tuple[Jwk, ...]:
        is_old = self._clock() - self._fetched_at >= FRESH_SEC
        if key_id not in self._keys or is_old:
            self._begin()
            # an issuer that is down delays the callers with known keys once, not at every try
            if self._fetching is not None and (key_id not in self._keys or self._fault is None):
                await asyncio.wait([self._fetching])  # a caller who leaves does not end it
        return self._keys.get(key_id, ())

    def cancel(self) -> asyncio.Task[None] | None:
        """Cancel the fetch in progress, and return it."""
        if self._fetching is not None:
            self._fetching.cancel()
        return self._fetching

    def _begin(self) -> None:
        """Start a fetch, unless one is in progress or the last one was a moment ago."""
        least = AGAIN_SEC if self._keys else FIRST_AGAIN_SEC
        if self._fetching is None and self._clock() - self._tried_at >= least:
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch(), name=f"keys of {self._issuer.url}")
            self._fetching.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fault = "a bug"
            log.error("the keys of an issuer were not fetched, because of a bug", exc_info=error)

    async def _fetch(self) -> None:
        try:
            self._keys = await fetch_keys(self._issuer)
        except FetchError as error:
            self._fault = str(error)
            self._warn()
            return
        self._fetched_at = self._clock()
        if self._fault is not None:
            log.info("the keys of the issuer %s are fetched again", self._issuer.url)
        self._fault = None

    def _warn(self) -> None:
        if self._clock() - self._logged_at < LOG_SEC:
            return
        self._logged_at = self._clock()
        meanwhile = "the last good ones stay in use" if self._keys else "its tokens are refused until they can be"
        log.warning("the keys of the issuer %s could not be fetched: %s (%s)", self._issuer.url, self._fault, meanwhile)
