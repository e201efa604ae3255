"""The API tokens, as they are stored. The command `token` changes them beside a running service."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import tokens as token_rows
from myscheduler.core.access.principal import Principal
from myscheduler.core.access.tokens import ApiToken, TokenText, read_token
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.errors import StoreUnavailableError, TokenNameTakenError, TokenNotFoundError, TooManyTokensError

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
        self._noted: dict[str, datetime] = {}
        """When the use of each token was last recorded, or could not be."""
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
        token = await self.find(given.token_id)
        now = self._now()
        if token is None or not token.accepts(given, now):
            return None
        last = max(filter(None, (token.last_used_at, self._noted.get(token.token_id))), default=None)
        if last is None or now - last >= USED_EVERY:
            await self._note_use(token, now)
        return token.principal

    async def all(self) -> list[ApiToken]:
        """All stored tokens, sorted by name; revoked and expired ones, too."""
        return await self._store.read(token_rows.all_tokens)

    async def create(self, token: ApiToken) -> None:
        """Store a new token. Raises `TokenNameTakenError`."""
        await self._store.write(partial(add_token, token=token))
        self._is_in_use = True
        log.info("token created", extra=_told(token, token.created_by))

    async def revoke(self, which: str, *, by: str) -> ApiToken:
        """Revoke a token, as `revoke_token` does; from now on it is refused. Raises `TokenNotFoundError`."""
        now = self._now()
        token = await self._store.write(partial(revoke_token, which=which, by=by, at=now))
        self._cache.pop(token.token_id, None)
        if token.revoked_at == now:
            log.info("token revoked", extra=_told(token, by))
        return token

    async def find(self, token_id: str) -> ApiToken | None:
        """The token with this public id, as it was at most `FRESH_SEC` ago; perhaps revoked or expired."""
        read, now = self._cache.get(token_id), self._monotonic()
        if read is None or now - read.at >= FRESH_SEC:
            token = await self._store.read(partial(token_rows.find, token_id=token_id))
            if len(self._cache) >= MOST_CACHED:
                self._cache.clear()
            read = self._cache[token_id] = _Read(token, now)
        return read.token

    async def _note_use(self, token: ApiToken, now: datetime) -> None:
        """A failure changes nothing for the caller: a use is recorded `USED_EVERY` later.

        It is noted before it is written, so that of many requests at once only one writes, and waits for a database
        that can't be written.
        """
        if len(self._noted) >= MOST_CACHED:
            self._noted.clear()
        self._noted[token.token_id] = now
        try:
            await self._store.write(partial(token_rows.mark_used, used={token.token_id: now}))
        except StoreUnavailableError:
            log.debug("the use of a token could not be recorded", extra={"token": token.name})
        self._cache.pop(token.token_id, None)


def add_token(connection: Connection, token: ApiToken) -> None:
    """Store a new token, with its entry in the audit log. Raises `TokenNameTakenError`, `TooManyTokensError`."""
    if token_rows.count(connection) >= token_rows.MOST_TOKENS:
        raise TooManyTokensError(token_rows.MOST_TOKENS)
    if token_rows.by_name(connection, token.name) or token_rows.find(connection, token.token_id):
        raise TokenNameTakenError(token.name)
    token_rows.insert(connection, token)
    audit_rows.add(connection, [_entry(AuditAction.TOKEN_CREATED, token, token.created_at, token.created_by)])


def revoke_token(connection: Connection, which: str, *, by: str, at: datetime) -> ApiToken:
    """Revoke a token, with an entry in the audit log; one that is revoked already keeps its time.

    `which` is its id, its name, or the token itself, as somebody has it who found one. Returns the revoked token.
    Raises `TokenNotFoundError`.
    """
    given = read_token(which)
    token = token_rows.find(connection, given.token_id if given else which) or token_rows.by_name(connection, which)
    if token is None:
        raise TokenNotFoundError(given.token_id if given else masked_text(which))
    if token.revoked_at is not None:
        return token
    token_rows.revoke(connection, token.token_id, at)
    audit_rows.add(connection, [_entry(AuditAction.TOKEN_REVOKED, token, at, by)])
    return replace(token, revoked_at=at)


def _told(token: ApiToken, by: str) -> dict[str, str]:
    """What a log line says of a token."""
    return {"token": token.name, "token_id": token.token_id, "role": token.binding.role, "by": by}


def _entry(action: AuditAction, token: ApiToken, at: datetime | None, actor: str) -> AuditEntry:
    assert at is not None  # noqa: S101 - stored tokens have a time; only those of access.yaml have none
    expires = token.expires_at.isoformat() if token.expires_at else None
    detail = {"token": token.name, "id": token.token_id, "role": token.binding.role, "expires": expires}
    return AuditEntry(at, actor, action, None, detail | {"scope": token.binding.scope.as_json()})
