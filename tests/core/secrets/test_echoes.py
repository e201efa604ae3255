"""Literal credentials of a job, and what is left of them in what a target repeats."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from myscheduler.core.findings.masking import MASK
from myscheduler.core.secrets.echoes import LARGEST, MOST, literals_of, without_echoes
from myscheduler.core.secrets.literals import masked_spec
from tests.support.parts import spec

URL = "https://example.com/run"


def shown(text: str, *, whole: bool = True, **fields: Any) -> str:
    literals = literals_of(spec("a", **({"target_url": URL} | fields)))
    assert literals is not None
    return without_echoes(text, literals, whole=whole)


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("fields", "echoed"),
    [
        pytest.param({"headers": {"X-Api-Key": "abc-1"}}, "abc-1", id="a header"),
        pytest.param({"headers": {"X-Api-Key": ["abc-1", "def-2"]}}, "def-2", id="a header with several values"),
        pytest.param({"headers": {"Authorization": "Bearer abc-1"}}, "abc-1", id="after a scheme"),
        pytest.param({"headers": {"Authorization": f"Basic {basic('ada:abc-1')}"}}, "abc-1", id="decoded"),
        pytest.param({"headers": {"Cookie": "a=b; session=abc-1"}}, "abc-1", id="a cookie"),
        pytest.param({"headers": {"X-Token": "x${secret:a}abc-1"}}, "abc-1", id="beside a reference"),
        pytest.param({"target_url": "https://ada:ab%20c@example.com/"}, "ab c", id="userinfo, decoded"),
        pytest.param(
            {"target_url": "https://ada:abc-1@example.com/"}, basic("ada:abc-1"), id="userinfo, as it is sent"
        ),
        pytest.param({"target_url": "https://abc-1@example.com/"}, "abc-1", id="a user alone"),
        pytest.param({"target_url": f"{URL}?token=a%2Bb+c&x=1"}, "a+b c", id="a parameter, decoded"),
        pytest.param({"target_url": f"{URL}?token=a%2Bb+c&x=1"}, "a%2Bb+c", id="a parameter, as written"),
        pytest.param({"body": {"password": 1234}}, "1234", id="a number"),
        pytest.param({"body": {"login": [{"password": 'a"b'}]}}, 'a\\"b', id="in JSON"),
        pytest.param({"body": '{"password": "a\\"b"}'}, 'a"b', id="in a text that is JSON"),
        pytest.param({"body": "user=ada&password=abc-1"}, "abc-1", id="in a form"),
        pytest.param({"body": {"note": "password=abc-1"}}, "abc-1", id="in a text"),
        pytest.param({"headers": {"X-Api-Key": "ab c+1/2"}}, quote("ab c+1/2", safe=""), id="percent-encoded"),
        pytest.param({"headers": {"X-Api-Key": "ab c+1/2"}}, basic("ab c+1/2"), id="in base64"),
    ],
)
def test_each_is_masked(fields: dict[str, Any], echoed: str) -> None:
    text = shown(f"you sent >{echoed}<, thanks", **fields)
    assert echoed not in text
    assert text.startswith("you sent >")
    assert MASK in text


def test_other_texts_stay() -> None:
    text = json.dumps({"headers": {"Accept": "*/*", "X-Team": "billing"}, "page": 2})
    assert shown(text, headers={"X-Team": "billing", "X-Api-Key": "abc-1"}) == text
    assert shown(text) == text


def test_what_looks_like_a_credential_is_masked_without_any() -> None:
    assert shown('{"access_token": "issued-by-the-target"}') == f'{{"access_token": "{MASK}"}}'


def test_a_text_that_ends_within_one() -> None:
    fields = {"headers": {"X-Api-Key": "abcdefgh"}}
    assert shown("you sent abcde", whole=False, **fields) == f"you sent {MASK}"
    assert shown("you sent abcde", whole=True, **fields) == "you sent abcde"


def test_too_many_are_not_searched_for() -> None:
    assert literals_of(spec("a", body={f"password{number}": f"abc-{number}" for number in range(MOST)})) is not None
    assert literals_of(spec("a", body={f"password{number}": f"abc-{number}" for number in range(MOST + 1)})) is None
    assert literals_of(spec("a", body={"password": "a" * LARGEST})) is not None
    assert literals_of(spec("a", body={"password": "a" * (LARGEST + 1)})) is None
    assert literals_of(spec("a", body={"password1": "a" * LARGEST, "password2": "b"})) is None
    assert literals_of(spec("a", body={"password": "a/" * (LARGEST // 16)})) is not None
    assert literals_of(spec("a", body={"password": "a/" * (LARGEST // 16 + 1)})) is None


def test_a_masked_spec_is_the_same_whatever_the_credential() -> None:
    def one(secret: str) -> Any:
        fields = {"headers": {"X-Api-Key": [secret, secret], "A": "b"}, "body": {"password": secret}}
        return spec("a", target_url=f"https://ada:{secret}@example.com/?token={secret}", **fields)

    assert masked_spec(one("x")) == masked_spec(one("yyyy"))
    assert "x" not in str(masked_spec(one("x")).headers)
    plain = spec("a", headers={"A": ["b", "c"]}, body={"a": [1, None]}, labels={"team": "x"})
    assert masked_spec(plain) == plain
