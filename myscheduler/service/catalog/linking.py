"""Whether a job of the API may link to other jobs as it declares."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.core.chains.checking import chain_faults
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.links import Links, links_of
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import JobSpec
from myscheduler.service.catalog.catalog import Catalog


class Linking:
    """Checks the links of jobs that the API stores."""

    def __init__(self, store: Store, catalog: Catalog, jobs: Callable[[], Iterable[tuple[Job, str]]]) -> None:
        """`jobs` returns all jobs as they are at present, with the keys of their hosts."""
        self._store = store
        self._catalog = catalog
        self._jobs = jobs

    @asynccontextmanager
    async def checked(self, spec: JobSpec) -> AsyncIterator[list[Complaint]]:
        """Yields what is wrong with the links of the new job.

        The job is stored inside the block. Only one caller whose job has links is in it at a time, and the source is
        not applied meanwhile, so that two changes can't close a cycle together.
        """
        links = links_of(spec)
        if links is None:
            yield []
            return
        async with self._catalog.linking_lock:
            stored = await self._store.read(chain_rows.stored_links)
            jobs = {job.job_id: job for job, _ in self._jobs()}
            yield await asyncio.to_thread(lambda: list(_complaints(spec.job_id, links, stored, jobs)))


def _complaints(job_id: str, links: Links, stored: Mapping[str, Links], jobs: Mapping[str, Job]) -> Iterator[Complaint]:
    of_all = {**stored, job_id: links}
    ids = jobs.keys() | {job_id}
    graph = Graph({one: known.after for one, known in of_all.items() if known.after is not None})
    below = graph.below(job_id)
    for fault in chain_faults(of_all, exists=ids.__contains__, ids=ids, place_of=lambda one: _place(jobs.get(one))):
        if fault.job_id == job_id:
            yield Complaint(fault.loc, fault.rule, fault.message)
        elif fault.rule == "chain-depth" and fault.job_id in below:
            yield Complaint(("after",), fault.rule, fault.message)


def _place(job: Job | None) -> str:
    return f"{job.source.path}:{job.source.line}" if job and job.source else ""
