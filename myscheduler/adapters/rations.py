"""How much of the event loop answers may take: one answer, and all together in one turn of the loop.

aiohttp parses whatever has arrived in one go, and a system hands over megabytes at once. A target that packs much work
into few bytes (interim answers, chunks of one byte) would hold the loop for seconds. So what arrives is fed to the
parser in slices, as long as this turn of the loop has time left; the rest waits, and meanwhile nothing more is read.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

from aiohttp import ClientError
from aiohttp.client_proto import ResponseHandler

from myscheduler.core.link_local import Reach, address_in

MOST_INTERIM = 1_000
"""Interim answers (1xx) before the answer; one in 3.6 s for an hour of work."""
MOST_BYTES = 24 * 1024 * 1024
"""Bytes of an answer with its headers and its framing: twice what is read of a body, and the largest head."""
LIGHT_SEC = 0.001
"""An answer that has taken less is light, as nearly all are; its turn is before that of others."""
LIGHT_TURN_SEC = 0.010
HEAVY_TURN_SEC = 0.005
"""What light and other answers may take of one turn of the loop."""
SLICE = 4 * 1024
LARGEST_SLICE = 32 * 1024
"""Bytes that are parsed without a look at the clock: more as long as they are cheap, fewer when they aren't."""
CHEAP_SEC = 0.0005


class FloodError(ClientError):
    """An answer is more than anybody needs; the text goes on behind the name of the target."""


class Rations:
    """Shares the turns of the loop among the answers that arrive."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._light_left = LIGHT_TURN_SEC
        self._heavy_left = HEAVY_TURN_SEC
        self._light: deque[Handler] = deque()
        self._heavy: deque[Handler] = deque()
        self._is_renewed = False

    def has_room(self, *, is_light: bool) -> bool:
        """Whether an answer may be parsed in this turn, at once."""
        return (self._light_left if is_light else self._heavy_left) > 0

    def spend(self, seconds: float, *, is_light: bool) -> None:
        if is_light:
            self._light_left -= seconds
        else:
            self._heavy_left -= seconds
        self._renew_soon()

    def wait(self, handler: "Handler") -> None:
        """Go on with it when its turn comes."""
        (self._light if handler.is_light else self._heavy).append(handler)
        self._renew_soon()

    def _renew_soon(self) -> None:
        if not self._is_renewed:
            self._is_renewed = True
            self._loop.call_soon(self._renew)

    def _renew(self) -> None:
        self._is_renewed = False
        self._light_left, self._heavy_left = LIGHT_TURN_SEC, HEAVY_TURN_SEC
        while self._light and self._light_left > 0:
            self._light.popleft().go_on()
        while self._heavy and self._heavy_left > 0:
            self._heavy.popleft().go_on()
        if self._light or self._heavy:
            self._renew_soon()


class Handler(ResponseHandler):
    """aiohttp's protocol of a connection, which takes what arrives by rations."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rations: Rations, reach: Callable[[], Reach]) -> None:
        """`reach` says which link-local addresses may be called."""
        super().__init__(loop)
        self._rations = rations
        self._reach = reach
        self._judged_by: Reach | None = None
        """Under which the address was allowed last."""
        self._held = bytearray()
        """What has arrived and is not parsed yet. As long as it is much, nothing more is read."""
        self._is_waiting = False
        self._is_full = False
        """Whoever reads the body has enough for now."""
        self._loss: tuple[BaseException | None] | None = None
        """The connection is lost, and what had arrived before is not parsed yet."""
        self._is_refused = False
        self._begin()

    def _begin(self) -> None:
        self._spent = 0.0
        self._bytes = 0
        self._slice = SLICE
        self._interim = 0
        self._is_answered = False

    @property
    def is_light(self) -> bool:
        return self._spent < LIGHT_SEC

    def is_connected(self) -> bool:
        """Whether a kept connection can be used once more: not where its address is allowed no longer."""
        return super().is_connected() and self._is_allowed()

    def _is_allowed(self) -> bool:
        reach = self._reach()
        if reach is not self._judged_by:
            peer = self.transport.get_extra_info("peername") if self.transport else None
            address = address_in(str(peer[0])) if peer else None
            if address is None or not reach.allows(address):
                return False
            self._judged_by = reach
        return True

    @property
    def should_close(self) -> bool:
        return bool(self._held) or super().should_close

    def set_response_params(self, **params: Any) -> None:
        """A request is about to leave: what comes from now on is its answer."""
        self._begin()
        super().set_response_params(**params)

    # --- what arrives ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if not data:  # aiohttp goes on with what it has
            super().data_received(data)
            return
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self._refuse(f"sent more than {MOST_BYTES >> 20} MiB for one answer")
        elif self._held or not self._rations.has_room(is_light=self.is_light):
            self._hold(data)
        elif len(data) <= self._slice:
            self._parse(data)
        else:
            self._hold(data)
            self._feed()

    def _parse(self, data: bytes) -> None:
        is_light, start = self.is_light, perf_counter()
        super().data_received(data)
        took = perf_counter() - start
        self._spent += took
        self._slice = min(2 * self._slice, LARGEST_SLICE) if took < CHEAP_SEC else SLICE
        self._rations.spend(took, is_light=is_light)

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > SLICE:  # to pause costs two calls of the system, so not for an answer as most are
            self._pause_transport()
        self._wait()

    def _wait(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._rations.wait(self)

    def go_on(self) -> None:
        """It is its turn."""
        self._is_waiting = False
        self._feed()

    def _feed(self) -> None:
        """Parse slices as long as there is time, then wait or, when nothing is left, read on."""
        while self._held and not self._is_full and self._rations.has_room(is_light=self.is_light):
            data = bytes(self._held[: self._slice])
            del self._held[: len(data)]
            self._parse(data)
        if self._held and not self._is_full:
            self._wait()
        elif not self._held:
            self._read_on()

    def _read_on(self) -> None:
        if self._loss is not None:
            (error,), self._loss = self._loss, None
            super().connection_lost(error)
        elif self.transport is not None and not self._is_full:
            self.transport.resume_reading()

    def _pause_transport(self) -> None:
        if self.transport is not None:
            self.transport.pause_reading()

    def feed_data(self, data: Any, size: int = 0) -> None:
        """The parser has the head of an answer."""
        code = data[0].code
        if self._is_refused:
            return
        if self._is_answered:  # nobody has asked for it, and it must not pass for the answer to the next request
            self.force_close()
            self.close()
        elif 100 <= code < 200 and code != 101:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                self._refuse(f"sent more than {MOST_INTERIM} interim answers")
            else:
                super().feed_data(data, size)
        else:
            self._is_answered = True
            super().feed_data(data, size)

    def _refuse(self, why: str) -> None:
        """End the attempt, and the connection."""
        error, body = FloodError(why), self._payload
        self._is_refused = True
        self.abort()
        self.set_exception(error)
        if body is not None and not body.is_eof():
            body.set_exception(error)

    # --- aiohttp's flow control, and the end ----------------------------------------------------------------------

    def pause_reading(self) -> None:
        self._is_full = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        self._is_full = False
        super().resume_reading(resume_parser)
        if self._held:
            self._pause_transport()
            self._wait()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._held:
            self._loss = (exc,)
        else:
            super().connection_lost(exc)

    def close(self) -> None:
        super().close()
        self._drop()

    def abort(self) -> None:
        super().abort()
        self._drop()

    def _drop(self) -> None:
        self._held.clear()
        self._read_on()
