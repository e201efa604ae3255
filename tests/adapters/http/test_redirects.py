"""Redirects between real servers: what is followed, what goes along, and where it ends."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.hosts import parse_host_pattern
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Principal
from myscheduler.core.job.expect import Expect
from myscheduler.core.job.transport import Transport
from myscheduler.core.policy.guard import Guard
from myscheduler.core.policy.policy import Policy
from myscheduler.core.secrets.redaction import Secret
from tests.support.calls import request
from tests.support.names import Names
from tests.support.patience import PATIENCE
from tests.support.target import AUTHORITY, Answer, HangUp, Raw, Silence, Target, closed_port

pytestmark = pytest.mark.anyio

FOLLOWING = Transport(follow_redirects=10)
SECRET = Secret.of("token", "hunter2!")


@pytest.fixture
def other() -> Iterator[Target]:
    with Target() as opened:
        yield opened


def _to(location: str, status: int = 302) -> Answer:
    return Answer(status, b"over there", (("Location", location),))


@pytest.mark.parametrize("location", ["/end?a=%7E#part", "end?a=%7E", "./x/../end?a=%7E", "{}/end?a=%7E"])
async def test_relative_and_absolute_locations(sender: Sender, target: Target, location: str) -> None:
    target.answers("/start", _to(location.format(target.url(""))))
    assert await sender.send(request(target.url("/start"), transport=FOLLOWING)) == Outcome(200, None, None, 2, "ok")
    assert [one.target for one in target.requests] == ["/start", "/end?a=%7E"]
    assert target.connections == 1


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        pytest.param(301, "POST", "GET", id="301 POST"),
        pytest.param(302, "POST", "GET", id="302 POST"),
        pytest.param(302, "PUT", "PUT", id="302 PUT"),
        pytest.param(301, "DELETE", "DELETE", id="301 DELETE"),
        pytest.param(303, "POST", "GET", id="303 POST"),
        pytest.param(303, "PUT", "GET", id="303 PUT"),
        pytest.param(303, "HEAD", "HEAD", id="303 HEAD"),
        pytest.param(307, "POST", "POST", id="307 POST"),
        pytest.param(308, "PATCH", "PATCH", id="308 PATCH"),
    ],
)
async def test_the_method_and_the_body(sender: Sender, target: Target, status: int, method: str, expected: str) -> None:
    target.answers("/", _to("/end", status))
    body = None if method in {"HEAD", "DELETE"} else b'{"a": 1}'
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k", "X-MyScheduler-Job-Id": "j"}
    outcome = await sender.send(request(target.url("/"), method, body, headers=headers, transport=FOLLOWING))
    last = target.requests[-1]
    assert (outcome.failure, last.target, last.method) == (None, "/end", expected)
    is_same = method == expected
    assert last.body == ((body or b"") if is_same else b"")
    assert last.header("Content-Type") == ("application/json" if is_same else None)
    assert (last.header("Idempotency-Key"), last.header("X-MyScheduler-Job-Id")) == ("k", "j")


HEADERS: dict[str, str | tuple[str, ...]] = {
    "Authorization": "Bearer abc",
    "Cookie": "a=b",
    "Proxy-Authorization": "Basic abc",
    "X-Api-Key": "abc",
    "X-Signed": "Bearer abcdef123456",
    "X-Hidden": "id hunter2!",
    "X-Several": ("a", "hunter2!"),
    "Host": "first.example",
    "X-Plain": "kept",
    "Idempotency-Key": "kept",
    "X-MyScheduler-Execution-Id": "kept",
}
CREDENTIALS = [name for name, value in HEADERS.items() if value != "kept"]


async def test_credentials_stay_with_their_origin(sender: Sender, target: Target, other: Target) -> None:
    target.answers("/", _to("/second"))
    target.answers("/second", _to(other.url("/third")))
    other.answers("/third", _to(target.url("/back")))
    sent = request(target.url("/"), headers=HEADERS, secrets=(SECRET,), transport=FOLLOWING)
    assert (await sender.send(sent)).failure is None
    _, second, back = target.requests
    (third,) = other.requests
    assert [second.header(name) is not None for name in HEADERS] == [True] * len(HEADERS)
    for one in (third, back):  # what was left out once does not come back
        assert [name for name in CREDENTIALS if one.header(name) and name != "Host"] == []
        assert [one.header(name) for name in HEADERS if HEADERS[name] == "kept"] == ["kept"] * 3
    assert third.header("Host") == f"127.0.0.1:{other.port}"


@pytest.mark.parametrize("is_same", [True, False])
async def test_the_login_of_the_url(sender: Sender, target: Target, other: Target, is_same: bool) -> None:
    end = target if is_same else other
    target.answers("/", _to(end.url("/end").replace("//", "//evil:word@")))
    assert (await sender.send(request(target.url("/").replace("//", "//me:pw@"), transport=FOLLOWING))).failure is None
    assert target.requests[0].header("Authorization") == "Basic bWU6cHc="
    assert end.requests[-1].header("Authorization") == ("Basic bWU6cHc=" if is_same else None)


async def test_another_scheme_is_another_origin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: Target
) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(AUTHORITY)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with Target(tls=True) as safe:
        target.answers("/", _to(safe.url("/safe")))
        safe.answers("/down", _to(target.url("/unsafe")))
        async with open_sender(connections=5, connections_per_host=5) as sender:
            headers = {"Authorization": "Bearer abc"}
            up = await sender.send(request(target.url("/"), headers=headers, transport=FOLLOWING))
            down = await sender.send(request(safe.url("/down"), transport=FOLLOWING))
        assert (up.failure, safe.requests[0].header("Authorization")) == (None, None)
    error = f"answered 302, a redirect from https to http at 127.0.0.1:{target.port}, which is not followed"
    assert down == Outcome(302, Failure.HTTP_ERROR, error, 10, "over there")
    assert [one.target for one in target.requests] == ["/"]


@pytest.mark.parametrize(
    ("location", "error"),
    [
        pytest.param(
            "ftp://x.example/a?secret=1", "answered 302, a redirect to what is neither http nor https", id="ftp"
        ),
        pytest.param("javascript:x", "answered 302, a redirect to what is neither http nor https", id="script"),
        pytest.param("http://[::broken/", "answered 302, a redirect whose Location is not a valid URL", id="broken"),
        pytest.param("http://h:port/", "answered 302, a redirect whose Location is not a valid URL", id="bad port"),
        pytest.param("http://a\\b/", "answered 302, a redirect whose Location is not a valid URL", id="two readings"),
        pytest.param("/a b\x01", "answered 302, a redirect whose Location is not a valid URL", id="control"),
        pytest.param("", "answered 302, a redirect without a Location", id="empty"),
    ],
)
async def test_locations_that_are_not_followed(sender: Sender, target: Target, location: str, error: str) -> None:
    target.answers("/", _to(location))
    outcome = await sender.send(request(target.url("/"), transport=FOLLOWING))
    assert outcome == Outcome(302, Failure.HTTP_ERROR, error, 10, "over there")
    assert len(target.requests) == 1


async def test_no_location_and_two_of_them(sender: Sender, target: Target) -> None:
    target.answers("/none", Answer(301))
    target.answers("/two", Answer(301, headers=(("Location", "/a"), ("Location", "/b"))))
    none = await sender.send(request(target.url("/none"), transport=FOLLOWING))
    two = await sender.send(request(target.url("/two"), transport=FOLLOWING))
    assert none.error == "answered 301, a redirect without a Location"
    assert two.error == "answered 301, a redirect whose Location is not a valid URL"


async def test_a_loop_ends_at_the_bound(sender: Sender, target: Target) -> None:
    target.answers("/", _to("/"))
    outcome = await sender.send(request(target.url("/"), transport=Transport(follow_redirects=3)))
    where = f"127.0.0.1:{target.port}"
    error = f"after redirects (3) to {where}: answered 302 after as many redirects as the job follows (3)"
    assert outcome == Outcome(302, Failure.HTTP_ERROR, error, 10, "over there")
    assert len(target.requests) == 4


async def test_link_local_addresses_are_refused_at_each_hop(sender: Sender, target: Target) -> None:
    target.answers("/", _to("http://0xA9FEA9FE/latest?token=x"))
    outcome = await sender.send(request(target.url("/"), transport=FOLLOWING))
    assert (outcome.http_status, outcome.failure) == (302, Failure.HTTP_ERROR)
    assert outcome.error is not None
    assert "a link-local address (cloud metadata)" in outcome.error
    assert "token" not in outcome.error


async def test_the_hosts_of_the_policy_hold_at_each_hop(target: Target, other: Target) -> None:
    target.answers("/", _to(other.url("/end")))
    written = f"127.0.0.1:{target.port}"
    guard = Guard(Policy(allow_hosts=((written, parse_host_pattern(written)),), lines={"allow_hosts": 3}))
    async with open_sender(connections=5, connections_per_host=5, guard=lambda: guard) as sender:
        outcome = await sender.send(request(target.url("/"), transport=FOLLOWING))
    where = f"127.0.0.1:{other.port}"
    error = (
        f"answered 302, a redirect to {where}: {where} is not among the hosts that policy.yaml:3 allows ({written}): "
        "call one of them, or have it added"
    )
    assert (outcome.http_status, outcome.error, other.requests) == (302, error, [])


async def test_a_redirect_leads_no_job_of_the_api_into_the_network(
    monkeypatch: pytest.MonkeyPatch, target: Target, other: Target
) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    host = parse_host_pattern("public.example")
    guard = Guard(Policy(api_private_hosts=(("public.example", host),)))
    start = f"http://public.example:{target.port}/"
    inside = f"http://inside.example:{other.port}/end"
    async with open_sender(connections=5, connections_per_host=5, guard=lambda: guard) as sender:
        for location, why in (
            (other.url("/end"), "answered 302, a redirect to 127.0.0.1:"),
            (inside, "after redirects (1) to inside.example:"),
        ):
            target.answers("/", _to(location))
            outcome = await sender.send(request(start, transport=FOLLOWING, of_api=True))
            assert (outcome.http_status, outcome.failure) == (302, Failure.HTTP_ERROR)
            assert outcome.error is not None
            assert outcome.error.startswith(why)
            assert "127.0.0.1 is not a public address" in outcome.error
        assert other.requests == []
        assert (await sender.send(request(start, transport=FOLLOWING))).http_status == 200
    assert len(other.requests) == 1


async def test_a_proxy_of_a_job_of_the_api_has_to_be_one_that_it_may_call(
    monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    Names(monkeypatch, ["127.0.0.1"])
    host = parse_host_pattern("public.example")
    guard = Guard(Policy(api_private_hosts=(("public.example", host),)))
    async with open_sender(connections=5, connections_per_host=5, guard=lambda: guard) as sender:
        for count, proxy in enumerate((target.url(""), f"http://egress.example:{target.port}")):
            sent = request("http://public.example/", transport=Transport(proxy=proxy), of_api=True)
            assert (await sender.send(sent)).failure is Failure.TARGET_NOT_ALLOWED
            assert len(target.requests) == count
            outcome = await sender.send(replace(sent, principal=Principal.MANIFEST))
            assert (outcome.http_status, len(target.requests)) == (200, count + 1)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_with_a_secret_is_not_sent_on(sender: Sender, target: Target, other: Target, status: int) -> None:
    target.answers("/", _to(other.url("/end"), status))
    target.answers("/same", _to("/end", status))
    sent = request(target.url("/"), "POST", b'{"key": "hunter2!"}', secrets=(SECRET,), transport=FOLLOWING)
    outcome = await sender.send(sent)
    where = f"127.0.0.1:{other.port}"
    error = f"answered {status}, a redirect to {where}: a body with a secret is not sent to another origin"
    assert (outcome.failure, outcome.error, other.requests) == (Failure.HTTP_ERROR, error, [])
    assert (await sender.send(replace(sent, url=target.url("/same")))).failure is None
    assert target.requests[-1].body == b'{"key": "hunter2!"}'
    plain = replace(sent, body=b'{"key": "a"}')
    assert (await sender.send(plain)).failure is None
    assert other.requests[-1].body == b'{"key": "a"}'


async def test_failures_say_where_it_ended(sender: Sender, target: Target, other: Target) -> None:
    port, where = closed_port(), f"127.0.0.1:{other.port}"
    target.answers("/404", _to(other.url("/404?secret=1")))
    other.answers("/404", Answer(404, b"no"))
    target.answers("/refused", _to(f"http://127.0.0.1:{port}/a"))
    target.answers("/hang", _to(other.url("/hang")))
    other.answers("/hang", HangUp())
    found = {
        path: await sender.send(request(target.url(path), transport=FOLLOWING))
        for path in ("/404", "/refused", "/hang")
    }
    assert found["/404"] == Outcome(404, Failure.HTTP_ERROR, f"after redirects (1) to {where}: answered 404", 2, "no")
    refused = f"after redirects (1) to 127.0.0.1:{port}: connection to 127.0.0.1:{port} refused"
    assert found["/refused"] == Outcome(None, Failure.REFUSED, refused)
    assert not found["/refused"].is_unreached  # the first request was sent
    assert found["/hang"].error == f"after redirects (1) to {where}: {where} closed the connection without an answer"


async def test_the_deadline_is_for_all_hops(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(302, headers=(("Location", "/"),), delay=0.2))
    start = time.monotonic()
    outcome = await sender.send(request(target.url("/"), timeout_sec=0.5, transport=Transport(follow_redirects=20)))
    assert outcome.failure is Failure.TIMEOUT
    assert time.monotonic() - start < PATIENCE
    assert 1 < len(target.requests) < 5


async def test_a_long_body_of_a_redirect_is_not_read(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(302, b"x" * 1024, (("Location", "/end"),), repeat=1024 * 64))
    assert (await sender.send(request(target.url("/"), transport=FOLLOWING))).failure is None
    assert target.connections == 2


async def test_a_status_that_the_job_expects_is_not_followed(sender: Sender, target: Target) -> None:
    target.answers("/", _to("/end"))
    sent = replace(request(target.url("/"), transport=FOLLOWING), expect=Expect(statuses=((302, 302),)))
    assert await sender.send(sent) == Outcome(302, None, None, 10, "over there")


async def test_an_imperfect_answer_after_a_redirect(sender: Sender, target: Target) -> None:
    target.answers("/", _to("/end"))
    target.answers("/end", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"))
    outcome = await sender.send(request(target.url("/"), transport=FOLLOWING))
    where = f"127.0.0.1:{target.port}"
    error = f"after redirects (1) to {where}: {where} broke off its answer after 2 of 5 bytes of body"
    assert outcome == Outcome(200, None, error, 2, "ab")


async def test_silence_after_a_redirect(sender: Sender, target: Target) -> None:
    target.answers("/", _to("/end"))
    target.answers("/end", Silence())
    outcome = await sender.send(request(target.url("/"), timeout_sec=0.5, transport=FOLLOWING))
    error = f"after redirects (1) to 127.0.0.1:{target.port}: no complete answer within 0.5 s"
    assert outcome == Outcome(None, Failure.TIMEOUT, error)
