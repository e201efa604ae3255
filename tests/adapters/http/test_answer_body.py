"""What is kept of the body of an answer: an excerpt in whatever charset and packing, and the size."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.adapters.http.answer_body import Answer as Started
from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.adapters.http.whole_answers import Whole
from myscheduler.core.calls.outcome import EXCERPT_BYTES, Outcome
from tests.support.calls import request
from tests.support.target import Answer, Raw, Target

pytestmark = pytest.mark.anyio

LIMIT = EXCERPT_BYTES
KANJI = "漢"  # three bytes in UTF-8, two in Shift_JIS and UTF-16


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        pytest.param(b"", "text/plain", "", id="empty"),
        pytest.param(b"a" * LIMIT, "text/plain", "a" * LIMIT, id="just fits"),
        pytest.param(b"a" * (LIMIT + 1), "text/plain", "a" * LIMIT, id="one too many"),
        pytest.param((KANJI * 2000).encode(), "text/plain", KANJI * (LIMIT // 3), id="cut inside a character"),
        pytest.param(
            ("a" + KANJI * 3000).encode("shift_jis"),
            "text/html; charset=Shift_JIS",
            "a" + KANJI * (LIMIT // 2 - 1),
            id="cut inside a Shift_JIS character",
        ),
        pytest.param(KANJI.encode("utf-16"), 'text/x; charset="utf-16"', KANJI, id="UTF-16"),
        pytest.param(b"plain", "text/x; charset=utf-16", "plain", id="UTF-16 that is none"),
        pytest.param(KANJI.encode()[:2], "text/plain", "\ufffd", id="broken by the target itself"),
        pytest.param(KANJI.encode(), "text/plain; charset=no-such", KANJI, id="unknown charset"),
        pytest.param(KANJI.encode(), "text/plain; charset=hex", KANJI, id="a codec that is no charset"),
        pytest.param(KANJI.encode(), "text/plain; charset=undefined", KANJI, id="a codec that always fails"),
        pytest.param(b"+2AA-x", "text/plain; charset=utf-7", "?x", id="half a surrogate pair"),
        pytest.param(b"a\x00b", "text/plain", "a\ufffdb", id="NUL"),
        pytest.param(b"\xff\xfe\xfd", "image/png", "\ufffd" * 3, id="binary"),
    ],
)
async def test_the_excerpt(sender: Sender, target: Target, body: bytes, content_type: str, expected: str) -> None:
    target.answers("/", Answer(body=body, headers=(("Content-Type", content_type),)))
    outcome = await sender.send(request(target.url("/")))
    assert outcome == Outcome(200, None, None, len(body), expected)


BOMB = gzip.compress(b"a" * 30_000_000)


@pytest.mark.parametrize(
    ("coding", "body", "excerpt"),
    [
        pytest.param("gzip", gzip.compress(KANJI.encode()), KANJI, id="gzip"),
        pytest.param("deflate", zlib.compress(b"hello"), "hello", id="deflate"),
        pytest.param("gzip", BOMB, "a" * LIMIT, id="a bomb"),
        pytest.param("gzip", b"not gzip", None, id="a lie"),
        pytest.param("br", b"\x0b\x02\x80hello\x03", None, id="unknown"),
    ],
)
async def test_an_answer_that_is_compressed_unasked(
    sender: Sender, target: Target, coding: str, body: bytes, excerpt: str | None
) -> None:
    target.answers("/", Answer(body=body, headers=(("Content-Encoding", coding),)))
    outcome = await sender.send(request(target.url("/")))
    assert (outcome.failure, outcome.response_size, outcome.excerpt) == (None, len(body), excerpt)


async def test_no_more_than_the_limit_is_read(target: Target) -> None:
    target.answers("/", Answer(body=b"x" * 65536, repeat=16_000))  # 1 GB
    async with open_sender(connections=1, connections_per_host=1, response_limit=100_000) as sender:
        for _ in range(2):
            outcome = await sender.send(request(target.url("/")))
            assert (outcome.failure, outcome.response_size) == (None, 100_000)
    assert target.connections == 2, "the rest of the answer must not be read for the next call"


async def test_head_has_no_body(sender: Sender, target: Target) -> None:
    assert await sender.send(request(target.url("/"), method="HEAD")) == Outcome(200, None, None, 0, "")


async def test_a_body_without_a_length_ends_with_the_connection(sender: Sender, target: Target) -> None:
    target.answers("/", Raw(b"HTTP/1.0 200 OK\r\n\r\nabc"))
    assert await sender.send(request(target.url("/"))) == Outcome(200, None, None, 3, "abc")


@given(
    data=st.text(st.sampled_from("ab\x00\x7fé日😀"))
    .map(str.encode)
    .flatmap(lambda data: st.sampled_from([data, data[:-1], data * 2_000]))
    | st.binary(max_size=20),
    is_complete=st.booleans(),
)
def test_plain_text_is_read_as_any_other(data: bytes, is_complete: bool) -> None:
    """The declared charset is the default, so only the first way is the quick one."""
    found = []
    for content_type in (b"text/plain", b"text/plain; charset=utf-8"):
        answer = Started(secrets=())
        answer.begin(200, Whole(200, {b"content-type": content_type}, data))
        answer.add(data)
        answer.complete = is_complete
        found.append(answer.outcome(None, None))
    assert found[0] == found[1]
