"""The sessions that were ended before their time, so that copies of their cookies don't count either."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import sessions as session_rows
from myscheduler.core.access.names import recorded
from myscheduler.core.access.sessions import LIFETIME, Session
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.errors import StoreUnavailableError

MOST = 10_000
"""The most ended sessions that are remembered one by one. One more ends all sessions that began before it."""
_ALL = "*"
"""In place of a nonce: all sessions that began up to `LIFETIME` before the time that stands with it."""

log = logging.getLogger(__name__)


class SessionBook:
    """Records when sessions begin and end, and knows which ones were ended."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._ended: dict[str, datetime] | None = None
        """By nonce, when they would have expired; `None` before they were read."""
        self._lock = asyncio.Lock()

    async def is_over(self, session: Session) -> bool:
        """Whether the session was ended. Raises `StoreUnavailableError` if that can't be known."""
        ended = await self._known()
        last = ended.get(_ALL)
        return session.nonce in ended or (last is not None and session.begun_at <= last - LIFETIME)

    async def note(self, session: Session) -> None:
        """Record that a session begins. It does begin if that can't be recorded."""
        log.info("session begun", extra=_told(session))
        with suppress(StoreUnavailableError):
            await self._store.write(partial(audit_rows.add, entries=[self._entry(AuditAction.SESSION_BEGUN, session)]))

    async def end(self, session: Session) -> None:
        """End a session; from now on it is refused.

        Raises `StoreUnavailableError` if that can't be stored: then it counts again after a restart.
        """
        async with self._lock:
            ended, now = await self._known(), self._now()
            if session.nonce in ended:
                return
            for nonce in [one for one, expires_at in ended.items() if expires_at <= now]:
                del ended[nonce]
            ended[session.nonce] = session.expires_at
            if is_full := len(ended) > MOST:
                ended.clear()
                ended[_ALL] = now + LIFETIME
                log.warning("too many sessions were ended one by one: all sessions end, and have to begin anew")
            await self._store.write(partial(self._store_end, session=session, is_full=is_full, now=now))
        log.info("session ended", extra=_told(session))

    async def _known(self) -> dict[str, datetime]:
        if self._ended is None:
            found = await self._store.read(partial(session_rows.ended, now=self._now()))
            if self._ended is None:  # another request may have read them meanwhile
                self._ended = found
        return self._ended

    def _store_end(self, connection: Connection, *, session: Session, is_full: bool, now: datetime) -> None:
        if is_full:
            session_rows.replace_all(connection, {_ALL: now + LIFETIME})
        else:
            session_rows.add(connection, session.nonce, session.expires_at, now)
        audit_rows.add(connection, [self._entry(AuditAction.SESSION_ENDED, session)])

    def _entry(self, action: AuditAction, session: Session) -> AuditEntry:
        detail = {"origin": session.principal.origin, "expires": _shown(session.expires_at)}
        return AuditEntry(self._now(), recorded(session.principal.name), action, None, detail)


def _told(session: Session) -> dict[str, str]:
    """What a log line says of a session: nothing by which it could be used."""
    principal = session.principal
    return {"by": principal.name, "origin": principal.origin, "expires": _shown(session.expires_at)}


def _shown(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()
