"""Limits the requests of each client. Every answer tells what is left, by draft-ietf-httpapi-ratelimit-headers.

A client is a caller with credentials of its own, wherever it calls from, else an address. Credentials count only once
they are checked, in the guard of the route, so that is where requests are counted. A request that is answered before,
such as with 401 or 404, is counted for its address then.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.api.door.quotas import Quotas, Taken, neighbourhood
from myscheduler.api.door.trickle import Trickle
from myscheduler.api.errors import problem
from myscheduler.core.access.principal import Origin, Principal
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.findings.problem import printable
from myscheduler.messages.message import said

WINDOW_SEC = 60
KEY = "myscheduler.count"
"""Where a scope has its `_Count`."""

log = logging.getLogger(__name__)


def count_request(scope: Scope, principal: Principal | None = None) -> None:
    """Count the request for its client: the principal, if it is one caller's own, else the address.

    Raises `HTTPException` 429 if that client has sent too many. Does nothing where there is no limit.
    """
    counted: _Count | None = scope.get(KEY)
    if counted is not None and counted.take(principal).wait_sec:
        raise HTTPException(429, counted.detail, counted.retry_after)


class RateLimit:
    """ASGI middleware around everything that answers, for the paths below `bases`.

    A client may send `a_minute` requests at once, and then as many a minute, evenly; 0 is no limit.
    """

    def __init__(self, app: ASGIApp, a_minute: int, bases: Sequence[str]) -> None:
        self._app = app
        self._bases = tuple(bases)
        self._limits = _Limits(a_minute, Quotas(a_minute, WINDOW_SEC / a_minute)) if a_minute else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if self._limits is None or not any(_is_below(path, base) for base in self._bases):
            await self._app(scope, receive, send)
            return
        counted = scope[KEY] = _Count(self._limits, scope)
        is_replaced = False

        async def sent(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start":
                is_replaced = counted.taken is None and counted.take().wait_sec > 0
                if is_replaced:
                    await problem(429, counted.detail, headers=counted.retry_after)(scope, receive, told)
                    return
            if not is_replaced:
                await told(message)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *counted.headers]}
            await send(message)

        await self._app(scope, receive, sent)


def _is_below(path: str, base: str) -> bool:
    return path.startswith(base) and path[len(base) :][:1] in {"", "/"}


class _Limits:
    """The quotas of all clients."""

    def __init__(self, a_minute: int, quotas: Quotas) -> None:
        self.a_minute = a_minute
        self.policy = (b"ratelimit-policy", f'"default";q={a_minute};w={WINDOW_SEC}'.encode())
        self._quotas = quotas
        self._warnings = Trickle()

    def take(self, scope: Scope, principal: Principal | None) -> Taken:
        address = scope["client_address"]
        client = _own_name(principal) if principal else None
        taken = self._quotas.take(client or f"address {neighbourhood(address)}")
        if taken.wait_sec:
            text = "refused %s %s from %s with 429: more than %d requests a minute of %s%s"
            path = printable(masked_text(scope["path"][:200]))  # it may name a token that is to be revoked
            who = printable(client[:300]) if client else "this address"
            self._warnings.warn(log, text, scope["method"], path, address or "an unknown address", self.a_minute, who)
        return taken


@dataclass(slots=True)
class _Count:
    """Counts one request, for one client."""

    limits: _Limits
    scope: Scope
    taken: Taken | None = None

    def take(self, principal: Principal | None = None) -> Taken:
        """Count the request, unless it is counted already."""
        if self.taken is None:
            self.taken = self.limits.take(self.scope, principal)
        return self.taken

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        taken = self.take()
        return self.limits.policy, (b"ratelimit", f'"default";r={taken.left};t={math.ceil(taken.full_sec)}'.encode())

    @property
    def retry_after(self) -> dict[str, str]:
        return {"Retry-After": str(math.ceil(self.take().wait_sec))}

    @property
    def detail(self) -> str:
        wait = math.ceil(self.take().wait_sec)
        return said("too-many-requests", most=self.limits.a_minute, seconds=wait)


def _own_name(principal: Principal) -> str | None:
    """Names the caller; `None` if the API asks for no credentials."""
    match principal.origin:
        case Origin.OPEN:
            return None
        case Origin.STATIC_TOKEN:
            return "the token of MYSCHEDULER_API_TOKEN"
        case Origin.TOKEN:
            return f"token {principal.token_id}"
        case Origin.JWT:
            return f"JWT {principal.name}"
