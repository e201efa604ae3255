"""How much of the event loop answers may take: one answer, and all together in one turn of the loop.

aiohttp parses whatever has arrived in one go, and a system hands over megabytes at once. A target that packs much work
into few bytes (interim answers, chunks of one byte) would hold the loop for seconds. So what arrives is fed to the
parser in slices, as long as this turn of the loop has time left; the rest waits, and meanwhile nothing more is read.
"""

import asyncio
import termios
from collections import deque
from collections.abc import Callable
from fcntl import ioctl
from select import POLLIN, poll
from time import perf_counter
from typing import Any

from aiohttp import ClientError, ClientRequest
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpVersion11, RawResponseMessage
from aiohttp.payload import Payload
from multidict import CIMultiDict, CIMultiDictProxy

from myscheduler.adapters.http.answers import AnswerReader, Body, FloodError, UnreadableError
from myscheduler.core.calls.link_local import Reach, address_in

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

SMALL_BODY = 16 * 1024
"""Bytes that a target's machine takes in, whether the target reads them or not."""


_NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
"""What is looked at of an answer's headers is with its body."""


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


_NONE = bytes(4)
"""Zero, as the system writes it."""


class StrayError(ClientError):
    """Something came on a connection that was to be used again. Nothing of the request has left."""


class Handler(ResponseHandler):
    """aiohttp's protocol of a connection, which takes what arrives by rations.

    Whoever may be used again answers for it: what comes when nothing was asked is nobody's answer.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, rations: Rations, reach: Callable[[], Reach], max_age_sec: float
    ) -> None:
        """`reach` says which link-local addresses may be called."""
        super().__init__(loop)
        self._rations = rations
        self._reach = reach
        self._judged_by: Reach | None = None
        """Under which the address was allowed last."""
        self._held = bytearray()
        """What has arrived and is not parsed yet. As long as it is much, nothing more is read."""
        self._is_waiting = False
        self._is_held_up = False
        """The transport does not read."""
        self._loss: tuple[BaseException | None] | None = None
        """The connection is lost, and what had arrived before is not parsed yet."""
        self._is_refused = False
        self._arrivals = poll()
        self._old_at = self._fit_until = loop.time() + max_age_sec
        self._answer: AnswerReader | None = None
        """Of the last request; `None` before the first."""
        self._is_idle = False
        """The last answer is whole, and there is no other request yet."""
        self._must_be_quiet = False
        """The connection was used before, and the request has not left."""
        self._may_hang = False
        """The body is so large that a part of it may still be on its way when the answer is whole."""
        self._begin()

    def _begin(self) -> None:
        self._spent = 0.0
        self._bytes = 0
        self._slice = SLICE

    @property
    def is_light(self) -> bool:
        return self._spent < LIGHT_SEC

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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._arrivals.register(transport.get_extra_info("socket").fileno(), POLLIN)

    def is_connected(self) -> bool:
        """Whether a request may be sent, as far as we can know; asked before a kept connection is used. Its address
        may be allowed no longer.
        """
        return super().is_connected() and not (self._is_idle and self._is_spoiled()) and self._is_allowed()

    def _is_spoiled(self) -> bool:
        """The target may have closed it, or has said something, which the loop need not have seen yet."""
        return self._loop.time() >= self._fit_until or bool(self._arrivals.poll(0))

    def set_response_params(self, *, skip_payload: bool = False, **_: Any) -> None:
        """A request is about to leave: what comes from now on is its answer."""
        self._begin()
        self._must_be_quiet, self._is_idle = self._is_idle, False
        self._may_hang = False
        self._answer = AnswerReader(self, is_head=skip_payload)
        if self._held:  # a target that speaks first
            self._wait()

    def start_timeout(self) -> None:
        """The request leaves in this very step; aiohttp has no other sign of it."""
        self._must_be_quiet = False

    def may_send(self, size: int) -> bool:
        """Asked in the step in which the first byte of a request leaves; `size` is that of its body, in bytes."""
        if self._must_be_quiet and (not super().is_connected() or self._is_spoiled()):
            self._refuse(StrayError())
            return False
        self._must_be_quiet = False
        self._may_hang = size > SMALL_BODY
        return True

    # --- what arrives ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._must_be_quiet:
            self._refuse(StrayError())
            return
        if self._is_idle:
            self.close()
            return
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self._refuse(FloodError(f"sent more than {MOST_BYTES >> 20} MiB for one answer"))
        elif self._held or self._answer is None or not self._rations.has_room(is_light=self.is_light):
            self._hold(data)
        elif len(data) <= self._slice:
            self._parse(self._answer, data)
        else:
            self._hold(data)
            self._feed()

    def _parse(self, answer: AnswerReader, data: bytes) -> None:
        is_light, start = self.is_light, perf_counter()
        try:
            answer.feed(data, is_more=bool(self._held))
        except (UnreadableError, FloodError) as error:
            self._refuse(error)
        took = perf_counter() - start
        self._spent += took
        self._slice = min(2 * self._slice, LARGEST_SLICE) if took < CHEAP_SEC else SLICE
        self._rations.spend(took, is_light=is_light)

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > SLICE:  # to pause costs two calls of the system, so not for an answer as most are
            self._hold_up()
        if self._answer is not None:
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
        while (
            self._held
            and self._answer is not None
            and not self._reading_paused
            and self._rations.has_room(is_light=self.is_light)
        ):
            data = bytes(self._held[: self._slice])
            del self._held[: len(data)]
            self._parse(self._answer, data)
        if self._held and not self._reading_paused:
            self._wait()
        elif not self._held:
            self._read_on()

    def _read_on(self) -> None:
        if self._loss is not None:
            (error,), self._loss = self._loss, None
            self._end(error)
        elif self._is_held_up and not self._reading_paused:
            self._is_held_up = False
            self._resume_transport_reading()

    def _hold_up(self) -> None:
        if not self._is_held_up:
            self._is_held_up = True
            self._pause_transport_reading()

    def _refuse(self, error: ClientError) -> None:
        """Take nothing more. Without a status, that is the end of the attempt."""
        self._is_refused = True
        has_status = self._answer is not None and self._answer.give_up(str(error))
        self.abort()
        if not has_status:
            self.set_exception(error)

    # --- the answer, as its reader tells it -----------------------------------------------------------------------

    def begin(self, status: int, content_type: str, coding: str) -> Body:
        """The head was read."""
        body = Body(self, self._read_bufsize, self._loop, content_type, coding)
        self._payload = body
        self.feed_data(
            (RawResponseMessage(HttpVersion11, status, "", _NO_HEADERS, (), False, None, False, False), body)
        )
        return body

    def finish(self, idle_sec: float | None) -> None:
        """The body is whole. Of the time that the target keeps the connection, the way back and forth takes a part."""
        now = self._loop.time()
        self._is_idle = True
        self._fit_until = self._old_at if idle_sec is None else min(self._old_at, now + idle_sec / 2)
        if now >= self._fit_until or (self._may_hang and self._holds_rest()):
            self.force_close()

    def _holds_rest(self) -> bool:
        """A part of the request has not arrived: the next one would stand behind it, perhaps for ever."""
        if self.transport is None or self.transport.get_write_buffer_size():
            return True
        try:
            return ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, _NONE) != _NONE
        except OSError:  # a system that doesn't tell
            return False

    # --- aiohttp's flow control, and the end ----------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Whoever reads the body has enough for now."""
        self._reading_paused = True
        self._hold_up()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: ARG002 - aiohttp's name for what ours has no
        self._reading_paused = False
        if self._held:
            self._wait()
        else:
            self._read_on()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._held and self._answer is not None:
            self._loss = (exc,)
        else:
            self._end(exc)

    def _end(self, error: BaseException | None) -> None:
        if self._answer is not None and not self._is_refused:
            try:
                self._answer.end(error)
            except (UnreadableError, FloodError) as found:
                self.set_exception(found)
        super().connection_lost(error)
        self._answer = None  # it holds this handler, and old cycles are looked for once in an hour or so

    def close(self) -> None:
        super().close()
        self._drop()

    def abort(self) -> None:
        super().abort()
        self._drop()

    def _drop(self) -> None:
        self._held.clear()
        self._read_on()


class Call(ClientRequest):
    """A request that does not leave on a spoiled connection. Without a body it leaves as soon as it has one."""

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
    ) -> None:
        size = self.body.size or 0 if isinstance(self.body, Payload) else 0
        if not isinstance(conn.protocol, Handler) or conn.protocol.may_send(size):
            await super().write_bytes(writer, conn, content_length)
