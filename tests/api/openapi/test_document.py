"""The OpenAPI document: the kept copy, its changes since the last release, and what clients need of it.

`GOLDEN=write pytest tests/api/openapi/test_document.py` writes the examples and `docs/openapi.json` anew.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from myscheduler.api.openapi import document as made
from myscheduler.api.openapi.document import operations
from myscheduler.api.openapi.texts import SUMMARIES, TAGS
from myscheduler.core.access.operations import OPEN_TO_ALL, OPERATIONS
from tests.support.breaking import breaking_changes, unnamed
from tests.support.checkout import ROOT
from tests.support.openapi_document import KEPT, RELEASED, kept, text_of
from tests.support.parts import Parts, client
from tests.support.recorded import recorded

EXAMPLES = ROOT / "myscheduler/api/openapi/examples.json"
IS_WRITTEN = os.environ.get("GOLDEN") == "write"
JSON, PROBLEM = "application/json", "application/problem+json"


def app_of(api: httpx.AsyncClient) -> FastAPI:
    transport = api._transport
    assert isinstance(transport, httpx.ASGITransport)
    assert isinstance(transport.app, FastAPI)
    return transport.app


def all_operations() -> list[Any]:
    return [pytest.param(path, one, id=one["operationId"]) for _, path, one in operations(kept())]


def errors_of(value: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value, by a schema of the kept document; fields that it does not know are wrong, too."""
    resource: Resource[Any] = DRAFT202012.create_resource(_closed(kept()))
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    absolute = json.loads(json.dumps(_closed(schema)).replace('"#/', '"urn:document#/'))
    validator = Draft202012Validator(absolute, registry=registry)
    return [f"{'.'.join(map(str, one.path))}: {one.message}" for one in validator.iter_errors(value)]


def _closed(schema: Any) -> Any:
    """The schema without room for unknown fields, except where some are put together by `allOf`."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    is_open = schema.get("type") == "object" and "properties" in schema and "additionalProperties" not in schema
    return inner | ({"additionalProperties": False} if is_open else {})


@pytest.mark.anyio
async def test_the_examples_are_what_the_api_answers(tmp_path: Path) -> None:
    text = json.dumps(await recorded(tmp_path), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if IS_WRITTEN:
        EXAMPLES.write_text(text, encoding="utf-8")
        made.examples.cache_clear()
    assert text == EXAMPLES.read_text("utf-8")


@pytest.mark.anyio
async def test_the_kept_document_is_that_of_the_code(api: httpx.AsyncClient) -> None:
    text = text_of(app_of(api))
    if IS_WRITTEN:
        KEPT.write_text(text, encoding="utf-8")
        kept.cache_clear()
    how = "GOLDEN=write pytest tests/api/openapi/test_document.py"
    assert text == KEPT.read_text("utf-8"), f"the API differs from docs/openapi.json: `{how}`, and read the difference"


@pytest.mark.anyio
async def test_the_document_does_not_depend_on_settings(parts: Parts, api: httpx.AsyncClient) -> None:
    async with client(parts, token="s3cret", zone="America/New_York", hosts="example.com") as other:
        assert text_of(app_of(other)) == text_of(app_of(api))


@pytest.mark.anyio
async def test_the_document_is_served(api: httpx.AsyncClient) -> None:
    assert (await api.get("/openapi.json")).json() == kept()


def test_breaking_changes_since_the_last_release_are_in_the_changelog() -> None:
    changes = breaking_changes(json.loads(RELEASED.read_text("utf-8")), kept())
    left = unnamed(changes, (ROOT / "CHANGELOG.md").read_text("utf-8"))
    told = "\n".join(f"- `{key}`: {what}" for key, what in left.items())
    assert not left, f"these changes break clients: undo them, or add to CHANGELOG.md, below `### Breaking`:\n{told}"


def test_operations_are_those_of_the_tables() -> None:
    names = [one["operationId"] for _, _, one in operations(kept())]
    assert len(set(names)) == len(names)
    assert set(names) == set(SUMMARIES)
    others = {"approve_deletion", "get_metrics", "get_job_metrics"}  # a part of another, and what is no REST API
    assert set(names) - {"get_health", "get_liveness", "get_readiness"} == (set(OPERATIONS) | OPEN_TO_ALL) - others
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)+", name)] == []


@pytest.mark.parametrize(("path", "operation"), all_operations())
class TestOperation:
    def test_is_described(self, path: str, operation: dict[str, Any]) -> None:
        assert operation["summary"]
        assert operation["description"]
        assert {*operation["tags"]} <= {tag["name"] for tag in TAGS}
        parameters = operation.get("parameters", [])
        assert [one["name"] for one in parameters if not one.get("description")] == []
        assert re.findall(r"{(\w+)}", path) == [one["name"] for one in parameters if one["in"] == "path"]

    def test_says_who_may_call(self, path: str, operation: dict[str, Any]) -> None:
        is_guarded = operation["operationId"] in OPERATIONS
        assert (operation["security"] == [{"token": []}, {"jwt": []}, {"session": []}]) == is_guarded
        checks_itself = operation["operationId"] in {"create_session", "get_session"}
        assert ("401" in operation["responses"]) == (is_guarded or checks_itself)
        assert path.startswith("/api/v1/") or not operation["security"]

    def test_its_answers_have_shapes_and_true_examples(self, path: str, operation: dict[str, Any]) -> None:
        del path
        successes = {code: one for code, one in operation["responses"].items() if code < "300"}
        assert len(successes) == 1
        for code, answer in successes.items():
            assert "X-Request-Id" in answer["headers"]
            if code != "204":
                content = answer["content"][JSON]
                assert content["schema"]
                assert errors_of(content["example"], content["schema"]) == []

    def test_its_problems_are_problems(self, path: str, operation: dict[str, Any]) -> None:
        del path
        for code, answer in operation["responses"].items():
            if code >= "400":
                assert answer["$ref"].startswith("#/components/responses/")

    def test_its_body_has_a_true_example(self, path: str, operation: dict[str, Any]) -> None:
        del path
        if "requestBody" in operation:
            content = operation["requestBody"]["content"][JSON]
            assert errors_of(content["example"], content["schema"]) == []


def test_problems_are_documented() -> None:
    for name, answer in kept()["components"]["responses"].items():
        content = answer["content"][PROBLEM]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert errors_of(content["example"], content["schema"]) == [], name
        assert answer["description"]


def test_no_schema_is_fastapis_or_unused() -> None:
    names, text = set(kept()["components"]["schemas"]), KEPT.read_text("utf-8")
    assert [name for name in names if f'"#/components/schemas/{name}"' not in text] == []
    assert not names & {"HTTPValidationError", "ValidationError"}


def test_references_lead_somewhere() -> None:
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from (value for key, value in part.items() if key == "$ref" and isinstance(value, str))
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from references(one)

    for target in set(references(kept())):
        found: Any = kept()
        for step in target.removeprefix("#/").split("/"):
            found = found[step]
