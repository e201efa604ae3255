"""Tokens of Google: from the key of a service account, or from the metadata server of the machine."""

import json
from typing import Any

import jwt

from myscheduler.core.calls.request import Request
from myscheduler.core.calls.tokens import TokenError, assertion_request
from myscheduler.core.job.auth import GcpAccessToken, GcpIdToken
from myscheduler.messages.message import said

_LIFETIME_SEC = 3600
"""The longest that Google allows."""


def key_request(auth: GcpIdToken | GcpAccessToken, key: str, *, now: float, user_agent: str) -> Request:
    """The request for a token with the JSON key of a service account. Raises `TokenError`, without any of the key."""
    account = _account(key)
    claims: dict[str, Any] = {
        "iss": account["client_email"],
        "sub": account["client_email"],
        "aud": account["token_uri"],
        "iat": int(now),
        "exp": int(now) + _LIFETIME_SEC,
    }
    if isinstance(auth, GcpIdToken):
        claims["target_audience"] = auth.audience
    else:
        claims["scope"] = " ".join(auth.scopes)
    try:
        assertion = jwt.encode(
            claims, account["private_key"], algorithm="RS256", headers={"kid": account.get("private_key_id", "")}
        )
    except (ValueError, TypeError, jwt.PyJWTError):
        raise TokenError(said("gcp-key-unusable")) from None
    return assertion_request(account["token_uri"], assertion, user_agent)


def _account(key: str) -> dict[str, str]:
    try:
        account = json.loads(key)
    except (ValueError, RecursionError):
        account = None
    needed = ("client_email", "private_key", "token_uri")
    if not isinstance(account, dict) or not all(isinstance(account.get(name), str) for name in needed):
        raise TokenError(said("gcp-key-unusable"))
    return account
