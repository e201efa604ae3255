"""What the service does with more than it can do: `python -m benchmarks.overload`.

First it searches the plateau: the most calls a second that one-second jobs reach. Then, in turn, services are given as
many jobs as that, and `--times` as many; the rate must stay. At last, one-second jobs are created over eight
connections while those before them run already.
"""

import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import orjson
import uvloop

from benchmarks.driver import connected, in_parallel, job
from benchmarks.errors import BenchmarkError
from benchmarks.load import quantile
from benchmarks.machine import machine
from benchmarks.service import fresh_service
from benchmarks.sink import Sink, running_sink

FIGURE = "overload"
WARM_UP_SEC = 5.0
REACHED = 0.98
"""The share of the calls that are due which have to arrive, so that more jobs are tried."""
GROWTH = 1.25
"""How many times as many jobs are tried next."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one service did with a number of jobs."""

    jobs: int
    rate: float
    """Calls a second."""
    processor_ms: float
    """Processor time of the service for a call."""
    least: int
    """The calls of the job that had the fewest."""
    most: int
    """The calls of the job that had the most."""

    def __str__(self) -> str:
        return (
            f"{self.jobs:6,} jobs {self.rate:8,.0f}/s  {self.processor_ms:.3f} ms a call, "
            f"{self.least} to {self.most} calls a job"
        )


def _manifest(sink: Sink, jobs: int) -> str:
    """Jobs whose slots are spread over the second."""
    begin = datetime.now(UTC).replace(microsecond=0)
    return "---\n".join(
        f"job_id: j-{number:05}\ntarget_url: {sink.target(FIGURE, number)}\ninterval: {{seconds: 1}}\n"
        f"anchor: '{(begin + timedelta(seconds=number / jobs)).isoformat()}'\n"
        for number in range(jobs)
    )


async def _round(sink: Sink, jobs: int, seconds: float) -> Round:
    async with fresh_service() as service, connected(service.url) as api:
        (service.jobs_dir / "all.yaml").write_text(_manifest(sink, jobs), encoding="utf-8")
        await api.sync()
        await asyncio.sleep(WARM_UP_SEC)
        await sink.take(FIGURE)
        begin, used = time.monotonic(), service.processor_seconds()
        await asyncio.sleep(seconds)
        took, used = time.monotonic() - begin, service.processor_seconds() - used
        arrivals = await sink.take(FIGURE)
    if not arrivals:
        raise BenchmarkError("nothing arrived")
    if len({(one.path, one.slot) for one in arrivals}) < len(arrivals):
        raise BenchmarkError("a slot was sent twice")
    calls = dict.fromkeys((f"/hit/{FIGURE}/{number}" for number in range(jobs)), 0)
    for one in arrivals:
        calls[one.path] += 1
    per_job = calls.values()
    return Round(jobs, len(arrivals) / took, used * 1000 / len(arrivals), min(per_job), max(per_job))


async def _plateau(sink: Sink, least: int, seconds: float) -> float:
    """The best rate, once more jobs no longer reach theirs."""
    best, jobs = 0.0, least
    while True:
        one = await _round(sink, jobs, seconds)
        click.echo(f"search: {one}", err=True)
        best = max(best, one.rate)
        if one.rate < REACHED * jobs:
            return best
        jobs = round(jobs * GROWTH)


async def _created(sink: Sink, jobs: int) -> tuple[float, float]:
    """Seconds that it takes to create so many one-second jobs over eight connections, and the p99 of one request."""
    bodies = [
        orjson.dumps(job(f"busy-{number:05}", sink.target(FIGURE, number), interval={"seconds": 1}))
        for number in range(jobs)
    ]
    took: list[float] = []
    async with fresh_service() as service, connected(service.url) as api:

        async def create(body: bytes) -> None:
            begin = time.monotonic()
            await api.create_encoded(body)
            took.append(time.monotonic() - begin)

        begin = time.monotonic()
        await in_parallel(create, bodies)
        seconds = time.monotonic() - begin
    return seconds, quantile(took, 0.99) or 0.0


async def _run(plateau: int | None, least: int, times: float, rounds: int, seconds: float, created: int) -> None:
    async with running_sink() as sink:
        reached = plateau or await _plateau(sink, least, seconds)
        found: dict[int, list[Round]] = {round(reached): [], round(times * reached): []}
        for number in range(rounds):
            for jobs in found if number % 2 == 0 else reversed(found):
                found[jobs].append(one := await _round(sink, jobs, seconds))
                click.echo(str(one), err=True)
        full, over = (statistics.median(one.rate for one in rows) for rows in found.values())
        click.echo(f"plateau {full:,.0f}/s; with {times:g} times as many jobs {over:,.0f}/s: {over / full:.0%} of it")
        if created:
            took, p99 = await _created(sink, created)
            click.echo(f"{created:,} one-second jobs created in {took:.1f} s, p99 of a request {p99 * 1000:.0f} ms")


@click.command()
@click.option("--plateau", type=int, help="Jobs of the plateau, where it is known; else it is searched.")
@click.option("--least", default=1_000, show_default=True, help="Jobs that the search begins with.")
@click.option("--times", default=2.5, show_default=True, help="How many times as many jobs an overload is.")
@click.option("--rounds", default=3, show_default=True, help="How often each of the two is measured, in turn.")
@click.option("--seconds", default=8.0, show_default=True, help="How long each time.")
@click.option("--created", default=1_800, show_default=True, help="Jobs to create while they begin to run; 0: none.")
def main(plateau: int | None, least: int, times: float, rounds: int, seconds: float, created: int) -> None:
    """Measure the rate of calls in an overload against the most that is possible, and creating jobs that run."""
    where = machine()
    uvloop.run(_run(plateau, least, times, rounds, seconds, created))
    click.echo("\n".join(f"{name}: {value}" for name, value in where.items()))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.overload")
