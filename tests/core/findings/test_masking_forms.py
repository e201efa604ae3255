"""Names and shapes of credentials that are easily taken for something else, and what only sounds like one."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from myscheduler.core.findings.masking import MASK, is_credential_name, masked_text
from myscheduler.core.job.codec import to_json
from myscheduler.core.secrets.literals import literal_credentials, masked
from tests.support.parts import spec

BOT = "bot12:AAaaaaaaaaaaaaaaaaaaaaaa"


@pytest.mark.parametrize(
    "name",
    [
        "Set-Cookie", "X-APIKEY", "OAuthToken", "dbpassword", "password2", "passwords", "user_pass", "X-Amz-Credential",
        "X-Auth", "Ocp-Apim-Subscription-Key", "x-functions-key", "aws_access_key_id", "user[password]", "auth.token",
        "パスワード", "認証トークン",
    ],
)  # fmt: skip
def test_names_of_credentials(name: str) -> None:
    assert is_credential_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "X-MyScheduler-Token", "sort_key", "next_page_token", "token_url", "tokenType", "password_policy",
        "secret_name",
        "tokenizer", "compass", "bypass", "significant", "authenticated", "cookie_consent", "max_tokens",
    ],
)  # fmt: skip
def test_names_that_only_sound_like_it(name: str) -> None:
    assert not is_credential_name(name)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("GenieKey ${secret:api}", "GenieKey ${secret:api}", id="any scheme"),
        pytest.param("Token token=${secret:api}", "Token token=${secret:api}", id="words"),
        pytest.param("${secret:user}:${secret:pw}", "${secret:user}:${secret:pw}", id="two"),
        pytest.param("sid=${secret:a}; other=${secret:b}", "sid=${secret:a}; other=${secret:b}", id="cookies"),
        pytest.param("sid=hunter2; other=${secret:b}", f"{MASK}${{secret:b}}", id="a literal among cookies"),
        pytest.param("Bearer $${secret:api}", f"Bearer {MASK}", id="escaped"),
        pytest.param("${secret:api}hunter2", f"${{secret:api}}{MASK}", id="text behind it"),
    ],
)
def test_references_in_a_header(value: str, shown: str) -> None:
    job = spec("a", headers={"Authorization": value})
    assert masked(to_json(job))["headers"]["Authorization"] == shown
    assert [loc for loc, _ in literal_credentials(job)] == [("headers", "Authorization")] * (shown != value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("https://u:p@ss@host/x", f"https://u:{MASK}@host/x", id="@ in a password"),
        pytest.param("https://u:p/ss@host/x", f"https://u:{MASK}@host/x", id="/ in a password"),
        pytest.param("https://u:p#ss@host/x", f"https://u:{MASK}@host/x", id="# in a password"),
        pytest.param("https://key:@host/x", f"https://{MASK}:@host/x", id="key as user"),
        pytest.param("https://host:80/x?mail=a@b", "https://host:80/x?mail=a@b", id="port and @"),
        pytest.param("https://h/?a=1&token=x'y;z&b=2", f"https://h/?a=1&token={MASK}&b=2", id="value with marks"),
        pytest.param("https://h/?%74oken=x", f"https://h/?%74oken={MASK}", id="percent-encoded name"),
        pytest.param("https://h/?id=token&page_token=3", "https://h/?id=token&page_token=3", id="no credential"),
        pytest.param("a; token=${secret:t}; b=2", "a; token=${secret:t}; b=2", id="reference amid others"),
        pytest.param('{"u": "h?token=${secret:t}"}', '{"u": "h?token=${secret:t}"}', id="reference in JSON"),
        pytest.param("https://u:p@a and https://u:p@b", f"https://u:{MASK}@a and https://u:{MASK}@b", id="two URLs"),
        pytest.param(f"https://api.telegram.org/{BOT}/x", f"https://api.telegram.org/{MASK}/x", id="Telegram"),
        pytest.param(f"https://d.com/api/webhooks/12/{'a' * 20}", f"https://d.com/api/webhooks/{MASK}", id="Discord"),
        pytest.param("sk-daily-report-of-the-team", "sk-daily-report-of-the-team", id="slug"),
        pytest.param("task-0123456789abcdefghijkl", "task-0123456789abcdefghijkl", id="middle of a word"),
        pytest.param("sk-0123456789abcdefghij", MASK, id="sk-"),
    ],
)
def test_masked_text(text: str, shown: str) -> None:
    assert masked_text(text) == shown


@pytest.mark.parametrize(
    ("body", "shown", "places"),
    [
        pytest.param({"password": 1234}, {"password": MASK}, [("password",)], id="number"),
        pytest.param({"tokens": 5, "secret": True}, {"tokens": 5, "secret": True}, [], id="no text"),
        pytest.param(
            {"passwords": {"db": "x", "more": ["y", 5]}},
            {"passwords": {"db": MASK, "more": [MASK, MASK]}},
            [("passwords", "db"), ("passwords", "more", 0), ("passwords", "more", 1)],
            id="below a name",
        ),
        pytest.param(
            {"auth": {"type": "basic", "user": "bob", "pass": "x"}},
            {"auth": {"type": "basic", "user": "bob", "pass": MASK}},
            [("auth", "pass")],
            id="how to log in",
        ),
        pytest.param({"auth": "x"}, {"auth": MASK}, [("auth",)], id="auth itself"),
        pytest.param(
            [{"name": "api-key", "value": "x"}, {"key": "a", "value": "x"}],
            [{"name": "api-key", "value": MASK}, {"key": "a", "value": "x"}],
            [(0, "value")],
            id="pairs of name and value",
        ),
    ],
)  # fmt: skip
def test_bodies(body: Any, shown: Any, places: list[tuple[str | int, ...]]) -> None:
    job = spec("a", body=body)
    assert masked(to_json(job))["body"] == shown
    assert [loc for loc, _ in literal_credentials(job)] == [("body", *place) for place in places]


def test_labels_are_words_for_people_yet_not_tokens() -> None:
    job = spec("a", labels={"secret": "none", "note": "AKIAIOSFODNN7EXAMPLE"})
    assert masked(to_json(job))["labels"] == {"secret": "none", "note": MASK}
    assert list(literal_credentials(job)) == [(("labels", "note"), "the label note")]


def test_a_scheme_tells_a_credential_under_any_header() -> None:
    job = spec("a", headers={"X-Any": "Bearer short", "X-Other": "Bearer ${secret:x}"})
    assert masked(to_json(job))["headers"] == {"X-Any": f"Bearer {MASK}", "X-Other": "Bearer ${secret:x}"}
    assert list(literal_credentials(job)) == [(("headers", "X-Any"), "the header X-Any")]


def test_each_credential_of_a_url_is_named() -> None:
    urls = [
        "https://u:p@x/?api_key=a&b=1&sig=c",
        f"https://api.telegram.org/{BOT}/x",
        "https://x/?q=AKIAIOSFODNN7EXAMPLE",
    ]
    assert [what for url in urls for _, what in literal_credentials(spec("a", target_url=url))] == [
        "the password in the URL", "the parameter api_key of the URL", "the parameter sig of the URL",
        "a part of the URL", "a part of the URL",
    ]  # fmt: skip


SECRET = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=40)
NAME = st.sampled_from(["password", "api_key", "X-Auth-Token", "clientSecret", "signature"])
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _around(body: Any, credential: dict[str, str]) -> Any:
    """The body with the credential somewhere within."""
    if isinstance(body, list) and body:
        return [_around(body[0], credential), *body[1:]]
    if isinstance(body, dict) and body:
        first, *rest = body
        return {first: _around(body[first], credential)} | {name: body[name] for name in rest}
    return [body, credential]


@given(secret=SECRET, name=NAME, body=BODIES)
def test_a_credential_is_found_and_never_shown(secret: str, name: str, body: Any) -> None:
    assume(secret not in json.dumps(body))
    job = spec(
        "a",
        target_url=f"https://bob:{secret}@example.com/run?page=1&{name}={secret}",
        headers={name: secret, "Any": f"Bearer {secret}", "Good": f"Bearer ${{secret:{name}}}"},
        body=_around(body, {name: secret}),
    )
    shown = masked(to_json(job))
    assert secret not in json.dumps(shown)
    assert shown["headers"]["Good"] == f"Bearer ${{secret:{name}}}"
    found = [loc for loc, _ in literal_credentials(job)]
    assert found[:4] == [("headers", name), ("headers", "Any"), ("target_url",), ("target_url",)]
    assert found[4][0] == "body"
    assert not any(secret in str(one) for one in literal_credentials(job))


@given(body=BODIES)
def test_what_holds_no_credential_stays_as_it_is(body: Any) -> None:
    assert masked({"body": {"any": body}}) == {"body": {"any": body}}


def test_what_is_nested_very_deep_is_not_shown() -> None:
    body: Any = {"password": "hunter2"}
    for _ in range(2_000):
        body = [body]
    assert "hunter2" not in json.dumps(masked({"body": body})["body"])
