"""Reads the bodies of bulk operations: which jobs, and what is done with them."""

from collections.abc import Iterator, Mapping
from typing import Any

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import check_fields
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.selection import Selection

SELECTORS: Mapping[str, type] = {"labels": dict, "ids": list, "q": str}
"""The keys that select jobs."""
MOST_LABELS = 20
MOST_IDS = 500
LONGEST = 255
"""Characters of an id, of a pattern of ids, of a label and of a text."""


def selects(body: Mapping[str, Any]) -> bool:
    """Whether the body has a key that selects jobs."""
    return bool(SELECTORS.keys() & body.keys())


def read_bulk(body: Mapping[str, Any], kinds: Mapping[str, type]) -> tuple[Selection, bool, dict[str, Any]]:
    """The selected jobs, whether nothing is to be done (`dry_run`), and the other keys, which have to be in `kinds`."""
    check_fields(body, {**SELECTORS, "dry_run": bool, **kinds})
    complaints = list(_complaints(body))
    if complaints:
        raise InvalidInputError(complaints)
    selection = Selection(body.get("labels") or {}, tuple(body.get("ids") or ()), body.get("q"))
    return selection, bool(body.get("dry_run")), {name: body[name] for name in kinds if name in body}


def _complaints(body: Mapping[str, Any]) -> Iterator[Complaint]:
    labels, ids, text = (body.get(name) for name in SELECTORS)
    if labels is None and ids is None and text is None:
        yield Complaint((), "missing-selection", f"name the jobs by one or several of {', '.join(SELECTORS)}")
    yield from (
        Complaint((name,), "invalid-value", "is empty: leave it out, or select jobs")
        for name in SELECTORS
        if body.get(name) is not None and not (body[name].strip() if name == "q" else body[name])
    )
    if labels is not None and not (len(labels) <= MOST_LABELS and all(map(_is_short, [*labels, *labels.values()]))):
        message = f"has to have at most {MOST_LABELS} labels with text values of at most {LONGEST} characters"
        yield Complaint(("labels",), "invalid-value", message)
    if ids is not None and not (len(ids) <= MOST_IDS and all(map(_is_short, ids))):
        message = f"has to be a list of at most {MOST_IDS} texts of at most {LONGEST} characters"
        yield Complaint(("ids",), "invalid-value", message)
    if text is not None and not _is_short(text):
        yield Complaint(("q",), "invalid-value", f"is longer than {LONGEST} characters")


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and value.isprintable()
