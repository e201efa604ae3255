"""The values of an answer that a job hands on."""

import json
from typing import Any

import pytest

from myscheduler.adapters.http.extraction import MOST_BYTES, extracted
from myscheduler.core.secrets.redaction import Secret

KEY = Secret.of("key", "hush/hush 1")
PIN = Secret.of("pin", "4711471147")
LONG = Secret.of("long", "123456789012345678901234")
SECRETS = (KEY, PIN, LONG)


def handed_on(text: str, *pointers: str, secrets: tuple[Secret, ...] = ()) -> dict[str, Any]:
    """By pointer."""
    return dict(extracted(text, [(one, one) for one in pointers], secrets))


@pytest.mark.parametrize(
    ("text", "pointer", "value"),
    [
        pytest.param('{"a": {"b": [1, 2]}}', "/a/b/1", 2, id="in a list"),
        pytest.param('{"a": null}', "/a", None, id="null is a value"),
        pytest.param('{"a": [true, 1.5, "x"]}', "", {"a": [True, 1.5, "x"]}, id="all of it"),
        pytest.param('"text"', "", "text", id="no object"),
        pytest.param('{"a": 123456789012345678901234}', "/a", 1.2345678901234568e23, id="a long number"),
    ],
)
def test_values(text: str, pointer: str, value: Any) -> None:
    assert handed_on(text, pointer) == {pointer: value}


@pytest.mark.parametrize("text", ["", "ok", "{", '{"a": NaN}', '{"a": 1e999}', "[" * 5_000, '{"a": "\ud800"}'])
def test_what_is_no_json_hands_nothing_on(text: str) -> None:
    assert handed_on(text, "/a") == {}


def test_what_is_not_there_is_left_out() -> None:
    assert handed_on('{"a": 1}', "/b", "/a", "/a/b") == {"/a": 1}


def test_what_is_too_large_is_left_out_and_what_fits_is_not() -> None:
    text = json.dumps(
        {"long": "x" * MOST_BYTES, "half": "y" * (MOST_BYTES // 2), "more": "z" * (MOST_BYTES // 2), "n": 1}
    )
    found = handed_on(text, "/long", "/half", "/more", "/n")
    assert found.keys() == {"/half", "/n"}
    assert len(json.dumps(found, separators=(",", ":"))) <= MOST_BYTES


@pytest.mark.parametrize("secrets", [(), SECRETS])
@pytest.mark.parametrize("depth", [255, 1_000])
def test_what_is_nested_too_deeply_is_left_out(depth: int, secrets: tuple[Secret, ...]) -> None:
    text = f'{{"deep": {"[" * depth}{"]" * depth}, "n": 1}}'
    assert handed_on(text, "/deep", "/n", secrets=secrets) == {"/n": 1}


def test_bytes_count_and_not_characters() -> None:
    assert handed_on(json.dumps({"a": "é" * 3_000}), "/a") == {}
    assert handed_on(json.dumps({"a": "é" * 2_000}), "/a").keys() == {"/a"}


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        pytest.param("hush/hush 1", "[redacted]", id="text"),
        pytest.param("it is hush/hush 1!", "it is [redacted]!", id="within text"),
        pytest.param("hush%2Fhush%201", "[redacted]", id="encoded"),
        pytest.param(["x", {"y": "hush/hush 1"}], ["x", {"y": "[redacted]"}], id="nested"),
        pytest.param({"hush/hush 1": 1}, {"[redacted]": 1}, id="a key"),
        pytest.param(4711471147, "[redacted]", id="a number"),
        pytest.param(-4711471147, "-[redacted]", id="a negative number"),
        pytest.param(4711471147.0, "[redacted]", id="a number with a point"),
        pytest.param({"n": [4711471147, 1]}, {"n": ["[redacted]", 1]}, id="a nested number"),
        pytest.param(123456789012345678901234, "[redacted]", id="a number too long for one"),
        pytest.param([True, None, 12], [True, None, 12], id="none"),
    ],
)
def test_secrets_are_removed(value: Any, clean: Any) -> None:
    assert handed_on(json.dumps({"a": value}), "/a", secrets=SECRETS) == {"/a": clean}


def test_a_secret_that_json_escapes_is_removed() -> None:
    text = json.dumps({"a": KEY.value}).replace("/", "\\/").replace("h", "\\u0068")
    assert handed_on(text, "/a", secrets=SECRETS) == {"/a": "[redacted]"}
