"""Against a real target on 127.0.0.1: what leaves, what comes back, and what each failure is called."""

import asyncio
import base64
import gzip
import logging
import socket
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from myscheduler.adapters.http import answer_body
from myscheduler.adapters.http.message import known_destination, message_of
from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import EXCERPT_BYTES, Failure, Outcome
from myscheduler.core.calls.request import Request
from myscheduler.core.header_values import HeaderValue
from myscheduler.core.secrets.redaction import REDACTED, Secret
from tests.support.few_files import no_more_files
from tests.support.target import AUTHORITY, Answer, HangUp, Raw, Received, Silence, Target

pytestmark = pytest.mark.anyio


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
    *,
    method: str = "GET",
    headers: Mapping[str, HeaderValue] | None = None,
    body: bytes | None = None,
    timeout_sec: float = 5,
    secrets: tuple[Secret, ...] = (),
) -> Request:
    return Request(method, url, headers or {}, body, timeout_sec, secrets)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# What leaves


async def sent(sender: Sender, target: Target, message: Request) -> Received:
    outcome = await sender.send(message)
    assert outcome.failure is None, outcome
    return target.requests[-1]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/a%2Fb", id="an escaped slash"),
        pytest.param("/%41%7E%c3%a9", id="needless escapes, small hex digits"),
        pytest.param("/x?q=a+b%2Bc%20d", id="plus and escaped plus"),
        pytest.param("/x?a=1&a=2&b", id="repeated and empty parameters"),
        pytest.param("//a//b;v=1", id="double slashes and parameters"),
        pytest.param("/x?next=http://h/?y=1", id="a URL in the query"),
        pytest.param("/100%", id="a lone percent sign"),
    ],
)
async def test_a_url_reaches_the_target_byte_for_byte(sender: Sender, target: Target, path: str) -> None:
    assert (await sent(sender, target, request(target.url(path)))).target == path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("", "/", id="no path"),
        pytest.param("?a=1", "/?a=1", id="only a query"),
        pytest.param("/日本?名=値", "/%E6%97%A5%E6%9C%AC?%E5%90%8D=%E5%80%A4", id="not ASCII"),
        pytest.param("/a b?c d", "/a%20b?c%20d", id="spaces"),
        pytest.param("/a/../b/./c", "/b/c", id="dot segments, as curl does"),
        pytest.param("/x#part", "/x", id="a fragment"),
    ],
)
async def test_what_a_url_may_not_hold_is_escaped(sender: Sender, target: Target, path: str, expected: str) -> None:
    assert (await sent(sender, target, request(target.url(path)))).target == expected


async def test_only_the_headers_of_http_itself_are_added(sender: Sender, target: Target) -> None:
    plain = await sent(sender, target, request(target.url("/"), headers={"X-MyScheduler-Attempt": "1"}))
    assert plain.headers == (
        ("Host", f"127.0.0.1:{target.port}"),
        ("X-MyScheduler-Attempt", "1"),
        ("Accept-Encoding", "identity"),
        ("Accept", "*/*"),
    )


@pytest.mark.parametrize(
    ("headers", "name", "expected"),
    [
        pytest.param({"X-A": 'a, "b"; c=%41\t~'}, "X-A", 'a, "b"; c=%41\t~', id="ASCII stays as it is"),
        pytest.param({"X-A": "日報 100%"}, "X-A", "日報 100%".encode().decode("latin-1"), id="the rest is UTF-8"),
        pytest.param({"User-Agent": "myscheduler/1"}, "User-Agent", "myscheduler/1", id="user agent"),
        pytest.param({"accept-encoding": "gzip"}, "Accept-Encoding", "gzip", id="an encoding that the job wants"),
        pytest.param({"Host": "inner.example"}, "Host", "inner.example", id="host"),
        pytest.param({"Content-Length": "99"}, "Content-Length", "4", id="a wrong length is put right"),
        pytest.param({"Transfer-Encoding": "chunked"}, "Transfer-Encoding", None, id="no second framing"),
        pytest.param({"Expect": "100-continue"}, "Expect", None, id="no wait for a leave to send"),
    ],
)
async def test_headers(
    sender: Sender, target: Target, headers: dict[str, str], name: str, expected: str | None
) -> None:
    received = await sent(sender, target, request(target.url("/"), method="POST", headers=headers, body=b"body"))
    assert received.header(name) == expected
    assert len({key.lower() for key, _ in received.headers}) == len(received.headers)


