"""What a JWT claims of itself, and when it is valid, whatever it holds."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.access.jwks import JwksError, parse_keys
from myscheduler.core.access.jwts import LEEWAY_SEC, Claimed, is_jwt, read_claimed, time_fault

NOW = datetime(2026, 11, 29, tzinfo=UTC)
AT = int(NOW.timestamp())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["kid", "alg", "iss", "keys"]), inner),
    max_leaves=20,
)


def part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_what_a_token_claims() -> None:
    text = f"{part({'alg': 'ES256', 'kid': 'one'})}.{part({'iss': 'https://login.example.com'})}.AA"
    assert read_claimed(text) == Claimed("https://login.example.com", "ES256", "one")


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    assert not is_jwt(text) or text.count(".") == 2
    read_claimed(text)


@given(JSON, JSON)
def test_any_json_can_be_in_a_token(head: Any, payload: Any) -> None:
    found = read_claimed(f"{part(head)}.{part(payload)}.AA")
    assert found is None or (found.algorithm, found.key_id) == (head["alg"], head["kid"])


@given(JSON)
def test_any_json_can_be_a_set_of_keys(document: Any) -> None:
    with pytest.raises(JwksError):
        parse_keys(document)


@given(JSON, JSON)
def test_any_json_can_be_a_time(expiry: Any, beginning: Any) -> None:
    if time_fault({"exp": expiry, "nbf": beginning}, NOW) is None:
        assert beginning - LEEWAY_SEC <= AT < expiry + LEEWAY_SEC


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"exp": AT + 1 - LEEWAY_SEC}, None),
        ({"exp": AT - LEEWAY_SEC}, "it has expired"),
        ({"exp": AT + 60, "nbf": AT + LEEWAY_SEC}, None),
        ({"exp": AT + 60, "nbf": AT + 1 + LEEWAY_SEC}, "it is not valid yet"),
        ({"exp": AT + 60, "nbf": None}, "'nbf' is not a number of seconds"),
        ({}, "'exp' is not a number of seconds"),
    ],
)
def test_the_times_of_a_token(claims: dict[str, Any], fault: str | None) -> None:
    assert time_fault(claims, NOW) == fault
