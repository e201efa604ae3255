"""The report on the samples: memory by parts of the run, its growth at the end, and whether that counts as flat."""

import statistics
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from benchmarks.soak.samples import Sample

PART_SEC = 600.0
FLAT_MIB_PER_HOUR = 2.0
"""The growth up to which memory counts as flat; within a minute, it goes up and down by more than that."""
NOTE = "memory by samples: median of each part; MiB"

Report = dict[str, Any]


def growth(samples: Sequence[Sample]) -> float:
    """Private memory's growth in MiB per hour: the median slope of all pairs (Theil and Sen), robust to outliers."""
    slopes = [
        (later.private - earlier.private) / (later.second - earlier.second)
        for earlier, later in combinations(samples, 2)
        if later.second > earlier.second
    ]
    return statistics.median(slopes) * 3600 if slopes else 0.0


def last_half(samples: Sequence[Sample]) -> list[Sample]:
    end = samples[-1].second
    return [one for one in samples if one.second >= end / 2]


def parts(samples: Sequence[Sample], length: float = PART_SEC) -> list[dict[str, Any]]:
    """The samples in parts of `length` seconds."""
    by_part: dict[int, list[Sample]] = {}
    for one in samples:
        by_part.setdefault(int(one.second // length), []).append(one)
    return [_part(number, length, found) for number, found in sorted(by_part.items())]


def _part(number: int, length: float, found: Sequence[Sample]) -> dict[str, Any]:
    return {
        "from_minute": round(number * length / 60, 1),
        "private": round(statistics.median(one.private for one in found), 1),
        "private_most": round(max(one.private for one in found), 1),
        "resident": round(statistics.median(one.resident for one in found), 1),
        "files_most": max(one.files for one in found),
        "threads_most": max(one.threads for one in found),
        "database": round(found[-1].database),
        "write_ahead_log": round(max(one.write_ahead_log for one in found), 1),
        "log": round(found[-1].log),
        "slowest_health_ms": round(max(one.slowest_health_sec for one in found) * 1000, 1),
        "received": found[-1].received,
        "edits": found[-1].edits,
    }


_COLUMNS = {
    "from_minute": "minute",
    "private": "private",
    "private_most": "most",
    "resident": "resident",
    "files_most": "files",
    "threads_most": "threads",
    "database": "database",
    "write_ahead_log": "WAL",
    "log": "log",
    "slowest_health_ms": "health ms",
    "received": "calls",
    "edits": "edits",
}


def table(found: Report) -> str:
    """The report as text."""
    rows = [[f"{part[name]:,}" for name in _COLUMNS] for part in found["parts"]]
    widths = [max(len(title), *(len(row[place]) for row in rows)) for place, title in enumerate(_COLUMNS.values())]
    lines = [list(_COLUMNS.values()), ["-" * width for width in widths], *rows]
    drawn = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*drawn, "", *_sentences(found), ""])


def _sentences(found: Report) -> list[str]:
    flat = f"{'flat' if found['is_flat'] else 'NOT flat'} (at most {FLAT_MIB_PER_HOUR:g} counts as flat)"
    said = [
        f"{found['minutes']:g} minutes, {found['jobs']} jobs, {found['received']:,} calls, {found['edits']:,} edits",
        f"private memory in the last half: {found['growth_mib_per_hour']:+.2f} MiB an hour: {flat}",
    ]
    if found["ledger"] is None:
        return [*said, "the run was cut off, so calls and history are not compared"]
    wrong = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in found["ledger"].items())
    return [*said, f"calls and history: {wrong}"]


def report(samples: Sequence[Sample], jobs: int, ledger: dict[str, int] | None, machine: dict[str, str]) -> Report:
    """`ledger` is the result of the comparison; `None` if the run was cut off before it."""
    slope = growth(last_half(samples))
    return {
        "machine": machine,
        "minutes": round(samples[-1].second / 60, 1),
        "jobs": jobs,
        "received": samples[-1].received,
        "edits": samples[-1].edits,
        "growth_mib_per_hour": round(slope, 2),
        "is_flat": slope <= FLAT_MIB_PER_HOUR,
        "ledger": ledger,
        "parts": parts(samples),
    }
