"""Patterns in the values of a field of a cron expression: even steps, and runs of consecutive values."""

from collections.abc import Sequence

from myscheduler.core.schedule.expression import LAST_YEAR


def stride_of(values: Sequence[int], *, low: int = 0, high: int = 59, least: int) -> int:
    """The step (2 or more) of evenly spaced values that are described by it, else 0.

    They are if there are `least` values or more, or if they are evenly spaced all the way from `low` to `high`.
    """
    if len(values) < 2 or values[1] - values[0] == 1:
        return 0
    step = values[1] - values[0]
    evenly = values[0] == low and step * len(values) == high - low + 1
    is_enough = len(values) >= least or evenly
    # a range is compared in C: there may be thousands of years
    return step if is_enough and tuple(values) == tuple(range(values[0], values[0] + step * len(values), step)) else 0


def runs_of(values: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of three or more consecutive values; other values are runs of one."""
    runs: list[tuple[int, int]] = []
    first = last = values[0] if values else 0
    for value in (*values[1:], LAST_YEAR + 2):
        if value != last + 1:
            runs += [(first, first), (last, last)] if last - first == 1 else [(first, last)]
            first = value
        last = value
    return runs if values else []
