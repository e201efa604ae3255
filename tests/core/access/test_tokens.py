"""The form of API tokens, and when one is accepted."""

import re
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.access.principal import Binding, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES, ApiToken, TokenText, is_hash, new_token, read_token
from myscheduler.core.findings.masking import MASK, masked_text

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
RANDOM = st.binary(min_size=ID_BYTES + SECRET_BYTES, max_size=ID_BYTES + SECRET_BYTES)
ONE = new_token(bytes(range(ID_BYTES + SECRET_BYTES)))
TEXT = ONE.text


def test_its_form_stays_as_it_is() -> None:
    """Scanners of repositories know it, and so do tokens that were given out."""
    assert TEXT == "msk_aaaqeayeaudaocaj_CgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCk4dd4598b"
    assert ONE.hash == "a59da832c92d3d928a9daf21e7f552fc6ea0cb76fe425f24d4f63d3766f84015"


@given(RANDOM)
def test_what_is_made_is_read(random: bytes) -> None:
    made = new_token(random)
    assert read_token(made.text) == made
    assert re.fullmatch(r"msk_[a-z2-7]{16}_[A-Za-z0-9_-]{43}[0-9a-f]{8}", made.text)
    assert is_hash(made.hash)


def test_no_character_can_be_another() -> None:
    """Every one of its places, with every character that a token may have and some more."""
    chars = f"{string.printable}é日\u0661\x00"
    others = [
        TEXT[:place] + char + TEXT[place + 1 :] for place in range(len(TEXT)) for char in chars if char != TEXT[place]
    ]
    assert [text for text in others if read_token(text) is not None] == []


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_no_character_is_missing_or_too_many(place: int, char: str) -> None:
    assert read_token(TEXT[:place] + TEXT[place + 1 :]) is None
    assert read_token(TEXT[:place] + char + TEXT[place:]) is None
    assert read_token(TEXT + char) is None


@pytest.mark.parametrize(
    "text", ["", "msk_", f" {TEXT}", f"{TEXT}\n", TEXT.upper(), TEXT.removeprefix("msk_"), TEXT * 2]
)
def test_what_is_no_token(text: str) -> None:
    assert read_token(text) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert read_token(text) is None


def test_it_is_never_shown() -> None:
    assert ONE.secret not in repr(ONE)
    assert masked_text(f"sent with {TEXT}.") == f"sent with {MASK}."
    assert ONE.secret not in masked_text(f'{{"note": "{TEXT}"}}')


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a" * 64, True), ("0" * 64, True), ("A" * 64, False), ("a" * 63, False), ("a" * 65, False), ("g" * 64, False),
        ("a" * 64 + "\n", False), ("\u0661" * 64, False),
    ],
)  # fmt: skip
def test_what_is_a_hash(text: str, is_one: bool) -> None:
    assert is_hash(text) is is_one


HOUR = timedelta(hours=1)
BINDING = Binding(Role.OPERATOR)


def stored(expires_at: datetime | None = None, revoked_at: datetime | None = None) -> ApiToken:
    return ApiToken(
        ONE.token_id, "ci", ONE.hash, BINDING, NOW - HOUR, "ada", expires_at=expires_at, revoked_at=revoked_at
    )


@pytest.mark.parametrize(
    ("token", "accepted"),
    [
        pytest.param(stored(), True, id="without an end"),
        pytest.param(stored(expires_at=NOW + HOUR), True, id="not over"),
        pytest.param(stored(expires_at=NOW), False, id="over now"),
        pytest.param(stored(expires_at=NOW - HOUR), False, id="over"),
        pytest.param(stored(revoked_at=NOW - HOUR), False, id="revoked"),
        pytest.param(stored(expires_at=NOW + HOUR, revoked_at=NOW), False, id="revoked before its end"),
    ],
)
def test_when_it_is_accepted(token: ApiToken, accepted: bool) -> None:
    assert token.accepts(ONE, NOW) is accepted
    assert token.is_valid(NOW) is accepted
    assert not token.accepts(TokenText(ONE.token_id, "B" * 43), NOW)


def test_who_uses_it() -> None:
    assert stored().principal == Principal("ci", (BINDING,), Origin.TOKEN, ONE.token_id)
