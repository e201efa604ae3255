"""The policy in force: that of the source, or else the last valid one.

A policy that can't be used lifts no rule. The last valid one is stored in the database, so that it survives a restart.
If there was never a valid one, it is unknown what is allowed: new and changed jobs wait until the file is fixed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import outlines as source_rows
from myscheduler.core.calls.link_local import Reach
from myscheduler.core.findings.problem import Complaint, Problem, Severity
from myscheduler.core.gitops.enforcement import Stored, burst_complaints, enforced, without_news
from myscheduler.core.gitops.linking import has_new_links
from myscheduler.core.gitops.plan import Plan
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.acceptance import UNKNOWN
from myscheduler.core.manifest.declared import Desired
from myscheduler.core.policy.caps import caps_of
from myscheduler.core.policy.file import Rules, read_policy
from myscheduler.core.policy.grants import Grants
from myscheduler.core.policy.policy import Policy
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.source.snapshot import POLICY, Snapshot, SourceFile
from myscheduler.messages.message import said

_UNKNOWN = Rules(None)
_KEPT = said("policy-of-last-valid")
_NONE_GOOD = said("policy-none-valid")
_BARE = said("policy-source-empty")


class Rulebook:
    """Follows the policy of the source, and applies what concerns all jobs together: limits of starts, and cycles."""

    def __init__(self, store: Store, *, zone: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._zone = zone
        self._now = now
        self._good: Rules | None = None
        """The last valid rules; `None` when there never were any."""
        self._is_recalled = False
        self._one_by_one = asyncio.Lock()
        self.rules = Rules()
        """The rules in force, with the problems of the file."""

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies that every job has to satisfy."""
        return self.rules.binding

    @property
    def reach(self) -> Reach:
        """Which link-local addresses jobs may call."""
        return self.rules.reach

    @property
    def grants(self) -> Grants:
        """Which secrets API jobs may use."""
        return self.rules.grants

    async def recall(self) -> None:
        """Load the rules that an earlier process stored; they are in force until the source is read."""
        if not self._is_recalled:
            self._good = await self._store.read(_recall)
            self.rules = self._good or self.rules
            self._is_recalled = True

    async def follow(self, snapshot: Snapshot) -> None:
        """Put the rules of the source in force, or keep the present ones if the source's can't be used."""
        good, found = self._good, await asyncio.to_thread(read_policy, snapshot.policy)
        if snapshot.is_bare and good is not None and good.digest:
            self.rules = replace(good, problems=(_note("policy-kept", _BARE),))
        elif found.policy is None:
            note = _note("policy-kept", _KEPT) if good else _note(UNKNOWN, _NONE_GOOD)
            self.rules = replace(good or _UNKNOWN, problems=(*found.problems, note))
        else:
            if good is None or found.digest != good.digest:
                await self._store.write(partial(source_rows.save_reserved, path=POLICY, content=found.content))
            self._good = self.rules = found

    async def enforce(self, plan: Plan, desired: Desired) -> Plan:
        """The plan without changes that break a limit of all jobs together, or close a cycle with jobs that stay as
        they are; each job by itself is checked already.
        """
        if self.rules.policy is None:
            return without_news(plan)
        if desired.caps and plan.has_news:
            jobs: Mapping[str, Stored] = await self._store.read(_all_jobs)
        elif has_new_links(plan):
            _, jobs = await self._store.read(chain_rows.stored_graph)
        else:
            return plan
        return await asyncio.to_thread(enforced, plan, jobs, desired, clock=Clock(self._now(), self._zone))

    @asynccontextmanager
    async def room_for(self, spec: JobSpec) -> AsyncIterator[list[Complaint]]:
        """Yields the limits of starts that the new API job would break, together with all other jobs.

        The job is stored inside the block. Where there are such limits, only one caller is in it at a time, so that
        each sees the jobs stored before.
        """
        caps = tuple(one for one in caps_of(self.policies) if one.most is not None)
        if not caps:
            yield []
            return
        async with self._one_by_one:
            jobs = await self._store.read(_all_jobs)
            yield await asyncio.to_thread(burst_complaints, spec, jobs, caps, clock=Clock(self._now(), self._zone))


def _note(rule: str, message: str) -> Problem:
    return Problem(POLICY, 1, 1, "", rule, message, Severity.WARNING)


def _recall(connection: Connection) -> Rules | None:
    content = source_rows.load_reserved(connection, POLICY)
    if content is None:
        return None
    rules = read_policy(SourceFile.of(POLICY, content) if content else None)
    return rules if rules.policy is not None else None  # another version of MyScheduler may find mistakes in it


def _all_jobs(connection: Connection) -> Mapping[str, Stored]:
    return {job.job_id: job for job in job_rows.all_jobs(connection)}
