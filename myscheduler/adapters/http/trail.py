"""What one request tells the connector about its way to the target, and hears of it."""

from aiohttp import ClientRequest, ClientResponse
from aiohttp.client_middlewares import ClientHandlerType

from myscheduler.adapters.http.opening import Opening, Peer


class Trail:
    """A middleware, as aiohttp hands nothing else of a call on to the connector."""

    __slots__ = ("connect_timeout_sec", "opening", "peer")

    def __init__(self, connect_timeout_sec: float | None) -> None:
        self.connect_timeout_sec = connect_timeout_sec
        self.opening: Opening | None = None
        """Of the connection, if one was opened for the request."""
        self.peer: Peer | None = None
        """Of the connection that the request is sent over."""

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        request.trail = self  # type: ignore[attr-defined]  # see `Call`
        return await handler(request)
