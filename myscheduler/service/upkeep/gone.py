"""Pauses jobs whose target answers 410 Gone, by which it says that it will not be there again (RFC 9110, 15.5.11)."""

import asyncio
from contextlib import suppress
from functools import partial
from http import HTTPStatus

from myscheduler.adapters.store import Store
from myscheduler.core.history.execution import Execution, Finish, Status
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import TARGET
from myscheduler.errors import JobConflictError, JobNotFoundError, StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.catalog.applying import find_job
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.store_health import RETRY_SEC


class Gone:
    """Takes the ends of executions, and pauses jobs, which are resumed by people only.

    A job that was changed since its execution, or whose manifest sets `paused`, is left alone.
    """

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._digests: dict[str, str] = {}
        """Of the jobs that are still to be paused, by id: the spec with which they were called."""
        self._has_some = asyncio.Event()

    def note(self, job: Job, _execution: Execution, finish: Finish) -> None:
        """Note an execution that ended."""
        if finish.status is Status.FAILED and finish.outcome.http_status == HTTPStatus.GONE:
            self._digests[job.job_id] = job.digest
            self._has_some.set()

    async def run(self) -> None:
        """Pause jobs as their targets go, until cancelled."""
        while True:
            await self._has_some.wait()
            self._has_some.clear()
            for job_id, digest in [*self._digests.items()]:
                try:
                    await self._pause(job_id, digest)
                except StoreUnavailableError:
                    self._has_some.set()
                    await asyncio.sleep(RETRY_SEC)
                    break
                del self._digests[job_id]

    async def _pause(self, job_id: str, digest: str) -> None:
        with suppress(JobNotFoundError, JobConflictError):
            job = await self._store.read(partial(find_job, job_id=job_id))
            if job.digest == digest and not job.is_paused:
                await self._catalog.pause(job_id, by=TARGET, reason=said("target-gone"))
