"""The service beside what a Python developer would write instead: `python -m benchmarks.yardstick`.

In turn, all run jobs that are due each second, spread over it, and that call the same sink: the yardstick, the service
that sends itself, and the service with processes that send. First, all do the same number of calls, and the processor
time of a call is compared. Then, for each, the largest number of jobs is searched of which 98 % of the calls arrive.
What counts are ratios of one round: a machine may be twice as fast on another day, but hardly for one of them.
"""

import asyncio
import contextlib
import json
import math
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import click
import uvloop

from benchmarks.comparison import CONTENDERS, YARDSTICK, Round, Trial, compared, draw, table
from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.options import sending, with_quick
from benchmarks.processes import machine_seconds, processor_seconds
from benchmarks.sink import Sink, running_sink
from benchmarks.steady import FIGURE, WARM_UP_SEC, Load, loaded

START_SEC = 60.0
RESULTS = Path(__file__).parent / "results"
STEP = 1.2
"""The factor between two numbers of jobs while only one end of the search is known."""
FINE = 1.05
"""The factor between the ends at which a search is over."""
QUICK_JOBS = 20

Seconds = Callable[[], float]
"""The processor time that a contender has used so far."""


@contextlib.asynccontextmanager
async def service(settings: dict[str, str], sink: Sink, jobs: int) -> AsyncIterator[Seconds]:
    """The service with a source of manifests, and otherwise its default settings."""
    async with loaded(sink, Load(jobs), settings) as running:
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
SENDERS = max(1, min((os.cpu_count() or 1) - 1, 4))
"""One process that sends for each processor beyond the first."""
HOW: dict[str, Contender] = dict(
    zip(CONTENDERS, (homemade, partial(service, sending(0)), partial(service, sending(SENDERS))), strict=True)
)


async def _tried(contender: Contender, sink: Sink, seconds: float, warm_up: float, jobs: int) -> Trial:
    async with contender(sink, jobs) as used:
        await asyncio.sleep(warm_up)
        clocks = (time.monotonic, used, sink.processor_seconds, machine_seconds)
        arrived, before = await sink.count(), [clock() for clock in clocks]
        await asyncio.sleep(seconds)
        took, spent, own, all_of = (clock() - begin for clock, begin in zip(clocks, before, strict=True))
        arrived = await sink.count() - arrived
    await sink.take(FIGURE)
    if not arrived:
        raise BenchmarkError("nothing arrived")
    rate = min(arrived / took, jobs)  # what was late when the trial began is not more than what is due
    return Trial(jobs, rate, spent * 1000 / arrived, own / took, max(0, all_of - spent - own) / took)


def next_number(enough: int | None, too_many: int | None) -> int:
    """The number of jobs to try next, between one that is possible and one that is not, as far as they are known."""
    if enough is None or too_many is None:
        return round((enough or 0) * STEP) if too_many is None else round(too_many / STEP)
    return round(math.sqrt(enough * too_many))


async def search(tried: Callable[[int], Awaitable[Trial]], first: int, steps: int) -> Trial:
    """The best trial that was enough of a search that begins with `first` jobs.

    Raises `BenchmarkError` if so many steps find none.
    """
    best: Trial | None = None
    too_many, jobs = None, first
    for _ in range(steps):
        trial = await tried(jobs)
        if trial.is_enough:
            best = trial
        else:
            too_many = jobs
        if best and too_many and too_many <= best.jobs * FINE:
            break
        jobs = next_number(best.jobs if best else None, too_many)
    if best is None:
        raise BenchmarkError(f"too slow to search: {too_many} jobs were too many; begin with fewer (--alike)")
    return best


def _first(alike: Trial, before: Trial | None) -> int:
    """Where a search begins: at the last result, else at what one processor could do."""
    return before.jobs if before else max(round(1000 / max(alike.processor_ms, 0.1)), 1)


async def _run(pairs: int, seconds: float, warm_up: float, alike: int, steps: int) -> list[Round]:
    found: list[Round] = []
    async with running_sink() as sink:
        for number in range(pairs):
            turn = number % len(CONTENDERS)
            one: Round = {}
            for name in (*CONTENDERS[turn:], *CONTENDERS[:turn]):
                tried = partial(_tried, HOW[name], sink, seconds, warm_up)
                same = await tried(alike)
                first = _first(same, found[-1][name]["most"] if found else None)
                one[name] = {"alike": same, "most": await search(tried, first, steps) if steps else same}
                most = one[name]["most"]
                click.echo(
                    f"{name}: {most.rate:,.0f} calls/s, {most.processor_ms:.3f} ms a call; "
                    f"{same.processor_ms:.3f} ms at {same.rate:,.0f}/s; sink {most.sink_share:.0%} of a processor",
                    err=True,
                )
            found.append({name: one[name] for name in CONTENDERS})
    return found


@click.command()
@click.option("--pairs", default=5, show_default=True, help="How often all are measured, in turn.")
@click.option("--seconds", default=6.0, show_default=True, help="How long each trial counts.")
@click.option("--alike", default=1_000, show_default=True, help="Jobs that all can run, for the cost of a call.")
@click.option("--steps", default=9, show_default=True, help="The most trials of each search.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default="benchmarks/results",
    help="Where yardstick.json, yardstick.txt and yardstick.png are written.",
)
@with_quick
@click.option("--format", "kind", type=click.Choice(["text", "json"]), default="text", help="Of standard output.")
def main(pairs: int, seconds: float, alike: int, steps: int, out: Path, quick: bool, kind: str) -> None:
    """Compare the service with a yardstick: the calls a second, and the processor time of a call."""
    where = machine()
    sizes = (1, 2.0, 2.0, QUICK_JOBS, 0) if quick else (pairs, seconds, WARM_UP_SEC, alike, steps)
    found = compared(uvloop.run(_run(*sizes)), where, quick=quick)
    as_json, as_text = json.dumps(found, indent=1) + "\n", table(found)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{YARDSTICK}.json").write_text(as_json, encoding="utf-8")
    (out / f"{YARDSTICK}.txt").write_text(as_text, encoding="utf-8")
    draw(found, out / f"{YARDSTICK}.png")
    click.echo(as_json if kind == "json" else as_text, nl=False)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.yardstick")
