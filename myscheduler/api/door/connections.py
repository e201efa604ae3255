"""Which connections of callers stay open: as many as there are files for, and none whose caller keeps us waiting.

A connection either waits for us, while a request is worked on, or we wait for its caller: for the head of a request,
for its body, until an answer is read, or for the next request. Each of these waits has an end. When there are too many
connections, the one whose caller has kept us waiting longest is closed for the new one; so whoever sends his request at
once, such as a probe, gets through beside thousands who send nothing.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from myscheduler.api.door.door import ON_EVERY_ANSWER
from myscheduler.api.errors import MEDIA_TYPE, problem

HEAD_LIMIT = 64 * 1024
"""Bytes of the head of a request; browsers and proxies stay below a quarter of it."""
HEADERS_LIMIT = 100
PIPELINE_LIMIT = 16
"""Requests that a caller may send ahead, before the first is answered."""
SWEEP_SEC = 1.0
LOG_SEC = 60.0
"""One line in this time says that there are too many."""

_LARGE_HEAD = (431, f"the head of the request is larger than {HEAD_LIMIT // 1024} KiB")

log = logging.getLogger(__name__)
_uvicorn_log = logging.getLogger("uvicorn.error.callers")
_uvicorn_log.setLevel(logging.ERROR)  # it warns of each request that is no HTTP, and says neither whose nor why


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for a caller."""

    head_sec: float = 10.0
    """For the head of a request, from the first byte to the last; for the first one, from the connection."""
    body_sec: float = 30.0
    """For all of the body."""
    idle_sec: float = 5.0
    """For the next request."""
    answer_sec: float = 30.0
    """Until an answer is read, and a second more for each `answer_rate` bytes of it."""
    answer_rate: int = 32 * 1024


class Callers:
    """The open connections, no more than `limit`."""

    def __init__(self, limit: int, patience: Patience | None = None) -> None:
        self.limit = limit
        self.patience = patience or Patience()
        self._loop = asyncio.get_running_loop()
        self._open: set[CallerProtocol] = set()
        self._waiting: dict[CallerProtocol, float] = {}
        """Until when we wait for the caller; in the order in which the waits began."""
        self._is_sweeping = False
        self._told_at = -LOG_SEC
        self._refusal_told_at = -LOG_SEC
        self._refusals = 0
        """Since the last line that tells of one."""

    def admit(self, one: "CallerProtocol") -> None:
        """Take in a new connection, in the place of another where there are too many."""
        self._open.add(one)
        self.wait(one, self.patience.head_sec)
        if len(self._open) > self.limit:
            self._make_room()
        if not self._is_sweeping:
            self._is_sweeping = True
            self._loop.call_later(SWEEP_SEC, self._sweep)

    def leave(self, one: "CallerProtocol") -> None:
        self._open.discard(one)
        self._waiting.pop(one, None)

    def wait(self, one: "CallerProtocol", seconds: float) -> None:
        """From now on it is the caller's turn."""
        self._waiting.pop(one, None)
        if one in self._open:
            self._waiting[one] = self._loop.time() + seconds

    def work(self, one: "CallerProtocol") -> None:
        """From now on it is ours."""
        self._waiting.pop(one, None)

    def tell_refusal(self, client: tuple[str, int] | None, status: int, detail: str) -> None:
        """Log it, with how many there were since the last line; a flood of them is a line a minute."""
        self._refusals += 1
        if self._loop.time() >= self._refusal_told_at + LOG_SEC:
            self._refusal_told_at = self._loop.time()
            more = f" (and {self._refusals - 1:,} more since the last such line)" if self._refusals > 1 else ""
            self._refusals = 0
            log.warning("refused a request from %s with %d: %s%s", client[0] if client else "?", status, detail, more)

    def _make_room(self) -> None:
        """If all others are being worked on, that is the new one itself."""
        slowest = next(iter(self._waiting))
        self.leave(slowest)
        slowest.transport.abort()
        if self._loop.time() >= self._told_at + LOG_SEC:
            self._told_at = self._loop.time()
            log.warning(
                "the API has %d connections, as many as it may: for each new one, the one is closed whose caller has "
                "kept it waiting longest",
                self.limit,
            )

    def _sweep(self) -> None:
        now = self._loop.time()
        for one in [one for one, until in self._waiting.items() if until <= now]:
            one.give_up()
        self._is_sweeping = bool(self._open)
        if self._is_sweeping:
            self._loop.call_later(SWEEP_SEC, self._sweep)


class _RefusedError(Exception):
    """Ends the reading of a request; the parser passes it on as its own error."""


