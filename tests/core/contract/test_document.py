"""What is said about documents that can't be used, and that hostile ones cost a bounded amount of work."""

import json
from typing import Any

import pytest

from myscheduler.core.contract.document import Contract, Part, read_contract
from myscheduler.core.contract.operations import NoPath, Operation, Paths
from myscheduler.core.contract.schemas import MOST_WORK, TooMuchWorkError, faults_of
from myscheduler.core.findings.problem import Place
from myscheduler.core.manifest.declared import ContractFile
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile

AT = Place("targets.yaml", 3, 12)


def read(content: str | bytes, path: str = "a.yaml") -> tuple[Contract | None, list[str]]:
    written = content if isinstance(content, bytes) else content.encode()
    contract, problems = read_contract(ContractFile(SourceFile.of(path, written), AT))
    assert {one.related for one in problems} <= {AT}
    return contract, [str(one).replace(f" (see {AT})", "") for one in problems]


def usable(value: dict[str, Any]) -> Contract:
    contract, problems = read(json.dumps({"openapi": "3.1.0", "paths": {}, **value}), "a.json")
    assert contract is not None
    assert problems == []
    return contract


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("", "a.yaml:1:1: error: is not an OpenAPI document: it needs openapi", id="empty"),
        pytest.param("- a", "a.yaml:1:1: error: is not an OpenAPI document: it needs openapi", id="a list"),
        pytest.param("paths: {}", "a.yaml:1:1: error: is not an OpenAPI document: it needs openapi", id="no version"),
        pytest.param(
            'swagger: "2.0"\npaths: {}',
            "a.yaml:1:10: error: swagger: is a Swagger 2.0 document, which is not read: convert it to OpenAPI",
            id="Swagger 2.0",
        ),
        pytest.param("openapi: 4.0.0", "a.yaml:1:10: error: openapi: has the version '4.0.0'; 3.0 and 3.1", id="4.0"),
        pytest.param("openapi: 3.2.0", "a.yaml:1:10: error: openapi: has the version '3.2.0'; 3.0 and 3.1", id="3.2"),
        pytest.param("openapi: 3.0.3", "a.yaml:1:1: error: paths: has no paths", id="no paths"),
        pytest.param("openapi: [", "a.yaml:2:1: error: is not YAML", id="no YAML"),
        pytest.param(b"\xff\xfe", "a.yaml:1:1: error: is not UTF-8", id="no UTF-8"),
        pytest.param(
            "openapi: 3.0.3\n---\na: b", "a.yaml:3:1: error: holds more than one document", id="two documents"
        ),
        pytest.param(
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcde", "bcdef", strict=True)
            ),
            "a.yaml:1:1: error: expands to more than 200,000 values",
            id="aliases that expand",
        ),
        pytest.param("[" * 200, "a.yaml:1:101: error: is nested more than 100 levels deep", id="deep"),
    ],
)
def test_documents_that_cannot_be_used(content: str | bytes, problem: str) -> None:
    contract, problems = read(content)
    assert contract is None
    assert [one[: len(problem)] for one in problems] == [problem]


def test_a_document_that_cannot_be_read_is_a_problem_of_the_file_that_names_it() -> None:
    contract, problems = read_contract(ContractFile(UnreadableFile("specs/a.yaml", "no such file"), AT))
    assert contract is None
    assert [str(one) for one in problems] == [
        (
            "targets.yaml:3:12: error: openapi: the OpenAPI document 'specs/a.yaml' can't be read: no such file "
            "[invalid-contract]"
        )
    ]


def test_a_document_that_is_too_large() -> None:
    contract, problems = read(b"#" * (10 * 1024 * 1024 + 1))
    assert (contract, problems) == (None, ["a.yaml:1:1: error: is larger than 10 MiB [invalid-contract]"])


def test_references_that_lead_nowhere_or_out_of_the_document() -> None:
    contract, problems = read("""
openapi: 3.1.0
paths:
  /a: {$ref: "#/components/pathItems/gone"}
  /b: {$ref: "other.yaml#/b"}
  /c: {$ref: "https://metadata.internal/c.yaml"}
  /d: {get: {responses: {"200": {content: {text/plain: {example: {$ref: "no reference"}}}}}}}
  /e: {$ref: "#anchor"}
""")
    assert contract is not None
    assert sorted(problems) == [
        "a.yaml:4:8: error: $ref: '#/components/pathItems/gone' is not in the document [invalid-contract]",
        (
            "a.yaml:5:8: error: $ref: 'other.yaml#/b' is in another file, which is not read: bundle it into one file "
            "[invalid-contract]"
        ),
        (
            "a.yaml:6:8: error: $ref: 'https://metadata.internal/c.yaml' is in another file, which is not read: "
            "bundle it into one file [invalid-contract]"
        ),
    ]


def test_few_problems_of_a_kind_are_reported() -> None:
    paths = {f"/{number}": {"$ref": "#/gone"} for number in range(1_000)}
    _, problems = read(json.dumps({"openapi": "3.1.0", "paths": paths}), "a.json")
    assert len(problems) == 10


