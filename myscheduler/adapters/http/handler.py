"""A connection of aiohttp's connector: a request leaves only while it is fit, and responses are parsed by rations."""

import asyncio
import termios
from contextlib import suppress
from fcntl import ioctl
from select import POLLIN, poll
from time import perf_counter
from typing import Any

from aiohttp import ClientConnectionResetError, ClientError
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpVersion11, RawResponseMessage
from multidict import CIMultiDict, CIMultiDictProxy

from myscheduler.adapters.http.answers import AnswerReader, Body, FloodError, UnreadableError
from myscheduler.adapters.http.opening import OPENING, Peer, peer_of
from myscheduler.adapters.http.rations import LIGHT_SEC, Rations
from myscheduler.adapters.http.routes import PERMIT
from myscheduler.adapters.http.whole_answers import Whole, whole_answer
from myscheduler.core.calls.link_local import address_in
from myscheduler.core.policy.guard import Permit
from myscheduler.messages.message import said

MOST_BYTES = 24 * 1024 * 1024
"""The most bytes of a response with its headers and framing: twice what is read of a body, and the largest head."""
SLICE = 4 * 1024
LARGEST_SLICE = 32 * 1024
"""The least and the most bytes that are parsed before the clock is checked: more while slices are cheap to parse."""
CHEAP_SEC = 0.0005
"""A slice that was parsed in less time is cheap: the next one is larger."""
SMALL_BODY = 16 * 1024
"""Bytes that the target's kernel buffers, whether the target reads them or not."""
PIECE = 64 * 1024
"""Bytes of a large body that are written at once."""

_NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
"""Passed to aiohttp, as the headers that we need are attributes of `Body`."""
_NONE = bytes(4)
"""Zero as a C integer, as `ioctl` returns it."""


class StrayError(ClientError):
    """Data arrived on a reused connection, or it was closed, before the request was sent. So nothing was sent."""


