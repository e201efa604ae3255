"""Turns the field `expect` into the expectations that it declares."""

from collections.abc import Iterator
from typing import Any, get_args

from myscheduler.core.calls.matching import is_number, pointer_fault
from myscheduler.core.findings.problem import Complaint, Loc, did_you_mean, shown
from myscheduler.core.job.expect import USUAL_EXPECT, At, Expect, Operator, matchers_from_json
from myscheduler.core.manifest.expect_fields import LONGEST_TEXT, MOST_TEXTS, MOST_VALUES, ExpectFields
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.retry_field import status_faults
from myscheduler.core.statuses import read_statuses
from myscheduler.messages.message import said

_OPERATORS = get_args(Operator)
_OF_LENGTHS = ("equals", "not", "in", "gt", "gte", "lt", "lte")


def expect_faults(fields: JobFields) -> Iterator[Complaint]:
    """What is wrong with `expect` beyond the shapes of its values."""
    if fields.expect is None:
        return
    yield from status_faults(("expect", "status"), fields.expect.status or ())
    for pointer, written in (fields.expect.json_ or {}).items():
        loc = ("expect", "json", pointer)
        if pointer_fault(pointer):
            yield Complaint(loc, "invalid-value", said("not-a-pointer", value=shown(pointer)), at_key=True)
        elif isinstance(written, dict):
            yield from matchers_faults(loc, written)
    if not _are_texts(fields.expect.body_contains):
        message = said("body-contains-forms", most=MOST_TEXTS, longest=LONGEST_TEXT)
        yield Complaint(("expect", "body_contains"), "invalid-value", message)


def matchers_faults(loc: Loc, written: dict[str, Any]) -> Iterator[Complaint]:
    """What is wrong with an object of matchers."""
    yield from _matcher_faults(loc, written, _OPERATORS)


def _matcher_faults(loc: Loc, written: dict[str, Any], known: tuple[str, ...]) -> Iterator[Complaint]:
    if not written:
        yield Complaint(loc, "invalid-value", said("matcher-empty", known=", ".join(known)))
    for operator, wanted in written.items():
        if operator not in known:
            message = said(
                "matcher-unknown", name=shown(operator), known=", ".join(known), hint=did_you_mean(operator, known)
            )
            yield Complaint((*loc, operator), "unknown-key", message, at_key=True)
        elif operator == "length" and isinstance(wanted, dict):
            yield from _matcher_faults((*loc, operator), wanted, _OF_LENGTHS)
        elif not _fits(operator, wanted):
            yield Complaint((*loc, operator), "invalid-value", said(_FORMS.get(operator, "matcher-number")))


_FORMS = {"in": "matcher-list", "exists": "matcher-boolean", "contains": "matcher-plain"}


def _fits(operator: str, wanted: Any) -> bool:
    match operator:
        case "equals" | "not":
            return True
        case "in":
            return isinstance(wanted, list) and 0 < len(wanted) <= MOST_VALUES
        case "exists":
            return isinstance(wanted, bool)
        case "contains":
            return not isinstance(wanted, dict | list)
        case _:
            return is_number(wanted)


def _are_texts(written: Any) -> bool:
    if written is None:
        return True
    texts = written if isinstance(written, list) else [written]
    return 0 < len(texts) <= MOST_TEXTS and all(isinstance(one, str) and 0 < len(one) <= LONGEST_TEXT for one in texts)


def declared_expect(fields: ExpectFields) -> Expect:
    """The expectations; `fields` have no fault."""
    contains = fields.body_contains or ()
    return Expect(
        read_statuses(fields.status) if fields.status else USUAL_EXPECT.statuses,
        tuple(At(pointer, matchers_from_json(one)) for pointer, one in (fields.json_ or {}).items()),
        (contains,) if isinstance(contains, str) else tuple(contains),
        fields.max_duration_ms,
    )
