"""JSON Web Tokens (RFC 7519): their form, and when they are valid. Signatures are checked elsewhere."""

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from myscheduler.core.access.issuers import Claims
from myscheduler.core.access.jwks import LONGEST_ID

LONGEST_JWT = 16 * 1024
"""Characters. A token of more groups than fit in is not even parsed."""
LEEWAY_SEC = 30
"""How far the clock of an issuer may differ from ours."""
_FORM = re.compile(r"[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*", re.ASCII)
_TYPES = frozenset({"jwt", "at+jwt"})
"""The `typ` of tokens for callers. Others (`logout+jwt`, `dpop+jwt`, …) have a purpose of their own."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a token says of itself. None of it is checked: it only decides which key checks the token."""

    issuer: str
    algorithm: str
    key_id: str


def is_jwt(text: str) -> bool:
    """Whether a text has the form of a signed JWT: three parts in base64url. Longer ones than are parsed, too."""
    return _FORM.fullmatch(text) is not None


def read_claimed(text: str) -> Claimed | None:
    """Which issuer, signature and key a token claims; `None` if it is not a JWT with all three.

    Headers that name or hold a key (`jku`, `jwk`, `x5u`, `x5c`) are ignored: the sender chooses them.
    """
    if len(text) > LONGEST_JWT or not is_jwt(text):
        return None
    head, payload = (_json(part) for part in text.split(".")[:2])
    if head is None or payload is None or not _is_for_callers(head):
        return None
    match head.get("alg"), head.get("kid"), payload.get("iss"):
        case str(algorithm), str(key_id), str(issuer) if key_id and len(key_id) <= LONGEST_ID:
            return Claimed(issuer, algorithm, key_id)
    return None


def _is_for_callers(head: dict[str, Any]) -> bool:
    kind = head.get("typ", "jwt")
    return isinstance(kind, str) and kind.lower().removeprefix("application/") in _TYPES


def time_fault(claims: Claims, now: datetime) -> str | None:
    """Why a token is not valid at `now`; `None` if it is. `exp` is required, and `nbf` honoured where it is given."""
    moment, expiry, beginning = now.timestamp(), claims.get("exp"), claims.get("nbf", 0)
    if not _is_seconds(expiry):
        return "'exp' is not a number of seconds"
    if not _is_seconds(beginning):
        return "'nbf' is not a number of seconds"
    if moment >= expiry + LEEWAY_SEC:
        return "it has expired"
    return "it is not valid yet" if moment < beginning - LEEWAY_SEC else None


def _is_seconds(value: Any) -> TypeGuard[float]:
    """Whether it is a number; neither NaN, which is in no order with any time, nor infinity, which never comes."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _json(part: str) -> dict[str, Any] | None:
    try:
        found = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
