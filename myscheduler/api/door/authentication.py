"""Who calls: the credentials of a request, and the caller whom they prove.

A caller with valid credentials is never slowed down. Who tries wrong ones is limited by rate, logged and audited, and
never learns which part was wrong.
"""

import hmac
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from ipaddress import IPv6Address, IPv6Network
from typing import NoReturn

from fastapi import HTTPException, Request

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.api.door.cookies import session_value
from myscheduler.api.door.trickle import Buckets, Trickle
from myscheduler.core.access.access_file import AccessRules
from myscheduler.core.access.allowed_hosts import address_of
from myscheduler.core.access.clients import EVERYBODY, ClientRules
from myscheduler.core.access.issuers import Issuer
from myscheduler.core.access.principal import OPEN, Binding, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.sessions import JWT_LIFETIME, LIFETIME, Session, SessionKey
from myscheduler.core.access.tokens import PREFIX, ApiToken, read_token
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.findings.problem import printable
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.access.jwt_verifier import JwtVerifier
from myscheduler.service.access.token_book import TokenBook

TRIES = 60
"""How many requests with a wrong or missing token an address may send at once."""
TRY_SEC = 1.0
"""After those, one request in so many seconds still gets 401 instead of 429."""
AUDIT_SEC = 600.0
"""One refusal of an address in so many seconds is audited; many more are only counted in the log."""
AUDITS = 100
"""How many refusals of all addresses together are audited at once, so that nobody can fill the audit log."""
AUDITS_SEC = 60.0
"""After those, one more in so many seconds."""
CALLERS = 4_096
"""The most addresses that are remembered."""

log = logging.getLogger(__name__)

ReadJwt = Callable[[str], Awaitable[Principal | None]]
"""Verifies a JSON web token; `None` for one that is not accepted."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What callers may prove themselves by, besides the tokens of the database."""

    static_token: str | None = field(default=None, repr=False)
    static_role: Role = Role.EDITOR
    is_reachable: bool = False
    """Whether other machines reach the API: then it is closed even if all credentials are taken away meanwhile."""
    is_insecure: bool = False
    """Whether the API is open in any case."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What `access.yaml` says, as the API asks it."""

    tokens: Mapping[str, ApiToken]
    """By public id."""
    is_in_use: bool
    """Whether there are rules, or there should be: a file that can't be used opens nothing."""
    read_jwt: ReadJwt


async def no_jwt(_text: str) -> Principal | None:
    """Accepts no JSON web token: no issuer is known."""
    return None


NOTHING_DECLARED = Declared({}, is_in_use=False, read_jwt=no_jwt)


