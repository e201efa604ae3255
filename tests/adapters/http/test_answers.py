"""Answers of servers that are careless about HTTP, and connections on which something comes that nobody asked for."""

import asyncio
import gc
import gzip
import socket
import ssl
import threading
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.adapters.http.answer_body import SHOWN_BYTES
from myscheduler.adapters.http.answers import AnswerReader, Body, UnreadableError
from myscheduler.adapters.http.rations import Handler
from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request
from myscheduler.core.secrets.redaction import Secret
from tests.support.target import AUTHORITY, Answer, Echo, HangUp, Raw, Reply, Silence, Target, tls_context

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"
_NOT_HERE = ", which is not supported, so no excerpt is kept"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        yield running


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with open_sender(connections=50, connections_per_host=10) as opened:
        yield opened


def request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    timeout_sec: float = 5,
    secrets: tuple[Secret, ...] = (),
) -> Request:
    return Request(method, url, {}, body, timeout_sec, secrets)


# An answer whose status can be read is an answer


@pytest.mark.parametrize(
    ("answer", "status", "body", "odd"),
    [
        pytest.param(
            OK + b"Content-Length: 2\r\n\r\nabc",
            200,
            "ab",
            "sent more bytes than its Content-Length of 2",
            id="too long",
        ),
        pytest.param(
            OK + b"Content-Length: 0\r\n\r\nabc", 200, "", "sent more bytes than its Content-Length of 0", id="length 0"
        ),
        pytest.param(
            OK + b"Content-Length: 3\r\n\r\nabc\r\n",
            200,
            "abc",
            "sent more bytes than its Content-Length of 3",
            id="a line break too many",
        ),
        pytest.param(b"HTTP/1.1 204 No\r\n\r\nabc", 204, "", "sent a body with its 204", id="204 with a body"),
        pytest.param(
            b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc",
            204,
            "",
            "sent a body with its 204",
            id="204 with a length",
        ),
        pytest.param(
            b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            204,
            "",
            "sent a body with its 204",
            id="204 with chunks",
        ),
        pytest.param(OK + b"A: b\r\n" * 200 + b"Content-Length: 3\r\n\r\nabc", 200, "abc", None, id="200 headers"),
        pytest.param(OK + b"A: " + b"b" * 100_000 + b"\r\n\r\nabc", 200, "abc", None, id="a long header"),
        pytest.param(OK + b"A: b\r\n" * 50_000 + b"\r\n", 200, "", "sent more than 256 KiB of headers", id="too many"),
        pytest.param(
            OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            200,
            "abc",
            "sent its Content-Length more than once",
            id="a length twice",
        ),
        pytest.param(
            OK + b"Content-Length: 3, 3\r\n\r\nabc",
            200,
            "abc",
            "sent its Content-Length more than once",
            id="a length twice in one line",
        ),
        pytest.param(
            OK + b"Content-Length: 5\r\nContent-Length: 3\r\n\r\nabcde",
            200,
            "abc",
            "sent different values of Content-Length (3 and 5), of which the smallest is used and "
            "sent more bytes than its Content-Length of 3",
            id="two lengths",
        ),
        pytest.param(OK + b"Content-Length: +3\r\n\r\nabc", 200, "abc", "sent a Content-Length with a sign", id="plus"),
        pytest.param(
            OK + b"Content-Length: x\r\n\r\nabc",
            200,
            "abc",
            "sent a Content-Length that is not a number",
            id="no number",
        ),
        pytest.param(
            OK + b"Content-Length: -1\r\n\r\nabc",
            200,
            "abc",
            "sent a Content-Length that is not a number",
            id="negative",
        ),
        pytest.param(
            OK + b"Content-Length:\r\n\r\nabc", 200, "abc", "sent a Content-Length that is not a number", id="no length"
        ),
        pytest.param(
            OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\nabc",
            200,
            "abc",
            "sent a Content-Length that is too large",
            id="a length of 5,000 digits",
        ),
        pytest.param(
            OK + b"Content-Length: 9\r\n\r\nabc",
            200,
            "abc",
            "broke off its answer after 3 of 9 bytes of body",
            id="short",
        ),
        pytest.param(
            CHUNKED + b"3\r\nabc\r\n", 200, "abc", "broke off its answer after 3 bytes of body", id="no last chunk"
        ),
        pytest.param(
            CHUNKED + b"5\r\nabc", 200, "abc", "broke off its answer after 3 bytes of body", id="half a chunk"
        ),
        pytest.param(
            CHUNKED + b"3\r\nabc\r\n0\r\n", 200, "abc", "broke off its answer after 3 bytes of body", id="no last line"
        ),
        pytest.param(CHUNKED + b"3\r\nabc\r\nzz\r\n", 200, "abc", "sent chunks that can't be read", id="bad chunks"),
        pytest.param(
            CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 200, "abc", "sent chunks that can't be read", id="long chunk"
        ),
        pytest.param(CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n", 200, "", "sent chunks that can't be read", id="a sign"),
        pytest.param(CHUNKED + b"3;x=y\r\nabc\r\n0\r\n\r\n", 200, "abc", None, id="an extension"),
        pytest.param(CHUNKED + b"3 \nabc\n0\nX: y\n\n", 200, "abc", None, id="chunks with bare line feeds"),
        pytest.param(
            CHUNKED + b"3\r\nabc\r\n0\r\n\r\nx",
            200,
            "abc",
            "sent something after its last chunk",
            id="more than chunks",
        ),
        pytest.param(
            OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            200,
            "abc",
            "sent both a Content-Length and a Transfer-Encoding",
            id="both",
        ),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            200,
            "abc",
            "named chunked more than once",
            id="chunked twice",
        ),
        pytest.param(
            OK + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="identity"
        ),
        pytest.param(
            OK + b"Transfer-Encoding: x\r\n\r\nabc",
            200,
            None,
            f"sent an unknown Transfer-Encoding and sent a body in x{_NOT_HERE}",
            id="an unknown encoding",
        ),
        pytest.param(
            OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (23, gzip.compress(b"abc")),
            200,
            "abc",
            None,
            id="compressed chunks",
        ),
        *(
            pytest.param(OK + b"Content-Encoding: " + coding + b"\r\n\r\n" + packed, 200, body, odd, id=name)
            for name, coding, packed, body, odd in (
                ("a gzip cut short", b"gzip", gzip.compress(b"abc")[:-6], "abc", "broke off its gzip"),
                ("half a gzip", b"gzip", gzip.compress(b"abc" * 99)[:11], "", "broke off its gzip"),
                ("two members", b"x-gzip", gzip.compress(b"ab") + gzip.compress(b"c"), "abc", None),
                ("padding", b"gzip", gzip.compress(b"abc") + bytes(9), "abc", None),
                ("more than gzip", b"gzip", gzip.compress(b"abc") + b"def", "abc", "sent something after its gzip"),
                ("raw deflate", b"deflate", zlib.compress(b"abc", wbits=-15), "abc", None),
                ("a deflate cut short", b"deflate", zlib.compress(b"abc")[:-2], "abc", "broke off its deflate"),
                ("brotli", b"br", b"\x0b\x01\x80abc\x03", None, f"sent a body in br{_NOT_HERE}"),
                ("zstd", b"ZSTD", b"x", None, f"sent a body in zstd{_NOT_HERE}"),
                ("twice", b"gzip, gzip", b"x", None, f"sent a body in gzip, gzip{_NOT_HERE}"),
                ("empty", b"br", b"", "", None),
                ("an empty gzip", b"gzip", gzip.compress(b""), "", None),
            )
        ),
        pytest.param(
            OK + b"Content-Encoding: gzip\r\n\r\nabc", 200, None, "sent a body that is not gzip", id="no gzip"
        ),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", 200, "abc", None, id="bare line feeds"),
        pytest.param(OK + b"X: a\r\n b\r\nContent-Length:\r\n 3\r\n\r\nabc", 200, "abc", None, id="folded lines"),
        pytest.param(OK + b"Content-Length : 3\r\n\r\nabc", 200, "abc", None, id="a space before the colon"),
        pytest.param(OK + b"X Y: a\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="a space in a name"),
        pytest.param(OK + b"X: \xff\x00\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="NUL in a header"),
        pytest.param(
            OK + b"hello\r\nContent-Length: 3\r\n\r\nabc",
            200,
            "abc",
            "sent a header line without a colon",
            id="no colon",
        ),
        pytest.param(OK + b"X:", 200, "", "broke off the headers of its answer", id="half a head"),
        pytest.param(b"HTTP/1.1 200", 200, "", "broke off the headers of its answer", id="a status line alone"),
        pytest.param(b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="no reason"),
        pytest.param(b"HTTP/1.1  200  OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="two spaces"),
        pytest.param(b"http/1.1 200 ok\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="small letters"),
        pytest.param(b"HTTP/2 200\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="another version"),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, "abc", None, id="1.0"
        ),
        pytest.param(b"\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc", 200, "abc", None, id="empty lines before"),
        pytest.param(OK + b"Sec-WebSocket-Key1: x\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", None, id="any header"),
    ],
)
async def test_its_status_and_what_was_read_are_kept(
    sender: Sender, target: Target, answer: bytes, status: int, body: str | None, odd: str | None
) -> None:
    target.answers("/", Raw(answer))
    outcome = await sender.send(request(target.url("/"), "POST", b"x"))
    assert (outcome.http_status, outcome.failure, outcome.excerpt) == (status, None, body)
    assert outcome.error == (odd and f"127.0.0.1:{target.port} {odd}")
    assert len(target.requests) == 1


@pytest.mark.parametrize(
    ("head", "method"),
    [
        pytest.param(OK + b"Content-Length: x\r\n\r\n", "GET", id="a length that is none"),
        pytest.param(OK + b"Transfer-Encoding: x\r\n\r\n", "GET", id="an encoding that is none"),
    ],
)
async def test_a_body_whose_end_nobody_can_read_is_an_answer_when_the_time_is_over(
    sender: Sender, target: Target, head: bytes, method: str
) -> None:
    target.answers("/", Echo(head=head, stalls=True))
    outcome = await sender.send(request(target.url("/"), method, timeout_sec=0.5))
    assert (outcome.http_status, outcome.failure) == (200, None)


async def test_a_failure_keeps_what_was_odd_too(sender: Sender, target: Target) -> None:
    target.answers("/", Raw(b"HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nab"))
    odd = f"answered 500; 127.0.0.1:{target.port} sent more bytes than its Content-Length of 1"
    assert await sender.send(request(target.url("/"))) == Outcome(500, Failure.HTTP_ERROR, odd, 1, "a")


@pytest.mark.parametrize(
    "answer", [b"Content-Length: 3\r\n\r\nabc", b"\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
)
async def test_head_has_no_body_whatever_comes(sender: Sender, target: Target, answer: bytes) -> None:
    target.answers("/", Raw(OK + answer))
    error = f"127.0.0.1:{target.port} sent a body in answer to HEAD"
    assert await sender.send(request(target.url("/"), "HEAD")) == Outcome(200, None, error, 0, "")


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Heads and bodies that fit together, more or less."""
    lines = st.sampled_from(
        [
            b"Content-Length: 3",
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b"X",
            b" y",
            b"",
        ]
    )
    bodies = st.sampled_from(
        [b"", b"abc", b"abcde", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n", b"0\r\nX: y\r\n\r\n", b"zz\r\n"]
    )
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n"]))
    status = draw(st.sampled_from([b"HTTP/1.1 200 OK", b"http/1.0 204", b"HTTP/1.1 20", b"hello"]))
    return interim + b"\r\n".join([status, *draw(st.lists(lines, max_size=4)), b"", draw(bodies) + draw(bodies)])


@given(answers(), st.lists(st.integers(0, 150), max_size=8))
def test_it_does_not_matter_in_which_pieces_an_answer_arrives(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert read(pieces) == read([data])


@dataclass
class Kept:
    """Whoever gets the answer."""

    loop: asyncio.AbstractEventLoop
    status: int | None = None
    body: Body | None = None

    def begin(self, status: int, content_type: str, coding: str) -> Body:
        self.status, self.body = status, Body(BaseProtocol(self.loop), 2**16, self.loop, content_type, coding)
        return self.body

    def finish(self, idle_sec: float | None) -> None:
        pass


_BEHIND = ("sent more bytes", "sent something after", "sent a body with")


def read(pieces: list[bytes]) -> tuple[int | None, bytes, list[str]] | str:
    """Status, body and oddities, but for what came behind the end: of it, only what comes along with it is told."""
    loop = asyncio.new_event_loop()
    kept = Kept(loop)
    reader = AnswerReader(kept, is_head=False)
    try:
        for piece in pieces:
            reader.feed(piece, is_more=False)
        reader.end(None)
    except UnreadableError as error:
        return str(error)
    finally:
        loop.close()
    if kept.body is None:
        return "nothing"
    assert kept.body.is_eof()
    oddities = [odd for odd in kept.body.oddities if not odd.startswith(_BEHIND)]
    return kept.status, b"".join(kept.body._buffer), oddities


# What is none


SECRET = Secret.of("KEY", "s3cr3t-canary-value")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"hello\r\n\r\n", r"did not answer in HTTP: it began with 'hello\r\n\r\n'", id="no HTTP"),
        pytest.param(b"<html>", "did not answer in HTTP: it began with '<html>'", id="HTTP/0.9"),
        pytest.param(
            b"SSH-2.0-OpenSSH_9.2\r\n", r"did not answer in HTTP: it began with 'SSH-2.0-OpenSSH_9.2\r\n'", id="SSH"
        ),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x16", "did not answer in HTTP, but in TLS: write https://", id="TLS"),
        pytest.param(
            b"\x00\x00\x12\x04\x00", r"did not answer in HTTP: it began with '\x00\x00\x12\x04\x00'", id="HTTP/2"
        ),
        pytest.param(b"HTTP/1.1 abc\r\n\r\n", r"did not answer in HTTP: it began with 'HTTP/1.1 abc", id="no status"),
        pytest.param(b"HTTP/1.1 20", "did not answer in HTTP: it began with 'HTTP/1.1 20'", id="half a status"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", r"did not answer in HTTP: it began with 'HTTP/1.1 2000", id="2000"),
        pytest.param(b"HTTP/1.1 100 C\r\nA:", "broke off the headers of its answer", id="half an interim answer"),
        pytest.param(b"x" * 500, f"did not answer in HTTP: it began with '{'x' * SHOWN_BYTES}'…", id="long"),
        pytest.param(b"you said s3cr3t-canary-value", "it began with 'you said [redacted]'", id="a secret"),
        pytest.param(b"x" * (SHOWN_BYTES - 3) + b"s3cr3t-canary-value", "xxx[redacted]'…", id="a secret at the cut"),
    ],
)
async def test_what_has_no_status_is_final_and_told(sender: Sender, target: Target, answer: bytes, error: str) -> None:
    target.answers("/", Raw(answer))
    outcome = await sender.send(request(target.url("/"), "POST", b"x", secrets=(SECRET,)))
    assert (outcome.http_status, outcome.failure) == (None, Failure.UNREADABLE_ANSWER)
    assert outcome.error is not None
    assert error in outcome.error
    assert "canary" not in outcome.error
    assert len(target.requests) == 1


# Connections that are kept


STRAY = b"HTTP/1.1 299 Stray\r\nContent-Length: 5\r\n\r\nstray"
OWN = OK + b"Content-Length: 2\r\n\r\nok"


ARRIVED_SEC = 0.05
"""Until bytes are where their receiver could see them, on this machine. The loop of the test stands still meanwhile."""


class Talker:
    """A target that answers each request, and says `stray` on a kept connection when it is told to."""

    def __init__(self, context: ssl.SSLContext | None = None, answer: bytes = OWN) -> None:
        self.requests: list[int] = []
        self._answer = answer
        self._context = context
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def say(self, stray: bytes, *, hang_up: bool = False) -> None:
        self._connections[-1].sendall(stray)
        if hang_up:
            self._connections[-1].close()
        time.sleep(ARRIVED_SEC)

    def close(self) -> None:
        for one in (self._listener, *self._connections):
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection, len(self._connections)), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError):
            while data := connection.recv(65536):
                if b"HTTP/1.1" in data:
                    self.requests.append(number)
                    connection.sendall(self._answer)


@pytest.fixture
def talker() -> Iterator[Talker]:
    running = Talker()
    yield running
    running.close()


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(STRAY, id="a second answer"),
        pytest.param(
            b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", id="an idle 408"
        ),
        pytest.param(b"HTTP/1.1 299 St", id="half an answer"),
        pytest.param(b"\r\n", id="a line break"),
        pytest.param(b"x", id="anything"),
    ],
)
@pytest.mark.parametrize("body", [pytest.param(None, id="no body"), pytest.param(b"x", id="a body")])
@pytest.mark.parametrize("hang_up", [False, True])
@pytest.mark.parametrize("is_seen", [pytest.param(True, id="seen"), pytest.param(False, id="not yet seen")])
async def test_what_nobody_asked_for_is_no_answer(
    sender: Sender, talker: Talker, stray: bytes, body: bytes | None, hang_up: bool, is_seen: bool
) -> None:
    """Also when it lies in the socket, and the loop has not come to it before the next request."""
    message = request(f"http://127.0.0.1:{talker.port}/", "POST", body)
    assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    talker.say(stray, hang_up=hang_up)
    if is_seen:
        await asyncio.sleep(0.05)
    assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    assert talker.requests == [1, 2]


async def test_what_comes_between_the_choice_of_a_connection_and_the_request_is_no_answer(
    sender: Sender, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request with a body leaves a step of the loop later than its connection is chosen."""
    message = request(f"http://127.0.0.1:{talker.port}/", "POST", b"x")
    await sender.send(message)
    choose = Handler.set_response_params

    def chosen(handler: Handler, **params: bool) -> None:
        choose(handler, **params)
        talker.say(STRAY)
        monkeypatch.undo()

    monkeypatch.setattr(Handler, "set_response_params", chosen)
    assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    assert talker.requests == [1, 2]


async def test_a_connection_that_the_target_has_closed_is_not_used(sender: Sender, talker: Talker) -> None:
    message = request(f"http://127.0.0.1:{talker.port}/")
    for _ in range(5):
        assert (await sender.send(message)).http_status == 200
        talker._connections[-1].shutdown(socket.SHUT_WR)
    assert talker.requests == [1, 2, 3, 4, 5]


async def test_over_tls_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(AUTHORITY)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    talker = Talker(tls_context())
    async with open_sender(connections=0, connections_per_host=0) as sender:
        message = request(f"https://127.0.0.1:{talker.port}/", "POST", b"x")
        first = [await sender.send(message) for _ in range(3)]
        talker.say(STRAY)
        assert [*first, await sender.send(message)] == [Outcome(200, None, None, 2, "ok")] * 4
    talker.close()
    assert talker.requests == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("headers", "wait", "connections"),
    [
        pytest.param(b"Keep-Alive: timeout=1\r\n", 0.7, [1, 2], id="half of what it says has passed"),
        pytest.param(b"Keep-Alive: timeout=1, max=5\r\n", 0, [1, 1], id="at once"),
        pytest.param(b"Keep-Alive: timeout=20\r\n", 0.7, [1, 1], id="long enough"),
        pytest.param(b"Keep-Alive: timeout=0\r\n", 0, [1, 2], id="none"),
        pytest.param(b"Keep-Alive: max=0, timeout=9\r\n", 0, [1, 2], id="no more requests"),
        pytest.param(b"Keep-Alive: hello\r\n", 0, [1, 1], id="anything else"),
        pytest.param(b"Connection: Close\r\n", 0, [1, 2], id="closed"),
    ],
)
async def test_what_the_target_says_of_its_connections_is_heard(
    sender: Sender, headers: bytes, wait: float, connections: list[int]
) -> None:
    talker = Talker(answer=OK + headers + b"Content-Length: 2\r\n\r\nok")
    message = request(f"http://127.0.0.1:{talker.port}/")
    await sender.send(message)
    await asyncio.sleep(wait)
    assert (await sender.send(message)).http_status == 200
    talker.close()
    assert talker.requests == connections


async def test_a_connection_is_not_used_for_ever(talker: Talker) -> None:
    """However busy it is: else a host that moves would not be followed."""
    async with open_sender(connections=0, connections_per_host=0, max_age_sec=0.5) as sender:
        for _ in range(7):
            assert (await sender.send(request(f"http://127.0.0.1:{talker.port}/"))).failure is None
            await asyncio.sleep(0.1)
    assert talker.requests[0] == 1
    assert 2 <= talker.requests[-1] <= 3


class EarlyTalker(Talker):
    """Answers when it has the head and so many bytes of the body, and reads no further."""

    def __init__(self, read: int) -> None:
        self._read = read
        self._over = threading.Event()
        super().__init__()

    def close(self) -> None:
        self._over.set()
        super().close()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError):
            while data := connection.recv(1_024):
                self.requests.append(number)
                taken = len(data.partition(b"\r\n\r\n")[2])
                while taken < self._read:
                    taken += len(connection.recv(65_536))
                connection.sendall(self._answer)
                if not self._read:
                    self._over.wait(30)
                    return


@pytest.mark.parametrize(
    ("size", "read", "connections"),
    [
        pytest.param(900_000, 0, [1, 2], id="nobody reads it"),
        pytest.param(1_500_000, 0, [1, 2], id="nobody reads the pieces"),
        pytest.param(900_000, 900_000, [1, 1], id="all of it is read"),
    ],
)
async def test_no_request_is_sent_behind_the_rest_of_another(
    sender: Sender, size: int, read: int, connections: list[int]
) -> None:
    """A target that answers early and reads no further would never come to it."""
    talker = EarlyTalker(read)
    message = request(f"http://127.0.0.1:{talker.port}/", "POST", b"x" * size)
    for _ in range(2):
        assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    talker.close()
    assert talker.requests == connections


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Answer(), id="answered"),
        pytest.param(Answer(500, body=b"x" * 100_000), id="an error of many bytes"),
        pytest.param(Answer(204, body=b""), id="no body"),
        pytest.param(Raw(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), id="chunks"),
        pytest.param(Raw(OK + b"Content-Length: 2\r\n\r\nabc"), id="too long"),
        pytest.param(Raw(OK + b"Content-Length: 9\r\n\r\nabc"), id="cut off"),
        pytest.param(Raw(b"SSH-2.0\r\n"), id="no HTTP"),
        pytest.param(Raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), id="flood"),
        pytest.param(HangUp(), id="no byte"),
        pytest.param(HangUp(reset=True), id="reset"),
        pytest.param(Silence(), id="late"),
        pytest.param(None, id="refused"),
    ],
)
async def test_a_call_leaves_no_cycles(target: Target, reply: Reply | None) -> None:
    """Those of old objects are looked for so rarely that they would be a leak."""
    url = "http://127.0.0.1:9/" if reply is None else target.url()
    target.default = reply or Answer()
    gc.collect()
    gc.disable()
    try:
        async with open_sender(connections=0, connections_per_host=0, max_age_sec=0.05) as sender:
            for _ in range(3):
                await sender.send(request(url, timeout_sec=0.2 if reply == Silence() else 5))
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = Counter(type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("myscheduler"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert kinds == {}