class CallerProtocol(HttpToolsProtocol):
    """A connection of uvicorn that tells `Callers` whose turn it is, and bounds what a caller may send."""

    def __init__(self, callers: Callers, **given: Any) -> None:
        super().__init__(**given)
        self.logger = _uvicorn_log
        self._callers = callers
        self._patience = callers.patience
        self._is_in_head = True
        self._head_size = 0
        """Bytes, without those that came together with its first one."""
        self._has_begun = False
        """A head began in what was just received."""
        self._is_read = False
        """All of the newest request is here."""
        self._refusal: tuple[int, str] | None = None
        self._worked_on: RequestResponseCycle | None = None
        """The request that is answered now; uvicorn's `cycle` is the newest one, which may have been sent ahead."""

    # --- what the connection tells --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._callers.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._callers.leave(self)
        super().connection_lost(exc)
        if self._worked_on is not None:  # else it would be written to a connection that is closed
            self._worked_on.disconnected = True
            self._worked_on.message_event.set()

    def data_received(self, data: bytes) -> None:
        self._has_begun = False
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._head_size += 1 if self._has_begun else len(data)
            if self._head_size > HEAD_LIMIT:
                self.refuse(*_LARGE_HEAD)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.cycle is not None:
            self._go_on()

    # --- what the parser finds ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._is_read, self._head_size, self._has_begun = True, False, 0, True
        if self.cycle is not None and self.cycle.response_complete:
            self._callers.wait(self, self._patience.head_sec)

    def on_headers_complete(self) -> None:
        self._refusal = self._excess()
        if self._refusal:
            raise _RefusedError
        self._is_in_head = False
        super().on_headers_complete()
        if not self.pipeline:
            self._worked_on = self.cycle
            self._callers.wait(self, self._patience.body_sec)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_read = True
        self._go_on()

    def on_response_complete(self) -> None:
        self._worked_on = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        self._go_on()

    def _excess(self) -> tuple[int, str] | None:
        """What there is too much of, now that a head is complete."""
        size = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        if size > HEAD_LIMIT:
            return _LARGE_HEAD
        if len(self.headers) > HEADERS_LIMIT:
            return 431, f"the request has more than {HEADERS_LIMIT} headers"
        if len(self.pipeline) >= PIPELINE_LIMIT:
            return 429, f"more than {PIPELINE_LIMIT} requests were sent ahead: wait for the answers"
        return None

    # --- whose turn it is -----------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """All of a request is here, or an answer was given, or read."""
        if self.flow.write_paused:
            self._wait_for_reader()
        elif self.pipeline or not self.cycle.response_complete:
            if self._is_read or self.pipeline:
                self._callers.work(self)
            elif not self._is_in_head:
                self._callers.wait(self, self._patience.body_sec)
        elif self._is_read:
            self._callers.wait(self, self._patience.idle_sec)
        # else the answer came before the end of the request, whose time goes on

    def _wait_for_reader(self) -> None:
        size = self.transport.get_write_buffer_size()
        self._callers.wait(self, self._patience.answer_sec + size / self._patience.answer_rate)

    def give_up(self) -> None:
        """The caller kept us waiting too long. Asked again when he doesn't even take the answer to that."""
        if self.transport.is_closing() or self.flow.write_paused:
            self.transport.abort()
        elif self._is_in_head and self._head_size:
            self.refuse(408, f"the head of the request was not here within {self._patience.head_sec:g} s")
        elif self.cycle is not None and not self._is_read and not self.cycle.response_started:
            self.refuse(408, f"the body of the request was not here within {self._patience.body_sec:g} s")
        else:
            self.transport.close()

    # --- refusals that no application sees ------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn says the same of all
        self.refuse(*(self._refusal or (400, "what came is no HTTP")))

    def refuse(self, status: int, detail: str) -> None:
        """Answer without the application, and close."""
        self._callers.tell_refusal(self.client, status, detail)
        title = HTTPStatus(status).phrase
        content = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
        own = {b"content-type": MEDIA_TYPE.encode(), b"content-length": b"%d" % len(content), b"connection": b"close"}
        lines = [f"HTTP/1.1 {status} {title}".encode(), *(b"%b: %b" % pair for pair in (own | ON_EVERY_ANSWER).items())]
        self.transport.write(b"\r\n".join([*lines, b"", content]))
        self.transport.close()
        self._callers.wait(self, self._patience.idle_sec)


def protocol_for(callers: Callers) -> type[asyncio.Protocol]:
    """What uvicorn makes for each connection (its setting `http`)."""

    class Bound(CallerProtocol):
        def __init__(self, **given: Any) -> None:
            super().__init__(callers, **given)

    return Bound


class Throttle:
    """Answers 503 while `limit` requests are being worked on, so that connections are left for `/health`."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or str(scope["path"]).startswith("/health"):
            await self._app(scope, receive, send)
        elif self._count >= self._limit:
            detail = f"{self._limit} requests are being worked on, as many as there may be: ask again"
            await problem(503, detail, headers={"Retry-After": "1", "Connection": "close"})(scope, receive, send)
        else:
            self._count += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._count -= 1
