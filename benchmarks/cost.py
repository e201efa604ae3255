"""What an execution costs, by the parts of it: `python -m benchmarks.cost`.

The processor time of a call is measured first. Then py-spy, which must be installed, samples which code has the
interpreter lock, and the time is divided among the parts of an execution.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import click
import matplotlib as mpl
import uvloop
from matplotlib.figure import Figure

from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine, told
from benchmarks.options import with_quick, with_senders
from benchmarks.parts import ALL, divided
from benchmarks.picture import FAINT, INK, REFERENCE
from benchmarks.processes import thread_seconds
from benchmarks.service import Service
from benchmarks.sink import running_sink
from benchmarks.steady import WARM_UP_SEC, Load, loaded

COLORS = ("#1f6fb2", "#d9822b", "#2e8b57", "#8e5bb0", "#c0392b", "#e08fb0", "#3aa6a6", "#b0893b", "#5d6470", FAINT)
PER_SECOND = 200
"""Samples a second: more would slow the service down."""


def _profiler() -> str:
    beside = Path(sys.executable).parent / "py-spy"
    if found := shutil.which("py-spy") or (beside.exists() and str(beside)):
        return found
    raise click.UsageError("py-spy is not installed: run `pip install py-spy`")


async def _profile(profiler: str, service: Service, seconds: float) -> str:
    """The sampled stacks of all processes of the service; see `divided`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "profile"
        process = await asyncio.create_subprocess_exec(
            *(
                profiler,
                "record",
                "--pid",
                str(service.pid),
                "--subprocesses",
                "--function",
                "--gil",
                "--threads",
                "--format",
                "raw",
            ),
            *("--duration", str(round(seconds)), "--rate", str(PER_SECOND), "--output", str(out)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode or not out.exists():
            raise BenchmarkError(f"py-spy failed:\n{output.decode(errors='replace')[-1000:]}")
        return out.read_text(encoding="utf-8")


async def _run(profiler: str, jobs: int, seconds: float, settings: dict[str, str]) -> tuple[float, dict[str, float]]:
    """The processor time of a call in milliseconds, and the shares of the parts."""
    async with running_sink() as sink, loaded(sink, Load(jobs), settings) as service:
        await asyncio.sleep(WARM_UP_SEC)
        arrived, used = await sink.count(), service.processor_seconds()
        await asyncio.sleep(seconds)
        used, arrived = service.processor_seconds() - used, await sink.count() - arrived
        if not arrived:
            raise BenchmarkError("nothing arrived")
        before = thread_seconds(service.pid)
        raw = await _profile(profiler, service, seconds)
        by_thread = {number: end - before.get(number, 0) for number, end in thread_seconds(service.pid).items()}
        return used * 1000 / arrived, divided(raw, PER_SECOND, by_thread)


def draw(milliseconds: float, shares: dict[str, float], where: dict[str, str], path: Path) -> None:
    """One bar that is as long as a call costs, and what its parts are."""
    with mpl.rc_context({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(10, 4.2), dpi=130, layout="constrained")
        axes = figure.subplots()
        left = 0.0
        shown = [one for one in zip(ALL, COLORS, strict=True) if shares[one[0].name]]
        for place, (part, color) in enumerate(shown):
            micros = shares[part.name] * milliseconds * 1000
            axes.barh(place, micros, left=left, height=0.72, color=color, zorder=2)
            axes.text(left + micros, place, f" {micros:.0f} µs: {part.why}", va="center", fontsize=9, zorder=4)
            left += micros
        axes.set_yticks(range(len(shown)), [part.name for part, _ in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(0, left * 1.75)
        axes.set_xlabel("processor time, µs")
        axes.set_title(f"What an execution costs: {left:.0f} µs", loc="left", fontsize=13, fontweight="bold")
        axes.grid(axis="x", color=FAINT, linewidth=0.7, zorder=0)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        place_and_time = f"{where['processor']}, Python {where['python']}, {where['date'][:10]}"
        figure.supxlabel(place_and_time, x=0.99, ha="right", fontsize=8, color=REFERENCE)
        figure.savefig(path, bbox_inches="tight", pad_inches=0.15)


@click.command()
@click.option("--jobs", default=1_000, show_default=True, help="Calls a second.")
@click.option("--seconds", default=15.0, show_default=True, help="How long it is measured, and then profiled.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Where a picture (PNG) is written.")
@with_senders
@with_quick
def main(jobs: int, seconds: float, picture: Path | None, settings: dict[str, str], quick: bool) -> None:
    """Measure the processor time of an execution, and divide it among its parts."""
    where, profiler = machine(), _profiler()
    sizes = (20, 2.0) if quick else (jobs, seconds)
    milliseconds, shares = uvloop.run(_run(profiler, *sizes, settings))
    click.echo("| part | µs | share | |\n|---|---|---|---|")
    for part in (one for one in ALL if shares[one.name]):
        share = shares[part.name]
        click.echo(f"| {part.name} | {share * milliseconds * 1000:.0f} | {share:.0%} | {part.why} |")
    click.echo(f"| all | {milliseconds * 1000:.0f} | | {sizes[0]:,} calls a second |")
    click.echo(told(where))
    if picture:
        draw(milliseconds, shares, where, picture)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.cost")
