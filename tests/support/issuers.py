"""An issuer of JWTs for tests: real keys, real signatures, and a real server that publishes them."""

import itertools
import json
import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from myscheduler.core.access.issuers import ClaimRule, Issuer
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from tests.support.target import Answer, Reply, Target

DISCOVERY, JWKS = "/.well-known/openid-configuration", "/jwks"
AUDIENCE = "myscheduler"
AT = 1_795_000_000
"""Seconds since the epoch: when the tokens are sent."""
EVERYONE = ClaimRule("groups", "ops", Binding(Role.OPERATOR))

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Key:
    """A pair of keys of an issuer."""

    key_id: str
    algorithm: str
    private: PrivateKey

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as it is published."""
        return {**public(self.private), "kid": self.key_id, "use": "sig", "alg": self.algorithm}


def public(private: PrivateKey) -> dict[str, Any]:
    match private:
        case rsa.RSAPrivateKey():
            return dict(RSAAlgorithm.to_jwk(private.public_key(), as_dict=True))
        case ec.EllipticCurvePrivateKey():
            return dict(ECAlgorithm.to_jwk(private.public_key(), as_dict=True))
        case _:
            return dict(OKPAlgorithm.to_jwk(private.public_key(), as_dict=True))


@cache
def rsa_key(key_id: str = "rsa", bits: int = 2048) -> Key:
    return Key(key_id, "RS256", rsa.generate_private_key(65_537, bits))


def ec_key(key_id: str = "ec", algorithm: str = "ES256") -> Key:
    curve: ec.EllipticCurve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm]
    return Key(key_id, algorithm, ec.generate_private_key(curve))


def ed_key(key_id: str = "ed") -> Key:
    return Key(key_id, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def claims(issuer: str, **changed: Any) -> dict[str, Any]:
    """Those of a token that counts at `AT`, changed; a claim that is `None` is left out."""
    whole = {
        "iss": issuer, "aud": AUDIENCE, "sub": "tanaka", "groups": ["ops"],
        "iat": AT - 60, "nbf": AT - 60, "exp": AT + 600,
    } | changed  # fmt: skip
    return {name: value for name, value in whole.items() if value is not None}


def signed(key: Key, payload: dict[str, Any], **headers: Any) -> str:
    """A token; headers that are `None` are left out."""
    head = {"kid": key.key_id} | headers
    text = {name: value for name, value in head.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a key that is too small on purpose
        return jwt.api_jws.encode(json.dumps(payload).encode(), key.private, key.algorithm, headers=text)


@dataclass
class IssuerServer:
    """The issuer at the root of a target."""

    target: Target
    keys: list[Key] = field(default_factory=lambda: [ec_key()])

    def __post_init__(self) -> None:
        self.publish(*self.keys)

    @property
    def url(self) -> str:
        return self.target.url("").rstrip("/")

    def publish(self, *keys: Key, **changed: Any) -> None:
        """Publish these keys, and nothing else; `changed` changes the discovery document."""
        self.keys = list(keys)
        self.says({"keys": [key.jwk for key in keys]})
        self.target.answers(DISCOVERY, json_answer(self.discovery | changed))

    @property
    def discovery(self) -> dict[str, Any]:
        return {"issuer": self.url, "jwks_uri": self.url + JWKS}

    def says(self, document: Any) -> None:
        """Answer with this instead of the keys."""
        self.answers(json_answer(document))

    def answers(self, *replies: Reply) -> None:
        self.target.answers(JWKS, *replies)

    def token(self, key: Key | None = None, /, *, headers: dict[str, Any] | None = None, **changed: Any) -> str:
        """A token that counts, changed."""
        return signed(key or self.keys[0], claims(self.url, **changed), **(headers or {}))

    def issuer(self, **changed: Any) -> Issuer:
        """As it is accepted."""
        return Issuer(**({"url": self.url, "audiences": (AUDIENCE,), "rules": (EVERYONE,)} | changed))

    @property
    def fetches(self) -> int:
        """How often its keys were asked for."""
        return sum(one.target == JWKS for one in self.target.requests)


def json_answer(document: Any, **more: Any) -> Answer:
    return Answer(body=json.dumps(document).encode(), **more)


class Clock:
    """Seconds that a test sets forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def many(count: int) -> list[Key]:
    """Keys with different ids, all the same one."""
    one = ec_key()
    return [Key(f"key-{number}", one.algorithm, one.private) for number in itertools.islice(itertools.count(), count)]
