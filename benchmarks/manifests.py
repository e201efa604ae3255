"""The figures about many manifests: applying them, noticing an edit, starting with them, holding them in memory."""

import asyncio
import gzip
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from benchmarks.driver import Api, connected
from benchmarks.errors import BenchmarkError
from benchmarks.load import Measured
from benchmarks.service import Service
from benchmarks.sink import Sink
from benchmarks.targets import Sizes

FOLDER = "fleet"
EDIT_SEC = 30.0
READ_SEC = 300.0
"""Seconds within which the metrics have to know the history of all jobs."""
SCRAPER = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
"""What Prometheus asks for."""


def _schedule(number: int, month: str) -> str:
    minute, hour, day = number % 60, number // 60 % 24, number % 28 + 1
    match number % 5:
        case 0:
            return f'cron: "{minute} {hour} * {month} mon-fri"'
        case 1:
            return f"interval: {{hours: {hour + 1}, minutes: {minute}}}"
        case 2:
            return f'cron: "{minute} {hour} {day} {month} *"\ntimezone: Europe/Berlin'
        case 3:
            return f'cron: {{hour: {hour}, minute: {minute}, day: {day}, month: "{month}"}}'
        case _:
            return f"interval: {{days: {day}}}"


def document(number: int, target_url: str, month: str = "*") -> str:
    """One manifest; the number selects its kind. `month` is the month of its crontab line."""
    lines = [f"job_id: fleet-{number:05}", _schedule(number, month), f"target_url: {target_url}"]
    if number % 7 == 0:
        lines.append(f"name: 月次バッチ {number}")
    if number % 3 == 0:
        lines += ["method: POST", f"headers: {{X-Team: team-{number % 40}}}", f"body: {{number: {number}}}"]
    if number % 4 == 0:
        lines += ["timeout_sec: 60", "max_retries: 2", f"labels: {{team: team-{number % 40}}}"]
    return "\n".join([*lines, ""])


class Fleet:
    """The manifests in files."""

    def __init__(self, service: Service, sink: Sink, sizes: Sizes, month: str = "*") -> None:
        self.total = sizes.manifest_files * sizes.manifests_per_file
        self._month = month
        self._service = service
        self._sink = sink
        self._sizes = sizes

    def _text(self, file: int, replaced: dict[int, str]) -> str:
        per_file = self._sizes.manifests_per_file
        numbers = range(file * per_file, (file + 1) * per_file)
        return "---\n".join(
            document(number, replaced.get(number, self._sink.target("fleet", number)), self._month)
            for number in numbers
        )

    def prepare(self) -> Callable[[], Path]:
        """Write all files next to the source; the returned function moves them into it with one rename."""
        ready = self._service.folder / "prepared"
        for file in range(self._sizes.manifest_files):
            path = ready / f"team-{file // 100:02}" / f"file-{file:04}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._text(file, {}), encoding="utf-8")
        return lambda: ready.rename(self._service.jobs_dir / FOLDER)

    def edit(self, file: int, target_url: str) -> tuple[str, Callable[[], Path]]:
        """Edit a file: its first job calls another URL. Returns the job's id, and a function that replaces the file."""
        number = file * self._sizes.manifests_per_file
        ready = self._service.folder / "edited.yaml"
        ready.write_text(self._text(file, {number: target_url}), encoding="utf-8")
        place = self._service.jobs_dir / FOLDER / f"team-{file // 100:02}" / f"file-{file:04}.yaml"
        return f"fleet-{number:05}", lambda: ready.rename(place)


async def _cold(api: Api, fleet: Fleet) -> float:
    put_in = fleet.prepare()
    begin = time.perf_counter()
    put_in()
    while True:
        state = await api.sync()
        # a pass that the watcher started just before may have created them
        if state["counts"]["created"] + state["unchanged"] == fleet.total:
            break
        if time.perf_counter() - begin > 120:
            raise BenchmarkError(f"{fleet.total} manifests were not taken in: {str(state)[:500]}")
    seconds = time.perf_counter() - begin
    if (listed := len(await api.jobs())) != fleet.total:
        raise BenchmarkError(f"{listed} of {fleet.total} jobs are listed")
    return seconds


async def _unchanged(api: Api, fleet: Fleet) -> float:
    begin = time.perf_counter()
    state = await api.sync()
    seconds = time.perf_counter() - begin
    if state["unchanged"] != fleet.total:
        raise BenchmarkError(f"{state['unchanged']} of {fleet.total} manifests were unchanged")
    return seconds


