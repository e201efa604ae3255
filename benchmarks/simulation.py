"""How long `myscheduler simulate` takes for a week of minute-jobs: `python -m benchmarks.simulation`."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.machine import machine

WEEK = ("--from", "2026-03-02T00:00:00Z", "--to", "2026-03-09T00:00:00Z")
OUTAGE = ("--outage", "2026-03-04T01:00:00Z/2026-03-04T05:30:00Z")


def _manifests(schedules: Iterator[str], folder: Path) -> None:
    documents = (
        f"job_id: job-{number:05}\n{schedule}\ntarget_url: https://example.com/\n"
        for number, schedule in enumerate(schedules)
    )
    (folder / "jobs.yaml").write_text("---\n".join(documents), encoding="utf-8")


def _phases(jobs: int) -> Iterator[str]:
    """Jobs that run every minute, each some milliseconds after the previous one."""
    for number in range(jobs):
        second, fraction = divmod(number * 60_000 // jobs, 1_000)
        yield f'interval: PT1M\nanchor: "2026-01-01T00:00:{second:02}.{fraction:03}Z"'


def _crons(jobs: int) -> Iterator[str]:
    """Crontab lines and limits that are all different."""
    for number in range(jobs):
        zone = ("America/New_York", "Europe/London", "Asia/Tokyo")[number % 3]
        line = f"{number % 60} * * * * *"
        yield f'cron: "{line}"\nseconds: true\ntimezone: {zone}\nmisfire_grace_time: {3_600 + number}'


def _alike(jobs: int) -> Iterator[str]:
    for _ in range(jobs):
        yield 'cron: "* * * * *"'


def _chains(jobs: int) -> Iterator[str]:
    """Chains of four jobs, each of which begins every minute."""
    for number in range(jobs):
        first, place = divmod(number, 4)
        yield f"after: [{{job: job-{number - 1:05}}}]" if place else f'cron: "{first % 60} * * * * *"\nseconds: true'


def _run(folder: Path, *options: str) -> tuple[float, int]:
    """Seconds of the whole command, and the number of slots in its output."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "myscheduler", "simulate", str(folder), *WEEK, *options, "--format", "json"]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command line
    seconds = time.perf_counter() - begin
    totals = json.loads(done.stdout)["totals"]
    left_out = (sum(totals[status].values()) for status in ("skipped", "missed", "interrupted"))
    return seconds, totals["ran"] + totals["waiting"] + sum(left_out)


@click.command()
@click.option("--jobs", type=click.IntRange(1, 100_000), default=1_000, show_default=True)
def main(jobs: int) -> None:
    """Simulate a week of minute-jobs, in the best case and in the worst."""
    for name, value in machine().items():
        print(f"{name}: {value}")
    cases = (
        ("alike", _alike, jobs, ()),
        ("alike, with an outage", _alike, jobs, OUTAGE),
        ("intervals of different phases", _phases, jobs, ()),
        ("intervals of different phases, with an outage", _phases, jobs, OUTAGE),
        ("different crons", _crons, jobs, ()),
        ("different crons, with an outage", _crons, jobs, OUTAGE),
        ("chains of four jobs", _chains, max(jobs // 100, 4), ()),
        ("one job that overlaps itself all the time", _alike, 1, ("--latency", "90")),
    )
    for name, schedules, count, options in cases:
        with tempfile.TemporaryDirectory() as folder:
            _manifests(schedules(count), Path(folder))
            seconds, slots = _run(Path(folder), *options)
        print(f"{name}: {count:,} jobs, {slots:,} slots, {seconds:.2f} s")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.simulation")
