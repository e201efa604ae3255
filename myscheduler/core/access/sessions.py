"""Sessions of browsers: a signed value of a cookie, so that no session is stored.

The key is derived from a secret of the server. When that is changed, all sessions end. The value says who signed in.
What the caller may do is looked up with each request.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from myscheduler.core.access.principal import Identity, Origin, Principal

LIFETIME = timedelta(hours=12)
JWT_LIFETIME = timedelta(hours=1)
"""Of a session that began with a JWT, if the token does not expire before: its issuer is not asked again until then."""
LONGEST = 3_800
"""The most characters of a cookie's value: browsers keep 4,096 bytes of a cookie with its name and attributes."""
_PURPOSE = b"myscheduler session v1"


@dataclass(frozen=True, slots=True)
class Session:
    """A caller who has signed in, until `expires_at`."""

    principal: Principal
    expires_at: datetime
    begun_at: datetime
    nonce: str
    """Random text, by which two sessions differ."""


class SessionKey:
    """Signs and reads the values of cookies."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.new(secret, _PURPOSE, hashlib.sha256).digest()

    def sign(self, session: Session) -> str:
        """The value of the cookie."""
        principal = session.principal
        content = json.dumps(
            {
                "n": principal.name,
                "o": principal.origin,
                "t": principal.token_id,
                "c": _written(principal.identity) if principal.identity else None,
                "b": int(session.begun_at.timestamp()),
                "e": int(session.expires_at.timestamp()),
                "x": session.nonce,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        body = _encoded(content.encode())
        return f"{body}.{self._signature(body)}"

    def read(self, value: str, now: datetime) -> Session | None:
        """The session of a cookie's value; `None` if it was not signed with this key, or is over.

        The principal has no bindings here.
        """
        body, _, signature = value.partition(".")
        if len(value) > LONGEST or not value.isascii() or not hmac.compare_digest(self._signature(body), signature):
            return None
        try:
            session = _session(json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4))))
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
        ):  # another version signed it with the same secret
            return None
        return session if now < session.expires_at else None

    def _signature(self, body: str) -> str:
        return _encoded(hmac.new(self._key, body.encode(), hashlib.sha256).digest())


def _session(content: Any) -> Session:
    expires_at = datetime.fromtimestamp(content["e"], UTC)
    identity = _identity(content["c"], expires_at) if content["c"] else None
    principal = Principal(content["n"], (), Origin(content["o"]), content["t"], identity)
    return Session(principal, expires_at, datetime.fromtimestamp(content["b"], UTC), str(content["x"]))


def _written(identity: Identity) -> list[Any]:
    return [identity.issuer, list(identity.audiences), {claim: list(texts) for claim, texts in identity.claims}]


def _identity(written: Any, expires_at: datetime) -> Identity:
    issuer, audiences, claims = written
    return Identity(
        issuer, tuple(audiences), tuple((claim, tuple(texts)) for claim, texts in claims.items()), expires_at
    )


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
