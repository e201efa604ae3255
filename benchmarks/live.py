"""Measures what open screens request, with a long history: `python -m benchmarks.live`.

It fills a database directly, as calls would take hours, then starts the service on it. While due jobs call a sink, each
route is requested many times, one request after another; then 20 screens poll `/changes` and `/now` every two seconds.
"""

import asyncio
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import click
import uvloop

from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.service import Service
from benchmarks.sink import running_sink
from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.lifecycle import transitions
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.clock import Clock

ZONE = "Asia/Tokyo"
DAYS = 10
"""The age of the oldest row of the history."""
DEEP = "job-00000"
"""A job with as many rows as are kept of one."""
DEEP_ROWS = 10_000
SCREENS = 20
POLL_SEC = 2.0
IDLE_SEC = 10.0
IDLE = "/health"
"""A route that does nothing: what it takes is the cost of any request, and the noise of the machine."""
TIMES = 200
_INSERT = (
    "INSERT OR IGNORE INTO executions (execution_id, job_id, slot, kind, cause, status, reason, last_slot, slot_count,"
    " digest, started_at, completed_at, attempts, http_status, response_size, error, excerpt)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FATES = (
    (("completed", None),) * 94 + (("failed", None),) * 3 + (("skipped", "paused"),) * 2 + (("missed", "deadline"),)
)


# --- the database -----------------------------------------------------------------------------------------------------


def _spec_fields(number: int, rng: random.Random) -> dict[str, Any]:
    minute, hour = rng.randrange(60), rng.randrange(24)
    match number % 10:
        case 0 | 1 | 2:
            return {"cron": f"{minute} * * * *"}
        case 3 | 4:
            return {"cron": f"{minute % 15}-59/15 * * * *"}
        case 5 | 6 | 7:
            return {"cron": f"{minute} {hour} * * *", "calendar": {"country": "JP", "only": "business_days"},
                    "jitter_sec": 300}  # fmt: skip
        case 8:
            nightly = {"cron": "0 1 * * *", "duration": {"hours": 4}}
            return {"cron": f"{minute % 10}-59/10 * * * *", "blackout": [nightly]}
        case _:
            return {"interval": {"hours": 1 + number % 5}}


def _job(number: int, target: str, now: datetime, rng: random.Random) -> Job:
    fields = {
        "job_id": f"job-{number:05}",
        "name": f"Report number {number}",
        "target_url": f"{target}/jobs/{number}",
        "labels": {"team": f"team-{number % 20}", "env": "prod"},
        **_spec_fields(number, rng),
    }
    spec, complaints = declare(fields, zone=ZONE)
    if spec is None:
        raise BenchmarkError(str(complaints))
    job = transitions.create(spec, owner=Owner.API, source=None, clock=Clock(now, ZONE)).job
    return transitions.pause(job, by="ops", now=now).job if number % 20 == 7 else job


