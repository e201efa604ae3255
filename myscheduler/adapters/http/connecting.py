"""Opens the connections of calls, each within the time that its job gives it.

aiohttp's own limits don't fit: `connect` counts the wait for a free connection too, `sock_connect` leaves out the
lookup of the name and begins anew for each address.
"""

import asyncio

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from myscheduler.adapters.http.rations import Call


class UnconnectedError(aiohttp.ClientConnectionError):
    """No connection was made within the time that the job gives it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no connection within {seconds:g} s")
        self.seconds = seconds


class Connector(aiohttp.TCPConnector):
    """A connector that heeds the trails of calls."""

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's interface
    ) -> ResponseHandler:
        """Called by aiohttp once there is room for a new connection. Raises `UnconnectedError` if it takes too long."""
        seconds = req.trail.connect_timeout_sec if isinstance(req, Call) and req.trail else None
        if seconds is None:
            return await super()._create_connection(req, traces, timeout)
        try:
            async with asyncio.timeout(seconds) as limit:
                return await super()._create_connection(req, traces, timeout)
        except TimeoutError:
            if limit.expired():
                raise UnconnectedError(seconds) from None
            raise
