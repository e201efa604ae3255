"""The check of values against schemas, compared with that of the jsonschema library."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from myscheduler.core.contract.call import Unknown
from myscheduler.core.contract.document import Contract, Part, read_contract
from myscheduler.core.contract.schemas import faults_of
from myscheduler.core.findings.problem import Place
from myscheduler.core.manifest.declared import ContractFile
from myscheduler.core.source.snapshot import SourceFile

NAMES = st.sampled_from(["a", "b", "c"])
SIZES = st.integers(0, 3)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, 2.5]), st.sampled_from(["", "a", "ab"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
REFERENCE = {"$ref": "#/components/schemas/list"}
LIST = {"type": ["array", "null"], "items": REFERENCE}
"""A schema that contains itself."""


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "minimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "minLength": SIZES,
            "maxLength": SIZES,
            "minItems": SIZES,
            "maxItems": SIZES,
            "uniqueItems": st.booleans(),
            "maxProperties": SIZES,
            "required": st.lists(NAMES, max_size=2, unique=True),
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "additionalProperties": inner,
            "propertyNames": st.sampled_from([{"enum": ["a", "b"]}, {"maxLength": 0}]),
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), max_size=1),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=3),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    )


SCHEMAS = st.recursive(st.one_of(st.booleans(), st.just(REFERENCE)), _schemas, max_leaves=4)


def contract_with(schema: Any, version: str = "3.1.0") -> Contract:
    whole = {"openapi": version, "paths": {}, "components": {"schemas": {"x": schema, "list": LIST}}}
    file = SourceFile.of("a.json", json.dumps(whole).encode())
    contract, problems = read_contract(ContractFile(file, Place("targets.yaml", 1, 1)))
    assert problems == ()
    assert contract is not None
    return contract


def is_valid(schema: Any, value: Any, version: str = "3.1.0") -> bool:
    return not faults_of(contract_with(schema, version), value, Part(schema, ("components", "schemas", "x")))


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, VALUES)
@example({"enum": [True, 1.5]}, 1)
@example({"const": [1]}, [1.0])
@example({"uniqueItems": True}, [1, True, 1.0])
@example({"contains": {"type": "string"}}, [])
@example({"oneOf": [{}, {"type": "string"}]}, "a")
@example({"if": {"required": ["a"]}, "else": False}, [])
def test_it_agrees_with_the_library(schema: Any, value: Any) -> None:
    whole = {"components": {"schemas": {"x": schema, "list": LIST}}, "$ref": "#/components/schemas/x"}
    assert is_valid(schema, value) == Draft202012Validator(whole).is_valid(value)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, VALUES, st.data())
def test_what_is_not_known_makes_no_valid_value_wrong(schema: Any, value: Any, data: st.DataObject) -> None:
    """Any scalar may be unknown before a call: as long as some value in its place is valid, there is no fault."""

    def hidden(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: hidden(one) for name, one in part.items()}
        if isinstance(part, list):
            return [hidden(one) for one in part]
        if isinstance(part, str) and data.draw(st.booleans()):
            return data.draw(st.sampled_from(list(Unknown)[:2]))
        return Unknown.VALUE if isinstance(part, int | float) and data.draw(st.booleans()) else part

    if is_valid(schema, value):
        assert is_valid(schema, hidden(value))


def test_openapi_3_0_has_its_own_keywords() -> None:
    nullable = {"type": "string", "nullable": True, "enum": ["a"]}
    assert is_valid(nullable, None, "3.0.3")
    assert not is_valid(nullable, None)
    above = {"minimum": 1, "exclusiveMinimum": True}
    assert [is_valid(above, value, "3.0.3") for value in (1, 2)] == [False, True]
    beside = {"$ref": "#/components/schemas/list", "maxItems": 0}
    assert is_valid(beside, [None], "3.0.3")  # what stands beside a reference doesn't count
    assert not is_valid(beside, [None])


def test_what_only_answers_have_is_not_required() -> None:
    schema = {"required": ["id", "a"], "properties": {"id": {"readOnly": True}, "a": {}}}
    assert is_valid(schema, {"a": 1})
    assert not is_valid(schema, {"id": 1})


def test_a_fault_is_that_of_the_alternative_that_is_meant() -> None:
    schema = {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"type": "integer"}}}]}
    (fault,) = faults_of(contract_with(schema), {"a": "x"}, Part(schema, ("x",)))
    assert (fault.loc, fault.at) == (("a",), ("x", "anyOf", 1, "properties", "a", "type"))
