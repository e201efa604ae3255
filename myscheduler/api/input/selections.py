"""Reads the bodies of bulk operations: which jobs, and what is done with them."""

from collections.abc import Iterator, Mapping
from typing import Any

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.bodies import check_fields
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.selection import HIDDEN, Selection, is_hidden
from myscheduler.messages.message import said

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
        yield Complaint((), "missing-selection", said("selection-missing-of", known=", ".join(SELECTORS)))
    yield from (
        Complaint((name,), "invalid-value", said("selector-empty"))
        for name in SELECTORS
        if body.get(name) is not None and not (body[name].strip() if name == "q" else body[name])
    )
    if labels is not None and not (len(labels) <= MOST_LABELS and all(map(_is_short, [*labels, *labels.values()]))):
        message = said("labels-too-many", most=MOST_LABELS, longest=LONGEST)
        yield Complaint(("labels",), "invalid-value", message)
    elif labels is not None and any(map(is_hidden, labels.values())):
        yield Complaint(("labels",), "invalid-value", HIDDEN)
    if ids is not None and not (len(ids) <= MOST_IDS and all(map(_is_short, ids))):
        message = said("ids-too-many", most=MOST_IDS, longest=LONGEST)
        yield Complaint(("ids",), "invalid-value", message)
    if text is not None and not _is_short(text):
        yield Complaint(("q",), "invalid-value", said("not-a-short-text", longest=LONGEST))


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and value.isprintable()
