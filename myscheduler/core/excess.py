"""Whether a job is too large to be judged."""

from collections.abc import Iterable
from typing import Any

from myscheduler.core.bounds import (
    DEEPEST,
    LARGEST_JOB,
    LONGEST_NUMBER,
    MOST_REFERENCES,
    MOST_VALUES,
    REFERENCE,
    TOO_LONG,
)
from myscheduler.core.problem import Complaint

Loc = tuple[str | int, ...]


def excess(values: Any) -> Complaint | None:
    """What makes a job too large, or `None`. Looks no further than the bounds reach, and does not recurse."""
    left: list[tuple[Loc, Any]] = [((), values)]
    count = size = references = 0
    while left:
        loc, one = left.pop()
        if isinstance(one, int) and not -TOO_LONG < one < TOO_LONG:
            return Complaint(loc, "too-large", f"is a number of more than {LONGEST_NUMBER:,} digits: write it as text")
        if isinstance(one, str):
            size += len(one)
            references += one.count(REFERENCE)
        elif isinstance(one, dict | list | tuple):
            count += len(one)
            if len(loc) > DEEPEST:
                return Complaint((), "too-large", f"is nested more than {DEEPEST} levels deep")
            if count > MOST_VALUES:
                message = f"holds more than {MOST_VALUES:,} values: part it, or let the target fetch what it needs"
                return Complaint((), "too-large", message)
            size += sum(len(key) for key in one if isinstance(key, str)) if isinstance(one, dict) else 0
            left += [((*loc, name), value) for name, value in _inner(one)]
        if references > MOST_REFERENCES:
            message = f"holds more than {MOST_REFERENCES:,} references, or literal {REFERENCE}: part it"
            return Complaint((), "too-large", message)
        if size > LARGEST_JOB:
            message = f"holds more than {LARGEST_JOB // 1024**2} MiB of text: let the target fetch what it needs"
            return Complaint((), "too-large", message)
    return None


def _inner(values: Any) -> Iterable[tuple[str | int, Any]]:
    return values.items() if isinstance(values, dict) else enumerate(values)
