"""The server that the jobs call: it responds at once and records when each request arrived. Runs as a separate process.

It prints its port and ends when its standard input is closed, so it can't outlive the benchmark.
`GET /arrivals/count` returns the number of calls, `GET /arrivals/take` returns the calls and removes them.
Its arguments are the seconds after which it responds to calls, and the address that it listens on. On `0.0.0.0`, it
answers only what came to an address of loopback: there is no other way to listen on all of these.
"""

import asyncio
import contextlib
import gc
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import aiohttp
import uvloop

from benchmarks.processes import processor_seconds

Record = tuple[bytes, float, bytes | None]

START_SEC = 60.0

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_REFUSAL = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def _value(head: bytes, name: bytes) -> bytes | None:
    """The value of a header; head and name are in lower case."""
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    return head[start + len(name) + 3 : head.find(b"\r\n", start + 2)].strip()


class _Connection(asyncio.Protocol):
    def __init__(self, records: list[Record], delay: float) -> None:
        self._records = records
        self._delay = delay
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        if not transport.get_extra_info("sockname")[0].startswith("127."):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._buffer += data
        answers: list[bytes] = []
        while answers[-1:] != [_REFUSAL] and (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[: end + 2]
            lower = head.lower()
            size = end + 4 + int(_value(lower, b"content-length") or 0)
            if len(self._buffer) < size:
                break
            self._buffer = self._buffer[size:]
            answers.append(self._answer(head, lower, now))
        if answers and self._delay and _ANSWER in answers:
            asyncio.get_running_loop().call_later(self._delay, self._send, answers)
        elif answers:
            self._send(answers)

    def _send(self, answers: list[bytes]) -> None:
        self._transport.write(b"".join(answers))
        if answers[-1] is _REFUSAL:
            self._transport.close()

    def _answer(self, head: bytes, lower: bytes, now: float) -> bytes:
        if b"\r\ntransfer-encoding:" in lower:
            return _REFUSAL
        path = head.split(b" ", 2)[1]
        if path == b"/arrivals/count":
            return _text(str(len(self._records)))
        if path == b"/arrivals/take":
            text = "\n".join(
                json.dumps([path.decode(), at, due.decode().upper() if due else None])
                for path, at, due in self._records
            )
            self._records.clear()
            return _text(text)
        self._records.append((path, now, _value(lower, b"x-myscheduler-scheduled-at")))
        return _ANSWER


def _text(text: str) -> bytes:
    body = text.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def _serve(delay: float, address: str) -> None:
    loop = asyncio.get_running_loop()
    records: list[Record] = []
    gc.disable()  # collecting among a hundred thousand records, which have no cycles, would cause pauses
    server = await loop.create_server(lambda: _Connection(records, delay), address, 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One received call."""

    path: str
    at: float
    """`time.time()`."""
    slot: str | None
    """The header `X-MyScheduler-Scheduled-At`, if the caller sends it."""

    @property
    def lateness(self) -> float | None:
        return None if self.slot is None else self.at - datetime.fromisoformat(self.slot).timestamp()


class Sink:
    """The driver's side of the process."""

    def __init__(self, port: int, pid: int, session: aiohttp.ClientSession) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._pid = pid
        self._session = session

    def target(self, figure: str, number: int | str, host: int = 1) -> str:
        """The URL of a call. `host` is one of 16 million addresses, which count from 1."""
        address = f"127.{host >> 16}.{host >> 8 & 255}.{host & 255}"
        return f"http://{address}:{self._port}/hit/{figure}/{number}"

    def processor_seconds(self) -> float:
        """The processor time that it has used."""
        return processor_seconds(self._pid)

    async def count(self) -> int:
        return int(await self._get("count"))

    async def wait_for(self, count: int, *, within: float) -> None:
        """Wait until this many calls have arrived, or the time is over."""
        deadline = time.monotonic() + within
        while await self.count() < count:
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.2)

    async def take(self, figure: str) -> list[Arrival]:
        """Take the calls of this figure; all other calls are removed, too."""
        lines = (await self._get("take")).splitlines()
        return [one for one in (Arrival(*json.loads(line)) for line in lines) if one.path.startswith(f"/hit/{figure}/")]

    async def _get(self, name: str) -> str:
        async with self._session.get(f"{self.url}/arrivals/{name}") as answer:
            return await answer.text()


@contextlib.asynccontextmanager
async def running_sink(delay: float = 0, *, has_many_hosts: bool = False) -> AsyncIterator[Sink]:
    """A sink that responds to calls after this many seconds, on one address of loopback or on all of them."""
    address = "0.0.0.0" if has_many_hosts else "127.0.0.1"  # noqa: S104 - what comes from elsewhere is not answered
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.sink", str(delay), address), stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    try:
        if process.stdout is None:
            raise TypeError
        port = int(await asyncio.wait_for(process.stdout.readline(), START_SEC))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            yield Sink(port, process.pid, session)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


if __name__ == "__main__":
    uvloop.run(_serve(float(sys.argv[1]), sys.argv[2]))
