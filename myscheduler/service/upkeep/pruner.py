"""Deletes old history, in small batches with pauses, so that other writes hardly wait for it."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows import retention as retention_rows
from myscheduler.adapters.store.rows.retention import Page, Position
from myscheduler.core.history.repeats import KEPT
from myscheduler.errors import StoreUnavailableError

FIRST_SEC = 60.0
"""When the first pass begins, so that the start of the service is not slowed down."""
PAUSE_SEC = 600.0
"""Time between two passes."""
BATCH = 100
"""The most rows that one query reads, or one transaction deletes: a few milliseconds, for which a claim may wait."""
AUDIT_AGE = timedelta(days=400)
"""How long the audit log, and incidents that are over, are kept: a year and a month."""
REST = 4
"""After each step, the pruner waits this many times as long as the step took (waiting for the database included). So it
takes at most a fifth of the writer's time, and less when others write.
"""

T = TypeVar("T")

log = logging.getLogger(__name__)


class _Walk(Protocol):
    """Finds the rows to delete, one page after another."""

    def __call__(self, connection: Connection, *, after: Position | None, limit: int) -> Page: ...


class Pruner:
    """Runs passes over the history, the audit log, incidents and idempotency keys, and deletes what is too old."""

    def __init__(self, store: Store, *, days: int, rows: int, now: Callable[[], datetime]) -> None:
        """The history of the last `days` is kept, and of it the newest `rows` of each job."""
        self._store = store
        self._age = timedelta(days)
        self._rows = rows
        self._now = now

    async def run(self) -> None:
        """Run one pass after another, until cancelled."""
        await asyncio.sleep(FIRST_SEC)
        while True:
            try:
                await self.prune()
            except Exception:
                log.exception("a bug ended a pass over the history")
            await asyncio.sleep(PAUSE_SEC)

    async def prune(self) -> Counter[str]:
        """Run one pass. It ends early when the database can't be used; the next pass deletes the rest.

        Returns how many rows were deleted: `too_old`, `too_many` of a job, `of_audit`, those of the audit log, and
        `of_incidents`.
        """
        log.debug("a pass over the history begins")
        began = time.monotonic()
        gone = Counter(too_old=0, too_many=0)
        try:
            await self._prune_old(gone)
            await self._prune_surplus(gone)
            await self._prune_audit(gone)
            await self._prune_incidents(gone)
            await self._prune_keys()
        except StoreUnavailableError as error:
            log.debug("a pass over the history ended early: %s", error)
        finally:
            level = logging.INFO if gone.total() else logging.DEBUG
            log.log(level, "history pruned", extra={**gone, "seconds": round(time.monotonic() - began, 1)})
        return gone

    async def _prune_old(self, gone: Counter[str]) -> None:
        walk = partial(retention_rows.older_than, moment=self._now() - self._age)
        await self._remove(walk, "too_old", gone)

    async def _prune_surplus(self, gone: Counter[str]) -> None:
        job_id = ""
        while surplus := await self._gently(
            self._store.read(partial(retention_rows.next_job, after=job_id, keep=self._rows))
        ):
            job_id = surplus.job_id
            if surplus.newest is not None:
                await self._remove(partial(retention_rows.beyond, surplus=surplus), "too_many", gone)

    async def _prune_audit(self, gone: Counter[str]) -> None:
        find = partial(audit_rows.older_than, moment=self._now() - AUDIT_AGE, limit=BATCH)
        while entry_ids := await self._gently(self._store.read(find)):
            gone["of_audit"] += await self._gently(self._store.write(partial(audit_rows.remove, entry_ids=entry_ids)))

    async def _prune_incidents(self, gone: Counter[str]) -> None:
        find = partial(incident_rows.older_than, moment=self._now() - AUDIT_AGE, limit=BATCH)
        while ids := await self._gently(self._store.read(find)):
            work = partial(delivery_rows.remove_incidents, incident_ids=ids)
            gone["of_incidents"] += await self._gently(self._store.write(work))

    async def _prune_keys(self) -> None:
        find = partial(key_rows.older_than, moment=self._now() - KEPT, limit=BATCH)
        while keys := await self._gently(self._store.read(find)):
            await self._gently(self._store.write(partial(key_rows.remove, keys=keys)))

    async def _remove(self, walk: _Walk, why: str, gone: Counter[str]) -> None:
        after: Position | None = None
        while True:
            page = await self._gently(self._store.read(partial(walk, after=after, limit=BATCH)))
            if page.execution_ids:
                remove = partial(retention_rows.remove, execution_ids=page.execution_ids)
                gone[why] += await self._gently(self._store.write(remove))
            if page.end is None:
                return
            after = page.end

    async def _gently(self, step: Awaitable[T]) -> T:
        began = time.monotonic()
        result = await step
        await asyncio.sleep(REST * (time.monotonic() - began))
        return result
