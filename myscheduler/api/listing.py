"""The list of all jobs, as the bytes of its JSON. It is asked for every few seconds by every open screen."""

from collections.abc import Collection, Iterable

import orjson

from myscheduler.adapters.store import Connection, execution_rows, job_rows
from myscheduler.api.views import Views
from myscheduler.core.execution import Status
from myscheduler.core.job import Job

KEPT = 20_000
"""How many last executions are remembered as JSON."""
KEPT_BYTES = 2_048
"""Longer ones are written anew each time."""


class Listing:
    """Remembers the last executions that are over: they never change again, and most jobs rest between two looks."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._over: dict[str, bytes] = {}
        """JSON by execution id."""

    def read(self, connection: Connection, *, held: Collection[str]) -> bytes:
        """All jobs, sorted by id; `held` names those that are held. Runs beside the event loop."""
        jobs = job_rows.all_jobs(connection)
        last = self._last_executions(connection, jobs)
        summaries = [
            {
                **self._views.summary(job, None, held=job.job_id in held),
                "last_execution": last.get(job.last_execution_id or ""),
            }
            for job in jobs
        ]
        return orjson.dumps({"jobs": summaries})

    def _last_executions(self, connection: Connection, jobs: Iterable[Job]) -> dict[str, orjson.Fragment]:
        wanted = [job.last_execution_id for job in jobs if job.last_execution_id is not None]
        known = {name: self._over[name] for name in wanted if name in self._over}
        found, over = {}, {}
        for record in execution_rows.by_ids(connection, [name for name in wanted if name not in known]):
            text = orjson.dumps(self._views.execution(record))
            found[record.execution_id] = text
            if record.status is not Status.RUNNING and len(text) <= KEPT_BYTES:
                over[record.execution_id] = text
        kept = known | over
        self._over = kept if len(kept) <= KEPT else {}
        return {name: orjson.Fragment(text) for name, text in (known | found).items()}
