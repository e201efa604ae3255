"""Limits the open connections of callers, and how long the server waits for a caller.

At any moment a connection is in one of two states: the server works on a request, or it waits for the caller, namely
for the head of a request (request line and headers), for its body, for an answer to be read, or for the next request.
Each of these waits has a time limit. When there are too many connections, the one whose caller has kept the server
waiting longest is closed in favour of the new one. So a caller that sends its request at once, such as a probe, is
served even while thousands of others send nothing.
"""

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any
from uuid import uuid4

from httptools import HttpParserCallbackError, HttpParserError
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from myscheduler.api.door.door import ON_EVERY_ANSWER
from myscheduler.api.errors import MEDIA_TYPE, problem, problem_details
from myscheduler.messages.message import said

HEAD_LIMIT = 64 * 1024
"""The most bytes in the head of a request; browsers and proxies stay below a quarter of it."""
HEADERS_LIMIT = 100
STRANGERS = 32
"""The most requests in progress at paths that need no credentials."""
UNCOUNTED = ("/health", "/ui")
"""Probes, and the files of the dashboard, which are in memory: neither waits for anything."""
OPEN_PATHS = ("/docs", "/api/v1/session")
PIPELINE_LIMIT = 16
"""The most requests that a caller may send ahead, before the first is answered (HTTP pipelining)."""
SWEEP_SEC = 1.0
"""How often waits are checked for having passed their time limit."""
LOG_SEC = 60.0
"""The least time between two log lines of the same kind."""

