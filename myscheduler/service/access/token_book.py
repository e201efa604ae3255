"""The API tokens, as they are stored. The command `token` changes them beside a running service."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import tokens as token_rows
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.tokens import ApiToken, TokenText
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.errors import StoreUnavailableError, TokenNameTakenError, TokenNotFoundError

FRESH_SEC = 2.0
"""How long a token is used as it was read last; so a revocation by the command takes effect within this time."""
MOST_CACHED = 10_000
USED_EVERY = timedelta(minutes=10)
"""How exactly the last use of a token is recorded."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Read:
    token: ApiToken | None
    at: float


class TokenBook:
    """Finds tokens for the API, with a short cache, and creates and revokes them."""

    def __init__(
        self, store: Store, *, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._now = now
        self._monotonic = monotonic
        self._cache: dict[str, _Read] = {}
        self._is_in_use = False
        self._asked_at = float("-inf")

    async def is_in_use(self) -> bool:
        """Whether there are or were any tokens. A revoked one counts, so the last revocation does not open the API."""
        if not self._is_in_use and self._monotonic() - self._asked_at >= FRESH_SEC:
            self._is_in_use = await self._store.read(token_rows.count) > 0
            self._asked_at = self._monotonic()
        return self._is_in_use

    async def principal_of(self, given: TokenText) -> Principal | None:
        """The caller who has this token; `None` if it is unknown, wrong, expired or revoked."""
        token = await self._find(given.token_id)
        now = self._now()
        if token is None or not token.accepts(given, now):
            return None
        if token.last_used_at is None or now - token.last_used_at >= USED_EVERY:
            await self._note_use(token, now)
        return token.principal

    async def is_valid(self, token_id: str) -> bool:
        """Whether a token can still be used, for sessions that began with it."""
        token = await self._find(token_id)
        return token is not None and token.is_valid(self._now())

    async def all(self) -> list[ApiToken]:
        """All stored tokens, sorted by name; revoked and expired ones, too."""
        return await self._store.read(token_rows.all_tokens)

    async def create(self, token: ApiToken) -> None:
        """Store a new token. Raises `TokenNameTakenError`."""
        await self._store.write(partial(add_token, token=token))
        self._is_in_use = True

    async def revoke(self, token_id: str, *, by: str) -> ApiToken:
        """Revoke a token; from now on it is refused. Raises `TokenNotFoundError`."""
        token = await self._store.write(partial(revoke_token, token_id=token_id, by=by, at=self._now()))
        self._cache.pop(token_id, None)
        return token

    async def _find(self, token_id: str) -> ApiToken | None:
        read, now = self._cache.get(token_id), self._monotonic()
        if read is None or now - read.at >= FRESH_SEC:
            token = await self._store.read(partial(token_rows.find, token_id=token_id))
            if len(self._cache) >= MOST_CACHED:
                self._cache.clear()
            read = self._cache[token_id] = _Read(token, now)
        return read.token

    async def _note_use(self, token: ApiToken, now: datetime) -> None:
        """A failure changes nothing for the caller: it is recorded with a later use."""
        try:
            await self._store.write(partial(token_rows.mark_used, used={token.token_id: now}))
        except StoreUnavailableError:
            log.debug("the use of a token could not be recorded", extra={"token": token.name})
        self._cache.pop(token.token_id, None)


def add_token(connection: Connection, token: ApiToken) -> None:
    """Store a new token, with its entry in the audit log. Raises `TokenNameTakenError`."""
    if token_rows.by_name(connection, token.name) or token_rows.find(connection, token.token_id):
        raise TokenNameTakenError(token.name)
    token_rows.insert(connection, token)
    audit_rows.add(connection, [_entry(AuditAction.TOKEN_CREATED, token, token.created_at, token.created_by)])


def revoke_token(connection: Connection, token_id: str, *, by: str, at: datetime) -> ApiToken:
    """Revoke the token with this id or name, with an entry in the audit log. Raises `TokenNotFoundError`."""
    token = token_rows.find(connection, token_id) or token_rows.by_name(connection, token_id)
    if token is None:
        raise TokenNotFoundError(token_id)
    if token.revoked_at is None:
        token_rows.revoke(connection, token.token_id, at)
        audit_rows.add(connection, [_entry(AuditAction.TOKEN_REVOKED, token, at, by)])
    return token


def _entry(action: AuditAction, token: ApiToken, at: datetime | None, actor: str) -> AuditEntry:
    assert at is not None  # noqa: S101 - stored tokens have a time; only those of access.yaml have none
    expires = token.expires_at.isoformat() if token.expires_at else None
    detail = {"token": token.name, "id": token.token_id, "role": token.binding.role, "expires": expires}
    return AuditEntry(at, actor, action, None, detail | {"scope": token.binding.scope.as_json()})
