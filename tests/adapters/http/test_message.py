"""What leaves: a request as it was asked for, byte for byte, and nothing besides; and requests that can not be made."""

import logging
from pathlib import Path

import pytest

from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request
from tests.support.calls import request
from tests.support.target import Answer, Received, Target, closed_port

pytestmark = pytest.mark.anyio


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
