"""How long pages of every list take: `python -m benchmarks.lists`.

Writes 10,000 jobs and 1,000,000 rows of history, an audit log, tokens and files into a folder, starts the service on
it, and requests pages of each list one after another: every filter of jobs with every order, deep pages, and searches
that find nothing.
"""

import asyncio
import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import click

from benchmarks.job_pages import prepare
from benchmarks.machine import machine
from benchmarks.service import Service
from benchmarks.sink import running_sink
from myscheduler.adapters.store import Connection, audit_rows, open_store
from myscheduler.adapters.store.rows import tokens as token_rows
from myscheduler.core.access.issuing import issue
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.core.schedule.clock import Clock

ZONE = "Asia/Tokyo"
TOKEN = "benchmark"  # noqa: S105 - of a service on loopback that exists for a few minutes
TARGET_MS = 50.0
DEEP = 500
"""The page of 20 rows that deep requests ask for: the cursor of the page before is found once."""
FILTERS: dict[str, dict[str, str]] = {
    "no filter": {},
    "owner": {"owner": "api"},
    "status": {"status": "running"},
    "a label, 2,000 jobs": {"label": "team=billing"},
    "a label that no job has": {"label": "team=nobody"},
    "schedule_type": {"schedule_type": "cron"},
    "a host": {"host": "host-7.example.com"},
    "last_result=success": {"last_result": "success"},
    "last_result=failure": {"last_result": "failure"},
    "held": {"held": "true"},
    "not failing": {"failing": "false"},
    "failing": {"failing": "true"},
    "paused": {"paused": "true"},
    "text": {"q": "集計 99"},
    "text that no job has": {"q": "there is no such text"},
    "cron, last failed": {"schedule_type": "cron", "last_result": "failure"},
}
SORTS = ("id", "-id", "next_run", "-next_run", "last_run", "-last_run", "failing_since", "-failing_since")


@dataclass(frozen=True, slots=True)
class Case:
    """A page that is requested again and again; or each page of a list, if it `walks`."""

    title: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict)
    page: int = 1
    """Which page it is; those before are requested once, unmeasured."""
    walks: bool = False


def _job_cases() -> Iterator[Case]:
    for (title, filters), sort in itertools.product(FILTERS.items(), SORTS):
        yield Case(f"jobs: {title}, by {sort}", "jobs", {**filters, "sort": sort, "limit": 100})
    for sort in SORTS:
        yield Case(f"jobs: 1,000 by {sort}", "jobs", {"sort": sort, "limit": 1000})
        yield Case(f"jobs: page {DEEP} of 20 by {sort}", "jobs", {"sort": sort, "limit": 20}, page=DEEP)
    yield Case("jobs: 1,000 compact", "jobs", {"compact": "true", "limit": 1000})
    yield Case("jobs: 1,000, three fields", "jobs", {"fields": "job_id,status,next_run_time", "limit": 1000})
    yield Case("jobs: 1,000 of a filter, by -last_run", "jobs", {"paused": "false", "limit": 1000, "sort": "-last_run"})
    yield Case("jobs: the whole list", "jobs")


