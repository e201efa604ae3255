"""The schemas of targets.yaml and vars.yaml for editors: they refuse nothing that is read, and mark what is wrong."""

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from myscheduler.core.manifest.target_fields import DEFAULTS, TargetFields
from myscheduler.core.manifest.targets_file import read_targets
from myscheduler.core.manifest.targets_schema import targets_schema
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.core.templates.variables import Variables, read_variables
from myscheduler.core.templates.vars_schema import vars_schema

TARGETS, VARS = Draft202012Validator(targets_schema()), Draft202012Validator(vars_schema())
VARIABLES = Variables({"host": "billing.example.com"})


@pytest.mark.parametrize("validator", [TARGETS, VARS])
def test_they_are_schemas(validator: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(validator.schema)


def test_no_field_is_left_out() -> None:
    target = targets_schema()["additionalProperties"]
    assert set(target["properties"]) == {*TargetFields.model_fields, *DEFAULTS}
    assert [name for name, part in target["properties"].items() if not part.get("description")] == []
    assert target["required"] == ["base_url"]
    assert {"RateFields", "AuthFields", "RetryFields"} <= set(targets_schema()["$defs"])
    assert "CronFields" not in targets_schema()["$defs"]


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        pytest.param("{}", True, id="no targets"),
        pytest.param("billing: {base_url: https://billing.example.com/v1}", True, id="a base URL"),
        pytest.param(
            "billing: {base_url: 'https://{{ vars.host }}/v1', openapi: specs/billing.yaml}", True, id="openapi"
        ),
        pytest.param(
            "請求: {base_url: 'http://x', rate: {calls: 1, per: PT1S, burst: 2}, breaker: {}}", True, id="limits"
        ),
        pytest.param(
            "a: {base_url: 'http://x', headers: {X-A: [b]}, auth: {bearer: {token: '${secret:t}'}}, timeout_sec: 5}",
            True,
            id="fields of jobs",
        ),
        pytest.param("a: {base_url: 'http://x', retry: null, concurrency: null, openapi: null}", True, id="null"),
        pytest.param("a: {}", False, id="no base URL"),
        pytest.param("a: {base_url: x}", False, id="no URL"),
        pytest.param("a: {base_url: 'http://x', concurency: 2}", False, id="a mistyped key"),
        pytest.param("a: {base_url: 'http://x', method: POST}", False, id="a field of jobs alone"),
        pytest.param("a: {base_url: 'http://x', rate: {calls: 0, per: PT1S}}", False, id="a limit"),
        pytest.param("a: {base_url: 'http://x', rate: {calls: 1, per: 1s}}", False, id="a duration"),
        pytest.param("a: {base_url: 'http://x', openapi: ../x.yaml}", False, id="a path out of the source"),
        pytest.param("a/b: {base_url: 'http://x'}", False, id="a name"),
        pytest.param("a: {base_url: 'http://x', timeout_sec: '5'}", False, id="a wrong type"),
    ],
)
def test_targets(text: str, is_right: bool) -> None:
    assert (read_targets(SourceFile.of("targets.yaml", text.encode()), variables=VARIABLES).problems == ()) is is_right
    assert TARGETS.is_valid(yaml.safe_load(text)) is is_right


@pytest.mark.parametrize(
    ("values", "is_right"),
    [
        pytest.param({}, True, id="none"),
        pytest.param({"base_url": "https://x", "n": 1, "f": 1.5, "b": False, "e": ""}, True, id="all types"),
        pytest.param({"Base": "x"}, False, id="a capital letter"),
        pytest.param({"a": None}, False, id="null"),
        pytest.param({"a": [1]}, False, id="a list"),
        pytest.param({"a": "${secret:x}"}, False, id="a reference"),
        pytest.param({"a": 10**15}, False, id="a large number"),
        pytest.param({"a": "x" * 1_001}, False, id="a long text"),
    ],
)
def test_variables(values: dict[str, Any], is_right: bool) -> None:
    text = yaml.safe_dump(values)
    assert (read_variables(SourceFile.of("vars.yaml", text.encode())).problems == ()) is is_right
    assert VARS.is_valid(values) is is_right
