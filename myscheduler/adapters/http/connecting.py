"""Opens the connections of calls: only where the guard allows it, and within the time that the job gives.

aiohttp's own limits don't fit: `connect` counts the wait for a free connection too, `sock_connect` leaves out the
lookup of the name and begins anew for each address.
"""

import asyncio
from collections.abc import Sequence

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from myscheduler.adapters.http.opening import OPENING, Opening
from myscheduler.adapters.http.routes import PERMIT, RefusedError
from myscheduler.adapters.http.trail import TRAIL
from myscheduler.core.calls.link_local import address_in
from myscheduler.core.policy.guard import EVERY_PERMIT


class UnconnectedError(aiohttp.ClientConnectionError):
    """No connection was made within the time that the job gives it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no connection within {seconds:g} s")
        self.seconds = seconds


class Connector(aiohttp.TCPConnector):
    """A connector that heeds the permits and the trails of calls."""

    async def _resolve_host(self, host: str, port: int, traces: Sequence[Trace] | None = None) -> list[ResolveResult]:
        """The addresses that may be connected to. Raises `RefusedError` if there are only others.

        Not the resolver leaves out others: its results are kept for calls with other permits.
        """
        found = await super()._resolve_host(host, port, traces)
        if (opening := OPENING.get()) is not None:
            opening.found(is_named=address_in(host) is None)
        permit, refusal, allowed = PERMIT.get(), None, []
        for one in found:
            address = address_in(one["host"])
            refused = None if address is None else permit.refusal(address, port)
            refusal = refusal or refused
            if refused is None:
                allowed.append(one)
        if refusal is not None and not allowed:
            raise RefusedError(refusal)
        return allowed

    def _cleanup(self) -> None:
        """Close idle connections; called by a timer, in the context of the call that happened to set it."""
        before = PERMIT.set(EVERY_PERMIT)
        try:
            super()._cleanup()
        finally:
            PERMIT.reset(before)

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's interface
    ) -> ResponseHandler:
        """Called by aiohttp once there is room for a new connection. Raises `UnconnectedError` if it takes too long."""
        trail = TRAIL.get()
        opening = Opening(is_tls=req.is_ssl())
        OPENING.set(opening)
        if trail is not None:
            trail.opening = opening
        seconds = trail.connect_timeout_sec if trail is not None else None
        if seconds is None:
            return await super()._create_connection(req, traces, timeout)
        try:
            async with asyncio.timeout(seconds) as limit:
                return await super()._create_connection(req, traces, timeout)
        except TimeoutError:
            if limit.expired():
                raise UnconnectedError(seconds) from None
            raise
