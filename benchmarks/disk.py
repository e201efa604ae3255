"""What an execution writes to the disk, and the processor time at low rates: `python -m benchmarks.disk`.

The service runs one-second jobs that are spread over the second in any order, on a database with a history of them:
each execution then has a page of its own in the index of the jobs' rows, as after some days.
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import click
import uvloop

from benchmarks.driver import connected
from benchmarks.errors import BenchmarkError
from benchmarks.history import INSERT, history_rows, job_name
from benchmarks.machine import machine
from benchmarks.service import Service, written_bytes
from benchmarks.sink import Sink, running_sink
from myscheduler.adapters.store import open_store

FIGURE = "disk"
WARM_UP_SEC = 5.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What so many jobs did."""

    rate: float
    """Executions a second."""
    database_bytes: float
    """For each execution, to the database and its write-ahead log."""
    log_bytes: float
    """For each execution, to the log of the service."""
    processor_ms: float
    """For each execution."""

    @property
    def share(self) -> float:
        """Of one processor, in percent."""
        return self.rate * self.processor_ms / 10


def _fill(database: Path, jobs: int, rows: int) -> None:
    database.parent.mkdir()
    with open_store(f"sqlite:///{database}"):
        pass
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany(INSERT, history_rows(jobs, rows, datetime.now(UTC)))


def _manifests(sink: Sink, jobs: int) -> str:
    begin, places = datetime.now(UTC).replace(microsecond=0), list(range(jobs))
    Random(1).shuffle(places)  # noqa: S311 - the same order every time
    return "---\n".join(
        f"job_id: {job_name(number)}\ntarget_url: {sink.target(FIGURE, number)}\ninterval: {{seconds: 1}}\n"
        f"anchor: '{(begin + timedelta(seconds=place / jobs)).isoformat()}'\n"
        for number, place in enumerate(places)
    )


async def _tried(sink: Sink, jobs: int, rows: int, seconds: float) -> Trial:
    with tempfile.TemporaryDirectory(prefix="myscheduler-disk-") as name:
        folder = Path(name)
        await asyncio.to_thread(_fill, folder / "data" / "jobs.db", jobs, rows)
        async with Service(folder) as service, connected(service.url) as api:
            (service.jobs_dir / "all.yaml").write_text(_manifests(sink, jobs))
            await api.sync()
            await asyncio.sleep(WARM_UP_SEC)
            await sink.take(FIGURE)
            loop = asyncio.get_running_loop()
            before = loop.time(), written_bytes(service.pid), service.log.stat().st_size, service.processor_seconds()
            await asyncio.sleep(seconds)
            after = loop.time(), written_bytes(service.pid), service.log.stat().st_size, service.processor_seconds()
            arrivals = len(await sink.take(FIGURE))
    if not arrivals:
        raise BenchmarkError("nothing arrived")
    took, written, logged, used = (late - early for early, late in zip(before, after, strict=True))
    return Trial(arrivals / took, (written - logged) / arrivals, logged / arrivals, used * 1_000 / arrivals)


async def _run(rates: tuple[int, ...], rows: int, seconds: float) -> list[Trial]:
    async with running_sink() as sink:
        return [await _tried(sink, rate, rows, seconds) for rate in rates]


@click.command()
@click.option("--rate", "rates", multiple=True, type=click.IntRange(1, 10_000), default=(100, 500), show_default=True)
@click.option("--rows", type=click.IntRange(0, 10_000_000), default=300_000, show_default=True, help="Of the history.")
@click.option("--seconds", type=click.FloatRange(1.0), default=15.0, show_default=True, help="For each rate.")
def main(rates: tuple[int, ...], rows: int, seconds: float) -> None:
    """Measure what an execution writes to the disk, and its processor time."""
    for name, value in machine().items():
        print(f"{name}: {value}")
    print("\n| executions a second | database | log | processor | of a processor |\n|---|---|---|---|---|")
    for one in uvloop.run(_run(rates, rows, seconds)):
        print(
            f"| {one.rate:,.0f} | {one.database_bytes / 1000:.1f} kB | {one.log_bytes / 1000:.2f} kB "
            f"| {one.processor_ms:.2f} ms | {one.share:.0f} % |"
        )


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.disk")
