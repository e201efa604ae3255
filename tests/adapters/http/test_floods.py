"""Targets that send as much as they can of what costs the most: none may hold the loop, nor starve other calls."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from myscheduler.adapters.http.answers import MOST_INTERIM
from myscheduler.adapters.http.handler import LARGEST_SLICE, SLICE
from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import Failure, Outcome
from tests.support.calls import request
from tests.support.flood import Flood, Watchdog
from tests.support.target import AUTHORITY, CHUNKED, OK, Answer, Raw, Target

HELD_SEC = 0.25
"""What the loop may be held at once; in CPU time, of which a busy machine counts some too much."""


@pytest.mark.parametrize(
    ("head", "repeated", "error"),
    [
        pytest.param(b"", b"HTTP/1.1 100 \r\n\r\n", "HOST sent more than 1000 interim answers", id="interim answers"),
        pytest.param(
            b"",
            b"HTTP/1.1 103 Early Hints\r\n" + b"a:b\r\n" * 100 + b"\r\n",
            "HOST sent more than 1000 interim answers",
            id="interim answers with many headers",
        ),
        pytest.param(
            b"",
            b"HTTP/1.1 102 Processing\r\n" + (b"a:" + b"x" * 30_000 + b"\r\n") * 20 + b"\r\n",
            "HOST sent more than 256 KiB of headers",
            id="interim answers with long headers",
        ),
        pytest.param(CHUNKED, b"1\r\na\r\n", None, id="chunks of one byte"),
        pytest.param(CHUNKED, b"1;" + b"e" * 4_000 + b"\r\na\r\n", None, id="long extensions of chunks"),
        pytest.param(CHUNKED + b"1;", b"e" * 65_536, "HOST sent chunks that can't be read", id="an endless extension"),
        pytest.param(CHUNKED + b"0\r\n", b"a:b\r\n", "HOST sent more than 32 KiB after its last chunk", id="trailers"),
        pytest.param(OK + b"X: ", b"a" * 65_536, "HOST sent more than 256 KiB of headers", id="an endless header"),
        pytest.param(OK, b"a:b\r\n", "HOST sent more than 256 KiB of headers", id="headers"),
        pytest.param(OK, b" a\r\n", "HOST sent more than 256 KiB of headers", id="folded lines"),
        pytest.param(
            OK,
            b"content-length:" + b" " * 30_000 + b"\r\n",
            "HOST sent a Content-Length that is not a number and sent more than 256 KiB of headers",
            id="blanks",
        ),
        pytest.param(CHUNKED, b"0" * 30_000 + b"x\r\n", "HOST sent chunks that can't be read", id="zeros"),
        pytest.param(b"", b"\r\n", "HOST sent more than 24 MiB for one answer", id="empty lines"),
    ],
)
def test_a_flood_holds_nobody_up(head: bytes, repeated: bytes, error: str | None) -> None:
    async def run() -> tuple[Outcome, list[Outcome], float]:
        with Flood(head, repeated) as flood, Target() as target:
            async with open_sender(connections=0, connections_per_host=0) as sender, Watchdog() as watchdog:
                call = asyncio.create_task(sender.send(request(flood.url)))
                others = [await sender.send(request(target.url())) for _ in range(20)]
                outcome = await call
            told = (outcome.error or "").replace(flood.where, "HOST")
            assert error is None or error == told or outcome.failure is Failure.TIMEOUT, outcome
            return outcome, others, watchdog.worst

    outcome, others, worst = uvloop.run(run())
    assert outcome.failure is Failure.TIMEOUT or (outcome.failure is None) == (outcome.http_status == 200)
    assert {other.http_status for other in others} == {200}
    assert worst < HELD_SEC


def test_many_floods_at_once() -> None:
    async def run() -> tuple[list[Outcome], float]:
        with Flood(b"", b"HTTP/1.1 100 \r\n\r\n") as flood, Target() as target:
            async with open_sender(connections=0, connections_per_host=0) as sender, Watchdog() as watchdog:
                calls = [asyncio.create_task(sender.send(request(flood.url))) for _ in range(20)]
                await sender.send(request(target.url()))
                return await asyncio.gather(*calls), watchdog.worst

    outcomes, worst = uvloop.run(run())
    assert {outcome.failure for outcome in outcomes} <= {Failure.UNREADABLE_ANSWER, Failure.TIMEOUT}
    assert worst < HELD_SEC


def interim(count: int) -> bytes:
    return b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" * count


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, (200, None)),
        (MOST_INTERIM, (200, None)),
        (MOST_INTERIM + 1, (None, "HOST sent more than 1000 interim answers")),
    ],
)
def test_some_interim_answers_are_fine(count: int, expected: tuple[int | None, str | None]) -> None:
    with Target() as target:
        target.answers("/", Raw(interim(count) + OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"))

        async def run() -> list[Outcome]:
            async with open_sender(connections=0, connections_per_host=0) as sender:
                return [await sender.send(request(target.url())) for _ in range(2)]  # each answer has its own count

        for outcome in uvloop.run(run()):
            error = outcome.error and outcome.error.replace(f"127.0.0.1:{target.port}", "HOST")
            assert (outcome.http_status, error) == expected


async def read(sender: Sender, target: Target) -> Outcome:
    return await sender.send(request(target.url(), timeout_sec=30))


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("size", [0, 1, SLICE - 1, SLICE, SLICE + 1, LARGEST_SLICE + 1, 300_000, 9_000_000])
def test_whole_answers_arrive_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int, tls: bool) -> None:
    """Also behind interim answers, and on a connection that is kept."""
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(AUTHORITY)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with Target(tls=tls) as target:
        target.answers("/", Answer(body=b"x" * size))

        async def run() -> list[Outcome]:
            async with open_sender(connections=0, connections_per_host=0) as sender:
                return [await read(sender, target) for _ in range(3)]

        outcomes = uvloop.run(run())
        assert [(one.failure, one.response_size) for one in outcomes] == [(None, size)] * 3
        assert target.connections == 1


def test_an_answer_that_ends_with_the_connection_is_read_to_its_end() -> None:
    size = 3_000_000
    with Target() as target:
        target.answers("/", Raw(OK + b"\r\n" + b"x" * size))
        outcome = uvloop.run(_once(target))
        assert (outcome.failure, outcome.response_size) == (None, size)


def test_an_answer_that_nobody_asked_for_is_never_that_of_the_next_request() -> None:
    """A target must not be able to say in advance how the next call ends."""
    stray = b"HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n"
    with Target() as target:
        target.answers("/", Raw(OK + b"Content-Length: 2\r\n\r\nok" + stray), Answer(201))

        async def run() -> list[Outcome]:
            async with open_sender(connections=0, connections_per_host=0) as sender:
                return [await read(sender, target) for _ in range(2)]

        assert [one.http_status for one in uvloop.run(run())] == [200, 201]


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("a/b" + ";a=b" * 7_500, id="many parameters"),
        pytest.param("a/b; charset=" + "(" * 15_000, id="nested comments"),
        pytest.param("a/b" + ";a*0=b" * 5_000, id="continued parameters"),
        pytest.param("a/b; charset=" + "é" * 1_000, id="no charset"),
        pytest.param("a/b; charset=..%2f" + "x" * 30_000, id="a long charset"),
    ],
)
def test_no_content_type_costs_anything(content_type: str) -> None:
    with Target() as target:
        head = OK + b"Content-Type: " + content_type.encode() + b"\r\nContent-Length: 2\r\n\r\nok"
        target.answers("/", Raw(head))

        async def run() -> tuple[Outcome, float]:
            async with open_sender(connections=0, connections_per_host=0) as sender, Watchdog() as watchdog:
                return await read(sender, target), watchdog.worst

        outcome, worst = uvloop.run(run())
    assert (outcome.http_status, outcome.excerpt) == (200, "ok")
    assert worst < HELD_SEC


async def _once(target: Target) -> Outcome:
    async with open_sender(connections=0, connections_per_host=0) as sender:
        return await read(sender, target)
