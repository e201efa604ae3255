"""Responses that arrive in one piece: what is found of them is what the reader finds."""

import asyncio
from dataclasses import dataclass, field
from itertools import product

import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import event, given, settings
from hypothesis import strategies as st

from myscheduler.adapters.http.answers import AnswerReader, Body
from myscheduler.adapters.http.whole_answers import Whole, whole_answer

FIELDS = [
    b"Content-Length: 2",
    b"content-length:2",
    b"Content-Length: 02",
    b"Content-Length: +2",
    b"Content-Length: 2, 2",
    b"Content-Length: 0",
    b"Content-Length: 3",
    b"Content-Length : 2",
    b"Content-Length:",
    b"Content-Type: text/html; charset=utf-8",
    "Content-Type: text/\u65e5\u672c".encode(),
    b"CONTENT-TYPE: \xff",
    b"Content-Encoding: gzip",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"Connection: keep-alive",
    b"Connection: Close",
    b"Connection: keep-alive, close",
    b"Connection: upgrade",
    b"Keep-Alive: timeout=5",
    b"Location: /there",
    b"Retry-After:  7 ",
    b"X-Other: \tsomething: else",
    b"X-Empty:",
    b"no colon",
    b" folded: line",
    b"\tfolded",
    b": no name",
    b"",
    b"X-Bare: a\nb: c",
    b"X-Return: a\rb",
    b"X-Nul: \x00",
]
FIRST = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 ",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1 503 Later\xff",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 204 No",
    b"HTTP/1.1 304 Same",
    b"HTTP/1.1 101 Other",
    b"HTTP/1.1 100 Go on",
    b"HTTP/1.1 302 Found",
    b"HTTP/1.1 999 Odd",
    b"HTTP/1.0 200 OK",
    b"http/1.1 200 OK",
    b"\r\nHTTP/1.1 200 OK",
    b"ICY 200 OK",
]
CONTENTS = [b"ok", b"", b"o", b"ok\r\n", b"\r\n\r\n", b"2\r\nok\r\n0\r\n\r\n"]


@dataclass
class Kept:
    """Whoever gets the answer from the reader."""

    loop: asyncio.AbstractEventLoop
    status: int = 0
    body: Body | None = None
    idle_sec: list[float | None] = field(default_factory=list)

    def begin(self, status: int, content_type: str, coding: str) -> Body:
        self.status, self.body = status, Body(BaseProtocol(self.loop), 2**16, self.loop, content_type, coding)
        return self.body

    def finish(self, idle_sec: float | None) -> None:
        self.idle_sec.append(idle_sec)


def read(data: bytes) -> Kept:
    loop = asyncio.new_event_loop()
    try:
        kept = Kept(loop)
        AnswerReader(kept, is_head=False).feed(data, is_more=False)
        return kept
    finally:
        loop.close()


def check(data: bytes) -> Whole | None:
    whole = whole_answer(data)
    if whole is None:
        return None
    kept = read(data)
    body = kept.body
    assert body is not None
    assert body.is_eof()
    assert kept.idle_sec == [None]
    assert (whole.status, whole.content) == (kept.status, b"".join(body._buffer))
    names = ("content_type", "coding", "retry_after", "location", "oddities", "is_cut", "is_endless")
    assert [getattr(whole, name) for name in names] == [getattr(body, name) for name in names]
    return whole


ANSWERS = st.builds(
    lambda first, fields, content: b"\r\n".join([first, *fields, b"", content]),
    st.sampled_from(FIRST[:4] * 4 + FIRST),
    st.lists(st.sampled_from(FIELDS[:2] * 8 + FIELDS), max_size=4),
    st.sampled_from(CONTENTS[:1] * 4 + CONTENTS),
)


@settings(max_examples=500)
@given(ANSWERS)
def test_what_is_found_at_once_is_what_the_reader_finds(data: bytes) -> None:
    event(f"at once: {check(data) is not None}")


STARTS = [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"]


@given(st.binary(max_size=200), st.sampled_from(STARTS))
def test_whatever_arrives_is_found_alike(data: bytes, start: bytes) -> None:
    check(start + data)


def test_each_field_beside_a_length_is_found_alike() -> None:
    taken = 0
    for first, one, content in product(FIRST, FIELDS, CONTENTS):
        lines = [first, b"Content-Length: %d" % len(content), one, b"", content]
        taken += check(b"\r\n".join(lines)) is not None
    assert taken > 300


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", id="usual"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n", id="no body"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="204"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", id="kept"),
        pytest.param(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 2\r\n\r\nno", id="asks to wait"),
    ],
)
def test_usual_ones_are_taken_at_once(data: bytes) -> None:
    assert check(data) is not None


@pytest.mark.parametrize("cut", range(1, 40))
def test_one_that_is_not_all_there_is_left_to_the_reader(cut: int) -> None:
    assert whole_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[:-cut]) is None
