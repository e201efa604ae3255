"""Calls through a real proxy, which the job names or the environment."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator

import pytest

from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.job.transport import FROM_ENVIRONMENT, Tls, Transport
from tests.support.calls import request
from tests.support.certificates import Authority, server_context
from tests.support.target import Target, closed_port

pytestmark = pytest.mark.anyio

OK = Outcome(200, None, None, 2, "ok")
AUTHORITY = Authority()


class Tunnel:
    """A proxy that tunnels (CONNECT); it records the heads of requests, and refuses if it is told a status."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.status = 200

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            host, _, port = head.split(" ")[1].rpartition(":")
            writer.write(f"HTTP/1.1 {self.status} Tunnel\r\n\r\n".encode())
            if self.status == 200:
                far_reader, far_writer = await asyncio.open_connection(host, int(port))
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def tunnel() -> AsyncIterator[tuple[Tunnel, str]]:
    tunnel = Tunnel()
    server = await asyncio.start_server(tunnel.serve, "127.0.0.1", 0)
    async with server:
        yield tunnel, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_plain_call_names_the_whole_url(sender: Sender, target: Target) -> None:
    through = Transport(proxy=f"http://me:p%40w@127.0.0.1:{target.port}")  # the target plays the proxy
    assert await sender.send(request("http://far.example/run?a=%7E", transport=through)) == OK
    (got,) = target.requests
    assert (got.target, got.header("Host")) == ("http://far.example/run?a=%7E", "far.example")
    assert got.header("Proxy-Authorization") == "Basic " + base64.b64encode(b"me:p@w").decode()
    await sender.send(request("http://far.example/again", transport=through))
    assert (target.connections, target.requests[1].header("Proxy-Authorization")) == (
        1,
        got.header("Proxy-Authorization"),
    )


async def test_a_call_by_tls_is_tunnelled(tunnel: tuple[Tunnel, str]) -> None:
    known, place = tunnel
    with Target(tls=server_context(AUTHORITY.pair())) as far:
        async with open_sender(connections=5, connections_per_host=5) as sender:
            through = Transport(proxy=f"http://me:pw@{place}", tls=Tls(ca=AUTHORITY.pem), connect_timeout_sec=5)
            headers = {"Authorization": "Bearer abc"}
            for _ in range(2):
                assert await sender.send(request(far.url("/"), headers=headers, transport=through)) == OK
        assert far.requests[0].header("Proxy-Authorization") is None
    (head,) = known.heads  # the tunnel was used again
    assert head.startswith(f"CONNECT 127.0.0.1:{far.port} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6cHc=" in head
    assert "Bearer" not in head


async def test_a_tunnel_that_is_refused(sender: Sender, tunnel: tuple[Tunnel, str]) -> None:
    known, place = tunnel
    known.status = 407
    outcome = await sender.send(request("https://far.example/", transport=Transport(proxy=f"http://{place}")))
    error = f"the proxy {place} made no connection to far.example:443: it answered 407"
    assert outcome == Outcome(None, Failure.CONNECT, error)
    assert outcome.is_unreached


async def test_a_proxy_that_is_not_there(sender: Sender) -> None:
    place = f"127.0.0.1:{closed_port()}"
    for url in ("http://far.example/", "https://far.example/"):
        outcome = await sender.send(request(url, transport=Transport(proxy=f"http://{place}")))
        assert outcome == Outcome(None, Failure.REFUSED, f"connection to {place} refused")
        assert outcome.is_unreached


async def test_a_proxy_at_a_link_local_address_is_refused(sender: Sender) -> None:
    outcome = await sender.send(request("http://far.example/", transport=Transport(proxy="http://169.254.1.1:80")))
    assert outcome.failure is Failure.TARGET_NOT_ALLOWED


async def test_a_link_local_address_behind_a_proxy_is_refused(sender: Sender, target: Target) -> None:
    through = Transport(proxy=target.url("").rstrip("/"))
    outcome = await sender.send(request("http://169.254.169.254/latest", transport=through))
    assert (outcome.failure, target.requests) == (Failure.TARGET_NOT_ALLOWED, [])


@pytest.mark.parametrize(
    ("none", "is_through"), [pytest.param("", True, id="all"), pytest.param("far.example", False, id="but this host")]
)
async def test_the_environment(
    monkeypatch: pytest.MonkeyPatch, sender: Sender, target: Target, none: str, is_through: bool
) -> None:
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{target.port}")
    monkeypatch.setenv("no_proxy", none)
    outcome = await sender.send(request("http://far.example/", transport=Transport(proxy=FROM_ENVIRONMENT)))
    assert ((outcome.failure is None), len(target.requests)) == ((True, 1) if is_through else (False, 0))
    await sender.send(request("http://far.example/"))
    assert len(target.requests) == int(is_through)  # only where the job asks for it


async def test_an_environment_of_no_use(monkeypatch: pytest.MonkeyPatch, sender: Sender, target: Target) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    outcome = await sender.send(request(target.url("/"), transport=Transport(proxy=FROM_ENVIRONMENT)))
    error = "the proxy in the environment of the service is not the URL of an HTTP proxy"
    assert outcome == Outcome(None, Failure.INVALID_REQUEST, error)
