"""`Idempotency-Key`: a request repeated with the same key gets the answer of the first one, and changes nothing."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.core.access.principal import Principal
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.history.repeats import INTERNAL, KEPT, LONGEST_KEY, RequestKey
from myscheduler.messages.message import said

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}

Work = Callable[[RequestKey | None], Awaitable[Mapping[str, Any]]]
"""Carries out the request, stores its answer under the key in the same transaction, and returns the answer."""


class Repeats:
    """Answers repeated requests. Of requests with the same key, one runs at a time; the others wait for its answer."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._pending: dict[str, asyncio.Event] = {}
        """By key; each event is set when the running request with that key has ended."""

    async def answer(self, request: Request, body: Mapping[str, Any], work: Work) -> JSONResponse:
        """The answer of `work`, or the stored one of an earlier request with the same key.

        Raises `InvalidInputError` for a key that is not valid, or that was used for another request.
        """
        key = self._key_of(request, body)
        if key is None:
            return JSONResponse(await work(None))
        while other := self._pending.get(key.key):
            await other.wait()
        done = self._pending[key.key] = asyncio.Event()
        try:
            return await self._answer(key, work)
        finally:
            del self._pending[key.key]
            done.set()

    async def _answer(self, key: RequestKey, work: Work) -> JSONResponse:
        kept = await self._store.read(partial(key_rows.find, key=key.key, since=key.at - KEPT))
        if kept is None:
            return JSONResponse(await work(key))
        if kept.fingerprint != key.fingerprint:
            message = said("key-used")
            raise InvalidInputError([Complaint((HEADER,), "key-used", message)])
        return JSONResponse(kept.answer, headers=REPLAYED)

    def _key_of(self, request: Request, body: Mapping[str, Any]) -> RequestKey | None:
        written = request.headers.getlist(HEADER)
        if not written:
            return None
        key = written[0].strip()
        if len(written) > 1 or not (key.isascii() and key.isprintable() and 1 <= len(key) <= LONGEST_KEY):
            message = said("key-invalid", most=LONGEST_KEY)
            raise InvalidInputError([Complaint((HEADER,), "invalid-key", message)])
        asked = json.dumps([request.method, request.url.path, body], sort_keys=True)
        return RequestKey(
            _stored(key, request.state.principal), hashlib.sha256(asked.encode()).hexdigest(), self._now()
        )


def _stored(key: str, principal: Principal) -> str:
    """The key that is stored for a caller's: callers who are known by name don't share theirs with others."""
    if not principal.is_named:
        return key
    own = f"{principal.origin}\n{principal.token_id or principal.name}\n{key}"
    return INTERNAL + hashlib.sha256(own.encode()).hexdigest()
