"""A call against a real target on 127.0.0.1: its status, its time limit, and what each failure is called."""

import asyncio
import time
from pathlib import Path

import pytest

from myscheduler.adapters.http import answer_body
from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import Failure, Outcome
from tests.support.calls import request
from tests.support.few_files import no_more_files
from tests.support.target import AUTHORITY, Answer, HangUp, Raw, Silence, Target, closed_port

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "failure", "error"),
    [
        pytest.param(200, None, None),
        pytest.param(201, None, None),
        pytest.param(204, None, None),
        pytest.param(299, None, None),
        pytest.param(302, Failure.HTTP_ERROR, "answered 302; redirects are not followed"),
        pytest.param(308, Failure.HTTP_ERROR, "answered 308; redirects are not followed"),
        pytest.param(304, Failure.HTTP_ERROR, "answered 304"),
        pytest.param(404, Failure.HTTP_ERROR, "answered 404"),
        pytest.param(503, Failure.HTTP_ERROR, "answered 503"),
    ],
)
async def test_statuses(
    sender: Sender, target: Target, status: int, failure: Failure | None, error: str | None
) -> None:
    target.answers("/", Answer(status))
    body = "" if status in {204, 304} else "ok"
    expected = Outcome(status, failure, error, len(body), body)
    assert await sender.send(request(target.url("/"))) == expected
    assert len(target.requests) == 1


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("/elsewhere", id="fine"),
        pytest.param("http://[::broken/", id="broken"),
        pytest.param("http://h:port/", id="bad port"),
        pytest.param("", id="empty"),
    ],
)
async def test_no_location_is_followed_or_even_parsed(sender: Sender, target: Target, location: str) -> None:
    target.answers("/", Answer(307, headers=(("Location", location),)))
    outcome = await sender.send(request(target.url("/"), method="POST"))
    assert (outcome.http_status, outcome.failure, len(target.requests)) == (307, Failure.HTTP_ERROR, 1)


async def test_connections_are_reused(sender: Sender, target: Target) -> None:
    for _ in range(3):
        await sender.send(request(target.url("/")))
    assert target.connections == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(Silence(), Outcome(None, Failure.TIMEOUT, "no complete answer within 0.3 s"), id="silence"),
        pytest.param(
            Answer(delay=5), Outcome(None, Failure.TIMEOUT, "no complete answer within 0.3 s"), id="a late answer"
        ),
        pytest.param(
            Answer(body=b"a" + b"." * 100, drip=0.2),
            Outcome(200, Failure.TIMEOUT, "no complete answer within 0.3 s (status 200, then it stalled)", 2, "a."),
            id="a dripping body",
        ),
    ],
)
async def test_the_time_limit_is_for_the_whole_attempt(
    sender: Sender, target: Target, reply: Answer | Silence, expected: Outcome
) -> None:
    target.answers("/", reply)
    start = time.monotonic()
    assert await sender.send(request(target.url("/"), timeout_sec=0.3)) == expected
    assert time.monotonic() - start < 1


async def test_the_wait_for_a_connection_counts(target: Target) -> None:
    target.answers("/", Silence())
    async with open_sender(connections=0, connections_per_host=1) as sender:
        start = time.monotonic()
        limits = (0.8, 0.3, 0.3)  # the first holds the connection for longer than the others wait
        outcomes = await asyncio.gather(*(sender.send(request(target.url("/"), timeout_sec=each)) for each in limits))
    assert [outcome.failure for outcome in outcomes] == [Failure.TIMEOUT] * 3
    assert time.monotonic() - start < 1.5
    assert len(target.requests) == 1


async def test_a_hanging_host_does_not_stop_another(target: Target) -> None:
    target.answers("/", Silence())
    with Target() as other:
        async with open_sender(connections=10, connections_per_host=2) as sender:
            stuck = [asyncio.create_task(sender.send(request(target.url("/")))) for _ in range(20)]
            await asyncio.to_thread(target.wait_for, 2)
            outcomes = await asyncio.gather(
                *(sender.send(request(other.url("/"), timeout_sec=2)) for _ in range(20)), return_exceptions=True
            )
            for task in stuck:
                task.cancel()
            await asyncio.wait(stuck)
    assert outcomes == [Outcome(200, None, None, 2, "ok")] * 20
    assert len(target.requests) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("reset", [pytest.param(False, id="closed"), pytest.param(True, id="reset")])
