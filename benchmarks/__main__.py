"""The command line: `python -m benchmarks`."""

import asyncio
import json
import signal
from pathlib import Path

import click
import uvloop

from benchmarks.machine import machine
from benchmarks.picture import draw
from benchmarks.report import report, table
from benchmarks.run import Outcome, failures, run, with_what_they_need
from benchmarks.targets import FIGURES, FULL, QUICK, Sizes

RESULTS = Path(__file__).parent / "results"


def _figures(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names = value.split(",") if value else list(FIGURES)
    if unknown := set(names) - set(FIGURES):
        raise click.BadParameter(f"no figure is called {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    return with_what_they_need(names)


async def _until_told_to_stop(names: list[str], sizes: Sizes, reference: str | None) -> dict[str, Outcome]:
    """Makes SIGTERM end the run as Ctrl-C does, together with all processes that it started."""
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(names, sizes, reference, lambda text: click.echo(text, err=True))


@click.command()
@click.option("--only", "names", callback=_figures, metavar="NAME,NAME", help=f"Some of: {', '.join(FIGURES)}.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RESULTS,
    show_default="benchmarks/results",
    help="Where results.json, results.txt and results.png are written.",
)
@click.option("--reference", metavar="URL", help="A second server with the same REST API, already running, empty.")
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that the benchmark works, nothing more.")
@click.option("--format", "kind", type=click.Choice(["text", "json"]), default="text", help="Of standard output.")
def main(names: list[str], out: Path, reference: str | None, quick: bool, kind: str) -> None:
    """Measure the service from outside, through its REST API."""
    sizes, where = QUICK if quick else FULL, machine()
    try:
        outcomes = uvloop.run(_until_told_to_stop(names, sizes, reference and reference.rstrip("/")))
    except asyncio.CancelledError:
        raise click.Abort from None
    found = report(outcomes, sizes, where, quick=quick)
    as_json, as_text = json.dumps(found, indent=1, ensure_ascii=False) + "\n", table(found)
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(as_json, encoding="utf-8")
    (out / "results.txt").write_text(as_text, encoding="utf-8")
    draw(found, out / "results.png")
    click.echo(as_json if kind == "json" else as_text, nl=False)
    if failed := failures(outcomes):
        raise click.ClickException("; ".join(f"{name}: {why}" for name, why in failed.items()))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
