"""Counts of values by size, each with an example. Cheap enough to count what happens thousands of times a second."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Bounds for calls and delays, which take from milliseconds to the longest timeout."""
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for transactions."""
CHAIN_SECONDS = (1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0)
"""Bounds for whole chains, which take up to a night and more."""


class Traced(Protocol):
    """What has a trace, whose id is only asked for when the metrics are read: it takes longer than counting."""

    @property
    def trace_id(self) -> str: ...


class Histogram:
    """How many values were at most as large as each bound, their sum, and the newest example of each bucket.

    One thread observes; others may read meanwhile, and see a value in the count before they see it in the sum.
    """

    __slots__ = ("bounds", "counts", "examples", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        """`bounds` are in order; values above the last one are counted, too."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """Of each bucket alone, the last one without a bound."""
        self.total = 0.0
        self.examples: list[tuple[float, Traced] | None] = [None] * len(self.counts)
        """By bucket: a value, and what it was measured of."""

    def observe(self, value: float, example: Traced | None = None) -> None:
        """Count a value; a negative one, after a clock was set back, as 0. `example` is what it was measured of."""
        value = max(value, 0.0)
        bucket = bisect_left(self.bounds, value)
        self.counts[bucket] += 1
        self.total += value
        if example is not None:
            self.examples[bucket] = value, example
