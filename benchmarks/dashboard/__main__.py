"""The command line: `python -m benchmarks.dashboard`."""

import asyncio
import json
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from benchmarks.chromium import missing, running_chromium
from benchmarks.dashboard.cost import cost
from benchmarks.dashboard.jobs import complete, keystrokes, scrolling, usable
from benchmarks.dashboard.numbers import of_cost, of_jobs, of_pages, of_usable
from benchmarks.dashboard.pages import newest_execution, page_figures, pages_of
from benchmarks.dashboard.setting import QUICK, Sizes, prepared
from benchmarks.dashboard.viewer import Shown, Viewer
from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.report import Report, row, table
from benchmarks.service import Service
from benchmarks.targets import Number

PARTS = ("start", "jobs", "pages", "cost")
Progress = Callable[[str], None]


@dataclass(slots=True)
class _Run:
    """Measures the parts that are asked for, and collects the numbers."""

    viewer: Viewer
    service: Service
    sizes: Sizes
    progress: Progress
    numbers: list[tuple[Number, float]] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    """Of ten pages in a minute, by path."""

    async def start(self) -> None:
        """The first page of a service that has just started."""
        found = []
        for number in range(self.sizes.starts):
            self.progress(f"start {number + 1}")
            await self.service.stop()
            await self.service.start()
            found.append(await usable(self.viewer))
        self.numbers += of_usable(found, is_first=True)

    async def jobs(self) -> None:
        self.progress("the list of jobs")
        self.numbers += of_usable([await usable(self.viewer) for _ in range(self.sizes.loads)], is_first=False)
        whole = [await complete(self.viewer, self.sizes) for _ in range(self.sizes.loads)]
        self.progress("keys")
        keys = await keystrokes(self.viewer, self.service, self.sizes)
        self.progress("scrolling")
        self.numbers += of_jobs(whole, keys, await scrolling(self.viewer, self.sizes))

    async def pages(self) -> None:
        figures, size = await page_figures(self.viewer, await self._shown(), self.sizes.loads, self.progress)
        self.numbers += of_pages(figures, size)

    async def cost(self) -> None:
        sizes, shown = self.sizes, await self._shown()
        found = await cost(self.viewer, self.service, shown, sizes.cost_sec, sizes.cost_rounds, self.progress)
        self.numbers += of_cost(found)
        self.requests = found.requests

    async def _shown(self) -> list[Shown]:
        return pages_of(self.sizes, await newest_execution(self.service))


async def _measured(parts: list[str], sizes: Sizes, kept: Path | None, progress: Progress) -> _Run:
    """SIGTERM ends the run as Ctrl-C does, together with all processes that it started."""
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    progress("filling the database")
    async with prepared(sizes, kept) as service, running_chromium() as browser:
        run = _Run(Viewer(browser, service), service, sizes, progress)
        await usable(run.viewer)  # a browser's own first page takes longer
        for part, measure in zip(PARTS, (run.start, run.jobs, run.pages, run.cost), strict=True):
            if part in parts:
                await measure()
        return run


def _report(run: _Run, where: dict[str, str], *, quick: bool) -> Report:
    return {
        "machine": where,
        "quick": quick,
        "sizes": asdict(run.sizes),
        "numbers": [row(number, value) for number, value in run.numbers],
        "facts": {"requests of ten pages in a minute": {"service": run.requests}} if run.requests else {},
    }


def _parts(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    parts = value.split(",") if value else list(PARTS)
    if unknown := set(parts) - set(PARTS):
        raise click.BadParameter(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return parts


@click.command()
@click.option("--only", "parts", callback=_parts, metavar="NAME,NAME", help=f"Some of: {', '.join(PARTS)}.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the database there, and use it again.")
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that the benchmark works, nothing more.")
@click.option("--format", "kind", type=click.Choice(["text", "json"]), default="text", help="Of standard output.")
def main(parts: list[str], folder: Path | None, quick: bool, kind: str) -> None:
    """Measure the dashboard in Chromium, with 10,000 jobs and 1,000,000 rows of history. Takes about ten minutes."""
    if complaint := missing():
        raise click.UsageError(complaint)
    sizes, where = QUICK if quick else Sizes(), machine()
    try:
        run = asyncio.run(_measured(parts, sizes, folder, lambda text: click.echo(text, err=True)))
    except asyncio.CancelledError:
        raise click.Abort from None
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    report = _report(run, where, quick=quick)
    click.echo(json.dumps(report, indent=1, ensure_ascii=False) if kind == "json" else table(report).rstrip())


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.dashboard")
