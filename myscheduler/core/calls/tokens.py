"""Tokens that calls carry: how they are asked for, and what an endpoint's answer says."""

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from myscheduler.core.calls.request import Principal, Request, basic_credentials
from myscheduler.core.header_values import FORM
from myscheduler.core.job.auth import GcpAccessToken, GcpIdToken, OAuth2
from myscheduler.core.secrets.redaction import Secret
from myscheduler.core.secrets.references import resolve
from myscheduler.messages.message import said

FETCH_SEC = 10.0
"""Seconds for the request of a token: to connect, to send, and to read the answer to its end."""
USUAL_LIFETIME_SEC = 300
"""How long a token is taken to be valid if the endpoint does not say it."""
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
METADATA_HOST = "metadata.google.internal"
_IDENTITY = "/computeMetadata/v1/instance/service-accounts/default/"


class TokenError(ValueError):
    """The answer of a token endpoint, or what a token is to be made from, can't be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and for how many seconds from now it is valid."""

    value: str = field(repr=False)
    lifetime_sec: float


def key_of(*parts: object) -> str:
    """The key of a token in a cache: what it was asked for with, as a digest, as that includes secrets."""
    return hashlib.sha256(json.dumps([repr(one) for one in parts]).encode()).hexdigest()


def oauth2_request(auth: OAuth2, values: Mapping[str, str], secrets: tuple[Secret, ...], user_agent: str) -> Request:
    """The request of the client credentials grant (RFC 6749, 4.4.2); `values` are those of the secrets."""
    client, password = resolve(auth.client_id, values), resolve(auth.client_secret, values)
    fields = {"grant_type": "client_credentials"}
    if auth.scope is not None:
        fields["scope"] = resolve(auth.scope, values)
    if auth.audience is not None:
        fields["audience"] = resolve(auth.audience, values)
    headers = {"Accept": "application/json", "Content-Type": FORM, "User-Agent": user_agent}
    if auth.token_endpoint_auth_method == "client_secret_basic":  # noqa: S105 - the name of a method
        # encoded before, as RFC 6749, 2.3.1 asks for
        headers["Authorization"] = basic_credentials(quote_plus(client), quote_plus(password))
    else:
        fields |= {"client_id": client, "client_secret": password}
    return Request("POST", auth.token_url, headers, urlencode(fields).encode(), FETCH_SEC, secrets)


def metadata_request(auth: GcpIdToken | GcpAccessToken, host: str, user_agent: str) -> Request:
    """The request to the metadata server of a machine in Google's cloud."""
    if isinstance(auth, GcpIdToken):
        path = f"identity?audience={quote(auth.audience, safe='')}&format=full"
    else:
        path = f"token?scopes={quote(','.join(auth.scopes), safe='')}"
    headers = {"Metadata-Flavor": "Google", "User-Agent": user_agent}
    return Request("GET", f"http://{host}{_IDENTITY}{path}", headers, None, FETCH_SEC, principal=Principal.SERVICE)


def assertion_request(token_uri: str, assertion: str, user_agent: str) -> Request:
    """The request that changes an assertion for a token (RFC 7523, 2.1)."""
    body = urlencode({"grant_type": JWT_BEARER, "assertion": assertion}).encode()
    headers = {"Accept": "application/json", "Content-Type": FORM, "User-Agent": user_agent}
    return Request("POST", token_uri, headers, body, FETCH_SEC)


def read_token(answer: bytes, *, now: float, name: str = "access_token") -> Token:
    """The token in a JSON answer (RFC 6749, 5.1), or a bare JWT. `now` is in seconds since 1970.

    Raises `TokenError` if it holds none.
    """
    text = answer.decode("utf-8", "replace").strip()
    if text.count(".") == 2 and not text.startswith("{"):
        return Token(text, _lifetime(text, now))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get(name), str) or not found[name].isprintable():
        raise TokenError(said("token-answer-unreadable", name=name))
    token, lifetime = found[name], found.get("expires_in")
    if isinstance(lifetime, str) and lifetime.isascii() and lifetime.isdigit():
        lifetime = int(lifetime[:9])
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float):
        lifetime = _lifetime(token, now)
    return Token(token, float(min(max(lifetime, 0), 86_400)))


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, which are not verified; empty for what is none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _lifetime(token: str, now: float) -> float:
    expires = claims_of(token).get("exp")
    return float(expires) - now if isinstance(expires, int | float) else float(USUAL_LIFETIME_SEC)
