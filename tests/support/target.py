"""A real HTTP server for tests: it records what it gets and answers as it is told, nastily if need be.

    with Target() as target:
        target.answers("/flaky", Answer(503), Answer(503), Answer(200))  # the last one repeats
        … call target.url("/flaky") …
        assert [one.method for one in target.requests] == ["GET", "GET", "GET"]

It runs on 127.0.0.1 in a thread with its own loop, on raw streams: nothing between the test and the bytes.
"""

import asyncio
import contextlib
import itertools
import json
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, assert_never

from tests.support.patience import PATIENCE

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
"""How answers begin that are written out byte by byte."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    method: str
    target: str
    """Path and query, byte for byte."""
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float
    """`time.monotonic()` when it had been read."""
    connection: int
    """Number of the connection, counted from 1: the same number means that the connection was reused."""

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A proper answer."""

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0
    """Seconds before the first byte."""
    drip: float = 0
    """Seconds between two bytes of the body."""
    repeat: int = 1
    """How often the body is sent, as one long body."""


@dataclass(frozen=True, slots=True)
class Raw:
    """These bytes, whatever they are, `later` in a second packet; then the connection is closed."""

    data: bytes
    later: bytes = b""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The request is read, then the connection is closed without a byte; `reset` sends a TCP reset."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """The request is read and never answered."""


@dataclass(frozen=True, slots=True)
class Echo:
    """All of the request comes back: as text, as JSON, and in a header."""

    status: int = 200
    before: int = 0
    """Bytes of filling before it."""
    head: bytes = b""
    """Sent instead of a proper head."""
    until: bytes = b""
    """The connection is closed behind this, where it comes first in the body."""
    stalls: bool = False
    """It stays open, and silent, instead."""


Reply: TypeAlias = Answer | Raw | HangUp | Silence | Echo


@dataclass(frozen=True, slots=True)
class Replied:
    """A request that was dealt with: its answer was written, or its connection was closed on purpose."""

    request: Received
    reply: Reply
    at: float
    """`time.monotonic()` when the reply had been handed to the system."""


@dataclass
class Target:
    """The server; a context manager. Every method may be called from any thread."""

    default: Reply = field(default_factory=Answer)
    """For paths that `answers` was not told about."""
    tls: bool | ssl.SSLContext = False
    """Speak TLS with a certificate of `AUTHORITY`, which nobody trusts by itself."""
    greeting: bytes | None = None
    """Sent as soon as a connection is opened, which is then closed; no request is read."""

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._replied: list[Replied] = []
        self._scripts: dict[str, Iterator[Reply]] = {}
        self._connections = itertools.count(1)
        self._opened = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.WriteTransport] = set()
        self._loop = asyncio.new_event_loop()
        self._port = 0

    def url(self, path: str = "/") -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}{path}"

    @property
    def port(self) -> int:
        return self._port

    @property
    def requests(self) -> list[Received]:
        with self._changed:
            return list(self._received)

    @property
    def replies(self) -> list[Replied]:
        """In the order in which they were sent."""
        with self._changed:
            return list(self._replied)

    @property
    def connections(self) -> int:
        """How many connections were ever opened."""
        return self._opened

    def answers(self, path: str, *replies: Reply) -> None:
        """Answer requests for `path` (without its query) one after the other; the last reply repeats."""
        with self._changed:
            self._scripts[path] = itertools.chain(replies, itertools.repeat(replies[-1]))

    def wait_for(self, count: int, timeout: float = PATIENCE) -> list[Received]:
        """Block until `count` requests came in. In async code: `await asyncio.to_thread(target.wait_for, 1)`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._received) >= count, timeout):
                raise AssertionError(f"{len(self._received)} of {count} requests within {timeout} s")
            return list(self._received)

    def wait_for_replies(self, count: int, timeout: float = PATIENCE) -> list[Replied]:
        """Block until `count` requests were dealt with."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._replied) >= count, timeout):
                raise AssertionError(f"{len(self._replied)} of {count} replies within {timeout} s")
            return list(self._replied)

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="target", daemon=True)
        self._thread.start()
        if not started.wait(PATIENCE):
            raise AssertionError("the target did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise AssertionError("the target did not stop")

    def _run(self, started: threading.Event) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self._port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        # asyncio forgets a connection that it is accepting while the server closes: let these get their tasks before
        self._loop.remove_reader(server.sockets[0].fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._transports:  # a task that is cancelled before its first step closes nothing
            transport.abort()
        for _ in range(5):
            await asyncio.sleep(0)  # a transport closes its socket a step later

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own, so that stopping can cancel it.
        self._opened += 1
        task = self._loop.create_task(self._talk(reader, writer, next(self._connections)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._transports.add(writer.transport)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                if self.tls:  # here and not by the server, which forgets connections whose handshake isn't over
                    await writer.start_tls(tls_context() if self.tls is True else self.tls)
                if self.greeting is not None:
                    writer.write(self.greeting)
                    return
                while await self._turn(reader, writer, connection):
                    pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        """One request and its reply; whether the connection stays open."""
        request = await _read(reader, writer, connection)
        with self._changed:
            self._received.append(request)
            reply = next(self._scripts.get(request.target.partition("?")[0], itertools.repeat(self.default)))
            self._changed.notify_all()
        match reply:
            case Answer():
                await _send(writer, reply, with_body=request.method != "HEAD")
                self._note(request, reply)
                return request.header("Connection") != "close"
            case Raw():
                writer.write(reply.data)
                await writer.drain()
                if reply.later:
                    await asyncio.sleep(0.05)
                    writer.write(reply.later)
            case HangUp():
                if reply.reset:
                    # Lingering for 0 seconds makes the kernel answer with RST instead of FIN.
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            case Echo():
                data = _echo(request, reply)
                writer.write(data)
                await writer.drain()
                if reply.stalls:
                    await reader.read()
            case Silence():
                await reader.read()  # until the client hangs up
            case _:
                assert_never(reply)
        self._note(request, reply)
        return False

    def _note(self, request: Received, reply: Reply) -> None:
        with self._changed:
            self._replied.append(Replied(request, reply, time.monotonic()))
            self._changed.notify_all()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2]))
    fields = {name.lower(): value for name, value in headers}
    if fields.get("expect") == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(fields.get("content-length", "0")))
    return Received(method, target, headers, body, time.monotonic(), connection)


def _echo(request: Received, echo: Echo) -> bytes:
    text = request.body.decode("utf-8", "replace")
    lines = [f"{request.method} {request.target}", *(f"{name}: {value}" for name, value in request.headers), text]
    whole = json.dumps({"target": request.target, "headers": dict(request.headers), "data": text})
    body = b"." * echo.before + "\n".join([*lines, whole]).encode()
    head = echo.head or (
        f"HTTP/1.1 {echo.status} Echo\r\nLocation: {request.target}\r\n"
        f"X-Echo: {request.header('Authorization')}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode("latin-1")
    if echo.until:
        body = body[: body.index(echo.until) + len(echo.until)]
    return head + body


async def _send(writer: asyncio.StreamWriter, answer: Answer, *, with_body: bool) -> None:
    await asyncio.sleep(answer.delay)
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in answer.headers)]
    if answer.status not in {204, 304}:
        lines.append(f"Content-Length: {len(answer.body) * answer.repeat}")
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    if with_body and answer.status not in {204, 304}:
        for _ in range(answer.repeat):
            await _send_body(writer, answer)
    await writer.drain()


async def _send_body(writer: asyncio.StreamWriter, answer: Answer) -> None:
    if not answer.drip:
        writer.write(answer.body)
        await writer.drain()
        return
    for byte in answer.body:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(answer.drip)


# For localhost and 127.0.0.1, until 2126, by an authority of its own. The key is made for these tests, and guards
# nothing.
_AUTHORITY = """
MIIBnjCCAUWgAwIBAgIUGH/+SaVaXFx6PkEtglTIUikq+nYwCgYIKoZIzj0EAwIwHDEaMBgGA1UEAwwRTXlTY2hlZHVsZXIgdGVzdHMwIBcNMjYxMTI5MT
UwNjUzWhgPMjEyNjExMDUxNTA2NTNaMBwxGjAYBgNVBAMMEU15U2NoZWR1bGVyIHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsuOGaBJciK/K
aXu62b5nDZWEh50ALhYseXa34FoIIa/ijdGoLUJi+DjhFSrrlwXEtQtq8VlFFKOlf7TqFGhGd6NjMGEwHwYDVR0jBBgwFoAUuUm3taUMhjUxlcIdRRXm1S
lAZ5IwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFLlJt7WlDIY1MZXCHUUV5tUpQGeSMAoGCCqGSM49BAMCA0cAMEQCIFC5
MjSQn4xtT4Vjwh/LJ/P09CUtmzfbukB6cQGu8kB7AiAyxQnxdLh/kV+kyM4vbhyYkDay5Qk8EGboLs+Us/0VMA==
"""
_CERTIFICATE = """
MIIBxjCCAW2gAwIBAgIUDfwXlG+rdmrqnXsGXLZ2JuNvNvMwCgYIKoZIzj0EAwIwHDEaMBgGA1UEAwwRTXlTY2hlZHVsZXIgdGVzdHMwIBcNMjYxMTI5MT
UwNjUzWhgPMjEyNjExMDUxNTA2NTNaMBQxEjAQBgNVBAMMCTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBng2p+dNvz3mOvFaXWbQJ60
x+7m8/5CtWGzs/E7bDHp2ggRSRjMdpUk2Tp35R4oRkqflWZVW71uTPyEJYmvjGajgZIwgY8wDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwEwYDVR
0lBAwwCgYIKwYBBQUHAwEwGgYDVR0RBBMwEYcEfwAAAYIJbG9jYWxob3N0MB0GA1UdDgQWBBQG3kOtUUB+b0YfV1Z89t5JBDiWvjAfBgNVHSMEGDAWgBS5
Sbe1pQyGNTGVwh1FFebVKUBnkjAKBggqhkjOPQQDAgNHADBEAiAjl17hy8ouhWIBvCt1zi0NXGj+wkTe1XC95b+GYYMTQwIgcaqU4F5yV9/z2D62ebVYmY
yrOgCaQyVx1cqW+UlT00w=
"""
_KEY = """
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcaAzmOw7Z8fwh5wkgAez5jXyJTG2u37V9LcaSHH7aIShRANCAAQZ4NqfnTb895jrxWl1m0
CetMfu5vP+QrVhs7PxO2wx6doIEUkYzHaVJNk6d+UeKEZKn5VmVVu9bkz8hCWJr4xm
"""


def _pem(label: str, data: str) -> str:
    return f"-----BEGIN {label}-----{data}-----END {label}-----\n"


AUTHORITY = _pem("CERTIFICATE", _AUTHORITY)
"""Signs the certificate of a target with `tls=True`; a client trusts that when this is in `SSL_CERT_FILE`."""
AUTHORITY_HASH = "6c2d1762"
"""Of its subject, by which OpenSSL finds it in a folder."""


def closed_port() -> int:
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder, "chain.pem")
        chain.write_text(_pem("CERTIFICATE", _CERTIFICATE) + _pem("PRIVATE KEY", _KEY))
        context.load_cert_chain(chain)
    return context
