r"""A connection of our own, for requests that no client library would send.

with Wire(service.url) as wire:
    wire.send(b"BREW / HTTP/1.1\r\n…")
    answer = wire.answer()
"""

import json
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.patience import PATIENCE

LEAKS = (
    "Traceback",
    'File "',
    ".py",
    "sqlalchemy",
    "sqlite3",
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE FROM",
    "PRAGMA",
)
"""What no answer may have: parts of stack traces and of SQL."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: httpx.Headers
    content: bytes

    def problem(self) -> dict[str, Any]:
        """The problem details, which are complete."""
        assert self.headers["content-type"] == "application/problem+json", (self.headers, self.content)
        found: dict[str, Any] = json.loads(self.content)
        assert found["status"] == self.status
        assert found["type"].startswith("urn:myscheduler:problem:")
        assert found["type"] != "urn:myscheduler:problem:error"
        assert found["title"]
        assert 0 < len(found["detail"]) <= 4_000
        assert found["request_id"] == self.headers["x-request-id"]
        assert self.headers["x-content-type-options"] == "nosniff"
        assert len(self.content) < 100_000
        assert not [leak for leak in LEAKS if leak in self.content.decode()]
        return found


class Wire:
    def __init__(self, url: str) -> None:
        parts = httpx.URL(url)
        self._socket = socket.create_connection((parts.host, parts.port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def line(self) -> bytes:
        """The first line of the next answer, which has no headers, such as one with 100."""
        found = self._file.readline()
        assert self._file.readline() == b"\r\n"
        return found

    def answer(self, *, is_head: bool = False) -> Answer:
        """The next answer, which is read whole; interim ones are left out."""
        status = 100
        while status < 200:
            status = int(self._file.readline().split()[1])
            lines = iter(self._file.readline, b"\r\n")
            headers = httpx.Headers(
                [(name, value.strip()) for name, _, value in (one.partition(b":") for one in lines)]
            )
        length = 0 if is_head else int(headers.get("content-length", 0))
        return Answer(status, headers, self._file.read(length))


def ask(url: str, data: bytes, *, is_head: bool = False) -> Answer:
    """Send the bytes over a new connection."""
    with Wire(url) as wire:
        wire.send(data)
        return wire.answer(is_head=is_head)
