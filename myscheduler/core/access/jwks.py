"""The public keys of an issuer (JSON Web Keys, RFC 7517): which of its published keys are used, and for what."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_KEYS = 100
"""The most keys of an issuer; they usually have two to four."""
LONGEST_ID = 300
_TYPES = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", frozenset({""}))),
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "EdDSA": ("OKP", frozenset({"Ed25519", "Ed448"})),
}
"""The type and the curves of the keys that make a signature."""
_NEEDED = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
"""The members that a public key consists of. A type that is not here, such as `oct`, is never used."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})
_BASE64 = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_LENGTHS = {"n": (342, 1_366), "e": (1, 8)}
"""Characters of an RSA key of 2,048 to 8,192 bits: a smaller one is weak, a larger one slow."""
_LONGEST = 100
"""Characters of a coordinate on a curve; the largest, of P-521, has 88."""


class JwksError(Exception):
    """A set of keys that can't be used; the message says why, without what it holds."""


@dataclass(frozen=True, slots=True)
class Jwk:
    """A public key that signatures are checked with."""

    key_id: str
    kind: str
    """`RSA`, `EC` or `OKP`."""
    curve: str
    """Empty for RSA."""
    algorithm: str | None
    """The only signature that it makes; `None` for any of its kind."""
    members: Mapping[str, str] = field(repr=False)
    """The key itself: its members by the names of RFC 7518, without any private one."""

    def makes(self, algorithm: str) -> bool:
        """Whether it is a key for signatures of this algorithm."""
        kind, curves = _TYPES.get(algorithm, ("", frozenset()))
        return self.kind == kind and self.curve in curves and self.algorithm in {None, algorithm}


def parse_keys(document: Any) -> dict[str, tuple[Jwk, ...]]:
    """The usable keys of a JSON Web Key Set by their ids. Those for other purposes are left out.

    Raises `JwksError` if it is not a set of keys, has too many, or none of use.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise JwksError("it is not a JSON Web Key Set: it has no list 'keys'")
    if len(keys) > MOST_KEYS:
        raise JwksError(f"it has {len(keys):,} keys, and {MOST_KEYS} are the limit")
    found: dict[str, tuple[Jwk, ...]] = {}
    for key in _usable(keys):
        found[key.key_id] = (*found.get(key.key_id, ()), key)
    if not found:
        raise JwksError("it has no key with a 'kid' that signatures can be checked with")
    return found


def _usable(keys: list[Any]) -> Iterator[Jwk]:
    for key in keys:
        if isinstance(key, dict) and _is_for_signatures(key) and (parsed := _parsed(key)) is not None:
            yield parsed


def _is_for_signatures(key: Mapping[str, Any]) -> bool:
    """Whether its owner means it for that. A private key that was published is known to everyone: it proves nothing."""
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and not _PRIVATE.intersection(key)
    )


def _parsed(key: Mapping[str, Any]) -> Jwk | None:
    key_id, kind, algorithm = key.get("kid"), key.get("kty"), key.get("alg")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= LONGEST_ID or not isinstance(kind, str):
        return None
    curve = "" if kind == "RSA" else key.get("crv")
    needed = _NEEDED.get(kind, ())
    if not needed or not isinstance(curve, str) or not isinstance(algorithm, str | None):
        return None
    if not all(_is_number(key.get(name), *_LENGTHS.get(name, (1, _LONGEST))) for name in needed):
        return None
    members = {"kty": kind} | ({"crv": curve} if curve else {}) | {name: key[name] for name in needed}
    return Jwk(key_id, kind, curve, algorithm, members)


def _is_number(value: Any, least: int, most: int) -> bool:
    return isinstance(value, str) and least <= len(value) <= most and _BASE64.fullmatch(value) is not None
