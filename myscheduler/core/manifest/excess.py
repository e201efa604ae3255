"""Checks whether a job is too large to be checked any further."""

from collections.abc import Iterable, Mapping
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
from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.messages.message import said

_HOLDERS = (dict, list, tuple)


def excess(values: Mapping[str, Any]) -> Complaint | None:
    """The first limit that the job exceeds, or `None`. Stops at the limits, and does not recurse."""
    left: list[tuple[Loc, Any]] = [((), values)]
    count = size = references = 0
    while left:
        loc, holder = left.pop()
        count += len(holder)
        if len(loc) > DEEPEST or count > MOST_VALUES:
            return Complaint((), "too-large", _too_many(len(loc)))
        for name, value in _inner(holder):
            if isinstance(name, str):
                size += len(name)
            if isinstance(value, str):
                size += len(value)
                references += value.count(REFERENCE)
            elif isinstance(value, _HOLDERS):
                left.append(((*loc, name), value))
            elif isinstance(value, int) and not -TOO_LONG < value < TOO_LONG:
                message = said("number-too-long", most=LONGEST_NUMBER)
                return Complaint((*loc, name), "too-large", message)
        if references > MOST_REFERENCES or size > LARGEST_JOB:
            return Complaint((), "too-large", _too_much(references))
    return None


def _too_many(depth: int) -> str:
    if depth > DEEPEST:
        return said("too-deep", most=DEEPEST)
    return said("too-many-values", most=MOST_VALUES)


def _too_much(references: int) -> str:
    if references > MOST_REFERENCES:
        return said("too-many-references", most=MOST_REFERENCES, reference=REFERENCE)
    return said("too-much-text", mib=LARGEST_JOB // 1024**2)


def _inner(values: Any) -> Iterable[tuple[str | int, Any]]:
    return values.items() if isinstance(values, dict) else enumerate(values)
