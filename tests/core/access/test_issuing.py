"""New tokens, and all that may be wrong with what was asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.access.issuing import LONGEST_NAME, issue
from myscheduler.core.access.roles import Role
from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES
from myscheduler.core.schedule.clock import Clock

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
RANDOM = bytes(range(ID_BYTES + SECRET_BYTES))
GOOD = {"name": "ci", "role": "operator"}


def asked(**fields: Any) -> Any:
    return issue(GOOD | fields, RANDOM, Clock(NOW, "Asia/Tokyo"), by="ada")


@pytest.mark.parametrize(
    ("written", "expires_at"),
    [
        pytest.param(None, None, id="never"),
        pytest.param("2027-04-01T09:00:00+02:00", datetime(2027, 4, 1, 7, tzinfo=UTC), id="RFC 3339"),
        pytest.param("2027-04-01T09:00:00", datetime(2027, 4, 1, tzinfo=UTC), id="local time"),
        pytest.param("2027-03-01T12:00:01Z", NOW + timedelta(seconds=1), id="a second"),
    ],
)
def test_a_token(written: str | None, expires_at: datetime | None) -> None:
    text, token = asked(expires_at=written, scope={"ids": ["a-*"]})
    assert token.accepts(text, NOW)
    assert (token.name, token.created_at, token.created_by, token.expires_at) == ("ci", NOW, "ada", expires_at)
    assert (token.binding.role, token.binding.scope.as_json()) == (Role.OPERATOR, {"ids": ["a-*"]})
    assert text.secret not in repr(token)


@pytest.mark.parametrize("role", Role)
def test_each_role(role: str) -> None:
    assert asked(role=role)[1].binding.role is role


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        pytest.param({"name": None}, ("name",), id="no name"),
        pytest.param({"name": " "}, ("name",), id="a blank name"),
        pytest.param({"name": " ci"}, ("name",), id="a name with white space before it"),
        pytest.param({"name": "ci\u3000"}, ("name",), id="a name with white space after it"),
        pytest.param({"name": "manifest"}, ("name",), id="the name of the source"),
        pytest.param({"name": "ｃｌｏｃｋ"}, ("name",), id="the name of the clock, in wide characters"),
        pytest.param({"name": "CLI:root"}, ("name",), id="the name of a command's user"),
        pytest.param({"name": "msk_aaaqeayeaudaocaj_CgsMDQ4PEBESExQVFhcYGRobHB0e"}, ("name",), id="a token as name"),
        pytest.param({"name": 7}, ("name",), id="a number as name"),
        pytest.param({"name": "a\x1b[2J"}, ("name",), id="a name that controls a terminal"),
        pytest.param({"name": "a\u202e"}, ("name",), id="a name with a direction"),
        pytest.param({"name": "\ud800"}, ("name",), id="half a character"),
        pytest.param({"name": "a" * (LONGEST_NAME + 1)}, ("name",), id="a long name"),
        pytest.param({"role": None}, ("role",), id="no role"),
        pytest.param({"role": "root"}, ("role",), id="no such role"),
        pytest.param({"role": "Admin"}, ("role",), id="a role in upper case"),
        pytest.param({"role": ["admin"]}, ("role",), id="a list of roles"),
        pytest.param({"role": {}}, ("role",), id="an object as role"),
        pytest.param({"scope": {"ids": []}}, ("scope", "ids"), id="an empty scope"),
        pytest.param({"scope": {"labels": {"t": 1}}}, ("scope", "labels", "t", 0), id="a wrong scope"),
        pytest.param({"scope": "all"}, ("scope",), id="a text as scope"),
        pytest.param({"expires_at": "2027-03-01T12:00:00Z"}, ("expires_at",), id="over now"),
        pytest.param({"expires_at": "2020-01-01T00:00:00Z"}, ("expires_at",), id="over"),
        pytest.param({"expires_at": "tomorrow"}, ("expires_at",), id="no time"),
        pytest.param({"expires_at": 1_900_000_000}, ("expires_at",), id="seconds"),
        pytest.param({"expires_at": ""}, ("expires_at",), id="an empty time"),
        pytest.param({"expires_at": "9999-12-31T23:59:59-12:00"}, ("expires_at",), id="past the end of time"),
    ],
)
def test_a_mistake(fields: dict[str, Any], loc: tuple[str | int, ...]) -> None:
    assert [complaint.loc for complaint in asked(**fields)] == [loc]


def test_all_mistakes_at_once() -> None:
    found = asked(name="", role="", scope=[], expires_at=0)
    assert [complaint.loc[0] for complaint in found] == ["name", "role", "scope", "expires_at"]
