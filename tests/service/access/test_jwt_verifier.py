"""JWTs of callers: those that count, and attacks; with real keys, and a real server that publishes them."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from myscheduler.adapters.http.jwks import AGAIN_SEC, KeySets, open_key_sets
from myscheduler.core.access.issuers import ClaimRule
from myscheduler.core.access.principal import Binding, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import Scope
from myscheduler.service.access import jwt_verifier
from myscheduler.service.access.jwt_verifier import KEPT_SEC, JwtVerifier, Refused
from tests.support.issuers import (
    AT,
    AUDIENCE,
    Clock,
    IssuerServer,
    Key,
    claims,
    ec_key,
    ed_key,
    json_answer,
    rsa_key,
    signed,
)
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

NOW = datetime.fromtimestamp(AT, UTC)


@pytest.fixture
def server() -> Iterator[IssuerServer]:
    with Target() as target:
        yield IssuerServer(target, [rsa_key(), ec_key(), ed_key()])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(clock: Clock) -> AsyncIterator[KeySets]:
    async with open_key_sets(clock) as opened:
        yield opened


@pytest.fixture
def verifier(keys: KeySets, clock: Clock) -> JwtVerifier:
    return JwtVerifier(keys, clock=clock)


async def why(verifier: JwtVerifier, server: IssuerServer, text: str, **changed: Any) -> str:
    """Why the token is refused; fails if it is not."""
    found = await verifier.verify(text, [server.issuer(**changed)], NOW)
    assert isinstance(found, Refused)
    assert found.why.isprintable()
    assert len(found.why) < 500
    return found.why


# --- what counts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2], ids=["RS256", "ES256", "EdDSA"])
async def test_a_token_says_who_calls(place: int, verifier: JwtVerifier, server: IssuerServer) -> None:
    found = await verifier.verify(server.token(server.keys[place]), [server.issuer()], NOW)
    assert found == Principal("tanaka", (Binding(Role.OPERATOR),), Origin.JWT)
    assert found.is_named


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
async def test_other_signatures_of_rsa(algorithm: str, verifier: JwtVerifier, server: IssuerServer) -> None:
    key = replace(rsa_key(), algorithm=algorithm)
    server.publish(key)
    assert isinstance(await verifier.verify(server.token(), [server.issuer()], NOW), Principal)


@pytest.mark.parametrize("algorithm", ["ES384", "ES512"])
async def test_other_curves(algorithm: str, verifier: JwtVerifier, server: IssuerServer) -> None:
    server.publish(ec_key("large", algorithm))
    assert isinstance(await verifier.verify(server.token(), [server.issuer()], NOW), Principal)


ACCEPTED = [
    pytest.param({"aud": ["other", AUDIENCE]}, {}, id="one of several audiences"),
    pytest.param({"nbf": None, "iat": None}, {}, id="without nbf and iat"),
    pytest.param({"exp": AT - 29}, {}, id="expired within the leeway"),
    pytest.param({"nbf": AT + 29}, {}, id="begins within the leeway"),
    pytest.param({"exp": AT + 0.5}, {}, id="fraction of a second"),
    pytest.param({"iat": AT + 9_999}, {}, id="issued later"),
    pytest.param({}, {"typ": None}, id="no typ"),
    pytest.param({}, {"typ": "at+jwt"}, id="access token"),
    pytest.param({}, {"typ": "application/AT+JWT"}, id="media type in capitals"),
    pytest.param({"sub": "田中 花子"}, {}, id="Japanese"),
    pytest.param({"groups": "ops"}, {}, id="claim is a text"),
]


@pytest.mark.parametrize(("changed", "headers"), ACCEPTED)
async def test_what_is_accepted(
    changed: dict[str, Any], headers: dict[str, Any], verifier: JwtVerifier, server: IssuerServer
) -> None:
    text = server.token(headers=headers, **changed)
    assert isinstance(await verifier.verify(text, [server.issuer()], NOW), Principal)


SERVICE_ACCOUNT = {
    "aud": ["https://kubernetes.default.svc.cluster.local", AUDIENCE],
    "jti": "5b6bf4d6-2f0a-4c4e-8d5b-0a7b0c9c4a4e",
    "kubernetes.io": {
        "namespace": "billing",
        "node": {"name": "worker-1", "uid": "7b0a2f5e-0f5d-4b8e-9d0c-3f3a1c2e4d5f"},
        "pod": {"name": "invoices-6d5f", "uid": "0d7b3b5a-7f1e-4f7c-8f4e-6a2d6b1f0c3e"},
        "serviceaccount": {"name": "invoices", "uid": "c1d2e3f4-0a1b-4c2d-8e3f-5a6b7c8d9e0f"},
        "warnafter": AT + 300,
    },
    "sub": "system:serviceaccount:billing:invoices",
    "groups": None,
}


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", "system:serviceaccount:billing:invoices"),
        ("sub", "system:serviceaccount:billing:*"),
        ("kubernetes.io.namespace", "billing"),
        ("kubernetes.io.serviceaccount.name", "invoices"),
    ],
)
async def test_a_service_account_of_kubernetes(
    claim: str, value: str, verifier: JwtVerifier, server: IssuerServer
) -> None:
    server.publish(rsa_key("DHcUYMLyMKSzO2BH3Qz-2-6sGpHGpdpNUMW9xTmDUHA"))
    text = server.token(headers={"typ": None}, **SERVICE_ACCOUNT)
    editor = Binding(Role.EDITOR, Scope(labels=(("team", ("billing",)),)))
    issuer = server.issuer(rules=(ClaimRule(claim, value, editor),))
    found = await verifier.verify(text, [issuer], NOW)
    assert found == Principal("system:serviceaccount:billing:invoices", (editor,), Origin.JWT)


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "system:serviceaccount:billing2:invoices", "kubernetes.io": {"namespace": "billing2"}},
        {"aud": ["https://kubernetes.default.svc.cluster.local"]},
        {"exp": None},
        {"kubernetes.io": {"namespace": ["billing", {}]}, "sub": "other"},
        {"kubernetes.io": "namespace"},
    ],
    ids=["another namespace", "for the API server", "of a Secret, for ever", "list", "text"],
)
async def test_other_service_accounts(changed: dict[str, Any], verifier: JwtVerifier, server: IssuerServer) -> None:
    rule = ClaimRule("kubernetes.io.serviceaccount.name", "invoices", Binding(Role.EDITOR))
    rules: tuple[ClaimRule, ...] = (rule, ClaimRule("sub", "system:serviceaccount:billing:*", Binding(Role.EDITOR)))
    if changed.get("kubernetes.io") == "namespace":
        rules = (rule,)
    await why(verifier, server, server.token(**(SERVICE_ACCOUNT | changed)), rules=rules)


# --- attacks ------------------------------------------------------------------------------------------------------


def _part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _unsigned(server: IssuerServer, algorithm: str) -> str:
    return f"{_part({'alg': algorithm, 'kid': 'rsa', 'typ': 'JWT'})}.{_part(claims(server.url))}."


def _with_public_key(server: IssuerServer, content: bytes) -> str:
    signing = f"{_part({'alg': 'HS256', 'kid': 'rsa', 'typ': 'JWT'})}.{_part(claims(server.url))}"
    return f"{signing}.{_part(hmac.digest(content, signing.encode(), hashlib.sha256))}"


def _pem() -> bytes:
    return rsa_key().private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _der() -> bytes:
    return rsa_key().private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _other(server: IssuerServer) -> Key:
    """A key that the issuer does not have, under the id of one that it has."""
    return ec_key(server.keys[1].key_id)


def _changed(server: IssuerServer, **changed: Any) -> str:
    """A good token whose payload is another, with the old signature."""
    head, _, signature = server.token().split(".")
    return f"{head}.{_part(claims(server.url, **changed))}.{signature}"


def _with_own_key(server: IssuerServer, **headers: Any) -> str:
    return server.token(_other(server), headers=headers)


ATTACKS: dict[str, Any] = {
    "alg none": lambda one: _unsigned(one, "none"),
    "alg None": lambda one: _unsigned(one, "None"),
    "alg empty": lambda one: _unsigned(one, ""),
    "no signature": lambda one: one.token().rpartition(".")[0] + ".",
    "HS256 with the public key in PEM": lambda one: _with_public_key(one, _pem()),
    "HS256 with the public key in DER": lambda one: _with_public_key(one, _der()),
    "HS256 with the public JWK": lambda one: _with_public_key(one, json.dumps(rsa_key().jwk).encode()),
    "HS256 with nothing": lambda one: _with_public_key(one, b""),
    "changed subject": lambda one: _changed(one, sub="admin"),
    "ES256 with the id of the RSA key": lambda one: one.token(one.keys[1], headers={"kid": "rsa"}),
    "RS256 with the id of the EC key": lambda one: one.token(one.keys[0], headers={"kid": "ec"}),
    "another key with the same id": lambda one: one.token(_other(one)),
    "zero signature of ES256": lambda one: one.token(one.keys[1]).rpartition(".")[0] + "." + _part(bytes(64)),
    "own key in jwk": lambda one: _with_own_key(one, jwk=_other(one).jwk),
    "own key in jku": lambda one: _with_own_key(one, jku="http://127.0.0.1:1/jwks"),
    "own key in x5u": lambda one: _with_own_key(one, x5u="http://127.0.0.1:1/certificate"),
    "own key in x5c": lambda one: _with_own_key(one, x5c=["MIIB"]),
    "critical header that is unknown": lambda one: one.token(headers={"crit": ["exp"], "exp": 1}),
    "critical header that is empty": lambda one: one.token(headers={"crit": []}),
    "no kid": lambda one: one.token(headers={"kid": None}),
    "unknown kid": lambda one: one.token(headers={"kid": "other"}),
    "empty kid": lambda one: one.token(headers={"kid": ""}),
    "kid is a path": lambda one: one.token(headers={"kid": "../../../../dev/null"}),
    "kid is a URL": lambda one: one.token(headers={"kid": "http://169.254.169.254/latest/meta-data"}),
    "kid is SQL": lambda one: one.token(headers={"kid": "x' UNION SELECT 'key"}),
    "kid with line breaks": lambda one: one.token(headers={"kid": "a\nERROR forged\x1b[2J"}),
    "kid of 8,000 characters": lambda one: one.token(headers={"kid": "k" * 8_000}),
    "typ of another purpose": lambda one: one.token(headers={"typ": "logout+jwt"}),
    "typ is a list": lambda one: one.token(headers={"typ": ["JWT"]}),
    "another issuer": lambda one: one.token(iss="https://accounts.example"),
    "issuer with a slash": lambda one: one.token(iss=one.url + "/"),
    "issuer in capitals": lambda one: one.token(iss=one.url.upper()),
    "issuer is a list": lambda one: one.token(iss=[one.url]),
    "no issuer": lambda one: one.token(iss=None),
    "another audience": lambda one: one.token(aud="other"),
    "beginning of the audience": lambda one: one.token(aud=AUDIENCE[:-1]),
    "empty audience": lambda one: one.token(aud=[]),
    "audience in an object": lambda one: one.token(aud={AUDIENCE: 1}),
    "audiences with a number": lambda one: one.token(aud=[AUDIENCE, 1]),
    "no audience": lambda one: one.token(aud=None),
    "expired": lambda one: one.token(exp=AT - 30),
    "no exp": lambda one: one.token(exp=None),
    "exp is a text": lambda one: one.token(exp=str(AT + 600)),
    "exp is true": lambda one: one.token(exp=True),
    "exp is infinite": lambda one: one.token(exp=float("inf")),
    "exp is no number": lambda one: one.token(exp=float("nan")),
    "exp is huge": lambda one: one.token(exp=10**400),
    "not valid yet": lambda one: one.token(nbf=AT + 31),
    "nbf is a text": lambda one: one.token(nbf="now"),
    "nbf is no number": lambda one: one.token(nbf=float("nan")),
    "no subject": lambda one: one.token(sub=None),
    "empty subject": lambda one: one.token(sub=""),
    "subject is blank": lambda one: one.token(sub=" \u200b\n"),
    "subject is half a character": lambda one: one.token(sub="\ud800"),
    "no rule fits": lambda one: one.token(groups=["others"]),
    "no claim of a rule": lambda one: one.token(groups=None),
    "claim is an object": lambda one: one.token(groups={"ops": True}),
    "17 KiB": lambda one: one.token(more="x" * 13_000),
    "100 MB": lambda _: "a" * 100_000_000,
    "truncated": lambda one: one.token()[:-10],
    "truncated to two parts": lambda one: one.token().rpartition(".")[0],
    "four parts": lambda one: one.token() + ".AA",
    "five parts": lambda one: "a.b.c.d.e",  # noqa: ARG005 - as all others
    "line break at the end": lambda one: one.token() + "\n",
    "blank in it": lambda one: one.token().replace(".", ". ", 1),
    "padding": lambda one: one.token() + "==",
    "base64 instead of base64url": lambda one: one.token().replace(".", ".+/", 1),
    "empty": lambda _: "",
    "dots": lambda _: "..",
    "unicode": lambda one: one.token().replace("e", "е"),  # the Cyrillic one
    "half a character": lambda one: one.token() + "\udc80",
    "digits of another script": lambda one: one.token() + "٣",
    "NUL": lambda one: one.token() + "\0",
    "head is a list": lambda one: f"{_part([])}.{one.token().partition('.')[2]}",
    "head is deep": lambda one: f"{_part(b'[' * 6_000)}.{one.token().partition('.')[2]}",
    "head is not UTF-8": lambda one: f"{_part(bytes([0x80, 0xFF]))}.{one.token().partition('.')[2]}",
    "payload is deep": lambda one: f"{one.token().split('.')[0]}.{_part(b'[' * 6_000)}.AA",
    "payload has a number of 5,000 digits": lambda one: f"{one.token().split('.')[0]}.{_part(b'9' * 5_000)}.AA",
    "detached payload": lambda one: one.token(headers={"b64": False, "crit": ["b64"]}),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack(attack: str, verifier: JwtVerifier, server: IssuerServer) -> None:
    text = ATTACKS[attack](server)
    for _ in range(2):  # a refusal is not remembered as anything else
        await why(verifier, server, text)
    places = {one.target for one in server.target.requests}
    assert places <= {"/.well-known/openid-configuration", "/jwks"}


async def test_the_algorithms_of_the_issuer_decide(verifier: JwtVerifier, server: IssuerServer) -> None:
    reason = await why(verifier, server, server.token(server.keys[1]), algorithms=("RS256",))
    assert reason == f"{server.url} signs otherwise than with 'ES256'"
    assert not server.target.requests


KEYS = [
    pytest.param({"use": "enc"}, id="for encryption"),
    pytest.param({"key_ops": ["sign"]}, id="to sign"),
    pytest.param({"key_ops": "verify"}, id="operations are a text"),
    pytest.param({"alg": "RS512"}, id="for another signature"),
    pytest.param({"alg": 7}, id="alg is a number"),
    pytest.param({"kty": "oct", "k": "c2VjcmV0"}, id="symmetric"),
    pytest.param({"kty": "EC"}, id="another kind"),
    pytest.param({"kty": ["RSA"]}, id="kind is a list"),
    pytest.param({"d": "AQAB"}, id="private"),
    pytest.param({"n": "AQAB"}, id="small"),
    pytest.param({"n": "A" * 400}, id="zero"),
    pytest.param({"n": "_" * 200_000}, id="huge"),
    pytest.param({"n": "!" * 400}, id="not base64"),
    pytest.param({"n": 65_537}, id="a number"),
    pytest.param({"e": "_" * 300}, id="huge exponent"),
    pytest.param({"e": "AA"}, id="exponent 0"),
    pytest.param({"e": None}, id="no exponent"),
    pytest.param({"kid": None}, id="without an id"),
    pytest.param({"kid": 7}, id="id is a number"),
]


@pytest.mark.parametrize("changed", KEYS)
async def test_a_key_that_is_not_for_this(changed: dict[str, Any], verifier: JwtVerifier, server: IssuerServer) -> None:
    server.says({"keys": [{**rsa_key().jwk, **changed}, ec_key("good").jwk]})
    await why(verifier, server, server.token())


async def test_a_small_rsa_key_with_zeros_before_it(verifier: JwtVerifier, server: IssuerServer) -> None:
    small = rsa_key("small", 1024)
    number = base64.urlsafe_b64decode(small.jwk["n"] + "==").rjust(256, b"\0")
    server.says({"keys": [{**small.jwk, "n": _part(number)}]})
    assert "1024 bits" in await why(verifier, server, server.token(small))


# --- several issuers ----------------------------------------------------------------------------------------------


async def test_the_key_of_another_issuer_does_not_count(verifier: JwtVerifier, server: IssuerServer) -> None:
    """Both have a key with this id: each counts for its own issuer alone."""
    with Target() as target:
        other = IssuerServer(target, [ec_key()])
        issuers = [server.issuer(), other.issuer(rules=(ClaimRule("sub", "*", Binding(Role.ADMIN)),))]
        assert isinstance(await verifier.verify(server.token(server.keys[1]), issuers, NOW), Principal)
        assert isinstance(await verifier.verify(other.token(), issuers, NOW), Principal)
        for text in (signed(server.keys[1], claims(other.url)), signed(other.keys[0], claims(server.url))):
            assert isinstance(await verifier.verify(text, issuers, NOW), Refused)


# --- over time ----------------------------------------------------------------------------------------------------


async def test_a_rotated_key(verifier: JwtVerifier, server: IssuerServer, clock: Clock) -> None:
    issuers = [server.issuer()]
    assert isinstance(await verifier.verify(server.token(), issuers, NOW), Principal)
    server.publish(ec_key("next"))
    clock.now += AGAIN_SEC
    assert isinstance(await verifier.verify(server.token(), issuers, NOW), Principal)


async def test_an_issuer_that_is_down(verifier: JwtVerifier, server: IssuerServer, clock: Clock) -> None:
    issuers = [server.issuer()]
    server.answers(Answer(503), json_answer({"keys": [server.keys[0].jwk]}), Answer(503))
    assert isinstance(await verifier.verify(server.token(), issuers, NOW), Refused)
    clock.now += AGAIN_SEC
    assert isinstance(await verifier.verify(server.token(), issuers, NOW), Principal)
    clock.now += 86_400
    assert isinstance(await verifier.verify(server.token(jti="another"), issuers, NOW), Principal)


async def test_a_result_is_kept_until_the_token_expires_and_at_most_a_minute(
    verifier: JwtVerifier, server: IssuerServer
) -> None:
    issuers, later = [server.issuer()], NOW + timedelta(seconds=KEPT_SEC)
    long, short = server.token(), server.token(exp=AT + 20)
    for text in (long, short):
        assert isinstance(await verifier.verify(text, issuers, NOW), Principal)
    assert isinstance(await verifier.verify(short, issuers, NOW + timedelta(seconds=50)), Refused)
    first = await verifier.verify(long, issuers, later - timedelta(seconds=1))
    assert first is await verifier.verify(long, issuers, later - timedelta(seconds=1))
    assert first is not await verifier.verify(long, issuers, later)


async def test_other_rules_count_at_once(verifier: JwtVerifier, server: IssuerServer) -> None:
    text = server.token()
    for role in (Role.ADMIN, Role.VIEWER):
        issuer = server.issuer(rules=(ClaimRule("sub", "tanaka", Binding(role)),))
        found = await verifier.verify(text, [issuer], NOW)
        assert isinstance(found, Principal)
        assert found.bindings == (Binding(role),)
    assert isinstance(await verifier.verify(text, [], NOW), Refused)


async def test_few_results_are_kept(
    verifier: JwtVerifier, server: IssuerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwt_verifier, "KEPT", 3)
    issuers = [server.issuer()]
    first, *others = (server.token(server.keys[1], jti=str(number)) for number in range(4))
    found = await verifier.verify(first, issuers, NOW)
    assert found is await verifier.verify(first, issuers, NOW)
    for text in others:
        await verifier.verify(text, issuers, NOW)
    assert found is not await verifier.verify(first, issuers, NOW)


# --- the log ------------------------------------------------------------------------------------------------------


async def test_the_log_says_why_but_not_for_ever(
    verifier: JwtVerifier, server: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuers, text = [server.issuer()], server.token(exp=AT - 100)
    for _ in range(30):
        assert await verifier.admitted(text, issuers, NOW) is None
    assert caplog.messages == [f"refused a JWT: of {server.url}: it has expired"] * 20
    clock.now += 60
    assert await verifier.admitted(text, issuers, NOW) is None
    assert caplog.messages[20] == "10 more JWTs were refused"
    assert text.rpartition(".")[2] not in caplog.text


async def test_a_caller_who_is_admitted_is_not_logged(
    verifier: JwtVerifier, server: IssuerServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "myscheduler")
    assert await verifier.admitted(server.token(), [server.issuer()], NOW) is not None
    assert not caplog.messages
