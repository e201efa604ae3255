"""Measures the cost of many jobs: `python -m benchmarks.fleet --jobs 100000`. Linux only, because it reads `/proc`.

Elapsed times depend on what else the machine does, so the processor time of the service is reported, too.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import click
import uvloop

from benchmarks.driver import Api, connected
from benchmarks.errors import BenchmarkError
from benchmarks.health import watched_health
from benchmarks.machine import machine
from benchmarks.manifests import Fleet, edit
from benchmarks.service import Service, fresh_service
from benchmarks.sink import Sink, running_sink
from benchmarks.targets import FULL, Sizes

APPLY_SEC = 600.0
LOOK_SEC = 0.25
SETTLE_SEC = 10.0
"""Seconds after the last edit until the service counts as idle."""
FAR_OFF = timedelta(days=100)
"""Nothing fires during the run."""


@dataclass(slots=True)
class Cost:
    """The cost of one step."""

    begin: float
    end: float = 0
    processor: float = 0

    @property
    def seconds(self) -> float:
        return self.end - self.begin


@asynccontextmanager
async def _costing(service: Service) -> AsyncIterator[Cost]:
    cost, before = Cost(time.time()), service.processor_seconds()
    yield cost
    cost.end, cost.processor = time.time(), service.processor_seconds() - before


async def _take_in(api: Api, service: Service, fleet: Fleet) -> Cost:
    put_in = fleet.prepare()
    async with _costing(service) as cost:
        put_in()
        while True:
            state = await api.sync_state()
            if state["counts"]["created"] + state["unchanged"] == fleet.total:
                break
            if time.time() - cost.begin > APPLY_SEC:
                raise BenchmarkError(f"{fleet.total} manifests were not taken in: {str(state)[:500]}")
            await asyncio.sleep(LOOK_SEC)
    return cost


async def _edits(api: Api, service: Service, fleet: Fleet, sink: Sink, sizes: Sizes) -> list[Cost]:
    costs = []
    for turn in range(sizes.repeats):
        async with _costing(service) as cost:
            file = turn * sizes.manifest_files // sizes.repeats
            await edit(api, fleet, file, sink.target("edited", turn), within=APPLY_SEC)
        costs.append(cost)
        await asyncio.sleep(sizes.settle_sec)
    return costs


def _memory(service: Service) -> str:
    return f"{service.resident_megabytes():.0f} MiB, at most {service.peak_megabytes():.0f} MiB until then"


def _tell(what: str, cost: Cost, pause: float | None = None) -> None:
    slowest = "" if pause is None else f", slowest /health {pause * 1000:.0f} ms"
    print(f"{what}: {cost.seconds:.2f} s, {cost.processor:.2f} s of processor time{slowest}", flush=True)


async def _idle(service: Service, seconds: float) -> None:
    async with _costing(service) as cost:
        await asyncio.sleep(seconds)
    print(f"idle for {seconds:.0f} s: {cost.processor / cost.seconds:.1%} of a core; {_memory(service)}", flush=True)


async def _measure(service: Service, sink: Sink, sizes: Sizes, idle_sec: float) -> None:
    month = str((datetime.now(UTC) + FAR_OFF).month)
    fleet = Fleet(service, sink, sizes, month)
    async with connected(service.url) as api:
        async with watched_health(service.address) as watch:
            applied = await _take_in(api, service, fleet)
            print(f"applied with {applied.processor:.1f} s of processor time: {_memory(service)}", flush=True)
            await asyncio.sleep(sizes.settle_sec)
            edited = await _edits(api, service, fleet, sink, sizes)
        _tell("applied", applied, watch.slowest(applied.begin, applied.end))
        for cost in edited:
            _tell("one edit", cost, watch.slowest(cost.begin, cost.end))
        async with _costing(service) as cost:
            await api.sync()
        _tell("a pass, nothing changed", cost)
    await asyncio.sleep(SETTLE_SEC)
    await _idle(service, idle_sec)
    await service.stop()
    begin = time.time()
    await service.start()
    _tell("start", Cost(begin, time.time(), service.processor_seconds()))
    await asyncio.sleep(SETTLE_SEC)
    await _idle(service, idle_sec)


async def _run(sizes: Sizes, idle_sec: float) -> None:
    async with running_sink() as sink, fresh_service() as service:
        await _measure(service, sink, sizes, idle_sec)
        if found := service.complaints():
            print(f"log: {found}")


@click.command()
@click.option("--jobs", type=click.IntRange(min=10), default=100_000, show_default=True)
@click.option("--per-file", type=click.IntRange(min=1), default=10, show_default=True, help="Manifests in a file.")
@click.option("--edits", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--idle-sec", type=click.FloatRange(min=1), default=60, show_default=True)
def main(jobs: int, per_file: int, edits: int, idle_sec: float) -> None:
    """Apply many manifests, edit some files, measure the idle service, and restart it."""
    sizes = replace(
        FULL, manifest_files=jobs // per_file, manifests_per_file=per_file, repeats=edits, settle_sec=SETTLE_SEC
    )
    for name, value in machine().items():
        print(f"{name}: {value}")
    print(f"{jobs:,} manifests in {sizes.manifest_files:,} files")
    uvloop.run(_run(sizes, idle_sec))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.fleet")