_LARGE_HEAD = (431, said("head-too-large", kib=HEAD_LIMIT // 1024))

log = logging.getLogger(__name__)
_uvicorn_log = logging.getLogger("uvicorn.error.callers")
_uvicorn_log.setLevel(logging.ERROR)  # it warns of each invalid request, with neither its caller nor its mistake


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the server waits for a caller, in seconds."""

    head_sec: float = 10.0
    """For the head of a request, from its first byte to its last; for the first request, since the connection."""
    body_sec: float = 30.0
    """For the whole body."""
    idle_sec: float = 5.0
    """For the next request."""
    answer_sec: float = 30.0
    """For an answer to be read; a second more for each `answer_rate` bytes of it that are still to be sent."""
    answer_rate: int = 32 * 1024


class Callers:
    """The open connections: never more than `limit`.

    Each reports when the server begins to wait for its caller (`wait`), and when it begins to work for it (`work`).
    """

    def __init__(self, limit: int, patience: Patience | None = None) -> None:
        self.limit = limit
        self.patience = patience or Patience()
        self._loop = asyncio.get_running_loop()
        self._open: set[CallerProtocol] = set()
        self._waiting: dict[CallerProtocol, float] = {}
        """The loop time at which each wait ends; in the order in which the waits began."""
        self._is_sweeping = False
        self._logged_at = -LOG_SEC
        self._refusal_logged_at = -LOG_SEC
        self._refusals = 0
        """How many there were since the last log line about one."""

    def admit(self, one: "CallerProtocol") -> None:
        """Add a new connection; if there are too many then, close one."""
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
        """From now on the server waits for the caller, for at most so many seconds."""
        self._waiting.pop(one, None)
        if one in self._open:
            self._waiting[one] = self._loop.time() + seconds

    def work(self, one: "CallerProtocol") -> None:
        """From now on the server works for the caller, without a time limit."""
        self._waiting.pop(one, None)

    def log_refusal(self, client: tuple[str, int] | None, status: int, detail: str, request_id: str) -> None:
        """Log a refused request, at most one in `LOG_SEC`, with how many there were since the last line."""
        self._refusals += 1
        if self._loop.time() >= self._refusal_logged_at + LOG_SEC:
            self._refusal_logged_at = self._loop.time()
            more = f" (and {self._refusals - 1:,} more since the last such line)" if self._refusals > 1 else ""
            self._refusals = 0
            text = "refused a request from %s with %d: %s%s"
            log.warning(text, client[0] if client else "?", status, detail, more, extra={"request_id": request_id})

    def _make_room(self) -> None:
        """Close the connection that is waited for longest. That is the new one if the server works on all others."""
        slowest = next(iter(self._waiting))
        self.leave(slowest)
        slowest.transport.abort()
        if self._loop.time() >= self._logged_at + LOG_SEC:
            self._logged_at = self._loop.time()
            log.warning(
                "the API has %d connections, which is the limit: for each new one, the connection is closed whose "
                "caller has kept the server waiting longest",
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
    """Stops the parser; `send_400_response` then sends the reason, which is in `_refusal`."""


class CallerProtocol(HttpToolsProtocol):
    """A connection of uvicorn that reports to `Callers` whom it waits for, and limits what a caller may send."""

    def __init__(self, callers: Callers, **given: Any) -> None:
        super().__init__(**given)
        self.logger = _uvicorn_log
        self._callers = callers
        self._patience = callers.patience
        self._is_in_head = True
        self._head_size = 0
        """Bytes of the head so far, without those that came in the same packet as its first one."""
        self._has_begun = False
        """Whether a head began in the data that was just received."""
        self._is_read = False
        """Whether the newest request is received completely."""
        self._refusal: tuple[int, str] | None = None
        self._worked_on: RequestResponseCycle | None = None
        """The request being answered; uvicorn's `cycle` is the newest one, which may have been sent ahead."""

    # --- events of the connection ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._callers.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._callers.leave(self)
        super().connection_lost(exc)
        if self._worked_on is not None:  # else its answer would be written to the closed connection
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

    # --- events of the parser -------------------------------------------------------------------------------------

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
        """Which limit a complete head breaks, as status and detail of the answer; `None` for none."""
        size = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        if size > HEAD_LIMIT:
            return _LARGE_HEAD
        if len(self.headers) > HEADERS_LIMIT:
            return 431, said("too-many-headers", most=HEADERS_LIMIT)
        if len(self.pipeline) >= PIPELINE_LIMIT:
            return 429, said("too-many-ahead", most=PIPELINE_LIMIT)
        return None

    # --- who waits for whom ---------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Called when a request is received completely, and when an answer is finished or has been read."""
        if self.flow.write_paused:
            self._wait_for_reader()
        elif self.pipeline or not self.cycle.response_complete:
            if self._is_read or self.pipeline:
                self._callers.work(self)
            elif not self._is_in_head:
                self._callers.wait(self, self._patience.body_sec)
        elif self._is_read:
            self._callers.wait(self, self._patience.idle_sec)
        elif self._is_in_head:  # it began while the server worked on the request before
            self._callers.wait(self, self._patience.head_sec)
        # else the answer was sent before the end of the request, whose time limit still runs

    def _wait_for_reader(self) -> None:
        size = self.transport.get_write_buffer_size()
        self._callers.wait(self, self._patience.answer_sec + size / self._patience.answer_rate)

    def give_up(self) -> None:
        """End a wait that took too long: answer 408, or close. Called again if the caller does not read the 408."""
        if self.transport.is_closing() or self.flow.write_paused:
            self.transport.abort()
        elif self._is_in_head and self._head_size:
            self.refuse(408, said("head-too-slow", seconds=self._patience.head_sec))
        elif self.cycle is not None and not self._is_read and not self.cycle.response_started:
            self.refuse(408, said("body-too-slow", seconds=self._patience.body_sec))
        else:
            self.transport.close()

    # --- refusals before the application --------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's message is always the same
        """Called while the parser's exception is handled, which says what is wrong in a few fixed words."""
        error = sys.exception()
        is_told = isinstance(error, HttpParserError) and not isinstance(error, HttpParserCallbackError)
        detail = said("request-not-http-because", why=str(error)) if is_told else said("request-not-http")
        self.refuse(*(self._refusal or (400, detail)))

    def refuse(self, status: int, detail: str) -> None:
        """Answer in place of the application, and close the connection."""
        request_id = uuid4().hex
        self._callers.log_refusal(self.client, status, detail, request_id)
        title = HTTPStatus(status).phrase
        content = json.dumps(problem_details(status, detail) | {"request_id": request_id}).encode()
        own = {b"content-type": MEDIA_TYPE.encode(), b"content-length": b"%d" % len(content), b"connection": b"close"}
        own[b"x-request-id"] = request_id.encode()
        lines = [f"HTTP/1.1 {status} {title}".encode(), *(b"%b: %b" % pair for pair in (own | ON_EVERY_ANSWER).items())]
        self.transport.write(b"\r\n".join([*lines, b"", content]))
        self.transport.close()
        self._callers.wait(self, self._patience.idle_sec)


def protocol_for(callers: Callers) -> type[asyncio.Protocol]:
    """The class that uvicorn instantiates for each connection (its setting `http`)."""

    class Bound(CallerProtocol):
        def __init__(self, **given: Any) -> None:
            super().__init__(callers, **given)

    return Bound


class Throttle:
    """Answers 503 while `limit` requests are in progress, so that connections are left for `/health`.

    Paths that answer callers without credentials have a limit of their own: strangers who send or read slowly can't
    take the places of those who are known.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limits = {False: limit, True: min(limit, STRANGERS)}
        self._counts = {False: 0, True: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or str(scope["path"]).startswith(UNCOUNTED):
            await self._app(scope, receive, send)
            return
        is_open = str(scope["path"]).startswith(OPEN_PATHS)
        if self._counts[is_open] >= self._limits[is_open]:
            detail = said("too-many-in-progress", most=self._limits[is_open])
            await problem(503, detail, headers={"Retry-After": "1", "Connection": "close"})(scope, receive, send)
            return
        self._counts[is_open] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._counts[is_open] -= 1
