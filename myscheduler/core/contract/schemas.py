"""Checks values against the schemas of an OpenAPI document, without ever running anything that the document chooses.

The keywords of JSON Schema 2020-12 and of OpenAPI 3.0 are followed that say something about what a caller has to send.
A `pattern` is not evaluated, because it may take forever; neither are formats, nor `unevaluatedProperties` and
`unevaluatedItems`. What can't be decided, by them or because a value is known only at a call, is no fault: neither of
the value nor of what stands in a `not`. The work for one value is limited (see decision 0053).
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from myscheduler.core.contract.call import Unknown
from myscheduler.core.contract.document import Contract, Part, reference_of
from myscheduler.core.contract.values import LIMITS, Fault, has_unknown, is_of_type, key_of, limit_faults, types_in
from myscheduler.core.findings.problem import Loc, cut, did_you_mean, shown
from myscheduler.messages.message import said

MOST_WORK = 100_000
"""Keywords and entries that are looked at for one value."""
DEEPEST_SCHEMA = 150
"""Schemas within each other, references counted."""
MOST_FAULTS = 10
"""Faults of one value that are reported."""
MOST_SHOWN = 10
"""Values that a message lists."""
MOST_COMPARED = 50
"""Up to this many properties, an unknown one is compared with their names to suggest one."""
LONGEST_LIST = 200
"""Characters of such a list."""


class TooMuchWorkError(Exception):
    """The schema takes too much work to compare a value with it."""


def faults_of(contract: Contract, value: Any, schema: Part) -> list[Fault]:
    """What is wrong with the value. Raises `TooMuchWorkError`."""
    try:
        return _Checking(contract).check(value, schema, (), 0)[:MOST_FAULTS]
    except RecursionError as error:
        raise TooMuchWorkError from error


class _Checking:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._work = 0
        self._doubts = 0
        """How often something could not be decided."""
        self._allowed: dict[Loc, frozenset[str]] = {}
        """The values of each `enum` that was looked at, as `key_of` writes them."""

    def check(self, value: Any, part: Part, loc: Loc, depth: int) -> list[Fault]:
        if depth > DEEPEST_SCHEMA:
            raise TooMuchWorkError
        schema = part.value
        if schema is False:
            return [Fault(loc, part.loc, said("contract-nothing-allowed"))]
        if not isinstance(schema, dict):
            return []
        self._count(1 + len(schema))
        reference = reference_of(schema)
        found = []
        if reference is not None:
            target = self._contract.target(reference)
            if target is None:
                self._doubts += 1
            else:
                found += self.check(value, target, loc, depth + 1)
            if self._contract.is_3_0:
                return found
        if value is None and self._contract.is_3_0 and schema.get("nullable") is True:
            return found
        found += self._own(value, part, loc)
        found += self._of_parts(value, part, loc, depth)
        found += self._combined(value, part, loc, depth)
        found += self._conditional(value, part, loc, depth)
        return found

    def _count(self, work: int) -> None:
        self._work += work
        if self._work > MOST_WORK:
            raise TooMuchWorkError

    def _keys(self, allowed: list[Any], at: Loc) -> frozenset[str]:
        if at not in self._allowed:
            self._count(len(allowed))
            self._allowed[at] = frozenset(map(key_of, allowed))
        return self._allowed[at]

    def _own(self, value: Any, part: Part, loc: Loc) -> Iterator[Fault]:
        """The keywords about the value itself."""
        schema = part.value
        self._doubts += not _UNDECIDED.isdisjoint(schema)
        if (named := types_in(schema.get("type"))) and not any(is_of_type(value, one) for one in named):
            if isinstance(value, Unknown) and value is not Unknown.TEXT:
                self._doubts += 1
            else:
                yield Fault(loc, (*part.loc, "type"), said("contract-type", types=named))
                return
        if "enum" in schema or "const" in schema:
            yield from self._of_few(value, part, loc)
        if isinstance(value, Unknown):
            self._doubts += not LIMITS.isdisjoint(schema)
            return
        yield from limit_faults(value, part, loc)
        if schema.get("uniqueItems") is True and isinstance(value, list):
            yield from self._unique(value, part, loc)

    def _of_few(self, value: Any, part: Part, loc: Loc) -> Iterator[Fault]:
        """The keywords that list what is allowed."""
        if has_unknown(value):
            self._doubts += 1
            return
        allowed, key = part.value.get("enum"), key_of(value)
        if isinstance(allowed, list) and key not in self._keys(allowed, (*part.loc, "enum")):
            yield Fault(loc, (*part.loc, "enum"), said("contract-enum", known=_listed(allowed)))
        if "const" in part.value and key not in self._keys([part.value["const"]], (*part.loc, "const")):
            message = said("contract-const", value=shown(part.value["const"]))
            yield Fault(loc, (*part.loc, "const"), message)

    def _unique(self, value: list[Any], part: Part, loc: Loc) -> Iterator[Fault]:
        seen: set[str] = set()
        for index, one in enumerate(value):
            if has_unknown(one):
                self._doubts += 1
                continue
            key = key_of(one)
            if key in seen:
                yield Fault((*loc, index), (*part.loc, "uniqueItems"), said("contract-unique"))
            seen.add(key)

    def _of_parts(self, value: Any, part: Part, loc: Loc, depth: int) -> Iterator[Fault]:
        """The keywords about entries of an object and items of a list."""
        if isinstance(value, dict):
            yield from self._of_object(value, part, loc, depth)
        elif isinstance(value, list):
            yield from self._of_list(value, part, loc, depth)
        elif isinstance(value, Unknown):
            self._doubts += 1

    def _of_object(self, value: dict[str, Any], part: Part, loc: Loc, depth: int) -> Iterator[Fault]:
        properties = part.entry("properties")
        known = properties.value if properties is not None and isinstance(properties.value, dict) else {}
        yield from self._missing(value, part, properties, loc)
        rest = part.entry("additionalProperties")
        if rest is not None and "patternProperties" in part.value:
            rest = None  # it is not known which names the patterns match
        names = part.entry("propertyNames")
        for name, one in value.items():
            below = properties.entry(name) if properties is not None else None
            if below is not None:
                yield from self.check(one, below, (*loc, name), depth + 1)
            elif rest is not None and rest.value is False:
                yield Fault((*loc, name), rest.loc, _unknown_property(name, known))
            elif rest is not None:
                yield from self.check(one, rest, (*loc, name), depth + 1)
            if names is not None and self.check(name, names, (), depth + 1):
                yield Fault((*loc, name), names.loc, said("contract-property-name"))

    def _missing(self, value: dict[str, Any], part: Part, properties: Part | None, loc: Loc) -> Iterator[Fault]:
        """Properties that are required, always or beside others."""
        required = part.value.get("required")
        for name in required if isinstance(required, list) else ():
            self._count(1)
            if isinstance(name, str) and name not in value and not self._is_read_only(properties, name):
                yield Fault(loc, (*part.loc, "required"), said("contract-property-missing", name=shown(name)))
        needed = part.entry("dependentRequired")
        if needed is None or not isinstance(needed.value, dict):
            return
        for name, others in needed.value.items():
            self._count(1)
            if name in value and isinstance(others, list):
                self._count(len(others))
                missing = next((one for one in others if isinstance(one, str) and one not in value), None)
                if missing is not None:
                    yield Fault(loc, needed.loc, said("contract-property-missing", name=shown(missing)))

    def _is_read_only(self, properties: Part | None, name: str) -> bool:
        """Whether a property appears in answers only: then `required` doesn't ask callers for it."""
        found = self._contract.get(properties, name) if properties is not None else None
        return found is not None and isinstance(found.value, dict) and found.value.get("readOnly") is True

    def _of_list(self, value: list[Any], part: Part, loc: Loc, depth: int) -> Iterator[Fault]:
        first = part.entry("prefixItems")
        ahead = len(first.value) if first is not None and isinstance(first.value, list) else 0
        rest = part.entry("items")
        for index, one in enumerate(value):
            below = first.entry(index) if first is not None and index < ahead else rest
            if below is not None:
                yield from self.check(one, below, (*loc, index), depth + 1)
        wanted = part.entry("contains")
        if wanted is not None and part.value.get("minContains", 1) == 1:
            self._count(len(value))
            if all(self.check(one, wanted, (), depth + 1) for one in value):
                yield Fault(loc, wanted.loc, said("contract-contains"))

    def _combined(self, value: Any, part: Part, loc: Loc, depth: int) -> Iterator[Fault]:
        """The keywords that combine schemas."""
        for one in self._branches(part, "allOf"):
            yield from self.check(value, one, loc, depth + 1)
        if branches := self._branches(part, "anyOf"):
            tried = []
            for one in branches:
                tried.append(self.check(value, one, loc, depth + 1))
                if not tried[-1]:
                    break
            else:
                yield from _nearest(tried, loc, (*part.loc, "anyOf"))
        if branches := self._branches(part, "oneOf"):
            verdicts = [self._verdict(value, one, loc, depth) for one in branches]
            if all(found for found, _ in verdicts):
                yield from _nearest([found for found, _ in verdicts], loc, (*part.loc, "oneOf"))
            elif sum(is_valid for _, is_valid in verdicts) > 1:
                yield Fault(loc, (*part.loc, "oneOf"), said("contract-several-alternatives"))

    def _conditional(self, value: Any, part: Part, loc: Loc, depth: int) -> Iterator[Fault]:
        """The keywords for which it matters whether a value is certainly valid."""
        refused = part.entry("not")
        if refused is not None and self._verdict(value, refused, loc, depth)[1]:
            yield Fault(loc, refused.loc, said("contract-not-allowed"))
        condition = part.entry("if")
        if condition is not None:
            found, is_valid = self._verdict(value, condition, loc, depth)
            below = part.entry("then") if is_valid else part.entry("else") if found else None
            if below is not None:
                yield from self.check(value, below, loc, depth + 1)

    def _branches(self, part: Part, keyword: str) -> list[Part]:
        found = part.value.get(keyword)
        if not isinstance(found, list):
            return []
        return [Part(one, (*part.loc, keyword, index)) for index, one in enumerate(found)]

    def _verdict(self, value: Any, part: Part, loc: Loc, depth: int) -> tuple[list[Fault], bool]:
        """The faults, and whether there are certainly none."""
        before = self._doubts
        found = self.check(value, part, loc, depth + 1)
        return found, not found and self._doubts == before


_UNDECIDED = frozenset({
    "pattern", "patternProperties", "format", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef",
    "dependentSchemas", "maxContains", "contentSchema",
})  # fmt: skip
"""Keywords that are not evaluated."""


def _unknown_property(name: str, known: dict[str, Any]) -> str:
    hint: str = did_you_mean(name, known) if len(known) <= MOST_COMPARED else ""
    if not hint and known:
        hint = said("contract-properties", known=_listed(known))
    return said("contract-property-unknown", hint=hint)


def _listed(values: Iterable[Any]) -> str:
    return cut(", ".join(str(shown(one)) for one in islice(values, MOST_SHOWN)), LONGEST_LIST)


def _nearest(tried: list[list[Fault]], loc: Loc, at: Loc) -> list[Fault]:
    """What is wrong with the alternative that is meant, if that is clear: only one accepts the value's own type."""
    meant = [found for found in tried if all(len(one.loc) > len(loc) for one in found)]
    meant = meant or [found for found in tried if not any(one.loc == loc and one.at[-1:] == ("type",) for one in found)]
    return meant[0] if len(meant) == 1 else [Fault(loc, at, said("contract-no-alternative"))]
