"""Sessions: what is signed comes back, and nothing else does."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.access import sessions
from myscheduler.core.access.principal import Binding, Identity, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.sessions import LIFETIME, LONGEST, Session, SessionKey

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
KEY = SessionKey(b"secret")
IDENTITY = Identity("https://login.example", ("myscheduler",), (("groups", ("ops", "愛")),), NOW + LIFETIME)
ADA = Session(Principal("愛田", (), Origin.JWT, identity=IDENTITY), NOW + LIFETIME, NOW, "nonce")
VALUE = KEY.sign(ADA)


def signed(content: bytes, secret: bytes = b"secret") -> str:
    """A value with a right signature, whatever it says."""
    key = hmac.new(secret, sessions._PURPOSE, hashlib.sha256).digest()
    body = base64.urlsafe_b64encode(content).decode().rstrip("=")
    signature = hmac.new(key, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def changed(**fields: Any) -> str:
    """The session with other contents, signed."""
    body = VALUE.partition(".")[0]
    content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return signed(json.dumps(content | fields).encode())


def test_what_is_signed_comes_back() -> None:
    read = KEY.read(VALUE, NOW)
    assert read == ADA
    assert read.principal.identity == IDENTITY
    assert KEY.read(changed(), NOW) == ADA


def test_of_an_api_token_only_the_id_is_in_the_cookie() -> None:
    principal = Principal("ci", (Binding(Role.ADMIN),), Origin.TOKEN, "abc")
    read = KEY.read(KEY.sign(replace(ADA, principal=principal)), NOW)
    assert read is not None
    assert read.principal == Principal("ci", (), Origin.TOKEN, "abc")


def test_two_sessions_differ() -> None:
    assert KEY.sign(ADA) != KEY.sign(replace(ADA, nonce="two"))


def test_it_ends_to_the_second() -> None:
    assert KEY.read(VALUE, NOW + LIFETIME - timedelta(seconds=1)) == ADA
    assert KEY.read(VALUE, NOW + LIFETIME) is None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param(".", id="a dot"),
        pytest.param(VALUE.partition(".")[0], id="no signature"),
        pytest.param(VALUE.partition(".")[0] + ".", id="an empty signature"),
        pytest.param("." + VALUE.partition(".")[2], id="no content"),
        pytest.param(VALUE + "=", id="padded"),
        pytest.param(VALUE + "." + VALUE, id="twice"),
        pytest.param(VALUE[:-1], id="cut"),
        pytest.param(VALUE.upper(), id="upper case"),
        pytest.param(VALUE.replace(".", ".\u0661"), id="a digit of another script"),
        pytest.param("é" + VALUE, id="not ASCII"),
        pytest.param("!!!.!!!", id="no base64"),
        pytest.param("\x00" * 99, id="NUL"),
        pytest.param(SessionKey(b"other").sign(ADA), id="another secret"),
        pytest.param(SessionKey(b"").sign(ADA), id="an empty secret"),
        pytest.param(signed(b"{", b"secret"), id="no JSON"),
        pytest.param(signed(b"\xff\xfe"), id="no UTF-8"),
        pytest.param(signed(b"[]"), id="a list"),
        pytest.param(signed(b"null"), id="null"),
        pytest.param(signed(b"{}"), id="nothing said"),
        pytest.param(changed(b=[["viewer", {}]]), id="bindings, as of another version"),
        pytest.param(changed(c=["https://login.example"]), id="an identity of another version"),
        pytest.param(changed(c=["https://login.example", [], []]), id="claims of another version"),
        pytest.param(changed(o="magic"), id="an origin of another version"),
        pytest.param(changed(e="soon"), id="no time"),
        pytest.param(changed(e=int(NOW.timestamp())), id="over"),
        pytest.param(changed(e=-1), id="long over"),
        pytest.param(changed(n="a" * LONGEST), id="too long"),
    ],
)
def test_anything_else_is_no_session(value: str) -> None:
    assert KEY.read(value, NOW) is None


@given(st.integers(0, len(VALUE) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_no_character_can_be_changed(place: int, char: str) -> None:
    forged = VALUE[:place] + char + VALUE[place + 1 :]
    assert (KEY.read(forged, NOW) == ADA) is (forged == VALUE)
    assert KEY.read(forged, NOW) in (ADA, None)


@given(st.text())
def test_no_text_raises(value: str) -> None:
    assert KEY.read(value, NOW) is None
