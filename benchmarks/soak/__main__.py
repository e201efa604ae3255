"""The command line: `python -m benchmarks.soak`."""

import asyncio
import json
import signal
from pathlib import Path

import click
import uvloop

from benchmarks.machine import machine
from benchmarks.soak.picture import draw
from benchmarks.soak.report import report, table
from benchmarks.soak.run import Found, Plan, soak
from benchmarks.soak.samples import Sample, read_samples

RESULTS = Path(__file__).parent.parent / "results"
QUICK = Plan(minutes=0.2, jobs=30, sample_sec=2, history_rows=5)


async def _until_told_to_stop(plan: Plan, samples: Path) -> Found:
    """Makes SIGTERM end the run as Ctrl-C does, together with all processes that it started."""
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await soak(plan, samples, lambda text: click.echo(text, err=True))


def _write(out: Path, samples: list[Sample], jobs: int, ledger: dict[str, int] | None) -> bool:
    """Run and report. Returns whether memory was flat."""
    found = report(samples, jobs, ledger, machine())
    text = table(found)
    (out / "soak.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "soak.txt").write_text(text, encoding="utf-8")
    title = f"{jobs} one-second jobs and an edit a second"
    draw(samples, title, out / "soak.png")
    click.echo(text, nl=False)
    return bool(found["is_flat"])


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.1), default=120.0, show_default=True)
@click.option("--jobs", type=click.IntRange(30, 3_000), default=300, show_default=True, help="Each of one second.")
@click.option(
    "--history-rows",
    type=click.IntRange(1),
    default=1_500,
    show_default=True,
    help="Kept of each job, so that the history is pruned during the run.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default="benchmarks/results",
    help="Where soak.jsonl (the samples, as they are taken), soak.json, soak.txt and soak.png are written.",
)
@click.option("--quick", is_flag=True, help="Some seconds: shows that it works, nothing more.")
@click.option("--report-only", is_flag=True, help="Report on the samples that a run, perhaps cut off, left in --out.")
def main(minutes: float, jobs: int, history_rows: int, out: Path, quick: bool, report_only: bool) -> None:
    """Run a service for hours while its jobs are edited, and tell whether its memory grows."""
    out.mkdir(parents=True, exist_ok=True)
    plan = QUICK if quick else Plan(minutes, jobs, 10, history_rows)
    if report_only:
        _write(out, read_samples(out / "soak.jsonl"), plan.jobs, None)
        return
    try:
        found = uvloop.run(_until_told_to_stop(plan, out / "soak.jsonl"))
    except asyncio.CancelledError:
        raise click.Abort from None
    is_flat = _write(out, found.samples, plan.jobs, found.ledger)
    for complaint, count in found.complaints.items():
        click.echo(f"{count} x {complaint}", err=True)
    if not found.is_clean:
        raise click.ClickException("calls and history differ")
    if not is_flat and not quick:
        raise click.ClickException("memory still grew")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.soak")
