"""Takes changes out of a plan that the policy forbids.

These are changes over a limit on starts, which counts all jobs together, or all changes if the policy can't be used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.findings.problem import Complaint, Problem
from myscheduler.core.gitops.plan import Adopt, Change, Create, Delete, Hold, Plan, Update, job_id_of
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.load.starts import Starter
from myscheduler.core.manifest.declared import DeclaredJob, Desired
from myscheduler.core.policy.bursts import Burst, Cap, find_bursts, starter_of
from myscheduler.core.schedule.clock import Clock

News = Create | Update | Adopt
"""Changes that bring a new spec."""


class Stored(Protocol):
    """The attributes of a stored job from which its starts are counted."""

    @property
    def spec(self) -> JobSpec: ...
    @property
    def created_at(self) -> datetime: ...


def without_news(plan: Plan) -> Plan:
    """The plan without new and changed jobs: stored jobs keep their specs, deletions remain."""
    return _held(plan, {job_id_of(change) for change in plan.changes if isinstance(change, News)})


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
    return replace(_held(plan, bursts.keys()), problems=tuple(sorted([*plan.problems, *problems])))


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


def _held(plan: Plan, job_ids: Iterable[str]) -> Plan:
    held = frozenset(job_ids)
    changes = (_hold(change) if job_id_of(change) in held else change for change in plan.changes)
    return replace(plan, changes=tuple(change for change in changes if change is not None))


def _hold(change: Change) -> Change | None:
    """What replaces a refused change: a new job is not created, a stored one stays as it is."""
    return None if isinstance(change, Create) else Hold(change.known)


def _problem(declared: DeclaredJob, burst: Burst) -> Problem:
    complaint = burst.complain(declared.whole_spec)
    line, column = declared.written.schedule_at if declared.written else (declared.line, 1)
    return Problem(
        declared.path, line, column, complaint.field, complaint.rule, complaint.message, job_id=declared.job_id
    )
