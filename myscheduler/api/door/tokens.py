"""The check of the API token. The right one is always accepted; callers that try others are slowed down and logged."""

import hmac
import logging
import math
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, IPv6Network

from fastapi import HTTPException, Request

from myscheduler.api.door.trickle import Buckets, Trickle
from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.core.findings.problem import printable

TRIES = 60
"""How many requests without the right token an address may send before it gets 429."""
TRY_SEC = 1.0
"""After those, one request in so many seconds still gets 401 instead of 429."""
CALLERS = 4_096
"""The most addresses that are remembered."""

log = logging.getLogger(__name__)


def bearer(token: str) -> Callable[[Request], Awaitable[None]]:
    """A check that raises `HTTPException` (401 or 429) for requests without `Authorization: Bearer TOKEN`."""
    expected = token.encode()
    tries = Buckets(TRIES, TRY_SEC, most=CALLERS)
    warnings = Trickle()

    async def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), expected):
            return
        what = "a wrong API token" if scheme else "no API token"
        peer = request.client.host if request.client else "an unknown address"
        wait = tries.take(_neighbourhood(peer))
        status = 429 if wait else 401
        path = printable(request.url.path[:200])
        warnings.warn(log, "refused %s %s from %s with %d: %s%s", request.method, path, peer, status, what)
        if wait:
            detail = "your address sent too many requests without the right API token: wait, then send the right one"
            raise HTTPException(429, detail, {"Retry-After": str(math.ceil(wait))})
        detail = "send the API token as 'Authorization: Bearer TOKEN'"
        raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})

    return check


def _neighbourhood(peer: str) -> str:
    """The address, or its /64 network for IPv6: whoever has one address of such a network usually has all of them."""
    address = address_of(peer)
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else peer