def _other_cases(now: datetime) -> Iterator[Case]:
    busy = f"job-{7:05}"
    yield Case("executions: page after page of 100", "executions", {"limit": 100}, walks=True)
    yield Case("executions: page after page of 1,000", "executions", {"limit": 1000}, walks=True)
    yield Case(f"executions: page {DEEP} of 100", "executions", {"limit": 100}, page=DEEP)
    yield Case("executions: 1,000, failed", "executions", {"limit": 1000, "status": "failed"}, walks=True)
    yield Case("executions: 1,000 of a label", "executions", {"limit": 1000, "label": "team=billing"}, walks=True)
    yield Case("executions: a label that no job has", "executions", {"label": "team=nobody"}, walks=True)
    yield Case("executions: reason that none has", "executions", {"reason": "crash"}, walks=True)
    yield Case("executions: 30 jobs, 1,000", "executions", {
        "limit": 1000, "job_id": [f"job-{number:05}" for number in range(30)]
    }, walks=True)  # fmt: skip
    yield Case("executions: 100 jobs, 1,000", "executions", {
        "limit": 1000, "job_id": [f"job-{number:05}" for number in range(100)]
    }, walks=True)  # fmt: skip
    yield Case("executions: min_duration_ms that none has", "executions", {"min_duration_ms": 3_600_000}, walks=True)
    week_ago = (now - timedelta(days=2)).isoformat()
    yield Case("executions: 1,000 until two days ago", "executions", {"limit": 1000, "until": week_ago}, walks=True)
    yield Case("jobs/{id}/executions: 1,000", f"jobs/{busy}/executions", {"limit": 1000})
    yield Case("jobs/executions/recent: 1,000", "jobs/executions/recent", {"limit": 1000})
    yield Case("strips: 50 jobs, 20 results", "strips", _strips(50, 20))
    yield Case("strips: 500 jobs, 20 results", "strips", _strips(500, 20))
    yield Case("strips: 500 jobs, 50 results", "strips", _strips(500, 50))
    yield Case("audit: 100", "audit")
    yield Case("audit: 1,000", "audit", {"limit": 1000})
    yield Case("audit: 1,000 of one job", "audit", {"limit": 1000, "job_id": busy})
    yield Case("audit: an action of few entries", "audit", {"limit": 1000, "action": "deleted"})
    yield Case("audit: an action of none", "audit", {"limit": 1000, "action": "bulk-paused"})
    yield Case("audit: one job and an action of none", "audit", {"job_id": busy, "action": "bulk-paused"})
    yield Case("tokens", "tokens")
    yield Case("sync/files", "sync/files")
    yield Case("sync", "sync")
    yield Case("upcoming: 1,000", "upcoming", {"limit": 1000})
    yield Case("specs: all jobs", "specs")


def _strips(jobs: int, results: int) -> dict[str, Any]:
    return {"n": results, "job_id": [f"job-{number:05}" for number in range(jobs)]}


# --- the folder -------------------------------------------------------------------------------------------------------


def write_files(folder: Path, count: int, *, running: int, target: str) -> None:
    """So many files of one job. The first `running` of them call the target twice a minute, each at its own time."""
    (folder / "jobs.d").mkdir(exist_ok=True)
    for number in range(count):
        schedule = "interval: {seconds: 30}\njitter_sec: 30" if number < running else "cron: 0 4 1 1 *"
        text = f"job_id: file-{number:05}\n{schedule}\ntarget_url: {target}/{number}\nlabels: {{team: files}}\n"
        (folder / "jobs.d" / f"file-{number:05}.yaml").write_text(text, encoding="utf-8")


def _log_and_tokens(connection: Connection, now: datetime, audits: int, tokens: int) -> None:
    changes = {"changes": {"target_url": ["https://a.example.com/", "https://b.example.com/"], "timeout": [30, 60]}}
    actions = [AuditAction.UPDATED] * 99 + [AuditAction.DELETED]
    audit_rows.add(connection, (
        AuditEntry(now - timedelta(seconds=audits - number), f"person-{number % 9}@example.com",
                   actions[number % 997 % 100], f"job-{number % 40:05}", changes)
        for number in range(audits)
    ))  # fmt: skip
    for number in range(tokens):
        asked = {"name": f"token-{number}", "role": "operator", "scope": {"labels": {"team": f"team-{number % 40}"}}}
        found = issue(asked, number.to_bytes(42, "little"), Clock(now, ZONE), by="benchmark")
        if isinstance(found, list):
            raise click.ClickException(str(found))
        token_rows.insert(connection, found[1])


async def fill(folder: Path, jobs: int, rows: int) -> None:
    begin = time.perf_counter()
    await prepare(folder, jobs, rows)
    with open_store(f"sqlite:///{folder / 'jobs.db'}") as store:
        await store.write(partial(_log_and_tokens, now=datetime.now(UTC), audits=rows // 20, tokens=jobs // 10))
    print(f"made: {jobs:,} jobs, {rows:,} rows in {time.perf_counter() - begin:.0f} s", file=sys.stderr)


def settings_of(folder: Path) -> dict[str, str]:
    """The settings of a service on this folder. Its database has tokens, so that everybody needs one."""
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}",
        "TZ": ZONE,
        "MYSCHEDULER_API_TOKEN": TOKEN,
        "MYSCHEDULER_API_TOKEN_ROLE": "admin",
    }