async def edit(api: Api, fleet: Fleet, file: int, target_url: str, *, within: float = EDIT_SEC) -> float:
    """Seconds from replacing a file until its first job has the new spec."""
    job_id, replace = fleet.edit(file, target_url)
    begin = time.perf_counter()
    replace()
    while urlsplit((await api.job(job_id))["target_url"]).path != urlsplit(target_url).path:
        if time.perf_counter() - begin > within:
            raise BenchmarkError(f"the edit of {job_id} was not seen within {within:.0f} s")
        await asyncio.sleep(0.005)
    return time.perf_counter() - begin


async def reconcile(service: Service, sink: Sink, sizes: Sizes) -> Measured:
    fleet = Fleet(service, sink, sizes)
    async with connected(service.url) as api:
        await asyncio.sleep(sizes.pause_sec)  # the service has just started
        cold = await _cold(api, fleet)
        await asyncio.sleep(sizes.pause_sec)  # the watcher scans the renamed folder, too
        unchanged = [await _unchanged(api, fleet) for _ in range(sizes.repeats)]
        edits = []
        for turn in range(sizes.repeats):
            file = turn * sizes.manifest_files // sizes.repeats
            edits.append(await edit(api, fleet, file, sink.target("edited", turn)))
            await asyncio.sleep(sizes.pause_sec)
    return Measured(
        {"cold": cold, "unchanged": statistics.median(unchanged), "edit": statistics.median(edits)},
        {
            "manifests": fleet.total,
            "files": sizes.manifest_files,
            "unchanged_sec": [round(one, 4) for one in unchanged],
            "edit_sec": [round(one, 4) for one in edits],
        },
    )


async def start(service: Service, _sink: Sink, sizes: Sizes) -> Measured:
    seconds = []
    jobs = 0
    for _ in range(sizes.starts):
        await service.stop()
        seconds.append(await service.start())
        async with connected(service.url) as api:
            jobs = len(await api.jobs())
    return Measured(
        {"ready": statistics.median(seconds)}, {"jobs": jobs, "start_sec": [round(one, 4) for one in seconds]}
    )


async def memory(service: Service, _sink: Sink, sizes: Sizes) -> Measured:
    await asyncio.sleep(sizes.settle_sec)
    resident = service.resident_megabytes()
    facts: dict[str, object] = {} if resident else {"note": "no /proc on this system: not measured"}
    return Measured({"resident": resident}, facts)


async def scrape(service: Service, _sink: Sink, sizes: Sizes) -> Measured:
    """Scrape all jobs as Prometheus does: first as after a start, then once their histories are read."""
    jobs = sizes.manifest_files * sizes.manifests_per_file
    async with aiohttp.ClientSession(headers=SCRAPER, auto_decompress=False) as session:
        first, _ = await _scraped(session, service)
        await _until_known(session, service, jobs)
        scrapes = [await _scraped(session, service) for _ in range(sizes.scrapes)]
    seconds = [one for one, _ in scrapes]
    values: dict[str, float | None] = {"first": first, "p50": statistics.median(seconds)}
    packed = len(scrapes[-1][1])
    return Measured(values, {"jobs": jobs, "packed_bytes": packed, "scrape_sec": [round(one, 4) for one in seconds]})


async def _scraped(session: aiohttp.ClientSession, service: Service) -> tuple[float, bytes]:
    """The seconds that a scrape took, and its compressed text."""
    begin = time.perf_counter()
    async with session.get(f"{service.url}/metrics/jobs") as answer:
        content = await answer.read()
    if answer.status != 200:
        raise BenchmarkError(f"the metrics of jobs answered {answer.status}")
    return time.perf_counter() - begin, content


async def _until_known(session: aiohttp.ClientSession, service: Service, jobs: int) -> None:
    begin = time.perf_counter()
    while (known := await _deadlines(session, service)) < jobs:
        if time.perf_counter() - begin > READ_SEC:
            raise BenchmarkError(f"after {READ_SEC:.0f} s, {known} of {jobs} jobs have a deadline")
        await asyncio.sleep(1)


async def _deadlines(session: aiohttp.ClientSession, service: Service) -> int:
    _, content = await _scraped(session, service)
    return gzip.decompress(content).count(b"\nmyscheduler_job_deadline_timestamp_seconds{")
