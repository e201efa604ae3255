"""Keeps known when jobs last completed that others require."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import standings as standing_rows
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.store_health import RETRY_SEC


class Requiring:
    """Reads from the history when required jobs last completed, once for each of them; later it is told."""

    def __init__(self, store: Store, agenda: Agenda, *, wake: Callable[[], None]) -> None:
        """`wake` wakes the claim loop."""
        self._store = store
        self._agenda = agenda
        self._wake = wake
        self._known: set[str] = set()
        """The required jobs whose last completion was read."""
        self._reading: asyncio.Task[None] | None = None

    def review(self) -> None:
        """Have read what is not known of jobs that are required now."""
        required = self._agenda.requirements.required()
        self._known &= required
        if not required <= self._known and self._reading is None:
            self._reading = asyncio.create_task(self._read())

    def completed(self, ends: Iterable[tuple[str, datetime]]) -> None:
        """Take the completions of jobs."""
        required = self._agenda.requirements.required()
        if times := {job_id: at for job_id, at in ends if job_id in required}:
            self._agenda.completed(times)

    async def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while missing := self._agenda.requirements.required() - self._known:
                try:
                    found = await self._store.read(partial(standing_rows.last_successes, job_ids=sorted(missing)))
                except StoreUnavailableError:
                    await asyncio.sleep(RETRY_SEC)
                    continue
                self._known |= missing
                self._agenda.completed(found)
                self._wake()
        finally:
            self._reading = None
