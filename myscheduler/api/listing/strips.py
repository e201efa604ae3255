"""Strips of results as JSON: open screens request the same ones every few seconds, and few jobs have run since."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import orjson

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import listed as listed_rows
from myscheduler.api.shapes.stats import StatsViews
from myscheduler.service.changes import Changes

KEPT_BYTES = 8 * 1024**2
"""The most bytes of strips that are kept."""
KEPT_SEC = 60.0
"""For how long they are kept at most: rows that retention removes are not noted as changes."""


class Strips:
    """Reads strips, and keeps those that were used last until their jobs change or run. Used on the event loop."""

    def __init__(self, store: Store, changes: Changes, views: StatsViews) -> None:
        self._store = store
        self._changes = changes
        self._views = views
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        """By job and number of results."""
        self._size = 0
        self._number = changes.number
        """The number of the last change that is taken into account."""
        self._cleared_at = time.monotonic()

    async def read(self, job_ids: Sequence[str], limit: int) -> bytes:
        """The JSON of a `StripList`: up to `limit` results of each job."""
        self._forget_changed()
        number, found = self._number, {one: self._kept[one, limit] for one in job_ids if (one, limit) in self._kept}
        missing = [job_id for job_id in job_ids if job_id not in found]
        if missing:
            new = await self._store.read(partial(self._strips, job_ids=missing, limit=limit))
            self._keep(new, limit, number)
            found |= new
        rows = b",".join(found[job_id] for job_id in job_ids)
        return b'{"strips":[%b],"count":%d}' % (rows, len(job_ids))

    def _strips(self, connection: Connection, *, job_ids: Sequence[str], limit: int) -> dict[str, bytes]:
        """Runs in a thread."""
        found = listed_rows.strips(connection, job_ids, limit)
        return {job_id: orjson.dumps(self._views.strip(job_id, rows)) for job_id, rows in found.items()}

    def _forget_changed(self) -> None:
        changed, now = self._changes.jobs_since(self._number), time.monotonic()
        self._number = self._changes.number
        if changed is None or now - self._cleared_at >= KEPT_SEC:
            self._kept.clear()
            self._size, self._cleared_at = 0, now
        elif changed:
            for key in [key for key in self._kept if key[0] in changed]:
                self._size -= len(self._kept.pop(key))

    def _keep(self, new: dict[str, bytes], limit: int, number: int) -> None:
        """Keep what was read, except of jobs that changed after `number`: it may have been read before that."""
        changed = self._changes.jobs_since(number)
        if changed is None:
            return
        for job_id, strip in new.items():
            if job_id not in changed:
                self._size += len(strip) - len(self._kept.pop((job_id, limit), b""))
                self._kept[job_id, limit] = strip
        while self._size > KEPT_BYTES:
            self._size -= len(self._kept.popitem(last=False)[1])