def _rows(jobs: int, rows: int, now: datetime, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    """Rows of the history, oldest first; those of a job are as far apart in the file as in reality."""
    end, span = int(now.timestamp() * 1_000_000), DAYS * 86_400_000_000
    deep = min(DEEP_ROWS, rows // 2)
    for place in range(rows):
        slot = end - span + span * place // rows
        is_deep = place * deep // rows != (place + 1) * deep // rows
        job_id = DEEP if is_deep else f"job-{1 + place % (jobs - 1):05}"
        status, reason = rng.choice(_FATES)
        ran = reason is None
        milliseconds = slot // 1000
        identity = (milliseconds << 80) | (7 << 76) | (rng.getrandbits(12) << 64) | (2 << 62) | place
        begun = slot + rng.randrange(50_000)
        yield (
            str(UUID(int=identity)), job_id, slot, "scheduled", "timer", status, reason, slot, 1, "d" * 64,
            begun if ran else None, begun + rng.randrange(10_000, 2_000_000) if ran else None, int(ran),
            (200 if status == "completed" else 503) if ran else None, 120 if ran else None,
            "answered 503" if status == "failed" else None, "x" * 120 if ran else None,
        )  # fmt: skip


async def fill(folder: Path, target: str, jobs: int, rows: int) -> None:
    """Make a database with so many jobs and rows."""
    rng, now = random.Random(16), datetime.now(UTC)  # noqa: S311 -- no secret
    database = folder / "data" / "jobs.db"
    database.parent.mkdir()
    made = [_job(number, target, now, rng) for number in range(jobs)]
    with open_store(f"sqlite:///{database}") as store:
        await store.write(partial(job_rows.insert_jobs, new=made))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(_INSERT, _rows(jobs, rows, now, rng))
        connection.execute(
            "UPDATE progress SET last_execution_id = (SELECT execution_id FROM executions e WHERE "
            "e.job_id = progress.job_id AND e.started_at IS NOT NULL ORDER BY slot DESC LIMIT 1)"
        )


# --- the requests -----------------------------------------------------------------------------------------------------

Ask = Callable[..., Awaitable[dict[str, Any]]]
Figures = dict[str, float]


async def _timed(ask: Ask, path: str, times: int, **options: Any) -> list[float]:
    """Milliseconds of requests, one after another."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        await ask(path, **options)
        found.append((time.perf_counter() - begin) * 1000)
        await asyncio.sleep(0.005)
    return found


def _figures(taken: list[float]) -> Figures:
    taken = sorted(taken)
    return {"p50": statistics.median(taken), "p95": taken[int(len(taken) * 0.95)], "max": taken[-1]}


@dataclass(frozen=True, slots=True)
class _Meter:
    """Measures the processor time of the service for each request, which other work on the machine hardly changes."""

    service: Service
    busy: float
    """Processor seconds a second while nothing is requested, because due jobs are called."""

    @classmethod
    async def of(cls, service: Service) -> "_Meter":
        before = service.processor_seconds()
        await asyncio.sleep(IDLE_SEC)
        return cls(service, (service.processor_seconds() - before) / IDLE_SEC)

    async def figures(self, taken: Awaitable[list[float]]) -> Figures:
        """The figures of some requests."""
        before, begin = self.service.processor_seconds(), time.perf_counter()
        found = await taken
        used = self.service.processor_seconds() - before - self.busy * (time.perf_counter() - begin)
        return _figures(found) | {"cpu": max(used, 0.0) * 1000 / len(found)}


@asynccontextmanager
async def _screens(ask: Ask) -> AsyncIterator[dict[str, list[float]]]:
    """Screens that poll; yields the milliseconds of their requests by path."""
    taken: dict[str, list[float]] = {"/changes": [], "/now": []}

    async def poll(number: int) -> None:
        await asyncio.sleep(POLL_SEC * number / SCREENS)
        seq = (await ask("/now"))["seq"]
        while True:
            await asyncio.sleep(POLL_SEC)
            begin = time.perf_counter()
            seq = (await ask(f"/changes?since={seq}"))["seq"]
            between = time.perf_counter()
            await ask("/now")
            taken["/changes"].append((between - begin) * 1000)
            taken["/now"].append((time.perf_counter() - between) * 1000)

    tasks = [asyncio.create_task(poll(number)) for number in range(SCREENS)]
    try:
        yield taken
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def measure(jobs: int, rows: int, times: int, progress: Callable[[str], None]) -> dict[str, Figures]:
    """The milliseconds of each route."""
    with tempfile.TemporaryDirectory(prefix="myscheduler-benchmark-") as name:
        folder = Path(name)
        async with running_sink() as sink:
            progress(f"filling a database with {jobs:,} jobs and {rows:,} rows")
            await fill(folder, sink.url, jobs, rows)
            async with Service(folder) as service, aiohttp.ClientSession(f"{service.url}") as session:

                async def ask(path: str, **options: Any) -> dict[str, Any]:
                    method = "POST" if options else "GET"
                    url = path if path == IDLE else f"/api/v1{path}"
                    async with session.request(method, url, **options) as answer:
                        if answer.status != 200:
                            raise BenchmarkError(f"{path}: {answer.status} {(await answer.text())[:300]}")
                        found: dict[str, Any] = await answer.json()
                        return found

                return await _measured(service, ask, _paths(jobs), times, progress)


def _paths(jobs: int) -> dict[str, tuple[str, int]]:
    """The requests by label: the path, and how many times fewer than others."""
    strips = [f"job_id=job-{number:05}" for number in range(min(500, jobs))]
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    return {
        "/health": (IDLE, 1),
        "/now": ("/now", 1),
        "/upcoming?limit=100": ("/upcoming?limit=100", 1),
        "/upcoming?limit=1000": ("/upcoming?limit=1000", 2),
        "/upcoming of an hour": (f"/upcoming?limit=1000&until={soon}", 2),
        "/stats of 100 rows": ("/jobs/job-00001/stats", 1),
        "/stats of 10,000 rows": (f"/jobs/{DEEP}/stats", 4),
        "/strips of 50 jobs": (f"/strips?n=20&{'&'.join(strips[:50])}", 2),
        "/strips of 500 jobs": (f"/strips?n=20&{'&'.join(strips)}", 4),
        "/forecast, cached": ("/forecast?days=7", 1),
    }


async def _measured(
    service: Service, ask: Ask, paths: dict[str, tuple[str, int]], times: int, progress: Callable[[str], None]
) -> dict[str, Figures]:
    meter, found = await _Meter.of(service), dict[str, Figures]()
    for label, path in {"/now, the first": "/now", "/forecast, the first": "/forecast?days=7"}.items():
        found[label] = await meter.figures(_timed(ask, path, 1))
    seq = (await ask("/now"))["seq"]
    for label, (path, fewer) in (paths | {"/changes": (f"/changes?since={seq}", 1)}).items():
        progress(label)
        found[label] = await meter.figures(_timed(ask, path, times // fewer))
    manifest = {"manifest": "job_id: job-00001\ntarget_url: https://example.com/\ncron: 0 9 * * *\n"}
    files = {"files": {"a.yaml": manifest["manifest"]}}
    checks = {"/validate": manifest, "/plan of a manifest": manifest, "/plan of a whole source": files}
    for label, body in checks.items():
        progress(label)
        asked = _timed(ask, label.partition(" ")[0], max(times // 20, 1), json=body)
        found[label] = await meter.figures(asked)
    progress(f"{SCREENS} screens")
    async with _screens(ask) as taken:
        await asyncio.sleep(max(6 * POLL_SEC, times / 10))
    return found | {f"{path} of {SCREENS} screens": _figures(each) for path, each in taken.items()}


@click.command()
@click.option("--jobs", type=click.IntRange(2), default=10_000, show_default=True)
@click.option("--rows", type=click.IntRange(2), default=1_000_000, show_default=True)
@click.option("--times", type=click.IntRange(10), default=TIMES, show_default=True, help="How often each is requested.")
def main(jobs: int, rows: int, times: int) -> None:
    """Measure the routes of open screens. Prints milliseconds."""
    click.echo(json.dumps(machine()), err=True)
    found = uvloop.run(measure(jobs, rows, times, lambda text: click.echo(text, err=True)))
    for label, figures in found.items():
        click.echo(f"{label:32}" + "".join(f"{name} {value:8.1f}  " for name, value in figures.items()))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.live")
