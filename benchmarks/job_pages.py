"""How long pages of `GET /api/v1/jobs` take: `python -m benchmarks.job_pages`.

Writes jobs with a history into a database, starts the service on it, and requests each kind of page one after another.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import click
import orjson
import sqlalchemy as sa

from benchmarks.machine import machine
from benchmarks.service import Service
from myscheduler.adapters.store import Connection, open_store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.tables import executions, progress
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.lifecycle import transitions
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.clock import Clock

ZONE = "Asia/Tokyo"
ROWS_AT_ONCE = 50_000
TEAMS = ("billing", "shipping", "search", "請求", "配送")
PAGES = {
    "the first page": {"limit": 100},
    "the largest page": {"limit": 1000},
    "compact rows": {"limit": 1000, "compact": "true"},
    "three fields": {"limit": 1000, "fields": "job_id,status,next_run_time"},
    "of one team": {"label": "team=billing", "limit": 100},
    "text": {"q": "集計 99", "limit": 100},
    "paused": {"paused": "true", "limit": 100},
    "of one host": {"host": "host-7.example.com", "limit": 100},
    "cron, last failed": {"schedule_type": "cron", "last_result": "failure", "limit": 100},
    "failing": {"failing": "true", "limit": 100},
    "by next run": {"sort": "next_run", "limit": 100},
    "by last run, newest first": {"sort": "-last_run", "limit": 1000},
    "by failing since": {"sort": "failing_since", "limit": 100},
}
"""The parameters of each kind of page."""


def made_job(number: int, now: datetime) -> Job:
    schedule: dict[str, Any] = (
        {"cron": f"{number % 60} {number % 24} 1 1 *"} if number % 2 else {"interval": {"days": 300 + number % 60}}
    )
    fields = {
        "job_id": f"job-{number:05}",
        "name": f"請求バッチ 夜間の集計 {number}" if number % 3 else f"Nightly totals {number}",
        "target_url": f"https://host-{number % 20}.example.com/api/run/{number}",
        "labels": {"team": TEAMS[number % len(TEAMS)], "tier": str(number % 3)},
    }
    spec, faults = declare(fields | schedule, zone=ZONE)
    if spec is None:
        raise click.ClickException(str(faults))
    return transitions.create(spec, owner=Owner.API, source=None, clock=Clock(now, ZONE)).job


def _history(jobs: list[Job], rows: int, now: datetime, every: timedelta) -> Iterator[dict[str, Any]]:
    """Rows of the past weeks, oldest first; every fiftieth job fails at last, a few rows in a hundred before."""
    for turn in range(rows):
        slot = now - every * (rows - turn)
        for number, job in enumerate(jobs):
            fails = (turn >= rows - 3 and not number % 50) or not (turn + number) % 40
            at = slot + timedelta(milliseconds=number)
            yield {
                "execution_id": new_execution_id(at),
                "job_id": job.job_id,
                "slot": at,
                "last_slot": at,
                "slot_count": 1,
                "kind": "scheduled",
                "cause": "timer",
                "status": "failed" if fails else "completed",
                "digest": job.digest,
                "started_at": at,
                "completed_at": at + timedelta(milliseconds=80),
                "attempts": 1,
                "http_status": 500 if fails else 200,
                "response_size": 2,
                "error": "HTTP 500" if fails else None,
                "excerpt": "ok",
            }


def add_with_history(
    connection: Connection, jobs: list[Job], rows: int, now: datetime, every: timedelta = timedelta(hours=1)
) -> None:
    """Add jobs with so many rows each, up to now."""
    job_rows.insert_jobs(connection, jobs)
    last: dict[str, str] = {}
    part: list[dict[str, Any]] = []
    for row in _history(jobs, rows, now, every):
        part.append(row)
        last[row["job_id"]] = row["execution_id"]
        if len(part) == ROWS_AT_ONCE:
            connection.execute(sa.insert(executions), part)
            part.clear()
    if part:
        connection.execute(sa.insert(executions), part)
    move = sa.update(progress).where(progress.c.job_id == sa.bindparam("b_id"))
    move = move.values(last_execution_id=sa.bindparam("b_last"), execution_count=rows)
    if last:
        connection.execute(move, [{"b_id": job_id, "b_last": last_id} for job_id, last_id in last.items()])


async def prepare(folder: Path, jobs: int, rows: int) -> None:
    now = datetime.now(UTC)
    made = [made_job(number, now) for number in range(jobs)]
    paused = [transitions.pause(job, by="benchmark", now=now).job for job in made[::25]]
    with open_store(f"sqlite:///{folder / 'jobs.db'}") as store:
        await store.write(partial(add_with_history, jobs=made, rows=rows // jobs, now=now))
        await store.write(partial(job_rows.update_jobs, changed=paused))


@dataclass(slots=True)
class _Pages:
    """Requests pages of a running service, one after another."""

    service: Service
    session: aiohttp.ClientSession
    rounds: int

    @property
    def url(self) -> str:
        return f"{self.service.url}/api/v1/jobs"

    async def measure(self, name: str, parameters: dict[str, Any], headers: dict[str, str]) -> None:
        """Request a page again and again, and print the times, all in milliseconds."""
        first, _ = await self._request(parameters, headers)
        times, body, before = [], b"", self.service.processor_seconds()
        for _ in range(self.rounds):
            elapsed, body = await self._request(parameters, headers)
            times.append(elapsed)
        self._print(name, first, times, before, body)

    async def walk(self, name: str, parameters: dict[str, Any], headers: dict[str, str]) -> None:
        """Request every page, to the last one, and print the times."""
        times, body, before = [], b"", self.service.processor_seconds()
        cursor: str | None = ""
        while cursor is not None:
            elapsed, body = await self._request(parameters | ({"cursor": cursor} if cursor else {}), headers)
            times.append(elapsed)
            cursor = orjson.loads(body)["next_cursor"]
        self._print(name, times[0], times, before, body)

    async def tag(self) -> str | None:
        async with self.session.get(self.url) as answer:
            return answer.headers.get("ETag")

    async def _request(self, parameters: dict[str, Any], headers: dict[str, str]) -> tuple[float, bytes]:
        begin = time.perf_counter()
        async with self.session.get(self.url, params=parameters, headers=headers) as answer:
            body = await answer.read()
            if answer.status not in {200, 304}:
                raise click.ClickException(f"{parameters}: {answer.status} {body[:300]!r}")
        return (time.perf_counter() - begin) * 1000, body

    def _print(self, name: str, first: float, times: list[float], before: float, body: bytes) -> None:
        used = (self.service.processor_seconds() - before) * 1000 / len(times)
        p95 = sorted(times)[max(0, -(-len(times) * 95 // 100) - 1)]
        figures = f"{first:.1f} | {statistics.median(times):.1f} | {p95:.1f} | {used:.1f} | {len(body) / 1000:,.0f}"
        print(f"| {name} | {figures} |", flush=True)


async def _measure(jobs: int, rows: int, rounds: int, kinds: dict[str, dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory(prefix="myscheduler-benchmark-") as name:
        folder = Path(name)
        await prepare(folder, jobs, rows)
        settings = {"DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}"}
        async with Service(folder, settings) as service, aiohttp.ClientSession(auto_decompress=False) as session:
            pages = _Pages(service, session, rounds)
            plain, packed = {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip"}
            print("| page | first, ms | p50, ms | p95, ms | processor, ms | kB |\n|---|---|---|---|---|---|")
            await pages.measure("all jobs", {}, plain)
            await pages.measure("all jobs, gzip", {}, packed)
            if tag := await pages.tag():
                await pages.measure("all jobs, unchanged (304)", {}, {"If-None-Match": tag})
            for title, parameters in kinds.items():
                await pages.measure(title, parameters, packed)
            if kinds:
                await pages.walk("every page of 500", {"limit": 500}, plain)
            print(f"memory: {service.resident_megabytes():.0f} MB")


@click.command()
@click.option("--jobs", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
@click.option("--rows", type=click.IntRange(0), default=1_000_000, show_default=True, help="Rows of the history.")
@click.option("--rounds", type=click.IntRange(1), default=40, show_default=True, help="Requests of each kind of page.")
@click.option("--only-all", is_flag=True, help="Only the list of all jobs, which versions without pages have, too.")
def main(jobs: int, rows: int, rounds: int, only_all: bool) -> None:
    """Measure pages of jobs, in milliseconds."""
    for name, value in machine().items():
        print(f"{name}: {value}")
    asyncio.run(_measure(jobs, rows, rounds, {} if only_all else PAGES))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.job_pages")