# --- the requests -----------------------------------------------------------------------------------------------------


class _Asker:
    """Requests lists of a running service, one after another."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, rounds: int) -> None:
        self._service = service
        self._session = session
        self._rounds = rounds
        self.misses: list[str] = []

    async def measure(self, case: Case) -> str:
        """The row of the table: the first request, p50 and p95, and the processor time of the service a request."""
        fields, first = case.fields, 0.0
        for _ in range(case.page - 1):
            _, content = await self._ask(case.path, fields)
            if (cursor := json.loads(content)["next_cursor"]) is None:
                break
            fields = case.fields | {"cursor": cursor}
        first, content = await self._ask(case.path, fields)
        taken, used = [], self._service.processor_seconds()
        for _ in range(self._rounds):
            if case.walks:
                cursor = json.loads(content)["next_cursor"]
                fields = case.fields | ({"cursor": cursor} if cursor else {})
            elapsed, content = await self._ask(case.path, fields)
            taken.append(elapsed)
        processor = (self._service.processor_seconds() - used) * 1000 / self._rounds
        p95 = sorted(taken)[-(-len(taken) * 95 // 100) - 1]
        if p95 >= TARGET_MS:
            self.misses.append(case.title)
        figures = f"{first:.1f} | {statistics.median(taken):.1f} | {p95:.1f} | {processor:.1f}"
        return f"| {case.title} | {figures} | {len(content) / 1000:,.0f} |"

    async def _ask(self, path: str, fields: dict[str, Any]) -> tuple[float, bytes]:
        begin = time.perf_counter()
        async with self._session.get(f"{self._service.url}/api/v1/{path}", params=fields) as answer:
            content = await answer.read()
        if answer.status != 200:
            raise click.ClickException(f"{path}: {answer.status} {content[:300]!r}")
        return (time.perf_counter() - begin) * 1000, content


@asynccontextmanager
async def kept_folder(kept: Path | None) -> AsyncIterator[Path]:
    if kept is not None:
        await asyncio.to_thread(kept.mkdir, mode=0o700, parents=True, exist_ok=True)
        yield kept
    else:
        with tempfile.TemporaryDirectory(prefix="myscheduler-benchmark-") as name:
            yield Path(name)


async def _run(jobs: int, rows: int, rounds: int, only: str, kept: Path | None, *, runs: bool, files: int) -> None:
    async with kept_folder(kept) as folder, running_sink() as sink:
        if not (folder / "jobs.db").exists():
            await fill(folder, jobs, rows)
        write_files(folder, files, running=files if runs else 0, target=sink.target("lists", "run"))
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "identity"}
        async with Service(folder, settings_of(folder)) as service, aiohttp.ClientSession(headers=headers) as session:
            await asyncio.sleep(5)  # the files are applied
            asker = _Asker(service, session, rounds)
            print("| page | first, ms | p50, ms | p95, ms | processor, ms | kB |\n|---|---|---|---|---|---|")
            for case in (*_job_cases(), *_other_cases(datetime.now(UTC))):
                if re.search(only, case.title):
                    print(await asker.measure(case), flush=True)
            print(f"\nmemory: {service.resident_megabytes():.0f} MB")
            print(f"p95 of {TARGET_MS:.0f} ms or more: {', '.join(asker.misses) or 'none'}")


@click.command()
@click.option("--jobs", type=click.IntRange(1, 100_000), default=10_000, show_default=True)
@click.option("--rows", type=click.IntRange(0), default=1_000_000, show_default=True, help="Rows of the history.")
@click.option("--files", type=click.IntRange(0, 100_000), default=1_000, show_default=True, help="Files of a job each.")
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True, help="Requests of each kind of page.")
@click.option("--only", default="", help="A regular expression: only the pages whose titles it finds.")
@click.option("--runs", is_flag=True, help="The jobs of the files run, each twice a minute.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the database there, and use it again.")
def main(jobs: int, rows: int, files: int, rounds: int, only: str, runs: bool, folder: Path | None) -> None:
    """Measure pages of every list, in milliseconds."""
    for name, value in machine().items():
        print(f"{name}: {value}")
    asyncio.run(_run(jobs, rows, rounds, only, folder, runs=runs, files=files))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.lists")
