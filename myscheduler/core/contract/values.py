"""Checks single values against the keywords of a schema that need no other schema: types and limits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from operator import gt, lt
from typing import Any

from myscheduler.core.contract.call import Unknown
from myscheduler.core.contract.document import Part
from myscheduler.core.findings.problem import Loc, shown
from myscheduler.messages.message import said

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is certainly wrong with a value."""

    loc: Loc
    """The keys and indexes that lead to the wrong part of the value."""
    at: Loc
    """Those that lead to the keyword in the document."""
    message: str


def types_in(written: Any) -> list[str]:
    """The known names of types; a list with an unknown one says nothing."""
    named = written if isinstance(written, list) else [written]
    return named if all(isinstance(one, str) and one in _TYPES for one in named) else []


def is_of_type(value: Any, kind: str) -> bool:
    if value is Unknown.TEXT:
        return kind == "string"
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


_SIZES: Mapping[str, tuple[tuple[type, ...], Callable[[Any, Any], bool], str]] = {
    "minimum": ((int, float), lt, "contract-minimum"),
    "maximum": ((int, float), gt, "contract-maximum"),
    "exclusiveMinimum": ((int, float), lt, "contract-above"),
    "exclusiveMaximum": ((int, float), gt, "contract-below"),
    "minLength": ((str,), lt, "contract-min-length"),
    "maxLength": ((str,), gt, "contract-max-length"),
    "minItems": ((list,), lt, "contract-min-items"),
    "maxItems": ((list,), gt, "contract-max-items"),
    "minProperties": ((dict,), lt, "contract-min-properties"),
    "maxProperties": ((dict,), gt, "contract-max-properties"),
}
"""By keyword: what it is about, what compares as wrong with the limit, and the message."""
_EXCLUDING = {"minimum": "contract-above", "maximum": "contract-below"}
"""The messages where OpenAPI 3.0 excludes the limit itself."""
LIMITS = frozenset({*_SIZES, "multipleOf"})


def limit_faults(value: Any, part: Part, loc: Loc) -> Iterator[Fault]:
    """Limits of a number, of the length of a text, and of the number of items and properties."""
    schema = part.value
    for keyword, (kinds, is_outside, code) in _SIZES.items():
        limit = schema.get(keyword)
        if _is_number(limit) and isinstance(value, kinds) and not isinstance(value, bool):
            size = _size(value)
            is_excluded = _excludes(schema, keyword)
            if is_outside(size, limit) or (is_excluded and size == limit):
                told = _EXCLUDING.get(keyword, code) if is_excluded else code
                yield Fault(loc, (*part.loc, keyword), said(told, limit=shown(limit)))
    step = schema.get("multipleOf")
    if _is_number(step) and step > 0 and _is_number(value) and not _is_multiple(value, step):
        yield Fault(loc, (*part.loc, "multipleOf"), said("contract-multiple", step=shown(step)))


def _size(value: Any) -> float:
    """The number itself, or the length."""
    return value if isinstance(value, int | float) else len(value)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and (isinstance(value, int) or isfinite(value))
    )


def _excludes(schema: dict[str, Any], keyword: str) -> bool:
    """Whether the limit itself is wrong; in OpenAPI 3.0, `exclusiveMinimum: true` stands beside `minimum`."""
    return keyword.startswith("exclusive") or schema.get(f"exclusive{keyword[:1].upper()}{keyword[1:]}") is True


def _is_multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    try:
        quotient = value / step
    except OverflowError:
        return True
    return abs(quotient - round(quotient)) < 1e-9 if isfinite(quotient) else True  # 0.3 is a multiple of 0.1


def has_unknown(value: Any) -> bool:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, Unknown):
            return True
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False


def key_of(value: Any) -> str:
    """A text that two values share only if JSON Schema takes them as equal: 1 and 1.0 are, 1 and true are not."""
    match value:
        case bool() | None:
            return repr(value)
        case float() if value.is_integer():
            return repr(int(value))
        case dict():
            return "{" + ",".join(sorted(f"{name!r}:{key_of(one)}" for name, one in value.items())) + "}"
        case list():
            return "[" + ",".join(map(key_of, value)) + "]"
        case _:
            return repr(value)
