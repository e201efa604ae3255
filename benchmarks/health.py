"""Requests `/health` every 20 ms and records how long each response took. Runs as a separate process.

When its standard input is closed, it prints `[[asked at, seconds, status], …]` and ends.
"""

import asyncio
import contextlib
import http.client
import json
import sys
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import click

EVERY_SEC = 0.02
TIMEOUT_SEC = 30.0


def ask(connection: http.client.HTTPConnection) -> tuple[float, float, int]:
    """The time of a request, the seconds until its response, and the status; 0 if there was no response."""
    asked, start = time.time(), time.perf_counter()
    status = 0
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        connection.close()  # the next request opens it again
    return asked, time.perf_counter() - start, status


@click.command()
@click.argument("address")
def _main(address: str) -> None:
    """ADDRESS: HOST:PORT of the server."""
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SEC)
    answers = []
    due = time.perf_counter()
    while not over.wait(max(0.0, due - time.perf_counter())):
        answers.append(ask(connection))
        due = max(due + EVERY_SEC, time.perf_counter())
    print(json.dumps(answers))


class Watch:
    """The driver's side: the results, once the watch is over."""

    def __init__(self) -> None:
        self._answers: list[tuple[float, float, int]] = []

    def slowest(self, start: float, end: float) -> float | None:
        """The slowest response of the requests that were in progress at some time between `start` and `end`."""
        window = [one for one in self._answers if one[0] <= end and one[0] + one[1] >= start]
        if not window or any(status not in {0, 200} for _, _, status in window):
            return None  # this server has no /health
        return max(TIMEOUT_SEC if status == 0 else seconds for _, seconds, status in window)

    def read(self, text: str) -> None:
        self._answers = [(asked, seconds, status) for asked, seconds, status in json.loads(text)]


@contextlib.asynccontextmanager
async def watched_health(address: str) -> AsyncIterator[Watch]:
    """Request `/health` while the body of the `with` runs; afterwards, the watch has the results."""
    watch = Watch()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.health", address, stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    try:
        yield watch
        output, _ = await asyncio.wait_for(process.communicate(b""), TIMEOUT_SEC + 10)
        watch.read(output.decode())
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


if __name__ == "__main__":
    _main()