async def test_several_values_of_one_header_are_a_line_each(sender: Sender, target: Target) -> None:
    received = await sent(sender, target, request(target.url("/"), headers={"X-A": ("1", "2"), "X-B": "3"}))
    assert [pair for pair in received.headers if pair[0].startswith("X-")] == [("X-A", "1"), ("X-A", "2"), ("X-B", "3")]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="none"),
        pytest.param('{"名": 1}'.encode(), id="small"),
        pytest.param(b"x" * 3_000_000, id="large"),
    ],
)
async def test_bodies_of_every_method(sender: Sender, target: Target, method: str, body: bytes | None) -> None:
    received = await sent(sender, target, request(target.url("/"), method=method, body=body))
    assert (received.method, received.body) == (method, body or b"")
    assert received.header("Content-Type") is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, "Basic dXNlcjpwQHNz", id="from the URL"),
        pytest.param({"authorization": "Bearer t"}, "Bearer t", id="the header wins"),
    ],
)
async def test_a_password_in_the_url(sender: Sender, target: Target, headers: dict[str, str], expected: str) -> None:
    url = target.url("/x").replace("://", "://user:p%40ss@")
    received = await sent(sender, target, request(url, headers=headers))
    assert (received.header("Authorization"), received.target) == (expected, "/x")


async def test_cookies_are_not_kept(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(headers=(("Set-Cookie", "session=1; Path=/"), ("Set-Cookie", "b@d=;;;"))))
    for _ in range(2):
        received = await sent(sender, target, request(target.url("/")))
        assert received.header("Cookie") is None


async def test_no_proxy_and_no_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: Target) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    async with open_sender(connections=1, connections_per_host=1) as sender:
        received = await sent(sender, target, request(target.url("/")))
    assert received.header("Authorization") is None