def test_a_pointer_has_escapes_and_indexes() -> None:
    contract = usable({"x": {"a/b": {"c~d e": [1, {"f": 2}]}}})
    assert contract.target("#/x/a~1b/c~0d%20e/1/f") == Part(2, ("x", "a/b", "c~d e", 1, "f"))
    assert contract.target("#/x/a~1b/c~0d%20e/2") is None
    assert contract.target("#/x/a~1b/c~0d%20e/1/f/g") is None
    assert contract.target("#") == contract.root


@pytest.mark.parametrize(
    "schemas",
    [
        pytest.param({"a": {"$ref": "#/components/schemas/a"}}, id="a reference to itself"),
        pytest.param({"a": {"$ref": "#/components/schemas/b"}, "b": {"$ref": "#/components/schemas/a"}}, id="a circle"),
        pytest.param({"a": {"allOf": [{"$ref": "#/components/schemas/a"}]}}, id="allOf of itself"),
        pytest.param({"a": {"not": {"anyOf": [{"$ref": "#/components/schemas/a"}] * 3}}}, id="not any of itself"),
        pytest.param(
            {
                "a" if not number else f"s{number}": {"anyOf": [{"$ref": f"#/components/schemas/s{number + 1}"}] * 9}
                for number in range(20)
            }
            | {"s20": {"type": "null"}},
            id="alternatives that multiply",
        ),
    ],
)
def test_schemas_that_never_end_are_given_up(schemas: dict[str, Any]) -> None:
    contract = usable({"components": {"schemas": schemas}})
    with pytest.raises(TooMuchWorkError):
        faults_of(contract, {"x": [1]}, Part(schemas["a"], ("components", "schemas", "a")))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"pattern": "^(a+)+$"}, "a" * 100 + "!", id="a pattern that takes forever"),
        pytest.param({"patternProperties": {"^(a+)+$": False}}, {"a" * 100 + "!": 1}, id="one for names"),
        pytest.param(
            {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
            {"a" * 100 + "!": 1},
            id="and the rest",
        ),
        pytest.param({"format": "email"}, "none", id="a format"),
        pytest.param({"multipleOf": 0}, 1, id="a multiple of nothing"),
        pytest.param({"multipleOf": 1e-300}, 10**400, id="a multiple of hardly anything"),
        pytest.param({"maximum": 10**400}, 1.5, id="a huge limit"),
        pytest.param({"type": "tuple"}, 1, id="an unknown type"),
        pytest.param(
            {"type": 5, "enum": 1, "minimum": "a", "required": 1, "items": 1, "anyOf": {}}, [1], id="nonsense"
        ),
        pytest.param({"properties": [1], "required": [1, None], "dependentRequired": 1}, {"a": 1}, id="more nonsense"),
        pytest.param({"properties": {"a": 1}, "prefixItems": 1, "allOf": [1, None]}, {"a": 1}, id="no schemas"),
        pytest.param({"$ref": 5, "$dynamicRef": "#x"}, 1, id="no reference"),
        pytest.param({"not": {"pattern": "^a"}}, "a", id="the opposite of what is not known"),
        pytest.param({"oneOf": [{"pattern": "^a"}, {"pattern": "^b"}]}, "a", id="one of what is not known"),
        pytest.param({"if": {"pattern": "^a"}, "then": False, "else": False}, "a", id="a condition that is not known"),
        pytest.param(True, 1, id="anything"),
    ],
)
def test_what_cannot_be_decided_is_no_fault(schema: Any, value: Any) -> None:
    assert faults_of(usable({"x": schema}), value, Part(schema, ("x",))) == []


def test_the_work_for_a_value_is_limited() -> None:
    schema = {"items": {"enum": list(range(1_000))}}
    assert faults_of(usable({"x": schema}), [1] * 5_000, Part(schema, ("x",))) == []
    with pytest.raises(TooMuchWorkError):
        faults_of(usable({"x": schema}), [1] * MOST_WORK, Part(schema, ("x",)))


@pytest.mark.parametrize(
    "path", ["/" + "{a}" * 50, "/{a}-" * 50, "/" + "{" * 500, "/}" * 500, "/{a", "/a}", "no slash"]
)
def test_paths_with_many_parameters_are_matched_at_once(path: str) -> None:
    paths = Paths.of(usable({"paths": {path: {"get": {}}}}))
    assert isinstance(paths.find("GET", "/" + "a-" * 4_000 + "!", ""), NoPath | Operation)


def test_tabs_and_escapes_of_json_are_read() -> None:
    text = json.dumps({"openapi": "3.0.1", "paths": {"/a\\b/☃": {"get": {}}}}, indent="\t")
    contract, problems = read(text, "a.json")
    assert (contract is not None, problems) == (True, [])
    assert contract is not None
    assert str(contract.place(("paths", "/a\\b/☃"))) == "a.json:4:3"
