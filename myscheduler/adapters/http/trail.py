"""What one request tells the connector about its way to the target, and hears of it."""

from contextvars import ContextVar

from myscheduler.adapters.http.opening import Opening, Peer


class Trail:
    """The way of one request."""

    __slots__ = ("connect_timeout_sec", "opening", "peer")

    def __init__(self, connect_timeout_sec: float | None) -> None:
        self.connect_timeout_sec = connect_timeout_sec
        self.opening: Opening | None = None
        """Of the connection, if one was opened for the request."""
        self.peer: Peer | None = None
        """Of the connection that the request is sent over."""


TRAIL: ContextVar[Trail | None] = ContextVar("TRAIL", default=None)
"""That of the request that is made: aiohttp hands nothing on to the connector but by a middleware, which costs more."""
