"""One run: load, edits and reads at the same time, a sample every few seconds, and the comparison at the end."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.driver import Api, connected, in_parallel
from benchmarks.errors import BenchmarkError
from benchmarks.service import Service
from benchmarks.sink import Sink, running_sink
from benchmarks.soak.edits import FIGURE, Edits
from benchmarks.soak.ledger import Ledger
from benchmarks.soak.looks import LOOK_SEC, Looks
from benchmarks.soak.samples import Prober, Sample, take_sample

EDIT_SEC = 1.0
QUIET_SEC = 5.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    minutes: float
    jobs: int
    sample_sec: float
    history_rows: int


@dataclass(slots=True)
class Found:
    samples: list[Sample]
    ledger: dict[str, int]
    is_clean: bool
    complaints: dict[str, int]


async def soak(plan: Plan, out: Path, progress: Progress) -> Found:
    """Writes each sample to `out` as it is taken."""
    settings = {"MYSCHEDULER_HISTORY_ROWS": str(plan.history_rows)}
    with tempfile.TemporaryDirectory(prefix="myscheduler-soak-") as folder:
        service = Service(Path(folder), settings)
        async with running_sink() as sink, service, connected(service.url) as api:
            edits, ledger = Edits(service.jobs_dir, api, sink, plan.jobs), Ledger()
            await edits.begin()
            with Prober(service.address) as prober, out.open("w", encoding="utf-8") as file:
                samples = []
                async with _beside(edits, api):
                    async for sample in _sampled(plan, service, sink, edits, ledger, prober):
                        file.write(sample.line() + "\n")
                        file.flush()  # a run that is cut off keeps its samples
                        samples.append(sample)
                        progress(_told(sample))
            progress("comparing …")
            await _silence(api, sink, ledger)
            verdict = await ledger.compare(api, edits.all_ids, edits.steady)
            await service.stop()
        return Found(samples, asdict(verdict), verdict.is_clean, service.complaints())


async def _sampled(
    plan: Plan, service: Service, sink: Sink, edits: Edits, ledger: Ledger, prober: Prober
) -> AsyncIterator[Sample]:
    begin = time.monotonic()
    end = begin + plan.minutes * 60
    due = begin
    while due < end:
        due += plan.sample_sec
        await asyncio.sleep(due - time.monotonic())
        ledger.add(await sink.take(FIGURE))
        yield take_sample(service, begin, prober.take(), ledger.received, edits.done)


@contextlib.asynccontextmanager
async def _beside(edits: Edits, api: Api) -> AsyncIterator[None]:
    """Edit jobs and read resources while the body of the `with` runs; a failure of either ends it."""
    async with asyncio.TaskGroup() as group:
        looks = Looks(api, edits)
        tasks = [group.create_task(_every(EDIT_SEC, edits.edit)), group.create_task(_every(LOOK_SEC, looks.look))]
        yield
        for task in tasks:
            task.cancel()


async def _every(seconds: float, action: Callable[[], Awaitable[object]]) -> None:
    due = time.monotonic()
    while True:
        await action()
        due += seconds
        await asyncio.sleep(due - time.monotonic())


async def _silence(api: Api, sink: Sink, ledger: Ledger) -> None:
    """Pause every job, and wait until no call arrives and none is in progress."""
    await api.sync()
    await in_parallel(api.pause, [one["job_id"] for one in await api.jobs()])
    deadline = time.monotonic() + 60
    before = -1
    while before != (before := ledger.received) or any(_runs(one) for one in await api.jobs()):
        if time.monotonic() > deadline:
            raise BenchmarkError("calls still come a minute after all jobs were paused")
        await asyncio.sleep(QUIET_SEC)
        ledger.add(await sink.take(FIGURE))


def _runs(job: dict[str, object]) -> bool:
    last = job.get("last_execution")
    return isinstance(last, dict) and last.get("status") == "running"


def _told(sample: Sample) -> str:
    return (
        f"{sample.second / 60:6.1f} min: private {sample.private:.1f} MiB, {sample.files} files, "
        f"{sample.threads} threads, {sample.received:,} calls, {sample.edits} edits, "
        f"slowest /health {sample.slowest_health_sec * 1000:.0f} ms"
    )
