"""What a comparison with the yardstick found: ratios, as JSON, as a table and as a picture."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.machine import told
from benchmarks.picture import BEYOND, FAINT, INK, REFERENCE, WITHIN

YARDSTICK = "yardstick"
CONTENDERS = (YARDSTICK, "in process", "with senders")
ENOUGH = 0.98
MOST_OF_SINK = 0.25
"""The share of the machine from which on the sink may be what limits the rate."""
MOST_OF_OTHERS = 0.1
"""The share of the machine from which on other programs falsify the rates."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one contender did with so many jobs."""

    jobs: int
    rate: float
    """Calls a second."""
    processor_ms: float
    """Processor time of all its processes for a call."""
    sink_share: float
    """The share of one processor that the sink used."""
    others_share: float
    """The share of one processor that other programs used, the benchmark's own process included."""

    @property
    def is_enough(self) -> bool:
        return self.rate >= ENOUGH * self.jobs


Round = dict[str, dict[str, Trial]]
"""By contender: its trial with as many jobs as all others had (`alike`), and the one with the most that it could run
(`most`).
"""


@dataclass(frozen=True, slots=True)
class Number:
    """What is compared."""

    name: str
    trial: str
    """Of which trial."""
    field: str
    title: str
    unit: str
    digits: int
    targets: dict[str, float]
    """By contender: the ratio to reach; the most of a cost, the least of a rate."""

    @property
    def is_cost(self) -> bool:
        return self.field == "processor_ms"


NUMBERS = (
    Number("rate", "most", "rate", "calls a second", "/s", 0, {"in process": 1.1, "with senders": 1.6}),
    Number("cost", "most", "processor_ms", "processor time a call, then", " ms", 3, {"with senders": 1.1}),
    Number("cost_alike", "alike", "processor_ms", "processor time a call, same load", " ms", 3, {}),
)


def _row(number: Number, name: str, rounds: Sequence[Round]) -> dict[str, Any]:
    values = [getattr(one[name][number.trial], number.field) for one in rounds]
    ratios = [
        value / (getattr(one[YARDSTICK][number.trial], number.field) or 1)
        for value, one in zip(values, rounds, strict=True)
    ]
    ratio, target = statistics.median(ratios), number.targets.get(name)
    is_reached = None if target is None else ratio <= target if number.is_cost else ratio >= target
    return {
        "number": number.name,
        "title": number.title,
        "contender": name,
        "unit": number.unit,
        "measured": statistics.median(values),
        "digits": number.digits,
        "ratio": ratio,
        "ratios": ratios,
        "target": target,
        "ok": is_reached,
    }


def compared(rounds: Sequence[Round], machine: dict[str, str], *, quick: bool) -> dict[str, Any]:
    """Medians of the rounds, and of their ratios to the yardstick, with everything that was measured."""
    trials = [trial for one in rounds for pair in one.values() for trial in pair.values()]
    processors = int(machine["processor"].split()[0])
    return {
        "machine": machine,
        "quick": quick,
        "numbers": [_row(number, name, rounds) for number in NUMBERS for name in CONTENDERS],
        "alike": rounds[0][YARDSTICK]["alike"].jobs,
        "sink_share_of_machine": max(trial.sink_share for trial in trials) / processors,
        "others_share_of_machine": statistics.median(trial.others_share for trial in trials) / processors,
        "rounds": [
            {name: {trial: asdict(value) for trial, value in pair.items()} for name, pair in one.items()}
            for one in rounds
        ],
    }


def _cell(row: dict[str, Any]) -> str:
    return f"{row['measured']:,.{row['digits']}f}{row['unit']}"


def _ratio(row: dict[str, Any]) -> str:
    if row["contender"] == YARDSTICK:
        return "1"
    rounds = f"{min(row['ratios']):.2f}–{max(row['ratios']):.2f}"
    sign = "≤" if row["number"] != "rate" else "≥"
    goal = "" if row["target"] is None else f"; target {sign} {row['target']:.1f}"
    return f"**{row['ratio']:.2f}** ({rounds}{goal})"


def table(found: dict[str, Any]) -> str:
    """The numbers as a table in Markdown, and the machine."""
    titles = [number.title for number in NUMBERS]
    head = [cell for title in titles for cell in (title, "ratio")]
    lines = [f"| | {' | '.join(head)} |", f"|---{'|---' * len(head)}|"]
    for name in CONTENDERS:
        rows = [row for row in found["numbers"] if row["contender"] == name]
        cells = [cell for row in rows for cell in (_cell(row), _ratio(row))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    share = found["sink_share_of_machine"]
    lines += ["", f"Medians of {len(found['rounds'])}; the same load: {found['alike']:,} calls a second."]
    limits = ", which may be what limits the rate" if share > MOST_OF_SINK else ""
    others = found["others_share_of_machine"]
    falsify = ", so the rates are too low, and not the same for all" if others > MOST_OF_OTHERS else ""
    lines.append(f"The sink used at most {share:.0%} of the machine{limits}; other programs {others:.0%}{falsify}.")
    if found["quick"]:
        lines.append("Quick sizes: these numbers say nothing about speed.")
    return "\n".join([*lines, "", told(found["machine"]), ""])


def _panel(axes: Axes, rows: list[dict[str, Any]], *, is_cost: bool) -> None:
    for place, row in enumerate(rows):
        color = REFERENCE if row["ok"] is None else WITHIN if row["ok"] else BEYOND
        axes.barh(place, row["ratio"], height=0.6, color=color, zorder=2)
        if len(row["ratios"]) > 1 and row["contender"] != YARDSTICK:
            axes.plot(row["ratios"], [place] * len(row["ratios"]), "o", color=INK, markersize=4, zorder=4)
        if row["target"] is not None:
            axes.plot([row["target"]] * 2, [place - 0.4, place + 0.4], color=INK, linewidth=2, zorder=5)
        text = f" {row['ratio']:.2f}  ({_cell(row)})"
        axes.text(max(row["ratio"], row["target"] or 0, *row["ratios"]), place, text, va="center", fontsize=9, zorder=5)
    axes.set_yticks(range(len(rows)), [row["contender"] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.5 * max(1.6, *(max(row["ratios"]) for row in rows)))
    axes.axvline(1, color=INK, linewidth=0.8, linestyle="--", zorder=3)
    better = "shorter" if is_cost else "longer"
    axes.set_title(f"{rows[0]['title']} ({better} is better)", loc="left", fontsize=11, fontweight="bold")
    axes.grid(axis="x", color=FAINT, linewidth=0.7, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw(found: dict[str, Any], path: Path) -> None:
    """Each number as a ratio to the yardstick: bars are medians, dots the rounds, thick lines targets."""
    with mpl.rc_context({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(9, 6), dpi=130, layout="constrained")
        for axes, number in zip(figure.subplots(len(NUMBERS), 1, sharex=True), NUMBERS, strict=True):
            rows = [row for row in found["numbers"] if row["number"] == number.name]
            _panel(axes, rows, is_cost=number.is_cost)
        figure.suptitle("Of the yardstick's", x=0.01, ha="left", fontsize=13, fontweight="bold")
        machine = found["machine"]
        where = f"{machine['processor']}, Python {machine['python']}, {machine['date'][:10]}"
        figure.supxlabel(where, x=0.99, ha="right", fontsize=8, color=REFERENCE)
        figure.savefig(path, bbox_inches="tight", pad_inches=0.15)
