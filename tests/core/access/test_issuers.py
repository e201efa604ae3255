"""Issuers: which claims give which roles, and what a caller is called."""

from typing import Any

import pytest

from myscheduler.core.access.issuers import ClaimRule, Issuer
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import Scope

VIEWER, ADMIN = Binding(Role.VIEWER), Binding(Role.ADMIN, Scope(ids=("a-*",)))


def issuer(*rules: ClaimRule, **fields: Any) -> Issuer:
    return Issuer("https://login.example.com", ("myscheduler",), rules, **fields)


_ODD: tuple[Any, ...] = ("False", "FALSE", "", "no", None, 0, [])


@pytest.mark.parametrize(
    ("claim", "value", "claims", "fits"),
    [
        pytest.param("groups", "platform", {"groups": ["ops", "platform"]}, True, id="in a list"),
        pytest.param("groups", "platform", {"groups": "platform"}, True, id="text"),
        pytest.param("groups", "platform", {"groups": ["platforms"]}, False, id="longer"),
        pytest.param("groups", "platform", {"groups": ["Platform"]}, False, id="another case"),
        pytest.param("groups", "platform", {"groups": [["platform"]]}, False, id="list in a list"),
        pytest.param("groups", "platform", {"groups": {"platform": 1}}, False, id="key"),
        pytest.param("groups", "platform", {"groups": None}, False, id="null"),
        pytest.param("groups", "*", {}, False, id="no claim"),
        pytest.param("groups", "*", {"groups": []}, False, id="empty list"),
        pytest.param("groups", "team-*", {"groups": ["team-a"]}, True, id="glob"),
        pytest.param("groups", "team-*", {"groups": ["my-team-a"]}, False, id="glob is anchored"),
        pytest.param("groups", "a*[b]?", {"groups": ["a-[b]?"]}, True, id="brackets are themselves"),
        pytest.param("groups", "a*[b]?", {"groups": ["a-bc"]}, False, id="no other wildcards"),
        pytest.param("sub", "x\n*", {"sub": "x\ny"}, True, id="lines"),
        pytest.param("realm_access.roles", "ops", {"realm_access": {"roles": ["ops"]}}, True, id="path"),
        pytest.param("realm_access.roles", "ops", {"realm_access": "roles"}, False, id="path into text"),
        pytest.param("kubernetes.io.namespace", "a", {"kubernetes.io": {"namespace": "a"}}, True, id="dot in a name"),
        pytest.param("https://x.test/groups", "a", {"https://x.test/groups": ["a"]}, True, id="name that is a URL"),
        pytest.param("a.b", "1", {"a": {"b": "2"}, "a.b": "1"}, True, id="the longest name"),
        pytest.param("admin", "true", {"admin": True}, True, id="true"),
        pytest.param("admin", "1", {"admin": True}, False, id="true is not 1"),
        pytest.param("tenant", "7", {"tenant": 7}, True, id="number"),
        pytest.param("email", "a@x.test", {"email": "a@x.test", "email_verified": True}, True, id="verified"),
        pytest.param("email", "a@x.test", {"email": "a@x.test"}, True, id="nothing said about it"),
        pytest.param("email", "a@x.test", {"email": "a@x.test", "email_verified": False}, False, id="not verified"),
        pytest.param("email", "*", {"email": "a@x.test", "email_verified": "false"}, False, id="not verified, as text"),
        pytest.param("email", "*", {"email": "a@x.test", "email_verified": "true"}, True, id="verified, as text"),
        *(
            pytest.param("email", "*", {"email": "a@x.test", "email_verified": odd}, False, id=f"odd: {odd!r}")
            for odd in _ODD
        ),
    ],
)
def test_a_rule_fits_by_a_claim(claim: str, value: str, claims: dict[str, Any], fits: bool) -> None:
    found = issuer(ClaimRule(claim, value, VIEWER)).bindings_of(claims)
    assert found == ((VIEWER,) if fits else ())


def test_each_rule_that_fits_adds_its_binding_once() -> None:
    one = issuer(
        ClaimRule("groups", "a", VIEWER),
        ClaimRule("groups", "b", ADMIN),
        ClaimRule("groups", "c", VIEWER),
        ClaimRule("groups", "*", VIEWER),
    )
    assert one.bindings_of({"groups": ["a", "b"]}) == (VIEWER, ADMIN)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        pytest.param({"sub": "7", "email": "a@x.test"}, "a@x.test", id="the claim"),
        pytest.param({"sub": "7"}, "7", id="else the subject"),
        pytest.param({"sub": "7", "email": ["", 3]}, "3", id="first of a list"),
        pytest.param({"sub": "7", "email": {"a": 1}}, "7", id="no text"),
        pytest.param({"sub": "7", "email": " \n"}, "7", id="blank"),
        pytest.param({"sub": "7", "email": "a\r\nb\x1b"}, "ab", id="in one line"),
        pytest.param({"sub": "7", "email": "a" * 999}, "a" * 255, id="cut"),
        pytest.param({"sub": "7", "email": "boss@x.test", "email_verified": False}, "7", id="anyone's address"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_the_name_is_for_the_audit(claims: dict[str, Any], name: str) -> None:
    assert issuer(name_claim="email").name_of(claims) == name
