"""Draws memory and files over the time of a run."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.picture import FAINT, INK, REFERENCE, WITHIN
from benchmarks.soak.samples import Sample


def draw(samples: Sequence[Sample], title: str, path: Path) -> None:
    minutes = [one.second / 60 for one in samples]
    with mpl.rc_context({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(12, 5.6), dpi=130, layout="constrained")
        memory, disk = figure.subplots(2, 1, height_ratios=[2, 1], sharex=True)
        memory.plot(minutes, [one.resident for one in samples], color=REFERENCE, linewidth=1, label="resident")
        memory.plot(minutes, [one.private for one in samples], color=WITHIN, linewidth=1.8, label="private")
        disk.plot(minutes, [one.database for one in samples], color=INK, linewidth=1.2, label="database")
        disk.plot(minutes, [one.log for one in samples], color=REFERENCE, linewidth=1.2, label="its log")
        _finish(memory, "memory, MiB")
        _finish(disk, "on disk, MiB")
        disk.set_xlabel("minutes")
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        figure.savefig(path, bbox_inches="tight", pad_inches=0.15)


def _finish(axes: Axes, label: str) -> None:
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", fontsize=8.5, frameon=False, ncols=2)
