"""When a job is failing, by its history: so many failures in a row, or among its last executions."""

from collections.abc import Sequence
from itertools import islice, takewhile

from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import Thresholds


def wrong_ones(rows: Sequence[Past], thresholds: Thresholds) -> tuple[Past, ...]:
    """The failures that count: those since the last success or, with `failures` and `of`, those among the last `of`.

    `rows` and the result are newest first. Rows that say nothing about the job are passed over.
    """
    known = (row for row in rows if row.is_good is not None)
    if thresholds.failures is not None and thresholds.of is not None:
        return tuple(row for row in islice(known, thresholds.of) if not row.is_good)
    return tuple(takewhile(lambda row: not row.is_good, known))


def begins(rows: Sequence[Past], thresholds: Thresholds) -> bool:
    """Whether these failures begin an incident, if none is open."""
    return len(wrong_ones(rows, thresholds)) >= _enough(thresholds)


def has_ended(rows: Sequence[Past], thresholds: Thresholds) -> bool:
    """Whether an open incident is over: by a success or, with `failures` and `of`, by fewer failures than begin one.

    Raising `after_failures` ends no incident. Without a row that says something, none ends.
    """
    if all(row.is_good is None for row in rows):
        return False
    wrong = len(wrong_ones(rows, thresholds))
    return wrong < (_enough(thresholds) if thresholds.failures is not None and thresholds.of is not None else 1)


def rows_needed(thresholds: Thresholds) -> int:
    """How many of the newest rows these rules look at; some more, for rows that say nothing."""
    return max(_FEWEST, 2 * thresholds.after_failures, 2 * (thresholds.of or 0))


def _enough(thresholds: Thresholds) -> int:
    if thresholds.failures is not None and thresholds.of is not None:
        return thresholds.failures
    return thresholds.after_failures


_FEWEST = 50
"""So many rows also tell how long the job usually takes."""
