"""Draws a report: each number as a share of its target, and how late the calls of the bursts were."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.report import Report, amount, goal

WITHIN, BEYOND, REFERENCE, INK, FAINT = "#2e8b57", "#c0392b", "#7a7f87", "#22262b", "#d9dce1"
CURVES = {"burst-1000": "#1f6fb2", "burst-10000": "#d9822b"}
LEAST, MOST = 0.01, 100.0


def _share(row: dict[str, Any], value: float | None) -> float | None:
    """The measured value as a share of the target: 1 is the target, less is better, also for rates."""
    if value is None or not row["target"]:
        return None
    target = float(row["target"])
    share = target / max(value, target / MOST) if row["higher_is_better"] else value / target
    return min(max(share, LEAST * 1.2), MOST)


def _numbers(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for place, row in enumerate(rows):
        share = _share(row, row["measured"])
        color = FAINT if row["ok"] is None else WITHIN if row["ok"] else BEYOND
        if share is not None:
            axes.barh(place, share - LEAST, left=LEAST, height=0.62, color=color, zorder=2)
        else:  # a target of 0 has no share: a mark shows whether it was reached
            axes.plot(LEAST * 1.2, place, marker="o", color=color, markersize=8, zorder=3)
        if (other := _share(row, row["reference"])) is not None:
            axes.plot(other, place, marker="|", color=REFERENCE, markersize=16, markeredgewidth=3, zorder=4)
    axes.set_yticks(range(len(rows)), [f"{row['title']}  ·  {row['figure']}" for row in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(LEAST, MOST)
    axes.axvline(1, color=INK, linewidth=1.2, zorder=3)
    axes.set_xticks([0.01, 0.1, 1, 10, 100], ["1 %", "10 %", "target", "10 x", "100 x"])
    axes.set_xlabel("share of the target that is used up (shorter is better; rates are turned round)")
    axes.set_title("Measured against the target", loc="left", fontsize=12, fontweight="bold", pad=28)
    with_reference = any(row["reference"] is not None for row in rows)
    _columns(axes, rows, with_reference=with_reference)
    handles: list[Any] = [Patch(color=WITHIN, label="within the target"), Patch(color=BEYOND, label="beyond it")]
    if with_reference:
        mark = Line2D([], [], color=REFERENCE, marker="|", linestyle="", markersize=12, markeredgewidth=3)
        mark.set_label("reference")
        handles.append(mark)
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.008, 1),
        ncols=3,
        fontsize=8.5,
        frameon=False,
        borderpad=0.2,
    )


def _columns(axes: Axes, rows: list[dict[str, Any]], *, with_reference: bool) -> None:
    """Write the values as text, right of the bars."""
    columns = [("measured", [amount(row["measured"], row["unit"]) for row in rows]), ("target", [*map(goal, rows)])]
    if with_reference:
        columns.append(("reference", [amount(row["reference"], row["unit"]) for row in rows]))
    for number, (head, cells) in enumerate(columns):
        x = 1.14 + 0.15 * number
        places = axes.get_yaxis_transform()
        axes.text(x, -0.9, head, transform=places, ha="right", va="center", fontsize=8.5, color=REFERENCE)
        for place, (cell, row) in enumerate(zip(cells, rows, strict=True)):
            measured = number == 0
            color = (BEYOND if row["ok"] is False else INK) if measured else REFERENCE
            weight = "bold" if measured else "normal"
            axes.text(
                x, place, cell, transform=places, ha="right", va="center", fontsize=9, color=color, fontweight=weight
            )


def _lateness(axes: Axes, curves: dict[str, dict[str, list[tuple[float, float]]]]) -> None:
    for figure, parties in curves.items():
        for party, points in parties.items():
            if not points:
                continue
            axes.step(
                [max(seconds, 0.001) for seconds, _ in [points[0], *points]],
                [0, *(share * 100 for _, share in points)],
                where="post",
                color=CURVES[figure],
                linewidth=2.2 if party == "service" else 1.6,
                linestyle="-" if party == "service" else ":",
                label=figure if party == "service" else f"{figure}, {party}",
            )
    axes.axhline(99, color=INK, linewidth=0.8, linestyle="--")
    axes.text(0.00106, 97.5, "99 %", fontsize=8, color=INK, va="top")
    axes.set_xscale("log")
    axes.set_xlim(0.001, 100)
    axes.set_xticks([0.001, 0.01, 0.1, 1, 10, 100], ["1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"])
    axes.set_ylim(0, 103)
    axes.set_xlabel("after the due time")
    axes.set_ylabel("calls that had arrived, %")
    axes.set_title("One-off jobs that are all due at one moment", loc="left", fontsize=12, fontweight="bold")
    if curves:
        axes.legend(loc="lower right", fontsize=8.5, frameon=True, framealpha=1)


def draw(found: Report, path: Path) -> None:
    rows = [row for row in found["numbers"] if row["target"] is not None]
    with mpl.rc_context({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(12, 4.8 + 0.36 * len(rows)), dpi=130, layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[max(0.36 * len(rows), 1.2), 3])
        _numbers(above, rows)
        _lateness(below, found["lateness"])
        for axes in (above, below):
            axes.grid(axis="x", color=FAINT, linewidth=0.7, zorder=0)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            axes.minorticks_off()
        machine = found["machine"]
        title = f"MyScheduler {machine['myscheduler']}{' (quick sizes)' if found['quick'] else ''}"
        figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
        where = f"{machine['processor']}, Python {machine['python']}, {machine['date'][:10]}"
        figure.supxlabel(where, x=0.99, ha="right", fontsize=8, color=REFERENCE)
        figure.savefig(path, bbox_inches="tight", pad_inches=0.15)
