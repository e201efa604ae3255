"""Connections of callers to a server in this process, in the order in which it is told them.

async with serving(patience=SHORT) as served:
    caller = await served.connect(GET)
    assert await caller.answer() == (200, b"hello")
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myscheduler.api.door import connections
from myscheduler.api.door.connections import Callers, Patience, Throttle
from myscheduler.api.serving import QuietServer
from tests.support.patience import PATIENCE

SHORT = Patience(head_sec=0.3, body_sec=0.3, idle_sec=0.3, answer_sec=0.3, answer_rate=1 << 30)
LONG = Patience()
LARGE = 16 * 1024 * 1024
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


@dataclass
class Served:
    port: int
    callers: Callers
    hold: asyncio.Event
    """What `/hold` waits for."""
    disconnects: int = 0
    clients: "list[Caller]" = field(default_factory=list)

    async def connect(self, data: bytes = b"") -> "Caller":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        self.clients.append(Caller(reader, writer))
        return self.clients[-1]

    async def open(self) -> int:
        return len(self.callers._open)

    async def worked_on(self) -> int:
        return len(self.callers._open) - len(self.callers._waiting)


@dataclass
class Caller:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer; 0 where the connection was closed instead."""
        async with asyncio.timeout(PATIENCE):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0, b""
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            return int(head.split()[1]), await self.reader.readexactly(length)

    async def is_closed(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def close(self) -> None:
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def application(served: Callable[[], Served]) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        if scope["path"] != "/early":
            while more:
                message: Message = await receive()
                if message["type"] == "http.disconnect":
                    served().disconnects += 1
                    return
                body, more = body + message["body"], message["more_body"]
        if scope["path"] == "/hold":
            await served().hold.wait()
        content = b"x" * LARGE if scope["path"] == "/large" else body or b"hello"
        headers = [(b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


@asynccontextmanager
async def serving(limit: int = 100, patience: Patience = LONG, *, api: ASGIApp | None = None) -> AsyncIterator[Served]:
    """Serves an application of this module, or the given one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(listener.getsockname()[1], Callers(limit, patience), asyncio.Event())
        app = api or Throttle(application(lambda: served), limit // 2)
        server = QuietServer(uvicorn.Config(
            app, http=connections.protocol_for(served.callers), ws="none", lifespan="off", log_config=None,
            timeout_graceful_shutdown=1,
        ))  # fmt: skip
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield served
        finally:
            served.hold.set()
            for client in served.clients:
                await client.close()
            server.should_exit = True
            await running


async def drip(caller: Caller, data: bytes) -> None:
    """Send the bytes now and then, for ever."""
    while not caller.writer.is_closing():
        caller.send(data)
        await asyncio.sleep(0.05)
