"""The service beside what a Python developer would write instead: `python -m benchmarks.yardstick`.

In turn, both run jobs that are due each second, spread over it, and that call the same sink. For each, the largest
number of jobs is searched of which 98 % of the calls arrive. Its rate, and the processor time of a call, are compared
pair by pair: a machine may be twice as fast on another day, but hardly for one of the two.
"""

import asyncio
import contextlib
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import click
import uvloop

from benchmarks.driver import connected
from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.service import fresh_service, processor_seconds
from benchmarks.sink import Sink, running_sink

FIGURE = "yardstick"
ENOUGH = 0.98
WARM_UP_SEC = 5.0
PER_FILE = 100
START_SEC = 60.0

Seconds = Callable[[], float]
"""The processor time that a contender has used so far."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one contender did with so many jobs."""

    jobs: int
    rate: float
    """Calls a second."""
    processor_ms: float
    """Processor time for a call."""

    @property
    def is_enough(self) -> bool:
        return self.rate >= ENOUGH * self.jobs


@contextlib.asynccontextmanager
async def service(sink: Sink, jobs: int) -> AsyncIterator[Seconds]:
    """The service with its default settings and a source of manifests."""
    begin = datetime.now(UTC).replace(microsecond=0)
    texts = [
        f"job_id: j-{number:05}\ntarget_url: {sink.target(FIGURE, number)}\nmethod: POST\n"
        f"interval: {{seconds: 1}}\nanchor: '{(begin + timedelta(seconds=number / jobs)).isoformat()}'\n"
        for number in range(jobs)
    ]
    async with fresh_service() as running, connected(running.url) as api:
        for start in range(0, jobs, PER_FILE):
            (running.jobs_dir / f"{start:05}.yaml").write_text("---\n".join(texts[start : start + PER_FILE]))
        await api.sync()
        yield running.processor_seconds


@contextlib.asynccontextmanager
async def homemade(sink: Sink, jobs: int) -> AsyncIterator[Seconds]:
    """The yardstick."""
    url = sink.target(FIGURE, "x").rpartition("/")[0]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.homemade", url, str(jobs)), stdin=PIPE, stdout=PIPE, start_new_session=True
    )
    try:
        if process.stdout is None or not await asyncio.wait_for(process.stdout.readline(), START_SEC):
            raise BenchmarkError("the yardstick did not start")
        yield partial(processor_seconds, process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


Contender = Callable[[Sink, int], AbstractAsyncContextManager[Seconds]]
CONTENDERS: dict[str, Contender] = {"yardstick": homemade, "service": service}


async def _tried(contender: Contender, sink: Sink, jobs: int, seconds: float) -> Trial:
    async with contender(sink, jobs) as used:
        await asyncio.sleep(WARM_UP_SEC)
        await sink.take(FIGURE)
        begin, before = time.monotonic(), used()
        await asyncio.sleep(seconds)
        took, spent = time.monotonic() - begin, used() - before
        arrivals = len(await sink.take(FIGURE))
    if not arrivals:
        raise BenchmarkError("nothing arrived")
    return Trial(jobs, arrivals / took, spent * 1000 / arrivals)


async def _most(contender: Contender, sink: Sink, least: int, most: int, seconds: float, steps: int) -> Trial:
    """The best trial of a search between two numbers of jobs, of which the smaller is taken for possible."""
    best: Trial | None = None
    for _ in range(steps):
        jobs = (least + most) // 2
        trial = await _tried(contender, sink, jobs, seconds)
        if trial.is_enough:
            best, least = trial, jobs
        else:
            most = jobs
    return best or await _tried(contender, sink, least, seconds)


async def _run(pairs: int, seconds: float, least: int, most: int, steps: int) -> list[dict[str, Trial]]:
    found = []
    async with running_sink() as sink:
        for number in range(pairs):
            names = list(CONTENDERS) if number % 2 == 0 else [*reversed(CONTENDERS)]
            pair = {}
            for name in names:
                pair[name] = one = await _most(CONTENDERS[name], sink, least, most, seconds, steps)
                click.echo(f"{name}: {one.rate:,.0f} calls/s, {one.processor_ms:.3f} ms a call", err=True)
            found.append(pair)
    return found


@click.command()
@click.option("--pairs", default=5, show_default=True, help="How often both are measured, in turn.")
@click.option("--seconds", default=8.0, show_default=True, help="How long each trial counts.")
@click.option("--least", default=200, show_default=True, help="A number of jobs that both can run.")
@click.option("--most", default=6_000, show_default=True, help="A number of jobs that neither can run.")
@click.option("--steps", default=6, show_default=True, help="Trials of each search.")
def main(pairs: int, seconds: float, least: int, most: int, steps: int) -> None:
    """Compare the service with a yardstick: the calls a second, and the processor time of a call."""
    where = machine()
    found = uvloop.run(_run(pairs, seconds, least, most, steps))
    for name in CONTENDERS:
        rate, cost = (statistics.median(getattr(one[name], what) for one in found) for what in ("rate", "processor_ms"))
        click.echo(f"{name:9} {rate:8,.0f}/s  {cost:.3f} ms a call")
    for title, what in (("rate", "rate"), ("processor time", "processor_ms")):
        shares = [getattr(one["service"], what) / getattr(one["yardstick"], what) for one in found]
        all_of = ", ".join(f"{one:.2f}" for one in shares)
        click.echo(f"{title} of the yardstick's: {statistics.median(shares):.2f} (pairs: {all_of})")
    click.echo("\n".join(f"{name}: {value}" for name, value in where.items()))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.yardstick")
