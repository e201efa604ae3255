"""What is known of an exchange besides the answer, against real servers: times, connection, certificate."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.exchange import Exchange
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Principal, Request
from myscheduler.core.job.transport import Tls, Transport
from tests.adapters.http.test_proxies import Tunnel
from tests.support.calls import request
from tests.support.certificates import Authority, server_context
from tests.support.patience import PATIENCE
from tests.support.target import Answer, HangUp, Silence, Target, closed_port

pytestmark = pytest.mark.anyio

AUTHORITY = Authority()
TRUSTING = Transport(tls=Tls(ca=AUTHORITY.pem), follow_redirects=3)
Seen = list[tuple[str, datetime]]


@pytest.fixture
def seen() -> Seen:
    """The certificates that the sender below told of."""
    return []


@pytest.fixture
async def sender(seen: Seen) -> AsyncIterator[Sender]:
    async with open_sender(
        connections=50, connections_per_host=10, certificate_seen=lambda host, at: seen.append((host, at))
    ) as opened:
        yield opened


# servers are closed after the sender, which takes part in the end of a TLS connection: they stand before it


@pytest.fixture
def secure() -> Iterator[Target]:
    with Target(tls=server_context(AUTHORITY.pair(days=90))) as opened:
        yield opened


@pytest.fixture
def expired() -> Iterator[Target]:
    with Target(tls=server_context(AUTHORITY.pair(days=-1))) as opened:
        yield opened


@pytest.fixture
def older() -> Iterator[Target]:
    context = server_context(AUTHORITY.pair())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Target(tls=context) as opened:
        yield opened


async def _exchange(sender: Sender, asked: Request) -> Exchange:
    return _of(await sender.send(asked))


def _of(outcome: Outcome) -> Exchange:
    assert outcome.exchange is not None
    return outcome.exchange


def _is_in_days(at: datetime | None, days: float) -> bool:
    assert at is not None
    return abs(at - datetime.now(UTC) - timedelta(days=days)) < timedelta(hours=1)


async def test_a_new_connection_and_its_reuse(sender: Sender, target: Target) -> None:
    new = await _exchange(sender, request(target.url("/"), "POST", b"12345"))
    assert (new.address, new.reused, new.request_size) == (f"127.0.0.1:{target.port}", False, 5)
    assert (new.dns_ms, new.tls_ms, new.tls_version, new.certificate_expires_at, new.proxy) == (None,) * 5
    assert new.connect_ms is not None
    assert new.first_byte_ms is not None
    assert 0 <= new.connect_ms <= new.first_byte_ms <= new.total_ms
    again = await _exchange(sender, request(target.url("/")))
    assert again == Exchange(again.total_ms, again.first_byte_ms, reused=True, address=f"127.0.0.1:{target.port}")
    assert again.first_byte_ms is not None


async def test_a_name_is_looked_up(sender: Sender, target: Target) -> None:
    found = await _exchange(sender, request(target.url("/").replace("127.0.0.1", "localhost")))
    assert found.dns_ms is not None
    assert found.address == f"127.0.0.1:{target.port}"


async def test_the_wait_for_the_first_byte_and_for_the_rest(sender: Sender, target: Target) -> None:
    target.answers("/late", Answer(delay=0.3))
    target.answers("/slow", Answer(body=b"0123456789", drip=0.03))
    late = await _exchange(sender, request(target.url("/late"), timeout_sec=PATIENCE))
    assert late.first_byte_ms is not None
    assert 300 <= late.first_byte_ms <= late.total_ms
    slow = await _exchange(sender, request(target.url("/slow"), timeout_sec=PATIENCE))
    assert slow.first_byte_ms is not None
    assert slow.total_ms - slow.first_byte_ms >= 200


async def test_tls_and_its_reuse(secure: Target, sender: Sender, seen: Seen) -> None:
    new = await _exchange(sender, request(secure.url("/"), transport=TRUSTING))
    assert (new.tls_version, new.reused) == ("TLSv1.3", False)
    assert _is_in_days(new.certificate_expires_at, 90)
    assert new.tls_ms is not None
    assert new.tls_ms > 0
    again = await _exchange(sender, request(secure.url("/"), transport=TRUSTING))
    assert (again.tls_version, again.reused, again.tls_ms) == ("TLSv1.3", True, None)
    assert again.certificate_expires_at == new.certificate_expires_at
    assert seen == [(f"127.0.0.1:{secure.port}", new.certificate_expires_at)]  # not again for the reuse


async def test_an_older_version_of_tls(older: Target, sender: Sender) -> None:
    assert (await _exchange(sender, request(older.url("/"), transport=TRUSTING))).tls_version == "TLSv1.2"


async def test_a_certificate_that_has_expired_where_nobody_checks_it(
    expired: Target, sender: Sender, seen: Seen
) -> None:
    found = await _exchange(sender, request(expired.url("/"), transport=Transport(tls=Tls(verify=False))))
    assert _is_in_days(found.certificate_expires_at, -1)
    assert seen == [(f"127.0.0.1:{expired.port}", found.certificate_expires_at)]
    refused = await sender.send(request(expired.url("/"), transport=TRUSTING))
    assert refused.failure is Failure.TLS
    assert (_of(refused).tls_ms is not None, _of(refused).tls_version) == (True, None)


async def test_the_service_s_own_requests_are_no_targets(secure: Target, sender: Sender, seen: Seen) -> None:
    asked = Request("GET", secure.url("/"), {}, None, 5, transport=TRUSTING, principal=Principal.SERVICE)
    assert (await sender.send(asked)).failure is None
    assert seen == []


async def test_ipv6(sender: Sender) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async with await asyncio.start_server(serve, "::1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await _exchange(sender, request(f"http://[::1]:{port}/"))
    assert found.address == f"[::1]:{port}"


async def test_redirects(target: Target, secure: Target, sender: Sender, seen: Seen) -> None:
    target.answers("/", Answer(302, headers=(("Location", "/next"),), delay=0.2))
    target.answers("/next", Answer(302, headers=(("Location", secure.url("/end")),)))
    anywhere = Transport(tls=Tls(verify=False), follow_redirects=3)
    found = await sender.send(request(target.url("/"), transport=anywhere, timeout_sec=PATIENCE))
    assert found.failure is Failure.TLS  # it is checked after the redirect to another origin
    assert (_of(found).redirects, _of(found).address) == (2, f"127.0.0.1:{secure.port}")
    secure.answers("/", Answer(302, headers=(("Location", "/end"),)))
    fine = await _exchange(sender, request(secure.url("/"), transport=TRUSTING))
    assert (fine.redirects, fine.reused, fine.tls_version) == (1, True, "TLSv1.3")
    assert len(seen) == 1
    assert _of(found).total_ms >= 200


async def test_a_tunnel(secure: Target, sender: Sender) -> None:
    tunnel = Tunnel()
    async with await asyncio.start_server(tunnel.serve, "127.0.0.1", 0) as server:
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        through = Transport(tls=Tls(ca=AUTHORITY.pem), proxy=f"http://me:pw@{where}")
        found = await _exchange(sender, request(secure.url("/"), transport=through))
        assert (found.address, found.proxy, found.tls_version) == (where, where, "TLSv1.3")
        assert found.tls_ms is not None
        again = await _exchange(sender, request(secure.url("/"), transport=through))
        assert (again.address, again.proxy, again.reused) == (where, where, True)
        tunnel.status = 403
        refused = await sender.send(request("https://127.0.0.2/", transport=through))
    assert refused.failure is Failure.CONNECT
    assert (_of(refused).connect_ms is not None, _of(refused).tls_ms) == (True, None)


async def test_a_proxy_of_plain_http(sender: Sender, target: Target) -> None:
    where = f"127.0.0.1:{target.port}"  # the target plays the proxy
    found = await _exchange(sender, request("http://far.example/", transport=Transport(proxy=f"http://{where}")))
    assert (found.address, found.proxy, found.dns_ms) == (where, where, None)


# --- failures keep what is known ---------------------------------------------------------------------------------


async def test_a_name_that_is_not_found(sender: Sender) -> None:
    outcome = await sender.send(request("http://nothing.invalid/", timeout_sec=PATIENCE))
    found = _of(outcome)
    assert outcome.failure is Failure.DNS
    assert found == Exchange(found.total_ms, dns_ms=found.dns_ms)
    assert found.dns_ms is not None


async def test_a_port_where_nobody_listens(sender: Sender) -> None:
    port = closed_port()
    outcome = await sender.send(request(f"http://127.0.0.1:{port}/"))
    found = _of(outcome)
    assert outcome.failure is Failure.REFUSED
    assert found == Exchange(found.total_ms, connect_ms=found.connect_ms, address=f"127.0.0.1:{port}")
    assert found.connect_ms is not None


async def test_a_connection_that_is_not_taken(sender: Sender) -> None:
    with ExitStack() as opened:
        server = opened.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        host, port = server.getsockname()
        outcome = await sender.send(request(f"http://{host}:{port}/", timeout_sec=0.3))
    assert outcome.failure is Failure.TIMEOUT
    assert (_of(outcome).connect_ms or 0) >= 200
    assert (_of(outcome).address, _of(outcome).tls_ms) == (f"{host}:{port}", None)


async def test_a_handshake_that_never_ends(sender: Sender, target: Target) -> None:
    url = target.url("/").replace("http:", "https:")  # it reads, and waits for the end of the headers
    outcome = await sender.send(request(url, timeout_sec=0.5))
    assert outcome.failure is Failure.TIMEOUT
    assert (_of(outcome).tls_ms or 0) >= 200
    assert (_of(outcome).address, _of(outcome).tls_version) == (f"127.0.0.1:{target.port}", None)


@pytest.mark.parametrize(
    ("reply", "failure"),
    [pytest.param(Silence(), Failure.TIMEOUT, id="silence"), pytest.param(HangUp(), Failure.RESET, id="reset")],
)
async def test_no_answer(sender: Sender, target: Target, reply: Silence | HangUp, failure: Failure) -> None:
    target.answers("/", reply)
    outcome = await sender.send(request(target.url("/"), timeout_sec=0.5))
    assert outcome.failure is failure
    assert (_of(outcome).first_byte_ms, _of(outcome).address) == (None, f"127.0.0.1:{target.port}")


async def test_a_body_that_does_not_end_in_time(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(body=b"0123456789", drip=1))
    outcome = await sender.send(request(target.url("/"), timeout_sec=0.5))
    assert outcome.failure is Failure.TIMEOUT
    assert _of(outcome).first_byte_ms is not None


async def test_a_request_that_is_not_sent_has_none(sender: Sender) -> None:
    refused = await sender.send(request("http://169.254.169.254/"))
    assert (refused.failure, refused.exchange) == (Failure.TARGET_NOT_ALLOWED, None)
    assert (await sender.send(request("no url"))).exchange is None


async def test_an_expectation_that_fails(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(500))
    outcome = await sender.send(request(target.url("/")))
    assert outcome.failure is Failure.HTTP_ERROR
    assert _of(outcome).address == f"127.0.0.1:{target.port}"
