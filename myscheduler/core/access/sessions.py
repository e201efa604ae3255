"""Sessions of browsers: a signed value of a cookie, so that no session is stored.

The key is derived from a secret of the server. When that is changed, all sessions end. Of a session that began with an
API token, the value names only the token: what it may do is looked up with each request.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from myscheduler.core.access.principal import Binding, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import ScopeError, parse_scope

LIFETIME = timedelta(hours=12)
JWT_LIFETIME = timedelta(hours=1)
"""Of a session that began with a JWT: what its claims allow is not asked again until then."""
LONGEST = 3_800
"""The most characters of a cookie's value: browsers keep 4,096 bytes of a cookie with its name and attributes."""
_PURPOSE = b"myscheduler session v1"


@dataclass(frozen=True, slots=True)
class Session:
    """A caller who has signed in, until `expires_at`."""

    principal: Principal
    expires_at: datetime


class SessionKey:
    """Signs and reads the values of cookies."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.new(secret, _PURPOSE, hashlib.sha256).digest()

    def sign(self, session: Session, nonce: str) -> str:
        """The value of the cookie; `nonce` is random text, so that two sessions never have the same value."""
        principal = session.principal
        bindings = principal.bindings if principal.token_id is None else ()
        content = json.dumps(
            {
                "n": principal.name,
                "o": principal.origin,
                "t": principal.token_id,
                "b": [[one.role, one.scope.as_json()] for one in bindings],
                "e": int(session.expires_at.timestamp()),
                "x": nonce,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        body = _encoded(content.encode())
        return f"{body}.{self._signature(body)}"

    def read(self, value: str, now: datetime) -> Session | None:
        """The session of a cookie's value; `None` if it was not signed with this key, or is over.

        The principal of an API token has no bindings here.
        """
        body, _, signature = value.partition(".")
        if len(value) > LONGEST or not value.isascii() or not hmac.compare_digest(self._signature(body), signature):
            return None
        try:
            session = _session(json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4))))
        except (ValueError, KeyError, TypeError, ScopeError):  # another version signed it with the same secret
            return None
        return session if now < session.expires_at else None

    def _signature(self, body: str) -> str:
        return _encoded(hmac.new(self._key, body.encode(), hashlib.sha256).digest())


def _session(content: Any) -> Session:
    bindings = tuple(Binding(Role(role), parse_scope(scope)) for role, scope in content["b"])
    principal = Principal(content["n"], bindings, Origin(content["o"]), content["t"])
    return Session(principal, datetime.fromtimestamp(content["e"], UTC))


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
