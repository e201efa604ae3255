"""Checks the query and the headers of a call, and the values in its path."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from myscheduler.core.contract.call import HOLE, Call
from myscheduler.core.contract.document import Contract, Part
from myscheduler.core.contract.finding import Finding, too_much
from myscheduler.core.contract.operations import Operation
from myscheduler.core.contract.schemas import TooMuchWorkError, faults_of
from myscheduler.core.contract.values import Fault
from myscheduler.core.findings.problem import Severity, did_you_mean, shown
from myscheduler.messages.message import said

MOST_COMPARED = 200
_SENT = frozenset({"host", "content-length", "user-agent", "idempotency-key", "traceparent"})
"""Headers that the scheduler or its HTTP client sets, if the job doesn't."""
_SENT_PREFIX = "x-myscheduler-"
_OUTSIDE = frozenset({"accept", "content-type", "authorization"})
"""Headers that OpenAPI describes elsewhere: parameters with these names are to be ignored."""
_CONSTANTS: Mapping[str, bool] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    part: Part
    schema: Part | None
    is_required: bool
    is_object: bool
    """Its properties are several parameters, whose names and values are not checked."""
    is_deep: bool
    """Their names are `name[property]`."""


def parameter_findings(contract: Contract, operation: Operation, call: Call) -> Iterator[Finding]:
    known = _parameters(contract, operation)
    for (place, name), one in known.items():
        if place == "query":
            yield from _about_query(contract, one, call)
        elif place == "header" and name not in _OUTSIDE:
            yield from _about_header(contract, one, call)
        elif place == "path":
            values = [text for own, text in operation.values if own == one.name]
            yield from _about_value(contract, one, values, ("path",))
    yield from _unknown(contract, operation, call, known)


def _parameters(contract: Contract, operation: Operation) -> dict[tuple[str, str], _Parameter]:
    """By place and name; those of the operation replace those of its path."""
    found: dict[tuple[str, str], _Parameter] = {}
    for around in (operation.item, operation.part):
        for part in contract.items(contract.get(around, "parameters")):
            name, place = (part.value.get(key) if isinstance(part.value, dict) else None for key in ("name", "in"))
            if isinstance(name, str) and isinstance(place, str):
                key = name.lower() if place == "header" else name
                found[place, key] = _parameter(contract, part, name)
    return found


def _parameter(contract: Contract, part: Part, name: str) -> _Parameter:
    schema = contract.get(part, "schema")
    is_object = (
        schema is not None
        and isinstance(schema.value, dict)
        and (schema.value.get("type") == "object" or "properties" in schema.value)
    )
    is_deep = part.value.get("style") == "deepObject"
    is_split = is_object and part.value.get("explode", part.value.get("style", "form") == "form") is True
    return _Parameter(name, part, schema, part.value.get("required") is True, is_split or is_deep, is_deep)


def _about_query(contract: Contract, one: _Parameter, call: Call) -> Iterator[Finding]:
    values = [value for name, value in call.query if name == one.name]
    if one.is_object or any(HOLE in name for name, _ in call.query):
        return
    if values:
        yield from _about_value(contract, one, values, ("query", one.name))
    elif one.is_required:
        message = said("contract-query-missing", name=shown(one.name))
        yield Finding(("query", one.name), "contract-parameter", message, one.part.loc)


def _about_header(contract: Contract, one: _Parameter, call: Call) -> Iterator[Finding]:
    name = one.name.lower()
    values = call.headers.get(name, ())
    if values:
        yield from _about_value(contract, one, list(values), ("headers", one.name))
    elif one.is_required and name not in _SENT and not name.startswith(_SENT_PREFIX):
        message = said("contract-header-missing", name=shown(one.name))
        yield Finding(("headers", one.name), "contract-parameter", message, one.part.loc)


def _about_value(contract: Contract, one: _Parameter, values: list[str], loc: tuple[str, ...]) -> Iterator[Finding]:
    """The texts have to mean a value of the schema in one of the ways in which a server may read them."""
    if one.schema is None or one.is_object or not values or any(HOLE in value for value in values):
        return
    try:
        fault = _fault(contract, one, one.schema, values)
    except TooMuchWorkError:
        yield too_much(loc, one.schema.loc)
        return
    if fault is not None:
        message = said("contract-parameter-value", name=shown(one.name), why=fault.message)
        yield Finding(loc, "contract-parameter", message, fault.at)


def _fault(contract: Contract, one: _Parameter, schema: Part, values: list[str]) -> Fault | None:
    """What is wrong with the texts, however they are read; `None` if there is a way in which they are right."""
    first: Fault | None = None
    for reading in _readings(values, is_split=one.part.value.get("explode") is False):
        found = faults_of(contract, reading, schema)
        if not found:
            return None
        if first is None or (first.at[-1:] == ("type",) and found[0].at[-1:] != ("type",)):
            first = found[0]
    return first


def _readings(values: list[str], *, is_split: bool) -> Iterator[Any]:
    """The texts as JSON values: one or a list, as texts, and as numbers and constants."""
    if len(values) == 1:
        yield values[0]
        if (read := _read(values[0])) != values[0]:
            yield read
    items = values[0].split(",") if len(values) == 1 and is_split else values
    yield items
    yield [_read(one) for one in items]


def _read(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) <= 30 and text.isascii() and not {"_", "n", "N", " "} & set(text):  # nan, inf, 1_000
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def _unknown(
    contract: Contract, operation: Operation, call: Call, known: Mapping[tuple[str, str], _Parameter]
) -> Iterator[Finding]:
    """Parameters of the query that the document doesn't describe."""
    ones = [one for (place, _), one in known.items() if place == "query"]
    if any(one.is_object and not one.is_deep for one in ones):
        return
    names = {one.name for one in ones} | _of_schemes(contract)
    deep = tuple(f"{one.name}[" for one in ones if one.is_deep)
    seen: set[str] = set()
    for name, _ in call.query:
        if name in names or name in seen or HOLE in name or (deep and name.startswith(deep)):
            continue
        seen.add(name)
        hint = did_you_mean(name, sorted(names)[:MOST_COMPARED])
        message = said("contract-query-unknown", name=shown(name), hint=hint)
        yield Finding(("query", name), "contract-undescribed", message, operation.part.loc, Severity.WARNING)


def _of_schemes(contract: Contract) -> set[str]:
    """The parameters of the query that hold API keys."""
    schemes = contract.entries(contract.get(contract.root, "components", "securitySchemes"))
    values = (one.value for _, one in schemes if isinstance(one.value, dict))
    return {one["name"] for one in values if one.get("in") == "query" and isinstance(one.get("name"), str)}
