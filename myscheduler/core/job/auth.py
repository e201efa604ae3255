"""How a call proves who makes it, and how it is signed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
"""The scope of Google for everything that the service account may do."""


@dataclass(frozen=True, slots=True)
class Basic:
    """User and password (RFC 7617)."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that does not expire by itself (RFC 6750)."""

    token: str


@dataclass(frozen=True, slots=True)
class OAuth2:
    """The client credentials grant (RFC 6749, 4.4)."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str | None = None
    audience: str | None = None
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"  # noqa: S105
    """Whether id and secret are sent to the token endpoint in the header `Authorization`, or in the body."""


@dataclass(frozen=True, slots=True)
class GcpIdToken:
    """An identity token of Google, as Cloud Run and Cloud Functions ask for."""

    audience: str
    key: str | None = None
    """The JSON key of a service account; `None` asks the metadata server of the machine."""


@dataclass(frozen=True, slots=True)
class GcpAccessToken:
    """An access token of Google, for `*.googleapis.com`."""

    scopes: tuple[str, ...] = (CLOUD_PLATFORM,)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """A token of the service's own service account, which the kubelet keeps in a file for this audience."""

    audience: str


@dataclass(frozen=True, slots=True)
class AwsSigV4:
    """A signature of AWS, version 4."""

    service: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


Auth: TypeAlias = Basic | Bearer | OAuth2 | GcpIdToken | GcpAccessToken | Kubernetes | AwsSigV4

KINDS: Mapping[str, type[Auth]] = {
    "basic": Basic,
    "bearer": Bearer,
    "oauth2": OAuth2,
    "gcp_id_token": GcpIdToken,
    "gcp_access_token": GcpAccessToken,
    "kubernetes": Kubernetes,
    "aws_sigv4": AwsSigV4,
}
"""By the word that a manifest writes."""
_WORDS = {kind: word for word, kind in KINDS.items()}


def is_own_identity(auth: Auth | None) -> bool:
    """Whether the token is that of the service itself, in its cloud or cluster, not of credentials that a job names."""
    return isinstance(auth, Kubernetes) or (isinstance(auth, GcpIdToken | GcpAccessToken) and auth.key is None)


def auth_to_json(auth: Auth) -> dict[str, Any]:
    """The field `auth` of a manifest, without what is as usual."""
    usual = {one.name: one.default for one in fields(auth)}
    written = {name: value for name, value in asdict(auth).items() if value != usual[name]}
    return {_WORDS[type(auth)]: {name: list(one) if isinstance(one, tuple) else one for name, one in written.items()}}


def auth_from_json(stored: Mapping[str, Any]) -> Auth:
    """The inverse of `auth_to_json`."""
    (word, written), *_ = stored.items()
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in written.items()
    }
    return KINDS[word](**given)


@dataclass(frozen=True, slots=True)
class Sign:
    """The keys of Standard Webhooks' signatures: more than one while they are replaced."""

    standard_webhooks: tuple[str, ...]
    """Each a `whsec_` (HMAC-SHA256) or a `whsk_` (ed25519), usually as a reference to a secret."""


def sign_to_json(sign: Sign) -> dict[str, Any]:
    """The field `sign` of a manifest."""
    return {"standard_webhooks": list(sign.standard_webhooks)}


def sign_from_json(stored: Mapping[str, Any]) -> Sign:
    """The inverse of `sign_to_json`."""
    return Sign(tuple(stored["standard_webhooks"]))
