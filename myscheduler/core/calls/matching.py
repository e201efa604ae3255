"""Judges JSON values by the matchers of a job."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, assert_never

from myscheduler.core.job.expect import At, Matcher, Operator

MISSING = object()
"""In place of a value that is not there."""
SHOWN = 80
"""The most characters of a value in a message."""

_POINTER = re.compile(r"(/([^/~\x00-\x1f\x7f-\x9f]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def value_at(document: Any, pointer: str) -> Any:
    """The value at a JSON Pointer (RFC 6901), or `MISSING`."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and _INDEX.fullmatch(key) and int(key) < len(document):
            document = document[int(key)]
        else:
            return MISSING
    return document


def unmet(document: Any, places: Iterable[At]) -> tuple[str, Any, Matcher] | None:
    """The first condition that the document does not meet: the pointer, the value there, and the matcher."""
    for place in places:
        value = value_at(document, place.pointer)
        for matcher in place.matchers:
            if not matches(value, matcher):
                return place.pointer, value, matcher
    return None


def matches(value: Any, matcher: Matcher) -> bool:
    """Whether the value meets the condition. One that is `MISSING` meets only `exists: false`; values of other types
    than the operator is for meet nothing, so `"2"` is not greater than 1.
    """
    wanted = matcher.wanted
    if matcher.operator == "exists":
        return (value is not MISSING) is wanted
    if value is MISSING:
        return False
    match matcher.operator:
        case "equals":
            return is_same(value, wanted)
        case "not":
            return not is_same(value, wanted)
        case "in":
            return any(is_same(value, one) for one in wanted)
        case "gt" | "gte" | "lt" | "lte":
            return is_number(value) and _COMPARED[matcher.operator](value, wanted)
        case "contains":
            return _contains(value, wanted)
        case "length":
            return isinstance(value, str | list | dict) and all(matches(len(value), one) for one in wanted)
        case _:
            assert_never(matcher.operator)


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. Python takes `True` for 1."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(is_same(value, other[key]) for key, value in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(is_same, one, other))
        case _:
            return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "gt": lambda value, wanted: value > wanted,
    "gte": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "lte": lambda value, wanted: value <= wanted,
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _contains(value: Any, wanted: Any) -> bool:
    match value:
        case str():
            return isinstance(wanted, str) and wanted in value
        case list():
            return any(is_same(one, wanted) for one in value)
        case dict():
            return isinstance(wanted, str) and wanted in value
        case _:
            return False


_SIGNS: Mapping[Operator, str] = {
    "equals": "=", "not": "!=", "in": "in", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "contains": "contains",
}  # fmt: skip


def in_signs(matcher: Matcher) -> str:
    """The condition in a form that needs no language: `> 0`, `= "ok"`, `length >= 1`, `exists`."""
    if matcher.operator == "exists":
        return "exists" if matcher.wanted else "not exists"
    if matcher.operator == "length":
        return f"length {' '.join(map(in_signs, matcher.wanted))}"
    return f"{_SIGNS[matcher.operator]} {as_text(matcher.wanted)}"


def as_text(value: Any) -> str:
    """The value as JSON, without the end of a long one."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def pointer_fault(pointer: str) -> bool:
    """Whether the text is not a JSON Pointer, or names keys with control characters."""
    return _POINTER.fullmatch(pointer) is None
