"""What one request tells the connector about its way to the target."""

from aiohttp import ClientRequest, ClientResponse
from aiohttp.client_middlewares import ClientHandlerType


class Trail:
    """A middleware, as aiohttp hands nothing else of a call on to the connector."""

    __slots__ = ("connect_timeout_sec",)

    def __init__(self, connect_timeout_sec: float | None) -> None:
        self.connect_timeout_sec = connect_timeout_sec

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        request.trail = self  # type: ignore[attr-defined]  # see `Call`
        return await handler(request)
