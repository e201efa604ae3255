"""Runs the figures: each with its own service in its own folder, then the same figure for the reference."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp

from benchmarks import load, manifests
from benchmarks.driver import Api, connected
from benchmarks.errors import BenchmarkError
from benchmarks.load import Measured
from benchmarks.service import Service, fresh_service
from benchmarks.sink import Sink, running_sink
from benchmarks.targets import FIGURES, Sizes

Progress = Callable[[str], None]

BY_API: dict[str, Callable[[Api, Sink, Sizes], Awaitable[Measured]]] = {
    "sustained": load.sustained,
    "burst-1000": partial(load.burst, figure="burst-1000", watched=False),
    "burst-10000": partial(load.burst, figure="burst-10000", watched=True),
    "list-jobs": load.list_jobs,
    "create": load.create,
}
BY_MANIFESTS: dict[str, Callable[[Service, Sink, Sizes], Awaitable[Measured]]] = {
    "reconcile": manifests.reconcile,
    "start": manifests.start,
    "memory": manifests.memory,
    "scrape": manifests.scrape,
}
FAILURES = (BenchmarkError, aiohttp.ClientError, TimeoutError, ExceptionGroup)


@dataclass(slots=True)
class Outcome:
    """The result of one figure."""

    service: Measured = field(default_factory=Measured)
    reference: Measured | None = None


def with_what_they_need(names: list[str]) -> list[str]:
    """Adds the figures that these depend on: start and scrape use the jobs of reconcile, and memory uses the process of
    start.
    """
    wanted = {*names}
    if "memory" in wanted:
        wanted.add("start")
    if wanted & {"start", "scrape"}:
        wanted.add("reconcile")
    return [name for name in FIGURES if name in wanted]


async def _careful(work: Callable[[], Awaitable[Measured]]) -> Measured:
    """Run one figure; if it fails, the others still run."""
    begin = time.monotonic()
    try:
        measured = await work()
    except FAILURES as error:
        cause: BaseException = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        measured = Measured(facts={"failed": f"{type(cause).__name__}: {cause}"})
    measured.facts["took_sec"] = round(time.monotonic() - begin, 1)
    return measured


async def _by_api(name: str, sink: Sink, sizes: Sizes) -> Measured:
    async with fresh_service() as service:
        async with connected(service.url) as api:
            measured = await _careful(lambda: BY_API[name](api, sink, sizes))
        await service.stop()
        _note_log(service, measured)
        return measured


def _note_log(service: Service, measured: Measured) -> None:
    if service.had_to_be_killed:
        measured.facts["stop"] = "did not follow SIGTERM"
    if found := service.complaints():
        measured.facts["log"] = found


async def _by_reference(name: str, url: str, sink: Sink, sizes: Sizes) -> Measured:
    async def work() -> Measured:
        async with connected(url, leave_as_found=True) as api:
            return await BY_API[name](api, sink, sizes)

    return await _careful(work)


async def run(names: list[str], sizes: Sizes, reference: str | None, progress: Progress) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    async with running_sink() as sink:
        for name in [name for name in names if name in BY_API]:
            progress(f"{name} …")
            outcomes[name] = Outcome(await _by_api(name, sink, sizes))
            if reference:
                progress(f"{name}, reference …")
                outcomes[name].reference = await _by_reference(name, reference, sink, sizes)
        if rest := [name for name in names if name in BY_MANIFESTS]:
            async with fresh_service() as service:
                for name in rest:
                    progress(f"{name} …")
                    figure = BY_MANIFESTS[name]
                    outcomes[name] = Outcome(await _careful(partial(figure, service, sink, sizes)))
                await service.stop()
                _note_log(service, outcomes[rest[-1]].service)
    return outcomes


def failures(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """The figures that could not be measured on the service, with their errors."""
    return {name: one.service.facts["failed"] for name, one in outcomes.items() if "failed" in one.service.facts}
