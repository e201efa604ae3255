"""Jobs that call a sink at a steady rate, spread over their interval, and what the service does and costs meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks.driver import connected
from benchmarks.errors import BenchmarkError
from benchmarks.load import quantile
from benchmarks.processes import open_files
from benchmarks.report import amount
from benchmarks.service import Service, fresh_service
from benchmarks.sink import Sink

FIGURE = "steady"
WARM_UP_SEC = 5.0
PER_FILE = 100
SAMPLE_SEC = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs that call a sink, each once in an interval."""

    jobs: int
    every_sec: int = 1
    hosts: int = 1
    """How many hosts the jobs call."""

    @property
    def rate(self) -> float:
        """Calls a second that are due."""
        return self.jobs / self.every_sec


@dataclass(frozen=True, slots=True)
class Steady:
    """What the service did in some seconds, and what it used for that."""

    rate: float
    """Calls a second that reached the sink."""
    processor_ms: float
    """Processor time of all its processes for a call."""
    late_p50: float | None
    late_p99: float | None
    """Seconds from the due time until the call was at the sink."""
    resident_mb: float | None
    open_files: int
    """The most files and connections that it had open."""


def put(service: Service, manifests: list[str]) -> None:
    """Writes the manifests into the folder of jobs, many in a file."""
    for start in range(0, len(manifests), PER_FILE):
        text = "---\n".join(manifests[start : start + PER_FILE])
        (service.jobs_dir / f"{start:05}.yaml").write_text(text, encoding="utf-8")


def _manifests(sink: Sink, load: Load) -> list[str]:
    begin = datetime.now(UTC).replace(microsecond=0)
    return [
        f"job_id: j-{number:05}\ntarget_url: {sink.target(FIGURE, number, 1 + number % load.hosts)}\nmethod: POST\n"
        f"interval: {{seconds: {load.every_sec}}}\n"
        f"anchor: '{(begin + timedelta(seconds=number * load.every_sec / load.jobs)).isoformat()}'\n"
        for number in range(load.jobs)
    ]


@asynccontextmanager
async def loaded(sink: Sink, load: Load, settings: dict[str, str] | None = None) -> AsyncIterator[Service]:
    """A service with these jobs, which begin to run. `settings` are its environment variables."""
    async with fresh_service(settings) as service:
        put(service, _manifests(sink, load))
        async with connected(service.url) as api:
            await api.sync()
            if (count := len(await api.jobs())) != load.jobs:
                raise BenchmarkError(f"only {count} of {load.jobs} jobs are there")
        yield service


async def _most(count: Callable[[], int], seconds: float) -> int:
    """The largest of the counts in these seconds."""
    end, most = time.monotonic() + seconds, count()
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, SAMPLE_SEC))
        most = max(most, count())
    return most


async def steady(
    sink: Sink, load: Load, seconds: float, *, warm_up: float = WARM_UP_SEC, settings: dict[str, str] | None = None
) -> Steady:
    """Start a service with these jobs, and watch it for some seconds after it has run for a while."""
    async with loaded(sink, load, settings) as service:
        await asyncio.sleep(warm_up)
        begin, before = time.time(), service.processor_seconds()
        most_files = await _most(lambda: open_files(service.pid), seconds)
        end, spent = time.time(), service.processor_seconds() - before
        memory = service.resident_megabytes()
        # Taken only now: while it tells of all its calls, the sink answers none.
        arrivals = [one for one in await sink.take(FIGURE) if begin <= one.at < end]
    if not arrivals:
        raise BenchmarkError("nothing arrived")
    late = [lateness for one in arrivals if (lateness := one.lateness) is not None]
    return Steady(
        len(arrivals) / (end - begin),
        spent * 1000 / len(arrivals),
        quantile(late, 0.5),
        quantile(late, 0.99),
        memory,
        most_files,
    )


HEAD = (
    "| | calls due | calls | lateness p50 | p99 | processor time a call | of a processor | memory | open files |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def row(title: str, load: Load, found: Steady) -> str:
    """A row of a table for people, below `HEAD`."""
    late = [amount(value, "s") for value in (found.late_p50, found.late_p99)]
    share = found.rate * found.processor_ms / 1000
    cells = [
        *(title, f"{load.rate:,.0f}/s", f"{found.rate:,.0f}/s", *late),
        *(f"{found.processor_ms:.3f} ms", f"{share:.0%}", amount(found.resident_mb, "MB"), f"{found.open_files:,}"),
    ]
    return f"| {' | '.join(cells)} |"
