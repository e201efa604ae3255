"""The API token: who sends the right one comes in, always; who tries others is slowed down and logged."""

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
"""Wrong or missing tokens that an address may send at once."""
TRY_SEC = 1.0
"""After those, one in so many seconds is still judged."""
CALLERS = 4_096
"""Addresses that are remembered."""

log = logging.getLogger(__name__)


def bearer(token: str) -> Callable[[Request], Awaitable[None]]:
    """Refuses requests without `Authorization: Bearer TOKEN`."""
    expected = token.encode()
    tries = Buckets(TRIES, TRY_SEC, most=CALLERS)
    told = Trickle()

    async def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), expected):
            return
        what = "a wrong API token" if scheme else "no API token"
        peer = request.client.host if request.client else "an unknown address"
        wait = tries.take(_neighbourhood(peer))
        status = 429 if wait else 401
        path = printable(request.url.path[:200])
        told.warn(log, "refused %s %s from %s with %d: %s%s", request.method, path, peer, status, what)
        if wait:
            detail = (
                "too many requests without the right API token came from your address: wait, and send the right one"
            )
            raise HTTPException(429, detail, {"Retry-After": str(math.ceil(wait))})
        detail = "send the API token as 'Authorization: Bearer TOKEN'"
        raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})

    return check


def _neighbourhood(peer: str) -> str:
    """Who has one address of IPv6 has all of its /64."""
    address = address_of(peer)
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else peer
