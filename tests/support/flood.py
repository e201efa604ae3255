r"""A target that sends the same bytes over and over, as fast as they are taken; a process of its own.

with Flood(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n") as flood:
    … call flood.url …
"""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

BLOCK = 1 << 20


class Flood:
    """A context manager. After the head, `repeated` is sent until the caller hangs up."""

    def __init__(self, head: bytes, repeated: bytes) -> None:
        self._told = f"{head.hex()}\n{repeated.hex()}\n".encode()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(self._told)
        self._process.stdin.flush()
        self.where = f"127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def url(self) -> str:
        return f"http://{self.where}/"


class Watchdog:
    """Measures how long the loop is held at the most, in seconds of this thread's CPU: other processes don't count."""

    async def __aenter__(self) -> Self:
        self.worst = 0.0
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.worst, last = max(self.worst, now - last), now


def _send(connection: socket.socket, head: bytes, repeated: bytes) -> None:
    with suppress(OSError), connection:
        connection.recv(65536)
        connection.sendall(head)
        while repeated:
            connection.sendall(repeated)
        connection.recv(1)


def _serve(head: bytes, repeated: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)  # noqa: T201
        block = repeated * (BLOCK // len(repeated)) if repeated else b""
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_send, args=(connection, head, block), daemon=True).start()


if __name__ == "__main__":
    _serve(bytes.fromhex(sys.stdin.readline()), bytes.fromhex(sys.stdin.readline()))
