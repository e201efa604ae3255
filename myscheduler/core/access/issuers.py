"""Issuers of JWTs (OIDC): whose tokens count, and which roles their claims give. Verification is done elsewhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from myscheduler.core.access.principal import Binding, Identity
from myscheduler.core.bounds import LONGEST_ACTOR

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA")
"""The signatures that an issuer may use: those with a public key. Anyone who can check another could forge it."""
SUBJECT = "sub"
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""
_EMAIL = "email"

Claims = Mapping[str, Any]
"""The payload of a JWT whose signature, issuer, audience and expiry were checked."""


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """Gives a role to callers by one of their claims."""

    claim: str
    """Its name, or a path such as `realm_access.roles`. Dots in a name need no care: `kubernetes.io.namespace`."""
    value: str
    """What the claim, or one of its items if it is a list, has to be; `*` matches any text."""
    binding: Binding

    def fits(self, claims: Claims) -> bool:
        """Whether the claim has the value. An e-mail address that the issuer calls unverified never does."""
        return any(True for _ in self.texts(claims))

    def texts(self, claims: Claims) -> Iterator[str]:
        """The values of the claim that fit."""
        return (text for text in _texts(_claim(claims, self.claim)) if _matches(text, self.value))


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose JWTs are accepted."""

    url: str
    """The `iss` of its tokens, compared as it is."""
    audiences: tuple[str, ...]
    """At least one of them has to be in the `aud` of a token."""
    rules: tuple[ClaimRule, ...]
    algorithms: tuple[str, ...] = ALGORITHMS
    jwks_url: str | None = None
    """Where its keys are; `None` to find it by the issuer's /.well-known/openid-configuration."""
    name_claim: str = SUBJECT
    ca_file: str | None = None
    """The path of the certificates that prove its server; `None` for those that the system trusts."""
    bearer_file: str | None = None
    """The path of a token to fetch the keys with, as Kubernetes asks for; it is read anew each time, as it changes."""

    def bindings_of(self, claims: Claims) -> tuple[Binding, ...]:
        """What the caller may do: the binding of every rule that fits. Empty if none does: the caller is refused."""
        return tuple(dict.fromkeys(rule.binding for rule in self.rules if rule.fits(claims)))

    def identity_of(self, claims: Claims) -> Identity:
        """What a session keeps of the claims: those by which a rule fits, so that it stays small."""
        kept: dict[str, dict[str, None]] = {}
        for rule in self.rules:
            kept.setdefault(rule.claim, {}).update(dict.fromkeys(rule.texts(claims)))
        written = claims.get("aud")
        audiences = written if isinstance(written, list) else [written]
        return Identity(
            self.url,
            tuple(one for one in self.audiences if one in audiences),
            tuple((claim, tuple(texts)) for claim, texts in kept.items() if texts),
            datetime.fromtimestamp(min(claims["exp"], _LAST_SECOND), UTC),
        )

    def bindings_for(self, identity: Identity) -> tuple[Binding, ...]:
        """What a caller whose claims were kept may do by the present rules; empty if it is refused."""
        if not set(identity.audiences) & set(self.audiences):
            return ()
        kept = dict(identity.claims)
        fitting = (rule for rule in self.rules if any(_matches(text, rule.value) for text in kept.get(rule.claim, ())))
        return tuple(dict.fromkeys(rule.binding for rule in fitting))

    def name_of(self, claims: Claims) -> str:
        """The caller's name, for the audit: `name_claim`, or else the subject."""
        named = next((name for text in _texts(_claim(claims, self.name_claim)) if (name := _one_line(text))), "")
        return named or _one_line(str(claims.get(SUBJECT, "")))


def _claim(claims: Claims, path: str) -> Any:
    """The value that a path leads to; `None` if there is none. At each level the longest name that fits is taken."""
    if path == _EMAIL and claims.get("email_verified", True) not in (True, "true"):  # also "False", null and ""
        return None  # anyone can claim anyone's address
    found: Any = claims
    while path:
        if not isinstance(found, Mapping):
            return None
        name = next((name for name in _beginnings(path) if name in found), None)
        if name is None:
            return None
        found, path = found[name], path[len(name) + 1 :]
    return found


def _beginnings(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]


def _texts(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        match one:
            case bool():
                yield "true" if one else "false"
            case str() | int():
                yield str(one)


def _matches(text: str, pattern: str) -> bool:
    """Whether the text is the pattern, in which only `*` is special."""
    if "*" not in pattern:
        return text == pattern
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def _one_line(text: str) -> str:
    return "".join(one for one in text if one.isprintable()).strip()[:LONGEST_ACTOR]
