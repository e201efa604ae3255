"""Connections that are kept for further calls, and what comes over them that nobody asked for."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from myscheduler.adapters.http.handler import Handler
from myscheduler.adapters.http.sender import Sender, open_sender
from myscheduler.core.calls.outcome import Outcome
from tests.support.calls import request
from tests.support.target import AUTHORITY, OK, tls_context

pytestmark = pytest.mark.anyio

STRAY = b"HTTP/1.1 299 Stray\r\nContent-Length: 5\r\n\r\nstray"
OWN = OK + b"Content-Length: 2\r\n\r\nok"
ARRIVED_SEC = 0.05
"""Until bytes are where their receiver could see them, on this machine. The loop of the test stands still meanwhile."""


class Talker:
    """A target that answers each request, and says `stray` on a kept connection when it is told to."""

    def __init__(self, context: ssl.SSLContext | None = None, answer: bytes = OWN) -> None:
        self.requests: list[int] = []
        self._answer = answer
        self._context = context
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def say(self, stray: bytes, *, hang_up: bool = False) -> None:
        self._connections[-1].sendall(stray)
        if hang_up:
            self._connections[-1].close()
        time.sleep(ARRIVED_SEC)

    def close(self) -> None:
        for one in (self._listener, *self._connections):
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection, len(self._connections)), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError):
            while data := connection.recv(65536):
                if b"HTTP/1.1" in data:
                    self.requests.append(number)
                    connection.sendall(self._answer)


@pytest.fixture
def talker() -> Iterator[Talker]:
    running = Talker()
    yield running
    running.close()


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(STRAY, id="a second answer"),
        pytest.param(
            b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", id="an idle 408"
        ),
        pytest.param(b"HTTP/1.1 299 St", id="half an answer"),
        pytest.param(b"\r\n", id="a line break"),
        pytest.param(b"x", id="anything"),
    ],
)
@pytest.mark.parametrize("body", [pytest.param(None, id="no body"), pytest.param(b"x", id="a body")])
@pytest.mark.parametrize("hang_up", [False, True])
@pytest.mark.parametrize("is_seen", [pytest.param(True, id="seen"), pytest.param(False, id="not yet seen")])
async def test_what_nobody_asked_for_is_no_answer(
    sender: Sender, talker: Talker, stray: bytes, body: bytes | None, hang_up: bool, is_seen: bool
) -> None:
    """Also when it lies in the socket, and the loop has not come to it before the next request."""
    message = request(f"http://127.0.0.1:{talker.port}/", "POST", body)
    assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    talker.say(stray, hang_up=hang_up)
    if is_seen:
        await asyncio.sleep(0.05)
    assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    assert talker.requests == [1, 2]


async def test_what_comes_between_the_choice_of_a_connection_and_the_request_is_no_answer(
    sender: Sender, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request with a body leaves a step of the loop later than its connection is chosen."""
    message = request(f"http://127.0.0.1:{talker.port}/", "POST", b"x")
    await sender.send(message)
    choose = Handler.set_response_params

    def chosen(handler: Handler, **params: bool) -> None:
        choose(handler, **params)
        talker.say(STRAY)
        monkeypatch.undo()

    monkeypatch.setattr(Handler, "set_response_params", chosen)
    assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    assert talker.requests == [1, 2]


async def test_a_connection_that_the_target_has_closed_is_not_used(sender: Sender, talker: Talker) -> None:
    message = request(f"http://127.0.0.1:{talker.port}/")
    for _ in range(5):
        assert (await sender.send(message)).http_status == 200
        talker._connections[-1].shutdown(socket.SHUT_WR)
    assert talker.requests == [1, 2, 3, 4, 5]


async def test_over_tls_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(AUTHORITY)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    talker = Talker(tls_context())
    async with open_sender(connections=0, connections_per_host=0) as sender:
        message = request(f"https://127.0.0.1:{talker.port}/", "POST", b"x")
        first = [await sender.send(message) for _ in range(3)]
        talker.say(STRAY)
        assert [*first, await sender.send(message)] == [Outcome(200, None, None, 2, "ok")] * 4
    talker.close()
    assert talker.requests == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("headers", "wait", "connections"),
    [
        pytest.param(b"Keep-Alive: timeout=1\r\n", 0.7, [1, 2], id="half of what it says has passed"),
        pytest.param(b"Keep-Alive: timeout=1, max=5\r\n", 0, [1, 1], id="at once"),
        pytest.param(b"Keep-Alive: timeout=20\r\n", 0.7, [1, 1], id="long enough"),
        pytest.param(b"Keep-Alive: timeout=0\r\n", 0, [1, 2], id="none"),
        pytest.param(b"Keep-Alive: max=0, timeout=9\r\n", 0, [1, 2], id="no more requests"),
        pytest.param(b"Keep-Alive: hello\r\n", 0, [1, 1], id="anything else"),
        pytest.param(b"Connection: Close\r\n", 0, [1, 2], id="closed"),
    ],
)
async def test_what_the_target_says_of_its_connections_is_heard(
    sender: Sender, headers: bytes, wait: float, connections: list[int]
) -> None:
    talker = Talker(answer=OK + headers + b"Content-Length: 2\r\n\r\nok")
    message = request(f"http://127.0.0.1:{talker.port}/")
    await sender.send(message)
    await asyncio.sleep(wait)
    assert (await sender.send(message)).http_status == 200
    talker.close()
    assert talker.requests == connections


async def test_a_connection_is_not_used_for_ever(talker: Talker) -> None:
    """However busy it is: else a host that moves would not be followed."""
    async with open_sender(connections=0, connections_per_host=0, max_age_sec=0.5) as sender:
        for _ in range(7):
            assert (await sender.send(request(f"http://127.0.0.1:{talker.port}/"))).failure is None
            await asyncio.sleep(0.1)
    assert talker.requests[0] == 1
    assert 2 <= talker.requests[-1] <= 3


class EarlyTalker(Talker):
    """Answers when it has the head and so many bytes of the body, and reads no further."""

    def __init__(self, read: int) -> None:
        self._read = read
        self._over = threading.Event()
        super().__init__()

    def close(self) -> None:
        self._over.set()
        super().close()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError):
            while data := connection.recv(1_024):
                self.requests.append(number)
                taken = len(data.partition(b"\r\n\r\n")[2])
                while taken < self._read:
                    taken += len(connection.recv(65_536))
                connection.sendall(self._answer)
                if not self._read:
                    self._over.wait(30)
                    return


@pytest.mark.parametrize(
    ("size", "read", "connections"),
    [
        pytest.param(900_000, 0, [1, 2], id="nobody reads it"),
        pytest.param(1_500_000, 0, [1, 2], id="nobody reads the pieces"),
        pytest.param(900_000, 900_000, [1, 1], id="all of it is read"),
    ],
)
async def test_no_request_is_sent_behind_the_rest_of_another(
    sender: Sender, size: int, read: int, connections: list[int]
) -> None:
    """A target that answers early and reads no further would never come to it."""
    talker = EarlyTalker(read)
    message = request(f"http://127.0.0.1:{talker.port}/", "POST", b"x" * size)
    for _ in range(2):
        assert await sender.send(message) == Outcome(200, None, None, 2, "ok")
    talker.close()
    assert talker.requests == connections
