"""Whether a job of the API may link to other jobs as it declares."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.core.chains.checking import ChainFault, chain_faults
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.links import Links, links_of
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.job.job import Job
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.policy.caps import Cap
from myscheduler.core.policy.linking import policy_faults
from myscheduler.messages.message import said
from myscheduler.service.catalog.catalog import Catalog

_OF_OTHERS = {"chain-value": "extract", "chain-root": "after"}
"""What a change of a job may break about the jobs that run after it, and the field that does it."""


class Linking:
    """Checks the links of jobs that the API stores."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        jobs: Callable[[], Iterable[tuple[Job, str]]],
        caps: Callable[[], tuple[Cap, ...]],
        goes_on_after: Callable[[str], bool],
    ) -> None:
        """`jobs` returns all jobs as they are at present, with the keys of their hosts; `caps` the limits in force;
        `goes_on_after` says whether any job runs after one.
        """
        self._store = store
        self._catalog = catalog
        self._jobs = jobs
        self._caps = caps
        self._goes_on_after = goes_on_after

    @asynccontextmanager
    async def checked(self, spec: JobSpec) -> AsyncIterator[list[Complaint]]:
        """Yields what is wrong with the links of the new job.

        The job is stored inside the block. Only one caller whose job has links is in it at a time, and the source is
        not applied meanwhile, so that two changes can't close a cycle together.
        """
        links, caps = links_of(spec), [one for one in self._caps() if one.chains is not None]
        if links is None and not caps and not self._goes_on_after(spec.job_id):
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
    """What is wrong with the links of the job, and with those of jobs below it that were right before."""
    of_all = {one: known for one, known in stored.items() if one != job_id} | ({job_id: links} if links else {})
    graph = Graph({one: known.after for one, known in of_all.items() if known.after is not None})
    below = graph.below(job_id)
    faults = [
        one for one in _faults(of_all, jobs.keys() | {job_id}, jobs) if one.job_id == job_id or one.job_id in below
    ]
    known = {*_faults(stored, jobs.keys(), jobs)} if any(one.job_id != job_id for one in faults) else set()
    for fault in faults:
        if fault.job_id == job_id:
            yield Complaint(fault.loc, fault.rule, fault.message)
        elif fault.rule == "chain-depth":
            yield Complaint(("after",), fault.rule, fault.message)
        elif fault.rule in _OF_OTHERS and fault not in known:
            message = said("chain-breaks-other", job_id=shown(fault.job_id), why=fault.message)
            yield Complaint((_OF_OTHERS[fault.rule],), fault.rule, message)


def _faults(links: Mapping[str, Links], ids: Collection[str], jobs: Mapping[str, Job]) -> Iterator[ChainFault]:
    return chain_faults(links, exists=ids.__contains__, ids=ids, place_of=lambda one: _place(jobs.get(one)))


def _place(job: Job | None) -> str:
    return f"{job.source.path}:{job.source.line}" if job and job.source else ""
