"""What authentication costs: `python -m benchmarks.access`.

Three services run at once, each in an empty folder: an open one on loopback, one with the static token, and one with a
token of its database. In turn, jobs are created in each over eight connections, then all jobs and pages of them are
listed. All have the same jobs at the same time, and only one is asked at a time.
"""

import asyncio
import itertools
import math
import secrets
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp
import click
import orjson

from benchmarks.driver import CONNECTIONS, in_parallel, job
from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.service import Service
from myscheduler.adapters.store import open_store
from myscheduler.core.access.issuing import issue
from myscheduler.core.schedule.clock import Clock
from myscheduler.service.access.token_book import add_token

STATIC = "benchmark-token"
ACTS = ("POST /jobs", "GET /jobs", "GET /jobs?limit=100")


@dataclass(slots=True)
class Side:
    """A service, and what its requests took."""

    name: str
    service: Service
    session: aiohttp.ClientSession
    elapsed_ms: dict[str, list[float]] = field(default_factory=dict)
    """By act, of each round, the milliseconds that a request took."""
    processor_ms: dict[str, list[float]] = field(default_factory=dict)
    """The same in processor time of the service."""

    async def measure(self, act: str, work: Callable[[], Awaitable[object]], count: int) -> None:
        begin, used = time.perf_counter(), self.service.processor_seconds()
        await work()
        self.elapsed_ms.setdefault(act, []).append((time.perf_counter() - begin) * 1000 / count)
        self.processor_ms.setdefault(act, []).append((self.service.processor_seconds() - used) * 1000 / count)

    async def create(self, number: int) -> None:
        body = orjson.dumps(job(f"job-{number:06}", "http://127.0.0.1:9/", interval={"days": 300}))
        headers = {"Content-Type": "application/json"}
        async with self.session.post(f"{self.service.url}/api/v1/jobs", data=body, headers=headers) as answer:
            await self._check(answer)

    async def list_jobs(self, query: str, times: int) -> None:
        for _ in range(times):
            async with self.session.get(f"{self.service.url}/api/v1/jobs{query}") as answer:
                await self._check(answer)

    @staticmethod
    async def _check(answer: aiohttp.ClientResponse) -> None:
        text = await answer.read()
        if not answer.ok:
            raise BenchmarkError(f"{answer.method} {answer.url.path}: {answer.status} {text[:300]!r}")


async def _token(url: str) -> str:
    """The text of a new token, which is stored in the database."""
    clock = Clock(datetime.now(UTC), "UTC")
    found = issue({"name": "benchmark", "role": "editor"}, secrets.token_bytes(42), clock, by="benchmark")
    if isinstance(found, list):
        raise BenchmarkError(str(found))
    with open_store(url) as store:
        await store.write(partial(add_token, token=found[1]))
    return found[0].text


async def _started(stack: AsyncExitStack, name: str) -> Side:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="myscheduler-benchmark-")))
    settings, headers = {"DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}"}, {}
    if name == "static token":
        settings["MYSCHEDULER_API_TOKEN"], headers = STATIC, {"Authorization": f"Bearer {STATIC}"}
    if name == "token of the database":
        headers = {"Authorization": f"Bearer {await _token(settings['DATABASE_URL'])}"}
    service = await stack.enter_async_context(Service(folder, settings))
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, headers=headers))
    return Side(name, service, session)


async def _round(sides: list[Side], number: int, creates: int, lists: int) -> None:
    for side in sides if number % 2 else sides[::-1]:
        new = range(number * creates, (number + 1) * creates)
        await side.measure(ACTS[0], partial(in_parallel, side.create, new), creates)
        await side.measure(ACTS[1], partial(side.list_jobs, "", lists), lists)
        await side.measure(ACTS[2], partial(side.list_jobs, "?limit=100", lists * 5), lists * 5)


def _lines(sides: list[Side]) -> Iterator[str]:
    """Ratios are of the open service, each the median of the ratios of all rounds."""
    yield "| request | credentials | ms | ratio | processor, ms | ratio |\n|---|---|---|---|---|---|"
    for act, side in itertools.product(ACTS, sides):
        figures = []
        for own, of_open in ((side.elapsed_ms, sides[0].elapsed_ms), (side.processor_ms, sides[0].processor_ms)):
            ratios = [one / other if other else math.nan for one, other in zip(own[act], of_open[act], strict=True)]
            figures += [f"{statistics.median(own[act]):.2f}", f"{statistics.median(ratios):.2f}"]
        yield f"| `{act}` | {side.name} | {' | '.join(figures)} |"


async def _run(rounds: int, creates: int, lists: int) -> list[str]:
    async with AsyncExitStack() as stack:
        sides = [await _started(stack, name) for name in ("none: open", "static token", "token of the database")]
        for number in range(rounds + 1):
            await _round(sides, number, creates, lists)
            if number == 0:  # the first one only warms up
                for side in sides:
                    side.elapsed_ms.clear()
                    side.processor_ms.clear()
        return list(_lines(sides))


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--creates", type=click.IntRange(8), default=1_000, show_default=True, help="Jobs created in a round.")
@click.option("--lists", type=click.IntRange(1), default=40, show_default=True, help="Lists of all jobs in a round.")
def main(rounds: int, creates: int, lists: int) -> None:
    """Compare creating and listing jobs with and without credentials, in turn."""
    for name, value in machine().items():
        print(f"{name}: {value}")
    print("\n".join(asyncio.run(_run(rounds, creates, lists))))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.access")
