"""Credentials: which values are some, and that no mask lets one through."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.findings.masking import MASK, is_credential_name, masked_text
from myscheduler.core.job.codec import to_json
from myscheduler.core.secrets.literals import literal_credentials, masked
from tests.support.parts import spec

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in (
            "Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-API-KEY", "apikey", "api_key",
            "X-Auth-Token", "accessToken", "db_password", "clientSecret", "AWS_ACCESS_KEY",
            "X-Hub-Signature-256", "sig", "PRIVATE-KEY",
        )),
        *((name, False) for name in (
            "Accept", "Idempotency-Key", "X-MyScheduler-Job-Id", "Content-Type", "max_tokens", "author",
            "key", "keyboard", "secretary", "design", "件名", "", "X-Request-Id",
        )),
    ],
)  # fmt: skip
def test_names(name: str, is_one: bool) -> None:
    assert is_credential_name(name) is is_one


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        pytest.param({"headers": {"Authorization": "Bearer abc"}}, [("headers", "Authorization")], id="header"),
        pytest.param({"headers": {"Authorization": "Bearer ${secret:x}"}}, [], id="reference"),
        pytest.param({"headers": {"X-Api-Key": "${secret:x}"}}, [], id="reference alone"),
        pytest.param({"headers": {"X-Api-Key": "$${secret:x}"}}, [("headers", "X-Api-Key")], id="escaped reference"),
        pytest.param({"headers": {"X-Api-Key": "a${secret:x}"}}, [("headers", "X-Api-Key")], id="half a reference"),
        pytest.param({"headers": {"X-Note": f"by {JWT}"}}, [("headers", "X-Note")], id="by its looks"),
        pytest.param({"headers": {"X-Api-Key": ""}}, [], id="empty"),
        pytest.param({"headers": {"Accept": "text/csv", "Idempotency-Key": "a"}}, [], id="harmless headers"),
        pytest.param({"target_url": "https://u:p@x/"}, [("target_url",)], id="password in the URL"),
        pytest.param({"target_url": "https://tok@x/"}, [("target_url",)], id="user in the URL"),
        pytest.param({"target_url": "https://u:${secret:p}@x/"}, [], id="reference for a password"),
        pytest.param({"target_url": "https://${secret:p}@x/"}, [], id="reference for a user"),
        pytest.param({"target_url": "https://x/?a=1&access_token=abc"}, [("target_url",)], id="parameter"),
        pytest.param({"target_url": "https://x/?a=1&access_token=${secret:t}"}, [], id="parameter by reference"),
        pytest.param({"target_url": "https://x/s/T0123456/B0123456/abcdefghijklmnop"}, [("target_url",)], id="hook"),
        pytest.param({"target_url": "https://x/a@b?q=a@b"}, [], id="an @ elsewhere"),
        pytest.param({"body": {"a": [{"pwd": "p"}], "n": {"token": 5}}}, [("body", "a", 0, "pwd")], id="in it"),
        pytest.param({"body": f"x {JWT}"}, [("body",)], id="a token in a text"),
        pytest.param({"body": "user=a&password=geheim"}, [("body",)], id="a form"),
        pytest.param({"body": {"text": "basic plan, bearer of news, token ring"}}, [], id="words"),
    ],
)  # fmt: skip
def test_literal_credentials(fields: dict[str, Any], places: list[tuple[str | int, ...]]) -> None:
    found = list(literal_credentials(spec("a", **fields)))
    assert [loc for loc, _ in found] == places
    shown = masked(to_json(spec("a", **fields)))
    assert (MASK in json.dumps(shown, ensure_ascii=False)) is bool(places), "what is one is masked, and nothing else"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("https://u:p@x/a?token=t&b=1#f", f"https://u:{MASK}@x/a?token={MASK}&b=1#f", id="URL"),
        pytest.param("https://t0k@x/", f"https://{MASK}@x/", id="user"),
        pytest.param("https://u:${secret:p}@x/", "https://u:${secret:p}@x/", id="reference"),
        pytest.param("Bearer abc12345", f"Bearer {MASK}", id="scheme"),
        pytest.param(f"so {JWT}, then", f"so {MASK}, then", id="JSON web token"),
        pytest.param('{"clientSecret": "a\\"b", "n": 1}', f'{{"clientSecret": "{MASK}", "n": 1}}', id="JSON"),
        pytest.param("AKIAIOSFODNN7EXAMPLE", MASK, id="AWS"),
        pytest.param("毎日 10:30 に実行", "毎日 10:30 に実行", id="plain"),
    ],
)
def test_masked_text(text: str, shown: str) -> None:
    assert masked_text(text) == shown


_SECRETS = st.text("abcdefXYZ0123456789+/=_-.", min_size=6, max_size=40).map(lambda text: f"q7{text}")


@given(secret=_SECRETS, name=st.sampled_from(["Authorization", "X-Api-Key", "password", "accessToken"]))
def test_what_stands_under_a_credentials_name_is_never_shown(secret: str, name: str) -> None:
    values = {
        "headers": {name: secret, f"X-{name}": f"Bearer {secret}"},
        "target_url": f"https://user:{secret.replace('/', '')}@x/?{name}={secret}",
        "body": {"deep": [{name: secret, "list": {name: [secret]}}], "text": f'{{"{name}": "{secret}"}}'},
    }
    assert secret not in json.dumps(masked(values))
