"""What counts as a breaking change of the API, and that a change of the real document would be found and named."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.support.breaking import breaking_changes, unnamed
from tests.support.openapi_document import kept

Document = dict[str, Any]
Change = Callable[[Document], Any]

ROW = {
    "type": "object",
    "required": ["id", "note"],
    "properties": {
        "id": {"type": "string"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "state": {"enum": ["on", "off"]},
    },
}
SMALL: Document = {
    "paths": {
        "/rows": {
            "post": {
                "operationId": "create_row",
                "security": [{"token": []}, {"session": []}],
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9}},
                    {"name": "sort", "in": "query", "schema": {"$ref": "#/components/schemas/Sort"}},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                "responses": {
                    "200": {
                        "headers": {"ETag": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Row"}}},
                    },
                    "404": {"content": {}},
                },
            },
            "get": {"operationId": "list_rows", "security": [], "responses": {}},
        }
    },
    "components": {
        "schemas": {
            "Row": ROW,
            "Sort": {"enum": ["id", "-id"]},
            "New": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id"],
                "properties": {
                    "id": {"type": ["string", "null"], "maxLength": 9, "pattern": "a"},
                    "size": {"type": "number"},
                },
            },
        }
    },
}


def post(document: Document) -> Any:
    return document["paths"]["/rows"]["post"]


def schema(document: Document, name: str) -> Any:
    return document["components"]["schemas"][name]


BREAKING: list[tuple[str, Change]] = [
    ("list_rows removed", lambda one: one["paths"]["/rows"].pop("get")),
    ("create_row renamed", lambda one: post(one).update(operationId="add_row")),
    ("create_row security session", lambda one: post(one)["security"].pop()),
    ("list_rows security", lambda one: one["paths"]["/rows"]["get"].update(security=[{"token": []}])),
    ("create_row parameter sort removed", lambda one: post(one)["parameters"].pop()),
    ("create_row parameter limit required", lambda one: post(one)["parameters"][0].update(required=True)),
    (
        "create_row parameter new required",
        lambda one: post(one)["parameters"].append({"name": "new", "in": "query", "required": True, "schema": {}}),
    ),
    ("create_row parameter limit minimum", lambda one: post(one)["parameters"][0]["schema"].update(minimum=2)),
    ("create_row parameter limit maximum", lambda one: post(one)["parameters"][0]["schema"].update(maximum=8)),
    ("create_row parameter limit type integer", lambda one: post(one)["parameters"][0]["schema"].update(type="string")),
    ("create_row parameter sort enum '-id'", lambda one: schema(one, "Sort")["enum"].pop()),
    ("create_row body required", lambda one: post(one)["requestBody"].update(required=True)),
    ("create_row body removed", lambda one: post(one).pop("requestBody")),
    ("create_row body application/json removed", lambda one: post(one)["requestBody"]["content"].clear()),
    ("create_row body size required", lambda one: schema(one, "New")["required"].append("size")),
    ("create_row body size removed", lambda one: schema(one, "New")["properties"].pop("size")),
    ("create_row body size type number", lambda one: schema(one, "New")["properties"]["size"].update(type="integer")),
    ("create_row body id type null", lambda one: schema(one, "New")["properties"]["id"].update(type="string")),
    ("create_row body id maxLength", lambda one: schema(one, "New")["properties"]["id"].update(maxLength=8)),
    ("create_row body id pattern", lambda one: schema(one, "New")["properties"]["id"].update(pattern="b")),
    ("create_row body if", lambda one: schema(one, "New").update({"if": {"required": ["size"]}})),
    ("create_row answer 404 removed", lambda one: post(one)["responses"].pop("404")),
    ("create_row answer 200 header ETag removed", lambda one: post(one)["responses"]["200"]["headers"].clear()),
    ("create_row answer 200 id removed", lambda one: schema(one, "Row")["properties"].pop("id")),
    ("create_row answer 200 tags removed", lambda one: schema(one, "Row")["properties"].pop("tags")),
    ("create_row answer 200 note optional", lambda one: schema(one, "Row")["required"].remove("note")),
    (
        "create_row answer 200 id type null",
        lambda one: schema(one, "Row")["properties"]["id"].update(type=["string", "null"]),
    ),
    (
        "create_row answer 200 state enum 'odd'",
        lambda one: schema(one, "Row")["properties"]["state"]["enum"].append("odd"),
    ),
    (
        "create_row answer 200 tags[] type integer",
        lambda one: schema(one, "Row")["properties"]["tags"]["items"].update(type=["string", "integer"]),
    ),
]
HARMLESS: list[tuple[str, Change]] = [
    (
        "a new operation",
        lambda one: one["paths"].update({"/new": {"get": {"operationId": "get_new", "responses": {}}}}),
    ),
    (
        "a new optional parameter",
        lambda one: post(one)["parameters"].append({"name": "q", "in": "query", "schema": {}}),
    ),
    ("a wider bound", lambda one: post(one)["parameters"][0]["schema"].update(maximum=10)),
    ("a further word", lambda one: schema(one, "Sort")["enum"].append("size")),
    ("a new optional field", lambda one: schema(one, "New")["properties"].update(more={"type": "string"})),
    ("a new field of an answer", lambda one: schema(one, "Row")["properties"].update(more={"type": "string"})),
    ("a field that is always there now", lambda one: schema(one, "Row")["required"].append("tags")),
    ("a further way in", lambda one: post(one)["security"].append({"jwt": []})),
    ("an open operation", lambda one: post(one).update(security=[])),
    ("a text", lambda one: post(one).update(description="Another one.")),
    ("a null that is never told", lambda one: schema(one, "Row")["properties"].update(note={"type": "string"})),
    ("a further status", lambda one: post(one)["responses"].update({"409": {}})),
]


@pytest.mark.parametrize(("key", "change"), BREAKING, ids=[key for key, _ in BREAKING])
def test_breaking(key: str, change: Change) -> None:
    after = deepcopy(SMALL)
    change(after)
    assert key in breaking_changes(SMALL, after)


@pytest.mark.parametrize("change", [one for _, one in HARMLESS], ids=[name for name, _ in HARMLESS])
def test_harmless(change: Change) -> None:
    after = deepcopy(SMALL)
    change(after)
    assert breaking_changes(SMALL, after) == {}


def test_nothing_breaks_what_stays() -> None:
    assert breaking_changes(kept(), deepcopy(kept())) == {}


REAL: list[tuple[str, Change]] = [
    ("list_jobs parameter limit removed", lambda one: _drop(one, "limit")),
    (
        "get_job answer 200 next_run_time removed",
        lambda one: (
            schema(one, "JobSummary")["properties"].clear()
            or schema(one, "JobDetail")["properties"].pop("next_run_time")
        ),
    ),
    ("create_job body max_retries removed", lambda one: schema(one, "JobDeclaration")["properties"].pop("max_retries")),
    ("get_execution removed", lambda one: one["paths"].pop("/api/v1/executions/{execution_id}")),
    ("get_health security", lambda one: one["paths"]["/health"]["get"].update(security=[{"token": []}])),
]


def _drop(document: Document, name: str) -> None:
    operation = document["paths"]["/api/v1/jobs"]["get"]
    operation["parameters"] = [one for one in operation["parameters"] if one["name"] != name]


@pytest.mark.parametrize(("key", "change"), REAL, ids=[key for key, _ in REAL])
def test_a_change_of_the_real_document_has_to_be_named(key: str, change: Change) -> None:
    after = deepcopy(kept())
    change(after)
    changes = breaking_changes(kept(), after)
    assert key in changes
    named = "".join(f"- `{one}`: gone.\n" for one in changes)
    assert key in unnamed(changes, f"# Changelog\n\n## Unreleased\n\n### Changed\n\n{named}")
    assert key in unnamed(changes, f"# Changelog\n\n## Unreleased\n\n## 1.0.0\n\n### Breaking\n\n{named}")
    assert unnamed(changes, f"# Changelog\n\n## Unreleased\n\n### Breaking\n\n{named}\n### Added\n\n- More.\n") == {}
