"""What the pages show: a service with a long history, of which some jobs run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.job_pages import add_with_history, made_job
from benchmarks.lists import fill, kept_folder, settings_of, write_files
from benchmarks.service import Service
from benchmarks.sink import running_sink
from myscheduler.adapters.store import open_store

LONG_EVERY = timedelta(minutes=4)
"""The rows of the job with the longest history cover 28 days, if it has 10,000."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is, and how often it is looked at."""

    jobs: int = 10_000
    rows: int = 1_000_000
    long_rows: int = 10_000
    """Rows of one more job: as many as are kept of one."""
    files: int = 1_000
    """Files of one job each."""
    running: int = 60
    """How many of these jobs run, twice a minute each."""
    loads: int = 9
    """How often each page is opened."""
    starts: int = 3
    """How often the service is started anew, for its first page."""
    cost_sec: float = 20
    cost_rounds: int = 3
    """How often the service is watched for so many seconds, both with and without pages."""

    @property
    def listed(self) -> int:
        """How many jobs there are in all."""
        return self.jobs + 1 + self.files

    @property
    def long_job(self) -> str:
        """The id of the job with the longest history."""
        return f"job-{self.jobs:05}"


QUICK = Sizes(jobs=120, rows=1_200, long_rows=100, files=20, running=10, loads=1, starts=1, cost_sec=7, cost_rounds=1)
RUNNING_JOB = "file-00000"


async def _fill(folder: Path, sizes: Sizes) -> None:
    await fill(folder, sizes.jobs, sizes.rows)
    now = datetime.now(UTC)
    long = partial(add_with_history, jobs=[made_job(sizes.jobs, now)], rows=sizes.long_rows, now=now, every=LONG_EVERY)
    with open_store(f"sqlite:///{folder / 'jobs.db'}") as store:
        await store.write(long)


@asynccontextmanager
async def prepared(sizes: Sizes, kept: Path | None) -> AsyncIterator[Service]:
    """A service on such a folder, which runs. `kept` is a folder that is used again; else it is a temporary one."""
    async with kept_folder(kept) as folder, running_sink() as sink:
        if not (folder / "jobs.db").exists():
            await _fill(folder, sizes)
        write_files(folder, sizes.files, running=sizes.running, target=sink.target("dashboard", "run"))
        async with Service(folder, settings_of(folder)) as service:
            yield service
