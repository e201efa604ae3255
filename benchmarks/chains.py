"""What it costs to run a job because another one ended: `python -m benchmarks.chains`.

In turn, two services do the same number of calls a second, each in an empty folder: one with jobs that run every
second, and one with half as many of them, each followed by a second job. Counted are all calls that reach the sink.
"""

import asyncio
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import uvloop

from benchmarks.driver import connected
from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine, told
from benchmarks.service import Service, fresh_service
from benchmarks.sink import Arrival, Sink, running_sink
from benchmarks.steady import put

FIGURE = "chains"


@dataclass(frozen=True, slots=True)
class Round:
    """What one service did."""

    rate: float
    """Calls a second."""
    processor_ms: float
    """Processor time of the service for a call."""
    roots: float
    """The share of the calls that the schedule made, and no end of another."""


def _manifests(sink: Sink, calls: int, *, chained: bool) -> list[str]:
    """Jobs whose slots are spread over the second."""
    begin = datetime.now(UTC).replace(microsecond=0)
    roots = calls // 2 if chained else calls
    texts = []
    for number in range(roots):
        anchor = (begin + timedelta(seconds=number / roots)).isoformat()
        head = f"job_id: root-{number:05}\ntarget_url: {sink.target(FIGURE, f'root-{number}')}\n"
        texts.append(f"{head}interval: {{seconds: 1}}\nanchor: '{anchor}'\n")
        if chained:
            head = f"job_id: child-{number:05}\ntarget_url: {sink.target(FIGURE, f'child-{number}')}\n"
            texts.append(f"{head}after: [{{job: root-{number:05}}}]\n")
    return texts


async def _round(sink: Sink, calls: int, seconds: float, *, chained: bool) -> Round:
    async with fresh_service() as service, connected(service.url) as api:
        texts = _manifests(sink, calls, chained=chained)
        put(service, texts)
        await api.sync()
        if (count := len(await api.jobs())) != len(texts):
            raise BenchmarkError(f"only {count} of {len(texts)} jobs are there")
        await asyncio.sleep(5)
        return await _watched(service, sink, seconds)


async def _watched(service: Service, sink: Sink, seconds: float) -> Round:
    await sink.take(FIGURE)
    begin, used = time.monotonic(), service.processor_seconds()
    await asyncio.sleep(seconds)
    took, used = time.monotonic() - begin, service.processor_seconds() - used
    arrivals = await sink.take(FIGURE)
    kinds = Counter(map(_kind, arrivals))
    if not arrivals:
        raise BenchmarkError("nothing arrived")
    return Round(len(arrivals) / took, used * 1000 / len(arrivals), kinds["root"] / len(arrivals))


def _kind(arrival: Arrival) -> str:
    return arrival.path.rpartition("/")[2].partition("-")[0]


async def _run(calls: int, rounds: int, seconds: float) -> dict[bool, list[Round]]:
    found: dict[bool, list[Round]] = {False: [], True: []}
    async with running_sink() as sink:
        for number in range(rounds):
            for chained in (False, True) if number % 2 == 0 else (True, False):
                one = await _round(sink, calls, seconds, chained=chained)
                found[chained].append(one)
                name = "chains" if chained else "plain jobs"
                click.echo(
                    f"{name}: {one.rate:,.0f} calls/s, {one.processor_ms:.3f} ms processor time a call, "
                    f"{one.roots:.0%} roots",
                    err=True,
                )
    return found


@click.command()
@click.option("--calls", default=3_000, show_default=True, help="Calls a second that are due.")
@click.option("--rounds", default=3, show_default=True, help="How often each of the two is measured, in turn.")
@click.option("--seconds", default=15.0, show_default=True, help="How long each time.")
def main(calls: int, rounds: int, seconds: float) -> None:
    """Measure the calls a second of jobs, and of chains of two jobs."""
    where = machine()
    found = uvloop.run(_run(calls, rounds, seconds))
    plain, chains = ([one.rate for one in found[chained]] for chained in (False, True))
    plain_ms, chains_ms = ([one.processor_ms for one in found[chained]] for chained in (False, True))
    click.echo(f"{calls:,} calls a second due, medians of {rounds}:")
    for name, rates, cost in (("plain jobs", plain, plain_ms), ("chains of two", chains, chains_ms)):
        click.echo(f"  {name:14} {statistics.median(rates):8,.0f}/s  {statistics.median(cost):.3f} ms a call")
    share, more = (statistics.median(one) for one in (chains, chains_ms))
    click.echo(
        f"  chains reach {share / statistics.median(plain):.0%} of the rate, "
        f"at {more / statistics.median(plain_ms):.0%} of the processor time"
    )
    click.echo(told(where))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.chains")