class Declarations:
    """What `access.yaml` says at the moment, in the form that the API asks it."""

    def __init__(self, rules: Callable[[], AccessRules], verifier: JwtVerifier, *, now: Callable[[], datetime]) -> None:
        self._rules = rules
        self._verifier = verifier
        self._now = now
        self._made: tuple[AccessRules, Declared] | None = None
        self._was_used = False

    def __call__(self) -> Declared:
        rules = self._rules()
        if self._made is None or self._made[0] is not rules:
            tokens = {token.token_id: token for token in rules.tokens}
            # a file without rules, or one that is gone, closes the API: it takes rights away, not the need for them
            self._was_used = is_in_use = self._was_used or bool(rules.digest or rules.problems)
            read_jwt = partial(self._read_jwt, rules.issuers)
            self._made = rules, Declared(tokens, is_in_use=is_in_use, read_jwt=read_jwt)
        return self._made[1]

    async def _read_jwt(self, issuers: tuple[Issuer, ...], text: str) -> Principal | None:
        return await self._verifier.admitted(text, issuers, self._now())


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are known, and from where they may call."""

    credentials: Credentials = Credentials()
    declared: Callable[[], Declared] = lambda: NOTHING_DECLARED
    sessions: SessionKey = field(default_factory=lambda: SessionKey(secrets.token_bytes(32)))
    """Without a key of their own, sessions end with the process."""
    clients: ClientRules = EVERYBODY


class Authentication:
    """Finds the caller of each request.

    The API asks for credentials as soon as there are any: a static token, a token of the database (also one that is
    revoked or expired), or rules of `access.yaml`.
    """

    def __init__(self, access: Access, tokens: TokenBook, store: Store, *, now: Callable[[], datetime]) -> None:
        self._credentials = access.credentials
        self._static = access.credentials.static_token.encode() if access.credentials.static_token else None
        self._static_principal = Principal("api", (Binding(access.credentials.static_role),), Origin.STATIC_TOKEN)
        self._declared = access.declared
        self._sessions = access.sessions
        self._tokens = tokens
        self._store = store
        self._now = now
        self._tries = Buckets(TRIES, TRY_SEC, most=CALLERS)
        self._refusals = Trickle()
        self._audits = Buckets(1, AUDIT_SEC, most=CALLERS)
        self._audits_of_all = Buckets(AUDITS, AUDITS_SEC, most=1)

    async def principal_of(self, request: Request) -> Principal:
        """The caller. Raises `HTTPException`: 401, or 429 for an address that has sent too many wrong credentials.

        While no credentials are needed, none are looked at: a proxy may send along those that it asked for itself.
        """
        if not await self.is_required():
            return OPEN
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, given = header.partition(" ")
            found = await self.bearer(_as_sent(given.strip())) if scheme.lower() == "bearer" else None
            what = "a wrong API token"
        elif cookie := session_value(request):
            session = await self._session(cookie)
            found, what = (session.principal if session else None), "a session that is over"
        else:
            found, what = None, "no API token"
        if found is None:
            await self.refuse(request, what)
        return found

    async def bearer(self, given: str) -> Principal | None:
        """The caller who has this token: the static one, one of ours, or a JSON web token."""
        if self._static is not None and hmac.compare_digest(given.encode(errors="replace"), self._static):
            return self._static_principal
        if given.startswith(PREFIX):
            return await self._token(given)
        if given.count(".") == 2:
            return await self._declared().read_jwt(given)
        return None

    async def session_of(self, request: Request) -> Session | None:
        """The session of the request's cookie, if it is valid."""
        cookie = session_value(request)
        return await self._session(cookie) if cookie else None

    async def _session(self, cookie: str) -> Session | None:
        """The session with what its caller may do now: a token may have been revoked, or got another role, since."""
        session = self._sessions.read(cookie, self._now())
        principal = await self._present(session.principal) if session else None
        return replace(session, principal=principal) if session and principal else None

    async def _present(self, signed_in: Principal) -> Principal | None:
        if signed_in.origin is Origin.STATIC_TOKEN:
            return self._static_principal if self._static is not None else None
        if signed_in.token_id is None:  # a JWT, whose session is short
            return signed_in
        token = self._declared().tokens.get(signed_in.token_id) or await self._tokens.find(signed_in.token_id)
        return token.principal if token and token.is_valid(self._now()) else None

    async def _token(self, given: str) -> Principal | None:
        token = read_token(given)
        if token is None:
            return None
        declared = self._declared().tokens.get(token.token_id)
        if declared is not None:
            return declared.principal if declared.accepts(token, self._now()) else None
        return await self._tokens.principal_of(token)

    def begin_session(self, principal: Principal) -> tuple[str, Session]:
        """A new session of this caller, and the value of its cookie."""
        lifetime = JWT_LIFETIME if principal.origin is Origin.JWT else LIFETIME
        session = Session(principal, self._now() + lifetime)
        return self._sessions.sign(session, secrets.token_urlsafe(16)), session

    async def _audit(self, client: str, what: str) -> None:
        entry = AuditEntry(self._now(), client, AuditAction.ACCESS_REFUSED, None, {"refused": what})
        with suppress(StoreUnavailableError):
            await self._store.write(partial(audit_rows.add, entries=[entry]))

    async def is_required(self) -> bool:
        """Whether callers need credentials."""
        if self._credentials.is_insecure:
            return False
        return self._credentials.is_reachable or await self.has_credentials()

    async def has_credentials(self) -> bool:
        """Whether there are any by which a caller could get in, or there were."""
        return self._static is not None or self._declared().is_in_use or await self._tokens.is_in_use()

    async def refuse(self, request: Request, what: str) -> NoReturn:
        """Log and count the try; raises `HTTPException` 401, or 429."""
        client = request.scope.get("client_address") or "an unknown address"
        wait = self._tries.take(_neighbourhood(client))
        status = 429 if wait else 401
        path = printable(masked_text(request.url.path[:200]))
        self._refusals.warn(log, "refused %s %s from %s with %d: %s%s", request.method, path, client, status, what)
        if not self._audits.take(_neighbourhood(client)) and not self._audits_of_all.take(""):
            await self._audit(client, what)
        if wait:
            detail = "your address sent too many requests without the right API token: wait, then send the right one"
            raise HTTPException(429, detail, {"Retry-After": str(math.ceil(wait))})
        detail = "send the API token as 'Authorization: Bearer TOKEN'"
        error = 'Bearer error="invalid_token"' if "authorization" in request.headers else "Bearer"
        raise HTTPException(401, detail, {"WWW-Authenticate": error})


def _as_sent(header: str) -> str:
    """The text of a header, which clients send in UTF-8, and which the server reads as Latin-1."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


def _neighbourhood(peer: str) -> str:
    """The address, or its /64 network for IPv6: whoever has one address of such a network usually has all of them."""
    address = address_of(peer)
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else peer