async def test_the_log_has_no_urls(sender: Sender, target: Target, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await sender.send(request(target.url("/?token=hush")))
    assert "hush" not in caplog.text


# What comes back


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


async def test_connections_are_reused(sender: Sender, target: Target) -> None:
    for _ in range(3):
        await sender.send(request(target.url("/")))
    assert target.connections == 1


# Failures


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
    assert outcome.failure is Failure.CONNECTION
    assert [received.connection for received in target.requests] == [1, 1], "one request each, on the same connection"


async def test_the_proof_above_can_fail(sender: Sender, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with aiohttp as it comes, the target gets the request a second time."""
    monkeypatch.setattr(sender._session, "_retry_connection", True)
    target.answers("/", Answer(), HangUp(), Answer())
    await sender.send(request(target.url("/")))
    assert (await sender.send(request(target.url("/")))).failure is None
    assert [received.connection for received in target.requests] == [1, 1, 2]


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
    assert outcome == Outcome(None, Failure.CONNECTION, error.replace("HOST", f"127.0.0.1:{target.port}"))
    assert len(target.requests) == 1


async def test_a_body_without_a_length_ends_with_the_connection(sender: Sender, target: Target) -> None:
    target.answers("/", Raw(b"HTTP/1.0 200 OK\r\n\r\nabc"))
    assert await sender.send(request(target.url("/"))) == Outcome(200, None, None, 3, "abc")


async def test_an_upgrade_that_nobody_asked_for(sender: Sender, target: Target) -> None:
    target.answers("/", Raw(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nxx"))
    outcome = await sender.send(request(target.url("/")))
    assert (outcome.http_status, outcome.failure) == (101, Failure.HTTP_ERROR)


async def test_a_target_that_hangs_up_at_once(sender: Sender) -> None:
    with Target(greeting=b"") as target:
        outcome = await sender.send(request(target.url("/")))
    assert (outcome.http_status, outcome.failure) == (None, Failure.CONNECTION)


async def test_a_refused_connection(sender: Sender) -> None:
    port = closed_port()
    outcome = await sender.send(request(f"http://user:hush@127.0.0.1:{port}/hush?hush#hush"))
    assert outcome == Outcome(None, Failure.CONNECTION, f"connection to 127.0.0.1:{port} refused")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "例え.テスト"])
async def test_an_unknown_host(sender: Sender, host: str) -> None:
    outcome = await sender.send(request(f"http://{host}/"))
    assert outcome.failure is Failure.CONNECTION
    assert outcome.error is not None
    assert outcome.error.startswith(f"host name {host} ")


async def test_tls_with_a_plain_text_port(sender: Sender) -> None:
    with Target(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as target:
        outcome = await sender.send(request(target.url("/").replace("http:", "https:")))
    assert outcome == Outcome(None, Failure.CONNECTION, f"TLS with 127.0.0.1:{target.port}: wrong version number")


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
        Failure.CONNECTION,
        f"TLS with 127.0.0.1:{target.port}: certificate verify failed: unable to get local issuer certificate",
    )


@pytest.mark.parametrize(
    ("message", "error"),
    [
        pytest.param(
            request("http://h/", headers={"X-A": "b\r\nX-Hush: 1"}),
            "the value of the header X-A has a line break or another control character",
            id="header injection",
        ),
        pytest.param(
            request("http://h/", headers={"X-A": "\ud800"}),
            "the value of the header X-A is not valid Unicode",
            id="half a surrogate pair",
        ),
        pytest.param(request("http://h/", headers={"名": "b"}), "the header name '\\u540d' is not valid", id="name"),
        pytest.param(request("http://h/", headers={"X: y": "b"}), "the header name 'X: y' is not valid", id="colon"),
        pytest.param(request("http://h/", headers={"": "b"}), "the header name '' is not valid", id="no name"),
        pytest.param(request("http://h/", method="GE T"), "the method is not an HTTP method", id="method"),
        pytest.param(request("http://h/", method="GET\r\n"), "the method is not an HTTP method", id="method injection"),
        pytest.param(request("http://h/\r\nhush"), "the URL is not valid", id="URL injection"),
        pytest.param(request("http://h:hush/"), "the port of the URL is not between 1 and 65535", id="port"),
        pytest.param(request("http://h/\ud800"), "the URL is not valid", id="URL not Unicode"),
        pytest.param(request("http://[::1/"), "the URL is not valid", id="IPv6"),
        pytest.param(request("http://ー〜/"), "the URL is not valid", id="IDNA"),
        pytest.param(request("http://xn--a/"), "the URL is not valid", id="IDNA that can't be decoded"),
        pytest.param(
            request("http://h:99999/"), "the port of the URL is not between 1 and 65535", id="port out of range"
        ),
        pytest.param(
            request("ftp://h/"), "the URL must start with http:// or https:// and name a host", id="other scheme"
        ),
        pytest.param(request("/x"), "the URL must start with http:// or https:// and name a host", id="relative"),
        pytest.param(request(""), "the URL must start with http:// or https:// and name a host", id="empty"),
        pytest.param(request("http:///x"), "the URL must start with http:// or https:// and name a host", id="no host"),
        pytest.param(
            request("http://a..b/"),
            "the host name of the URL has a part that is empty or longer than 63 characters",
            id="empty label",
        ),
        pytest.param(request("http://127.1/"), "the host of the URL is not valid", id="short IPv4"),
    ],
)
async def test_requests_that_cannot_be_made(sender: Sender, message: Request, error: str) -> None:
    assert await sender.send(message) == Outcome(None, Failure.INVALID_REQUEST, error)


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
    assert [outcome.failure for outcome in outcomes] == [Failure.CONNECTION] * 2


# Secrets

CANARY = "c4nary-of-the-mine/with+signs"
SECRET = Secret.of("canary", CANARY)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        pytest.param(0, REDACTED, id="at the start"),
        pytest.param(EXCERPT_BYTES - len(CANARY), "." * (EXCERPT_BYTES - len(CANARY)) + REDACTED, id="up to the cut"),
        *(
            pytest.param(EXCERPT_BYTES - left, "." * (EXCERPT_BYTES - left) + REDACTED[:left], id=f"{left} before it")
            for left in (1, 2, 10, 20, len(CANARY) - 1)
        ),
        pytest.param(EXCERPT_BYTES, "." * EXCERPT_BYTES, id="behind the cut"),
    ],
)
@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_secret_is_taken_out_before_the_cut(
    sender: Sender, target: Target, coding: str, place: int, shown: str
) -> None:
    text = ("." * place + CANARY + " " * 10).encode()
    answer = Answer(200, gzip.compress(text), (("Content-Encoding", coding),)) if coding else Answer(200, text)
    target.answers("/", answer)
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert outcome.excerpt is not None
    assert outcome.excerpt.rstrip(" ") == shown
    target.answers("/", answer)
    plain = await sender.send(request(target.url("/")))
    assert plain.excerpt == text[:EXCERPT_BYTES].decode()


@pytest.mark.parametrize("left", [1, 6, 8, 9, 10, 11, 20])
async def test_what_is_behind_the_cut_tells_what_is_before_it(sender: Sender, target: Target, left: int) -> None:
    """The beginning of credentials in base64 looks like any word; read on, and it is known."""
    begin = EXCERPT_BYTES - left
    token = base64.b64encode(f"user:{CANARY}".encode()).decode()
    target.answers("/", Answer(200, f"{'.' * begin}{token}".encode()))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert outcome.excerpt == "." * begin + REDACTED[:left]


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-32", "shift_jis", "latin-1"])
async def test_a_secret_is_found_in_every_charset(sender: Sender, target: Target, charset: str) -> None:
    text = f"{'.' * 10}{CANARY}{'.' * (EXCERPT_BYTES // len('.'.encode(charset)))}{CANARY}"
    target.answers("/", Answer(200, text.encode(charset), (("Content-Type", f"text/plain; charset={charset}"),)))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert outcome.excerpt is not None
    assert outcome.excerpt.startswith(f"..........{REDACTED}..")
    assert "c4n" not in outcome.excerpt


@pytest.mark.parametrize("sent", [1, 5, len(CANARY) - 1])
async def test_an_answer_that_stalls_within_a_secret(sender: Sender, target: Target, sent: int) -> None:
    begun = f"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\ntoken={CANARY[:sent]}".replace("\n\n", "\n\r\n")
    target.answers("/", Raw(begun.encode()))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert (outcome.http_status, outcome.excerpt) == (200, f"token={REDACTED}")


async def test_the_size_counts_all_that_was_read(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(500, CANARY.encode(), repeat=1_000))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert (outcome.response_size, outcome.http_status) == (1_000 * len(CANARY), 500)
    assert outcome.excerpt == REDACTED


async def test_a_url_with_a_secret_is_not_kept(sender: Sender, target: Target) -> None:
    known_destination.cache_clear()
    in_url = quote(CANARY, safe="")
    for path in ("/plain", f"/{in_url}", f"/?q={in_url}"):
        await sender.send(request(target.url(path), secrets=(SECRET,)))
    await sender.send(request(target.url("/").replace("://", f"://user:{in_url}@"), secrets=(SECRET,)))
    assert known_destination.cache_info().currsize == 1


async def test_a_request_does_not_tell_itself(target: Target) -> None:
    url = target.url(f"/{CANARY}").replace("://", f"://user:{quote(CANARY, safe='')}@")
    message = request(url, headers={"A": CANARY}, body=CANARY.encode(), secrets=(SECRET,))
    assert CANARY not in repr(message) + repr(message_of(message))


async def test_a_header_value_that_can_not_be_sent_is_not_told(sender: Sender, target: Target) -> None:
    message = request(target.url("/"), headers={"Authorization": f"Bearer {CANARY}\nX"}, secrets=(SECRET,))
    outcome = await sender.send(message)
    assert outcome == Outcome(
        failure=Failure.INVALID_REQUEST,
        error="the value of the header Authorization has a line break or another control character",
    )
    assert target.requests == []


# --- without files --------------------------------------------------------------------------------------------------


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
