"""The policy in force: what stands in the source, or else what was last good there.

A policy that can't be used lifts no rule. The last good one is kept in the database, so that this holds over a start,
too. Where none was ever good, nobody knows what is allowed: nothing new comes in until somebody mends the file.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import outlines as source_rows
from myscheduler.core.calls.link_local import Reach
from myscheduler.core.findings.problem import Complaint, Problem, Severity
from myscheduler.core.gitops.enforcement import Stored, rush_complaints, within_caps, without_news
from myscheduler.core.gitops.plan import Plan
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.acceptance import UNKNOWN
from myscheduler.core.policy.bursts import Cap, caps_of
from myscheduler.core.policy.file import Rules, read_policy
from myscheduler.core.policy.grants import Grants
from myscheduler.core.policy.policy import Policy
from myscheduler.core.source.snapshot import POLICY, Snapshot, SourceFile

_UNKNOWN = Rules(None)
_KEPT = "until it is mended, the rules that were last good stay in force"
_NONE_GOOD = "until it is mended, new and changed manifests wait, and the API takes no jobs: no good policy is known"
_BARE = (
    "the source reads as empty, which lifts no rule: the last policy stays in force; bring the files back, or write "
    "{} into policy.yaml"
)


class Rulebook:
    def __init__(self, store: Store, *, zone: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._zone = zone
        self._now = now
        self._good: Rules | None = None
        """The last that could be used, if any ever could."""
        self._is_recalled = False
        self._one_by_one = asyncio.Lock()
        self.rules = Rules()
        """Those in force, with what is wrong with the file."""

    @property
    def policies(self) -> tuple[Policy, ...]:
        """What a job is judged by."""
        return self.rules.binding

    @property
    def reach(self) -> Reach:
        """Which link-local addresses jobs may call."""
        return self.rules.reach

    @property
    def grants(self) -> Grants:
        """Which secrets jobs of the API may use."""
        return self.rules.policy.api_secrets if self.rules.policy is not None else Grants()

    async def recall(self) -> None:
        """Take the rules that an earlier process left; they hold until the source is read."""
        if not self._is_recalled:
            self._good = await self._store.read(_recall)
            self.rules = self._good or self.rules
            self._is_recalled = True

    async def follow(self, snapshot: Snapshot) -> None:
        """Take the rules of the source, or keep those that are in force where it has none that can be used."""
        good, found = self._good, await asyncio.to_thread(read_policy, snapshot.policy)
        if snapshot.is_bare and good is not None and good.digest:
            self.rules = replace(good, problems=(_note("policy-kept", _BARE),))
        elif found.policy is None:
            note = _note("policy-kept", _KEPT) if good else _note(UNKNOWN, _NONE_GOOD)
            self.rules = replace(good or _UNKNOWN, problems=(*found.problems, note))
        else:
            if good is None or found.digest != good.digest:
                await self._store.write(partial(source_rows.save_policy, content=found.content))
            self._good = self.rules = found

    async def enforce(self, plan: Plan, caps: tuple[Cap, ...]) -> Plan:
        """The plan without what may not be; its jobs are judged one by one already."""
        if self.rules.policy is None:
            return without_news(plan)
        if not caps or not plan.has_news:
            return plan
        jobs = await self._store.read(_all_jobs)
        return await asyncio.to_thread(within_caps, plan, jobs, caps, zone=self._zone, now=self._now())

    @asynccontextmanager
    async def room_for(self, spec: JobSpec) -> AsyncIterator[list[Complaint]]:
        """While a job of the API is made: what only all jobs together can tell is wrong with it.

        Under a limit of starts the callers go one by one, so that each sees those before it.
        """
        caps = caps_of(self.policies)
        if not caps:
            yield []
            return
        async with self._one_by_one:
            jobs = await self._store.read(_all_jobs)
            yield await asyncio.to_thread(rush_complaints, spec, jobs, caps, zone=self._zone, now=self._now())


def _note(rule: str, message: str) -> Problem:
    return Problem(POLICY, 1, 1, "", rule, message, Severity.WARNING)


def _recall(connection: Connection) -> Rules | None:
    content = source_rows.load_policy(connection)
    if content is None:
        return None
    rules = read_policy(SourceFile.of(POLICY, content) if content else None)
    return rules if rules.policy is not None else None  # another version may have other rules


def _all_jobs(connection: Connection) -> Mapping[str, Stored]:
    return {job.job_id: job for job in job_rows.all_jobs(connection)}