async def test_nothing_is_sent_twice_when_a_kept_connection_drops(
    sender: Sender, target: Target, method: str, reset: bool
) -> None:
    target.answers("/", Answer(), HangUp(reset=reset), Answer())
    assert (await sender.send(request(target.url("/")))).failure is None
    outcome = await sender.send(request(target.url("/"), method=method, body=b"x"))
    assert outcome.failure is Failure.RESET
    assert [received.connection for received in target.requests] == [1, 1], "one request each, on the same connection"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(HangUp(), "HOST closed the connection without an answer", id="hang up"),
        pytest.param(HangUp(reset=True), "the connection to HOST was reset", id="reset"),
    ],
)
async def test_no_answer(sender: Sender, target: Target, reply: HangUp, error: str) -> None:
    target.answers("/", reply)
    outcome = await sender.send(request(target.url("/")))
    assert outcome == Outcome(None, Failure.RESET, error.replace("HOST", f"127.0.0.1:{target.port}"))
    assert len(target.requests) == 1


async def test_an_upgrade_that_nobody_asked_for(sender: Sender, target: Target) -> None:
    target.answers("/", Raw(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nxx"))
    outcome = await sender.send(request(target.url("/")))
    assert (outcome.http_status, outcome.failure) == (101, Failure.HTTP_ERROR)


async def test_a_target_that_hangs_up_at_once(sender: Sender) -> None:
    with Target(greeting=b"") as target:
        outcome = await sender.send(request(target.url("/")))
    assert (outcome.http_status, outcome.failure) == (None, Failure.RESET)


async def test_a_refused_connection(sender: Sender) -> None:
    port = closed_port()
    outcome = await sender.send(request(f"http://user:hush@127.0.0.1:{port}/hush?hush#hush"))
    assert outcome == Outcome(None, Failure.REFUSED, f"connection to 127.0.0.1:{port} refused")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "例え.テスト"])
async def test_an_unknown_host(sender: Sender, host: str) -> None:
    outcome = await sender.send(request(f"http://{host}/"))
    assert outcome.failure is Failure.DNS
    assert outcome.error is not None
    assert outcome.error.startswith(f"host name {host} ")


async def test_tls_with_a_plain_text_port(sender: Sender) -> None:
    with Target(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as target:
        outcome = await sender.send(request(target.url("/").replace("http:", "https:")))
    assert outcome == Outcome(None, Failure.TLS, f"TLS with 127.0.0.1:{target.port}: wrong version number")


async def test_certificates_are_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sender: Sender) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(AUTHORITY)
    with Target(tls=True) as target:
        untrusted = await sender.send(request(target.url("/")))
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        async with open_sender(connections=1, connections_per_host=1) as trusting:
            assert await trusting.send(request(target.url("/"))) == Outcome(200, None, None, 2, "ok")
    assert untrusted == Outcome(
        None,
        Failure.TLS,
        f"TLS with 127.0.0.1:{target.port}: certificate verify failed: unable to get local issuer certificate",
    )


async def test_cancelling_closes_the_connection(sender: Sender, target: Target) -> None:
    target.answers("/", Silence())
    task = asyncio.create_task(sender.send(request(target.url("/"))))
    await asyncio.to_thread(target.wait_for, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_bug_is_raised(sender: Sender, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(answer_body.Answer, "begin", bug)
    with pytest.raises(TypeError, match="a bug"):
        await sender.send(request(target.url("/")))


async def test_closing_ends_the_calls_under_way(target: Target) -> None:
    target.answers("/", Silence())
    async with open_sender(connections=0, connections_per_host=2) as sender:
        calls = [asyncio.create_task(sender.send(request(target.url("/")))) for _ in range(2)]
        await asyncio.to_thread(target.wait_for, 2)
    outcomes = await asyncio.gather(*calls)
    assert [outcome.failure for outcome in outcomes] == [Failure.RESET] * 2


async def test_without_a_file_it_is_sent_when_there_is_one(sender: Sender, target: Target) -> None:
    with no_more_files():
        sending = asyncio.create_task(sender.send(request(target.url(), timeout_sec=10)))
        await asyncio.sleep(0.5)
        assert not sending.done()
    assert (await sending).http_status == 200
    assert len(target.requests) == 1


async def test_without_a_file_in_all_the_time_the_cause_is_told(sender: Sender, target: Target) -> None:
    with no_more_files():
        outcome = await sender.send(request(target.url(), timeout_sec=0.5))
    assert outcome.failure is Failure.NO_FILE
    assert "not sent within 0.5 s: too many open files in this process (its limit is" in str(outcome.error)
    assert target.requests == []
    assert (await sender.send(request(target.url(), timeout_sec=10))).http_status == 200
