"""Answers of servers that are careless about HTTP: where a status can be read, it is an answer."""

import asyncio
import gzip
import zlib
from dataclasses import dataclass
from itertools import pairwise

import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.adapters.http.answer_body import SHOWN_BYTES
from myscheduler.adapters.http.answers import AnswerReader, Body, UnreadableError
from myscheduler.adapters.http.sender import Sender
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.secrets.redaction import Secret
from tests.support.calls import request
from tests.support.target import CHUNKED, OK, Echo, Raw, Target

pytestmark = pytest.mark.anyio

_NOT_HERE = ", which is not supported, so no excerpt is kept"


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
