"""Who calls: the credentials of a request, and the caller whom they prove.

A caller with valid credentials is never slowed down. Who tries wrong ones is limited by rate, logged and audited, and
never learns which part was wrong.
"""

import hmac
import logging
import math
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import NoReturn

from fastapi import HTTPException, Request

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.api.door.cookies import session_value
from myscheduler.api.door.quotas import Quotas, neighbourhood
from myscheduler.api.door.trickle import Trickle
from myscheduler.core.access.access_file import AccessRules
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
from myscheduler.messages.message import said
from myscheduler.service.access.jwt_verifier import JwtVerifier
from myscheduler.service.access.session_book import SessionBook
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

log = logging.getLogger(__name__)


class Refused(StrEnum):
    """What was wrong with the credentials of a request."""

    TOKEN = "a wrong API token"  # noqa: S105 - a text, no password
    NO_TOKEN = "no API token"  # noqa: S105 - a text, no password
    SESSION = "a session that is over"
    SIGN_IN = "a wrong token for a session"
    SIGN_IN_LATE = "an expired token for a session"

    @property
    def kind(self) -> str:
        """The name in the metrics, such as `no-token`."""
        return self.name.lower().replace("_", "-")


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
    issuers: Mapping[str, Issuer] = field(default_factory=dict)
    """By their URL."""


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
            issuers = {issuer.url: issuer for issuer in rules.issuers}
            self._made = rules, Declared(tokens, is_in_use=is_in_use, read_jwt=read_jwt, issuers=issuers)
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
        self._book = SessionBook(store, now=now)
        self._store = store
        self._now = now
        self.failures = Counter({one.kind: 0 for one in Refused})
        """Requests that were refused, by kind."""
        self._tries = Quotas(TRIES, TRY_SEC)
        self._refusals = Trickle()
        self._audits = Quotas(1, AUDIT_SEC)
        self._audits_of_all = Quotas(AUDITS, AUDITS_SEC)

    async def principal_of(self, request: Request) -> Principal:
        """The caller. Raises `HTTPException`: 401, or 429 for an address that has sent too many wrong credentials.

        While no credentials are needed, none are looked at: a proxy may send along those that it asked for itself.
        """
        if not await self.is_required():
            return OPEN
        if headers := request.headers.getlist("authorization"):
            scheme, _, given = headers[0].partition(" ")
            # of several, a proxy may have checked another one than the first
            is_one = len(headers) == 1 and scheme.lower() == "bearer"
            found = await self.bearer(_as_sent(given.strip())) if is_one else None
            what = Refused.TOKEN
        elif cookie := session_value(request):
            session = await self._session(cookie)
            found, what = (session.principal if session else None), Refused.SESSION
        else:
            found, what = None, Refused.NO_TOKEN
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
        session = await self._signed(cookie)
        principal = await self._present(session.principal) if session else None
        return replace(session, principal=principal) if session and principal else None

    async def _signed(self, cookie: str) -> Session | None:
        """The session as it was signed, if it is not over; perhaps its caller has no rights at present."""
        session = self._sessions.read(cookie, self._now())
        return None if session is None or await self._book.is_over(session) else session

    async def _present(self, signed_in: Principal) -> Principal | None:
        if signed_in.origin is Origin.STATIC_TOKEN:
            return self._static_principal if self._static is not None else None
        if signed_in.identity is not None:
            issuer = self._declared().issuers.get(signed_in.identity.issuer)
            bindings = issuer.bindings_for(signed_in.identity) if issuer else ()
            return replace(signed_in, bindings=bindings) if bindings else None
        token = await self._token_with(signed_in.token_id or "")
        return token.principal if token and token.is_valid(self._now()) else None

    async def _token_with(self, token_id: str) -> ApiToken | None:
        return self._declared().tokens.get(token_id) or await self._tokens.find(token_id)

    async def _token(self, given: str) -> Principal | None:
        token = read_token(given)
        if token is None:
            return None
        declared = self._declared().tokens.get(token.token_id)
        if declared is not None:
            return declared.principal if declared.accepts(token, self._now()) else None
        return await self._tokens.principal_of(token)

    async def begin_session(self, principal: Principal) -> tuple[str, Session] | None:
        """A new session of this caller, and the value of its cookie; `None` if it would be over at once.

        It does not outlive the token.
        """
        now = self._now()
        if principal.identity is not None:
            expires_at = min(now + JWT_LIFETIME, principal.identity.expires_at)
        else:
            token = await self._token_with(principal.token_id) if principal.token_id else None
            expires_at = min(now + LIFETIME, token.expires_at if token and token.expires_at else now + LIFETIME)
        session = Session(principal, expires_at, now, secrets.token_urlsafe(16))
        return (self._sessions.sign(session), session) if now < expires_at else None

    async def note_session(self, session: Session) -> None:
        """Record that a session begins."""
        await self._book.note(session)

    async def end_session(self, request: Request) -> None:
        """End the session of the request's cookie, if it has one, for copies of the cookie as well.

        Also one whose caller has no rights at present, as it may get them back.
        """
        cookie = session_value(request)
        session = await self._signed(cookie) if cookie else None
        if session is not None:
            await self._book.end(session)

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

    async def refuse(self, request: Request, what: Refused) -> NoReturn:
        """Log and count the try; raises `HTTPException` 401, or 429."""
        self.failures[what.kind] += 1
        client = request.scope.get("client_address") or "an unknown address"
        wait = self._tries.take(neighbourhood(client)).wait_sec
        status = 429 if wait else 401
        path = printable(masked_text(request.url.path[:200]))
        self._refusals.warn(log, "refused %s %s from %s with %d: %s%s", request.method, path, client, status, what)
        if not self._audits.take(neighbourhood(client)).wait_sec and not self._audits_of_all.take("").wait_sec:
            await self._audit(client, what)
        if wait:
            detail = said("too-many-wrong-tokens")
            raise HTTPException(429, detail, {"Retry-After": str(math.ceil(wait))})
        detail = said("token-needed")
        error = 'Bearer error="invalid_token"' if "authorization" in request.headers else "Bearer"
        raise HTTPException(401, detail, {"WWW-Authenticate": error})


def _as_sent(header: str) -> str:
    """The text of a header, which clients send in UTF-8, and which the server reads as Latin-1."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")
