"""The numbers of the dashboard and their targets."""

import statistics
from collections.abc import Iterator

from benchmarks.dashboard.cost import Cost
from benchmarks.dashboard.pages import PageFigures
from benchmarks.targets import Number

PAINT_SEC, USABLE_SEC, KEY_SEC, FRAME_SEC = 0.5, 1.0, 0.05, 0.05
MOST_NODES = 2_000
MOST_KIB = 150.0
MOST_PERCENT = 5.0


Numbers = Iterator[tuple[Number, float]]
"""Each number with its value; times in seconds."""


def of_usable(loads: list[tuple[float, float]], *, is_first: bool) -> Numbers:
    """Of loads of Jobs: until rows are there, and until a key has its effect. `is_first`: each after a start."""
    prefix, what = ("start-", "usable after a start") if is_first else ("", "usable")
    used = [one for _, one in loads]
    yield Number("Jobs", f"{prefix}rows", f"{what}: first rows", "s"), statistics.median(rows for rows, _ in loads)
    yield Number("Jobs", f"{prefix}usable", f"{what}: a key filters", "s", USABLE_SEC), statistics.median(used)
    yield Number("Jobs", f"{prefix}usable-worst", f"{what}: the worst", "s", USABLE_SEC), max(used)


def of_jobs(complete: list[float], keys: list[float], frames: list[float]) -> Numbers:
    yield Number("Jobs", "complete", "all rows are there", "s"), statistics.median(complete)
    yield Number("Jobs", "key", "a key until its second frame", "s", KEY_SEC), statistics.median(keys)
    yield Number("Jobs", "key-p95", "a key, p95", "s", KEY_SEC), _p95(keys)
    yield Number("Jobs", "key-worst", "a key, worst", "s", KEY_SEC), max(keys)
    yield Number("Jobs", "frame", "between frames while scrolling", "s"), statistics.median(frames)
    yield Number("Jobs", "frame-p95", "between frames, p95", "s", FRAME_SEC), _p95(frames)
    yield Number("Jobs", "frame-worst", "between frames, worst", "s"), max(frames)


def of_pages(pages: dict[str, PageFigures], bytes_by_language: dict[str, int]) -> Numbers:
    """`bytes_by_language` are those of the scripts and styles of all pages together."""
    for name, page in pages.items():
        yield Number(name, "paint", "first paint", "s", PAINT_SEC), page.paint
        yield Number(name, "paint-worst", "first paint, worst", "s", PAINT_SEC), page.paint_worst
        yield Number(name, "content", "content is there", "s"), page.content
        yield Number(name, "content-worst", "content is there, worst", "s"), page.content_worst
        yield Number(name, "nodes", "nodes of the document", target=MOST_NODES), page.nodes
        for language, size in page.bytes_by_language.items():
            yield Number(name, f"bytes-{language}", f"script and style, {language}", "KiB", MOST_KIB), size / 1024
    for language, size in bytes_by_language.items():
        yield Number("all pages", f"bytes-{language}", f"script and style, {language}", "KiB"), size / 1024


def of_cost(cost: Cost) -> Numbers:
    yield Number("ten pages", "cost", "of a processor", "%", MOST_PERCENT), cost.of_pages
    yield Number("ten pages", "without", "the service without them", "%"), cost.without


def _p95(values: list[float]) -> float:
    return sorted(values)[-(-len(values) * 95 // 100) - 1]
