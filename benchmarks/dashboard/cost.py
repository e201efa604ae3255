"""What ten open pages cost the service: its processor time while they poll, against the same time without them."""

import asyncio
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.dashboard.viewer import Shown, Viewer
from benchmarks.errors import BenchmarkError
from benchmarks.service import Service

if TYPE_CHECKING:
    from playwright.async_api import Request

OPEN = {"Now": 2, "Jobs": 3, "Job, longest history": 1, "Job that runs": 1, "Executions": 1, "Forecast": 1, "Source": 1}
CHANGES = "/api/v1/changes"
POLL_SEC = 2.0
"""How often a page that is seen asks for changes."""
SETTLE_SEC = 5.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Shares of a processor, in percent, and what was asked meanwhile."""

    without: float
    with_pages: float
    requests: dict[str, int]
    """Of all pages in a minute, by path."""

    @property
    def of_pages(self) -> float:
        return self.with_pages - self.without


async def cost(
    viewer: Viewer, service: Service, pages: list[Shown], seconds: float, rounds: int, progress: Callable[[str], None]
) -> Cost:
    """In turn so many seconds without and with pages, since other work on the machine comes and goes.

    Raises `BenchmarkError` if a page did not poll, as one that is not seen.
    """
    without, with_pages, counts = [], [], Counter[str]()
    for number in range(rounds):
        progress(f"without pages and with them, {number + 1} of {rounds}")
        without.append(await _share(service, seconds))
        async with _open(viewer, pages) as asked:
            await asyncio.sleep(SETTLE_SEC)
            for _, paths in asked:
                paths.clear()
            with_pages.append(await _share(service, seconds))
            for name, paths in asked:
                counts += paths
                if paths[CHANGES] < seconds / POLL_SEC * 0.7:
                    raise BenchmarkError(f"{name} asked for changes only {paths[CHANGES]} times: is it seen?")
    a_minute = {path: round(count * 60 / seconds / rounds) for path, count in counts.items()}
    return Cost(statistics.mean(without), statistics.mean(with_pages), a_minute)


async def _share(service: Service, seconds: float) -> float:
    """Percent of a processor that the service uses in so many seconds."""
    before = service.processor_seconds()
    await asyncio.sleep(seconds)
    return (service.processor_seconds() - before) / seconds * 100


def _note(paths: Counter[str], request: "Request") -> None:
    paths[urlsplit(request.url).path] += 1


@asynccontextmanager
async def _open(viewer: Viewer, pages: list[Shown]) -> AsyncIterator[list[tuple[str, Counter[str]]]]:
    """Pages that are seen at the same time; yields the paths that each has asked for."""
    by_name = {one.name: one for one in pages}
    async with AsyncExitStack() as stack:
        asked = []
        for name, count in OPEN.items():
            for _ in range(count):
                page = await stack.enter_async_context(viewer.opened(by_name[name]))
                paths = Counter[str]()
                page.on("request", partial(_note, paths))
                asked.append((name, paths))
        yield asked
