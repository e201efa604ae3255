"""The output of a run: a JSON document, and a table made from that document."""

from dataclasses import asdict
from typing import Any

from benchmarks.machine import told
from benchmarks.run import Outcome
from benchmarks.targets import NUMBERS, Number, Sizes

Report = dict[str, Any]


def report(outcomes: dict[str, Outcome], sizes: Sizes, machine: dict[str, str], *, quick: bool) -> Report:
    rows = []
    for number in NUMBERS:
        if (outcome := outcomes.get(number.figure)) is None:
            continue
        value = outcome.service.values.get(number.name)
        reference = outcome.reference.values.get(number.name) if outcome.reference else None
        rows.append(row(number, value, reference))
    return {
        "machine": machine,
        "quick": quick,
        "sizes": asdict(sizes),
        "numbers": rows,
        "facts": {name: _by_party(one, "facts") for name, one in outcomes.items()},
        "lateness": {name: _by_party(one, "curve") for name, one in outcomes.items() if one.service.curve},
    }


def row(number: Number, value: float | None, reference: float | None = None) -> dict[str, Any]:
    """A number with what was measured, as JSON."""
    is_reached = None if value is None else number.is_reached(value)
    return {**asdict(number), "measured": value, "ok": is_reached, "reference": reference}


def _by_party(outcome: Outcome, what: str) -> dict[str, Any]:
    found = {"service": getattr(outcome.service, what)}
    if outcome.reference:
        found["reference"] = getattr(outcome.reference, what)
    return found


def amount(value: float | None, unit: str) -> str:
    """A number formatted for people."""
    if value is None:
        return "–"
    if unit == "s":
        return f"{value * 1000:.3g} ms" if abs(value) < 0.9995 else f"{value:.3g} s"
    if unit == "/s":
        return f"{value:,.0f}/s"
    if unit in {"%", "KiB"}:
        return f"{value:.1f} {unit}"
    return f"{value:,.0f} {unit}".strip()


def goal(row: dict[str, Any]) -> str:
    if row["target"] is None:
        return "–"
    text = amount(row["target"], row["unit"])
    if row["target"] == 0:
        return text
    return f"{'≥' if row['higher_is_better'] else '≤'} {text}"


def verdict(row: dict[str, Any]) -> str:
    if row["measured"] is None:
        return "not measured"
    return {True: "ok", False: "missed", None: "–"}[row["ok"]]


def table(found: Report) -> str:
    head = ("figure", "number", "measured", "target", "verdict", "reference")
    lines = [
        (
            row["figure"],
            row["title"],
            amount(row["measured"], row["unit"]),
            goal(row),
            verdict(row),
            amount(row["reference"], row["unit"]),
        )
        for row in found["numbers"]
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    numeric = {2, 3, 5}
    text = [
        "  ".join(
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, tuple("-" * width for width in widths), *lines]
    ]
    return "\n".join([*text, "", *_notes(found), told(found["machine"]), ""])


def _notes(found: Report) -> list[str]:
    notes = ["Quick sizes: these numbers say nothing about speed."] if found["quick"] else []
    for figure, parties in found["facts"].items():
        for party, facts in parties.items():
            told = ", ".join(f"{name} {value}" for name, value in facts.items())
            notes.append(f"{figure}{'' if party == 'service' else f', {party}'}: {told}")
    return [*notes, ""]
