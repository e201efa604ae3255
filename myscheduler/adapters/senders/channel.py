"""Values over a pair of connected sockets: each is pickled, and preceded by its length.

Both ends are the same program of the same user, and the pair has no name by which another process could reach it. So
what arrives can be unpickled.
"""

import asyncio
import pickle
from collections.abc import Callable
from struct import Struct
from typing import Any, cast

_LENGTH = Struct("!I")


class Channel(asyncio.Protocol):
    """One end of the pair."""

    def __init__(self, received: Callable[[Any], None], lost: Callable[[], None]) -> None:
        """`received` is called with each value, in order, and `lost` once, when the other end is gone."""
        self._received = received
        self._lost = lost
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = bytearray()
        self._needed = _LENGTH.size
        """The bytes that have to be there before a value can be complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._needed:
            return
        start, size, self._needed = 0, len(buffer), _LENGTH.size
        with memoryview(buffer) as view:
            while size - start >= _LENGTH.size:
                begin = start + _LENGTH.size
                end = begin + _LENGTH.unpack_from(view, start)[0]
                if end > size:
                    self._needed = end - start
                    break
                with view[begin:end] as pickled:
                    value = pickle.loads(pickled)  # noqa: S301 - see the top of the module
                self._received(value)
                start = end
        del buffer[:start]

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - that it is gone says it
        self._transport = None
        self._lost()

    def send(self, value: object) -> None:
        """Send a value; it is lost if the other end is gone, which `lost` tells."""
        if self._transport is None:
            return
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        self._transport.write(_LENGTH.pack(len(data)) + data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