class Handler(ResponseHandler):
    """aiohttp's protocol of one connection, which parses data by rations.

    A kept connection is reused only if nothing has arrived on it since the last response: unexpected data must not be
    taken for the response to the next request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, rations: Rations, max_age_sec: float) -> None:
        super().__init__(loop)
        self._rations = rations
        self.peer: Peer | None = None
        """Known once the connection can be used."""
        self._opening = OPENING.get()
        if self._opening is not None:
            self._opening.connected()
        self._permit: Permit | None = None
        """The permit by which the address was last allowed."""
        self._held = bytearray()
        """Data that has arrived and is not parsed yet. While there is more than a slice of it, nothing more is read."""
        self._is_waiting = False
        """The handler is in a queue of `Rations`."""
        self._is_held_up = False
        """Reading from the transport is paused."""
        self._loss: tuple[BaseException | None] | None = None
        """Set if the connection was lost while data is not parsed yet; holds the error, if any."""
        self._is_refused = False
        """The response was rejected; further data is ignored."""
        self._arrivals = poll()
        self._old_at = self._fit_until = loop.time() + max_age_sec
        """When the connection is too old to be used; and when it is no longer used, as its target may close it."""
        self._answer: AnswerReader | None = None
        """The reader for the last request; `None` before the first."""
        self._is_idle = False
        """The last response is complete, and there is no other request yet."""
        self._must_be_quiet = False
        """The connection was used before, and the new request is not sent yet: no data may arrive."""
        self._may_hang = False
        """The request's body is so large that a part may still be unsent when the response is complete."""
        self._is_asked = False
        """The request is sent by `ask`, not by aiohttp."""
        self._reply: asyncio.Future[tuple[int, Body | Whole]] | None = None
        """What `ask` returned, until it is known."""
        self._writing: asyncio.Task[None] | None = None
        """Writes a large body."""
        self._begin()

    def _begin(self) -> None:
        self._spent = 0.0
        self._bytes = 0
        self._slice = SLICE

    @property
    def is_light(self) -> bool:
        return self._spent < LIGHT_SEC

    def _is_allowed(self) -> bool:
        """Whether the call that asks may use the connection: another call with another permit may have opened it."""
        permit = PERMIT.get()
        if permit is not self._permit:
            peer = self.transport.get_extra_info("peername") if self.transport else None
            address = address_in(str(peer[0])) if peer else None
            if peer is None or address is None or permit.refusal(address, peer[1]) is not None:
                return False
            self._permit = permit
        return True

    @property
    def should_close(self) -> bool:
        return bool(self._held) or super().should_close

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._arrivals.register(transport.get_extra_info("socket").fileno(), POLLIN)
        self.peer = peer_of(transport)
        if self._opening is not None:
            self._opening.made(is_encrypted=self.peer is not None and self.peer.tls_version is not None)
            self._opening = None

    def is_connected(self) -> bool:
        """Whether the connection may be fit for a request: `may_send` decides. aiohttp asks before it reuses one; by
        then its address may no longer be allowed.
        """
        return super().is_connected() and not (self._is_idle and self._is_over_age()) and self._is_allowed()

    def _is_over_age(self) -> bool:
        """Whether the target may have closed the connection by now."""
        return self._loop.time() >= self._fit_until

    def _is_spoiled(self) -> bool:
        """As `_is_over_age`, or the target has closed it or sent data, even if the loop has not seen that yet."""
        return self._is_over_age() or bool(self._arrivals.poll(0))

    def set_response_params(self, *, skip_payload: bool = False, **_: Any) -> None:
        """Called by aiohttp before it sends a request: data that arrives from now on is its response."""
        self._begin()
        self._must_be_quiet, self._is_idle = self._is_idle, False
        self._may_hang = False
        self._answer = AnswerReader(self, is_head=skip_payload)
        if self._held:  # the target sent data before the request
            self._wait()

    def start_timeout(self) -> None:
        """Called by aiohttp as it sends the request, which has no other callback for it."""
        self._must_be_quiet = False

    def may_send(self, size: int) -> bool:
        """Whether the request may be sent; called just before its first byte. `size` is that of its body, in bytes."""
        if self._must_be_quiet and (not super().is_connected() or self._is_spoiled()):
            self._refuse(StrayError())
            return False
        self._must_be_quiet = False
        self._may_hang = size > SMALL_BODY
        return True

    def ask(self, head: bytes, body: bytes, *, is_head: bool) -> "asyncio.Future[tuple[int, Body | Whole]]":
        """Send a request, whose `head` is complete. The result is known as soon as the head of the response has
        arrived: the status and the body, which is whole if all of it came at once. It is an error of aiohttp if the
        head does not arrive. Raises errors of aiohttp, `StrayError` if nothing was sent.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError("the connection is closed")
        self.set_response_params(skip_payload=is_head)
        if not self.may_send(len(body)):
            raise StrayError
        self._is_asked, self._reply = True, (reply := self._loop.create_future())
        if not self._may_hang:
            transport.write(head + body)
        else:
            transport.write(head)
            self._writing = asyncio.create_task(self._write(body))
        return reply

    async def _write(self, body: bytes) -> None:
        content = memoryview(body)
        with suppress(ConnectionError):  # that the connection is lost is told to `ask`
            for start in range(0, len(content), PIECE):
                await self._drain_helper()
                if self.transport is None or self.transport.is_closing():
                    return
                self.transport.write(content[start : start + PIECE])
        self._writing = None

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        super().set_exception(exc, *cause)
        reply, self._reply = self._reply, None
        if reply is not None and not reply.done():
            reply.set_exception(exc)

    # --- incoming data --------------------------------------------------------------------------------------------

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
            self._refuse(FloodError(said("odd-flood", mib=MOST_BYTES >> 20)))
        elif self._held or self._answer is None or not self._rations.has_room(is_light=self.is_light):
            self._hold(data)
        elif len(data) <= self._slice:
            self._parse(self._answer, data)
        else:
            self._hold(data)
            self._feed()

    def _parse(self, answer: AnswerReader, data: bytes) -> None:
        is_light, start = self.is_light, perf_counter()
        is_first = self._bytes == len(data)
        whole = whole_answer(data) if is_first and self._is_asked and not answer.is_head else None
        try:
            if whole is None:
                answer.feed(data, is_more=bool(self._held))
            else:
                answer.is_done = True
                self.finish(None)
                self._replied(whole.status, whole)
        except (UnreadableError, FloodError) as error:
            self._refuse(error)
        took = perf_counter() - start
        self._spent += took
        self._slice = min(2 * self._slice, LARGEST_SLICE) if took < CHEAP_SEC else SLICE
        self._rations.spend(took, is_light=is_light)

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > SLICE:  # a pause costs two system calls, so not for small responses
            self._hold_up()
        if self._answer is not None:
            self._wait()

    def _wait(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._rations.wait(self)

    def go_on(self) -> None:
        """Continue parsing; called by `Rations`."""
        self._is_waiting = False
        self._feed()

    def _feed(self) -> None:
        """Parse slices while the ration lasts. Then wait for the next iteration or, if all is parsed, read on."""
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
        """Close the connection and ignore further data. If no status was read yet, the attempt ends with `error`."""
        self._is_refused = True
        has_status = self._answer is not None and self._answer.give_up(str(error))
        self.abort()
        if not has_status:
            self.set_exception(error)

    # --- callbacks of the reader ----------------------------------------------------------------------------------

    def begin(self, status: int, content_type: str, coding: str) -> Body:
        """The head was read. Returns the body, which the reader fills."""
        body = Body(self, self._read_bufsize, self._loop, content_type, coding)
        self._payload = body
        if not self._is_asked:
            self.feed_data(
                (RawResponseMessage(HttpVersion11, status, "", _NO_HEADERS, (), False, None, False, False), body)
            )
        else:
            self._replied(status, body)
        return body

    def _replied(self, status: int, body: Body | Whole) -> None:
        reply, self._reply = self._reply, None
        if reply is not None and not reply.done():
            reply.set_result((status, body))

    def finish(self, idle_sec: float | None) -> None:
        """The body is complete. The connection is reused for half of `idle_sec`, the time that the target keeps it: the
        network takes a part of that time.
        """
        now = self._loop.time()
        self._is_idle = True
        self._fit_until = self._old_at if idle_sec is None else min(self._old_at, now + idle_sec / 2)
        if now >= self._fit_until or (self._may_hang and self._holds_rest()):
            self.force_close()

    def _holds_rest(self) -> bool:
        """Whether a part of the request has not arrived: the next request would wait for it, perhaps for ever."""
        if self._writing is not None or self.transport is None or self.transport.get_write_buffer_size():
            return True
        try:
            return ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, _NONE) != _NONE
        except OSError:  # not supported by this system
            return False

    # --- aiohttp's flow control, and the end ----------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Called by aiohttp when its buffer of the body is full."""
        self._reading_paused = True
        self._hold_up()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: ARG002 - part of aiohttp's interface
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
        self._answer = None  # breaks a reference cycle, which would be collected only after an hour or so

    def close(self) -> None:
        super().close()
        self._drop()

    def abort(self) -> None:
        super().abort()
        self._drop()

    def _drop(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        self._held.clear()
        self._read_on()
