"""Takes changes out of a plan that all jobs together do not allow.

These are changes over a limit on starts, links that the policy forbids or that would close a cycle with stored jobs, or
all changes if the policy can't be used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.findings.problem import Complaint, Problem
from myscheduler.core.gitops.linking import within_links
from myscheduler.core.gitops.plan import Delete, News, Plan, held_back, job_id_of
from myscheduler.core.job.job import Source
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.load.starts import Starter
from myscheduler.core.manifest.declared import DeclaredJob, Desired
from myscheduler.core.policy.bursts import Burst, find_bursts, starter_of
from myscheduler.core.policy.caps import Cap
from myscheduler.core.schedule.clock import Clock


class Stored(Protocol):
    """The attributes of a stored job that limits and links of all jobs together need."""

    @property
    def spec(self) -> JobSpec: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def source(self) -> Source | None: ...


def without_news(plan: Plan) -> Plan:
    """The plan without new and changed jobs: stored jobs keep their specs, deletions remain."""
    return held_back(plan, {job_id_of(change) for change in plan.changes if isinstance(change, News)})


def enforced(plan: Plan, stored: Mapping[str, Stored], desired: Desired, *, clock: Clock) -> Plan:
    """The plan without changes that break a limit or close a cycle, each of which becomes a problem.

    A change that is held back leaves the stored job as it is, which may break another limit or close another cycle: so
    both are looked at until none is. `stored` and `clock` as in `within_caps`.
    """
    while True:
        capped = within_caps(plan, stored, desired.caps, clock=clock)
        plan = within_links(capped, stored, desired.caps)
        if plan is capped:
            return plan


def within_caps(plan: Plan, stored: Mapping[str, Stored], caps: tuple[Cap, ...], *, clock: Clock) -> Plan:
    """The plan without changes that add starts over a limit, each of which becomes a problem.

    Every change of the plan needs its spec. `stored` are the stored jobs by id, `zone` is the service's.
    """
    news = {job_id_of(change): change.declared for change in plan.changes if isinstance(change, News)}
    if not caps or not news:
        return plan
    gone = {job_id_of(change) for change in plan.changes if isinstance(change, Delete)}
    before = dict(_starters(((job_id, job.spec, job.created_at) for job_id, job in stored.items()), clock.zone))
    made = (
        (job_id, declared.spec, stored[job_id].created_at if job_id in stored else clock.now)
        for job_id, declared in news.items()
        if declared.spec is not None
    )
    kept = {job_id: starter for job_id, starter in before.items() if job_id not in gone and job_id not in news}
    bursts = find_bursts(before, kept | dict(_starters(made, clock.zone)), caps, clock=clock)
    problems = [_problem(news[job_id], burst) for job_id, burst in bursts.items()]
    return replace(held_back(plan, bursts.keys()), problems=tuple(sorted([*plan.problems, *problems])))


def burst_problems(desired: Desired, *, clock: Clock) -> list[Problem]:
    """A problem for each job that starts in a minute over a limit, as if no jobs were stored yet."""
    jobs = [job for job in desired.jobs.values() if job.spec is not None] if desired.caps else []
    after = dict(_starters(((job.job_id, job.spec, clock.now) for job in jobs if job.spec), clock.zone))
    bursts = find_bursts({}, after, desired.caps, clock=clock)
    return [_problem(desired.jobs[job_id], burst) for job_id, burst in bursts.items()]


def burst_complaints(
    spec: JobSpec, stored: Mapping[str, Stored], caps: tuple[Cap, ...], *, clock: Clock
) -> list[Complaint]:
    """The limits that one new or changed job would exceed together with the stored jobs."""
    host, old = host_key(spec.target_url), stored.get(spec.job_id)
    same_host = (
        (job_id, job.spec, job.created_at) for job_id, job in stored.items() if host_key(job.spec.target_url) == host
    )
    before = dict(_starters(same_host, clock.zone))
    made = _starters([(spec.job_id, spec, old.created_at if old else clock.now)], clock.zone)
    bursts = find_bursts(before, before | dict(made), caps, clock=clock)
    return [burst.complain(spec) for burst in bursts.values()]


def _starters(jobs: Iterable[tuple[str, JobSpec, datetime]], zone: str) -> Iterator[tuple[str, Starter]]:
    for job_id, spec, created_at in jobs:
        if (starter := starter_of(spec, zone=zone, created_at=created_at)) is not None:
            yield job_id, starter


def _problem(declared: DeclaredJob, burst: Burst) -> Problem:
    complaint = burst.complain(declared.whole_spec)
    line, column = declared.written.schedule_at if declared.written else (declared.line, 1)
    return Problem(
        declared.path, line, column, complaint.field, complaint.rule, complaint.message, job_id=declared.job_id
    )
