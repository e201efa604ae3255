"""How long a new connection may take, and what is kept of the answer."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.job.transport import Transport
from tests.support.calls import request
from tests.support.patience import PATIENCE
from tests.support.target import Answer, Silence, Target, closed_port

pytestmark = pytest.mark.anyio

QUICK = Transport(connect_timeout_sec=0.3)


@pytest.fixture
def full_port() -> Iterator[int]:
    """Somebody listens there, but takes no more connections."""
    with ExitStack() as opened:
        server = opened.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


async def test_a_connection_that_is_not_taken_is_given_up(sender: Sender, full_port: int) -> None:
    outcome = await sender.send(request(f"http://127.0.0.1:{full_port}/", timeout_sec=PATIENCE, transport=QUICK))
    assert outcome == Outcome(None, Failure.TIMEOUT, f"no connection to 127.0.0.1:{full_port} within 0.3 s")
    assert outcome.is_unreached


async def test_tls_is_part_of_the_connection(sender: Sender, target: Target) -> None:
    url = target.url("/").replace("http:", "https:")  # it reads, and waits for the end of the headers
    outcome = await sender.send(request(url, timeout_sec=PATIENCE, transport=QUICK))
    assert outcome == Outcome(None, Failure.TIMEOUT, f"no connection to 127.0.0.1:{target.port} within 0.3 s")


async def test_the_whole_attempt_may_end_first(sender: Sender, full_port: int) -> None:
    slow = Transport(connect_timeout_sec=PATIENCE)
    outcome = await sender.send(request(f"http://127.0.0.1:{full_port}/", timeout_sec=0.3, transport=slow))
    assert outcome == Outcome(None, Failure.TIMEOUT, "no complete answer within 0.3 s")
    assert not outcome.is_unreached


async def test_only_the_connection_is_limited_not_the_answer(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(delay=0.6))
    outcome = await sender.send(request(target.url("/"), timeout_sec=PATIENCE, transport=QUICK))
    assert outcome == Outcome(200, None, None, 2, "ok")


async def test_the_wait_for_a_free_connection_is_not_part_of_it(target: Target) -> None:
    target.answers("/slow", Answer(delay=0.8))
    async with open_sender(connections=0, connections_per_host=1) as sender:
        first = asyncio.create_task(sender.send(request(target.url("/slow"), timeout_sec=PATIENCE)))
        await asyncio.to_thread(target.wait_for, 1)
        second = await sender.send(request(target.url("/"), timeout_sec=PATIENCE, transport=QUICK))
        assert (await first).failure is None
    assert second == Outcome(200, None, None, 2, "ok")


async def test_a_refused_connection_stays_one(sender: Sender) -> None:
    port = closed_port()
    outcome = await sender.send(request(f"http://127.0.0.1:{port}/", transport=QUICK))
    assert outcome == Outcome(None, Failure.REFUSED, f"connection to 127.0.0.1:{port} refused")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(Answer(), Outcome(200, None, None, 2), id="success"),
        pytest.param(Answer(500, b"why"), Outcome(500, Failure.HTTP_ERROR, "answered 500", 3), id="failure"),
    ],
)
async def test_no_excerpt_is_kept_where_the_job_says_so(
    sender: Sender, target: Target, reply: Answer, expected: Outcome
) -> None:
    target.answers("/", reply)
    assert await sender.send(request(target.url("/"), transport=Transport(keep_response=False))) == expected


async def test_silence_is_a_timeout_of_the_answer(sender: Sender, target: Target) -> None:
    target.answers("/", Silence())
    outcome = await sender.send(request(target.url("/"), timeout_sec=0.5, transport=QUICK))
    assert outcome == Outcome(None, Failure.TIMEOUT, "no complete answer within 0.5 s")
