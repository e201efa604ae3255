"""Whether a job of the API may link to other jobs as it declares."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.core.chains.checking import chain_faults
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.links import Links, links_of
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.policy.caps import Cap
from myscheduler.core.policy.linking import policy_faults
from myscheduler.service.catalog.catalog import Catalog


class Linking:
    """Checks the links of jobs that the API stores."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        jobs: Callable[[], Iterable[tuple[Job, str]]],
        caps: Callable[[], tuple[Cap, ...]],
    ) -> None:
        """`jobs` returns all jobs as they are at present, with the keys of their hosts; `caps` the limits in force."""
        self._store = store
        self._catalog = catalog
        self._jobs = jobs
        self._caps = caps

    @asynccontextmanager
    async def checked(self, spec: JobSpec) -> AsyncIterator[list[Complaint]]:
        """Yields what is wrong with the links of the new job.

        The job is stored inside the block. Only one caller whose job has links is in it at a time, and the source is
        not applied meanwhile, so that two changes can't close a cycle together.
        """
        links, caps = links_of(spec), [one for one in self._caps() if one.chains is not None]
        if links is None and not caps:
            yield []
            return
        async with self._catalog.linking_lock:
            stored = await self._store.read(chain_rows.stored_links)
            jobs = {job.job_id: job for job, _ in self._jobs()}
            yield await asyncio.to_thread(
                lambda: [*_complaints(spec.job_id, links, stored, jobs), *_forbidden(spec, jobs, caps)]
            )


def _forbidden(spec: JobSpec, jobs: Mapping[str, Job], caps: Sequence[Cap]) -> Iterator[Complaint]:
    """What the policy has against the links of the job, and of those after it."""
    before = {job_id: job.spec for job_id, job in jobs.items()}
    for fault in policy_faults(before, before | {spec.job_id: spec}, {spec.job_id}, caps):
        yield Complaint(fault.loc, fault.rule, fault.message)


def _complaints(
    job_id: str, links: Links | None, stored: Mapping[str, Links], jobs: Mapping[str, Job]
) -> Iterator[Complaint]:
    if links is None:
        return
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
