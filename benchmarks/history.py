"""How fast pages of a large history are: `python -m benchmarks.history`.

A database of 10,000 jobs and 1,000,000 rows is written directly, always the same up to the day it ends on; then
`myscheduler serve` runs on it, and pages of `GET /executions` are requested one after another.
"""

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlencode

import aiohttp
import click

from benchmarks.machine import machine
from benchmarks.service import Service
from myscheduler.adapters.store import job_rows, open_store
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.lifecycle.transitions import create
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.clock import Clock

ZONE = "UTC"
HOSTS = 50
TEAMS = 40
DAYS = 28
"""The history is kept for 30 days, and nothing is to be removed during the measurement."""
ANSWERS = ((0.93, "completed", None), (0.97, "failed", None), (0.99, "skipped", "overlap"), (1.0, "missed", "deadline"))
INSERT = """
INSERT INTO executions (execution_id, job_id, slot, kind, cause, status, reason, last_slot, slot_count, digest,
 started_at, completed_at, attempts, http_status, response_size, error, excerpt)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def job_name(number: int) -> str:
    return f"job-{number:05}"


def _job(number: int, now: datetime) -> Job:
    fields = {
        "job_id": job_name(number),
        "target_url": f"https://target-{number % HOSTS}.example.com/run/{number}",
        "interval": {"days": 365},  # none of them runs during the measurement
        "labels": {"team": f"team-{number % TEAMS}", "tier": "gold" if number % 100 == 0 else "plain"},
    }
    spec, complaints = declare(fields, zone=ZONE)
    if spec is None:
        raise ValueError(complaints)
    return create(spec, owner=Owner.API, source=None, clock=Clock(now, ZONE)).job


def _id(micros: int, chance: Random) -> str:
    text = (
        f"{micros // 1_000 << 80 | 0x7 << 76 | chance.getrandbits(12) << 64 | 0b10 << 62 | chance.getrandbits(62):032x}"
    )
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def history_rows(jobs: int, rows: int, end: datetime) -> Iterator[tuple[object, ...]]:
    """The oldest first. A tenth of the jobs has most of the rows, as some jobs run every minute and some every day."""
    chance = Random(16)  # noqa: S311 - the same history every time
    last = int(end.timestamp() * 1_000_000)
    step = DAYS * 86_400_000_000 // rows
    for number in range(rows):
        slot = last - (rows - number) * step
        draw, job = chance.random(), _busy(jobs, chance)
        status, reason = next((status, reason) for below, status, reason in ANSWERS if draw <= below)
        is_manual = chance.random() < 0.005
        late = chance.randint(90, 7_200) * 1_000_000 if chance.random() < 0.002 else chance.randint(1, 80) * 1_000
        took = chance.randint(5, 400) * 1_000 if chance.random() < 0.98 else chance.randint(1, 60) * 1_000_000
        ran = reason is None
        started_at = slot + late if ran else None
        code = (200 if status == "completed" else 503) if ran else None
        yield (
            _id(slot + late if ran else slot, chance),
            job_name(job),
            slot,
            "manual" if is_manual and ran else "scheduled",
            "api" if is_manual and ran else "catch_up" if late > 60_000_000 and ran else "timer",
            status,
            reason,
            slot,
            "d" * 64,
            started_at,
            started_at + took if started_at else None,
            1 if ran else 0,
            code,
            27 if ran else None,
            f"target-{job % HOSTS}.example.com answered 503" if status == "failed" else None,
            '{"ok": true, "rows": 12345}' if ran else None,
        )


def _busy(jobs: int, chance: Random) -> int:
    return chance.randrange(max(jobs // 10, 1)) * 10 % jobs if chance.random() < 0.8 else chance.randrange(jobs)


def make(path: Path, jobs: int, rows: int, end: datetime) -> None:
    """Write a database of so many jobs, and executions up to `end`."""
    with open_store(f"sqlite:///{path}") as store:
        made = [_job(number, end) for number in range(jobs)]
        asyncio.run(store.write(partial(job_rows.insert_jobs, new=made)))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany(INSERT, history_rows(jobs, rows, end))


@dataclass(frozen=True, slots=True)
class Question:
    """A list of which pages are requested."""

    title: str
    fields: tuple[tuple[str, str], ...] = ()
    limit: int = 100


def questions(jobs: int, end: datetime) -> list[Question]:
    def ago(days: float) -> str:
        return (end - timedelta(days=days)).isoformat()

    return [
        Question("no filter"),
        Question("no filter, limit 1000", limit=1000),
        Question("job_id: a busy job", (("job_id", job_name(10 % jobs)),)),
        Question("job_id: a quiet job", (("job_id", job_name(11 % jobs)),)),
        Question("job_id: 20 jobs", tuple(("job_id", job_name(number % jobs)) for number in range(20))),
        Question("status=completed", (("status", "completed"),)),
        Question("status=failed", (("status", "failed"),)),
        Question("status: all that are not completed", tuple(
            ("status", one) for one in ("failed", "skipped", "missed", "interrupted", "running")
        )),
        Question("status=running (none)", (("status", "running"),)),
        Question("reason=overlap", (("reason", "overlap"),)),
        Question("reason=crash (none)", (("reason", "crash"),)),
        Question("kind=manual", (("kind", "manual"),)),
        Question("cause=catch_up", (("cause", "catch_up"),)),
        Question("label: a team, 250 jobs", (("label", "team=team-7"),)),
        Question("label: 100 jobs", (("label", "tier=gold"),)),
        Question("host, 200 jobs", (("host", "target-7.example.com"),)),
        Question("from: the last day", (("from", ago(1)),)),
        Question("until: 20 days ago", (("until", ago(20)),)),
        Question("from and until: a day, failed", (("from", ago(15)), ("until", ago(14)), ("status", "failed"))),
        Question("min_duration_ms=10000", (("min_duration_ms", "10000"),)),
        Question("min_lateness_ms=75", (("min_lateness_ms", "75"),)),
        Question("min_lateness_ms=60000", (("min_lateness_ms", "60000"),)),
        Question(
            "label, status and kind (hardly any)", (("label", "team=team-7"), ("status", "failed"), ("kind", "manual"))
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    milliseconds: list[float]
    processor_sec: float
    """Of the service, for all pages; other work on the machine hardly changes it."""
    rows: int

    def line(self) -> str:
        p50, p95 = statistics.median(self.milliseconds), sorted(self.milliseconds)[int(len(self.milliseconds) * 0.95)]
        pages = len(self.milliseconds)
        processor_ms = self.processor_sec * 1_000 / pages
        return f"| {self.title} | {p50:.1f} | {p95:.1f} | {processor_ms:.1f} | {self.rows / pages:.0f} |"


async def measure(service: Service, session: aiohttp.ClientSession, question: Question, pages: int) -> Figure:
    """Follow the list from page to page, and begin anew where it ends."""
    milliseconds: list[float] = []
    rows, cursor, used = 0, None, service.processor_seconds()
    for _ in range(pages):
        fields = [*question.fields, ("limit", str(question.limit)), *([("cursor", cursor)] if cursor else [])]
        begin = time.perf_counter()
        async with session.get(f"/api/v1/executions?{urlencode(fields)}") as answer:
            content = await answer.read()
        milliseconds.append((time.perf_counter() - begin) * 1_000)
        found = json.loads(content)
        rows, cursor = rows + found["count"], found["next_cursor"]
    return Figure(question.title, milliseconds, service.processor_seconds() - used, rows)


async def _run(jobs: int, rows: int, pages: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="myscheduler-history-") as name:
        folder, end = Path(name), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        begin = time.perf_counter()
        await asyncio.to_thread(make, folder / "jobs.db", jobs, rows, end)
        size = (folder / "jobs.db").stat().st_size / 1024**2
        print(f"made: {jobs:,} jobs, {rows:,} rows, {size:,.0f} MiB in {time.perf_counter() - begin:.0f} s")
        settings = {"DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}", "TZ": ZONE}
        async with Service(folder, settings) as service, aiohttp.ClientSession(service.url) as session:
            return [await measure(service, session, question, pages) for question in questions(jobs, end)]


@click.command()
@click.option("--jobs", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
@click.option("--rows", type=click.IntRange(1, 10_000_000), default=1_000_000, show_default=True)
@click.option("--pages", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Pages of each list.")
def main(jobs: int, rows: int, pages: int) -> None:
    """Measure pages of the history, with each filter."""
    for name, value in machine().items():
        print(f"{name}: {value}")
    figures = asyncio.run(_run(jobs, rows, pages))
    print("\n| pages of | p50 ms | p95 ms | processor ms | rows a page |\n|---|---|---|---|---|")
    for figure in figures:
        print(figure.line())


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.history")
