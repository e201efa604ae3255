"""Takes changes out of a plan that link jobs as they must not be linked.

The policy forbids that, or it would close a cycle with jobs that stay as they are. The files of a source are checked by
themselves when they are combined. But what is in force afterwards is another graph: jobs that are held keep their
last good links, and jobs of the API have links, too. No cycle is ever stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from myscheduler.core.chains.checking import ChainFault, cycle_faults, in_cycles
from myscheduler.core.chains.graph import Graph, chained
from myscheduler.core.findings.problem import Problem
from myscheduler.core.gitops.plan import Delete, News, Plan, held_back, job_id_of
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.job import Source
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.combining import declared_at, link_problem
from myscheduler.core.manifest.declared import DeclaredJob, Desired
from myscheduler.core.policy.caps import Cap
from myscheduler.core.policy.linking import policy_faults

API = "API"
"""Stands for the file and line of a job that no manifest declares."""


class Linked(Protocol):
    """The attributes of a stored job that its links need."""

    @property
    def spec(self) -> JobSpec: ...
    @property
    def source(self) -> Source | None: ...


def within_links(plan: Plan, stored: Mapping[str, Linked], caps: Sequence[Cap]) -> Plan:
    """The plan without changes whose links would close a cycle or break one of `caps`, each of which becomes a problem;
    the same object if there are none. `stored` are at least the stored jobs that run after others, by id; with `caps`,
    all of them.
    """
    links = {job_id: chained(job.spec)[0] for job_id, job in stored.items()}
    before = {job_id: after for job_id, after in links.items() if after is not None}
    while faults := [*_cycles(plan, before, stored)] or [*_forbidden(plan, stored, caps)]:
        news = news_of(plan)
        problems = [link_problem(news[one.job_id], one) for one in faults]
        plan = replace(
            held_back(plan, [one.job_id for one in faults]), problems=tuple(sorted([*plan.problems, *problems]))
        )
    return plan


def news_of(plan: Plan) -> dict[str, DeclaredJob]:
    """The jobs that get a new spec."""
    return {job_id_of(change): change.declared for change in plan.changes if isinstance(change, News)}


def has_new_links(plan: Plan) -> bool:
    """Whether a job that gets a new spec runs after others."""
    return any(job.links is not None and job.links.after is not None for job in news_of(plan).values())


def afters_in_force(plan: Plan, before: Mapping[str, DeclaredAfter]) -> dict[str, DeclaredAfter]:
    """What jobs run after once the plan is applied; `before` is what the stored ones run after."""
    gone = {job_id_of(change) for change in plan.changes if isinstance(change, Delete | News)}
    kept = {job_id: after for job_id, after in before.items() if job_id not in gone}
    made = {job_id: job.links.after for job_id, job in news_of(plan).items() if job.links is not None}
    return kept | {job_id: after for job_id, after in made.items() if after is not None}


def _cycles(plan: Plan, before: Mapping[str, DeclaredAfter], stored: Mapping[str, Linked]) -> Iterator[ChainFault]:
    """The cycles that changes close: of jobs in them, those with an edge in them that is new."""
    if not has_new_links(plan):
        return
    graph, news = Graph(afters_in_force(plan, before)), news_of(plan)
    cyclic = in_cycles(graph)
    for fault in cycle_faults(graph, cyclic, lambda one: _place(news.get(one), stored.get(one))):
        known = before.get(fault.job_id)
        parents = {one for one in graph.parents(fault.job_id) if cyclic.get(one) == cyclic[fault.job_id]}
        if fault.job_id in news and not parents <= set(known.jobs if known else ()):
            yield fault


def _forbidden(plan: Plan, stored: Mapping[str, Linked], caps: Sequence[Cap]) -> Iterator[ChainFault]:
    """What the policy has against the links that change."""
    if all(one.chains is None for one in caps):
        return
    news = {job_id: job.whole_spec for job_id, job in news_of(plan).items()}
    before = {job_id: job.spec for job_id, job in stored.items()}
    gone = {job_id_of(change) for change in plan.changes if isinstance(change, Delete)}
    after = {job_id: spec for job_id, spec in before.items() if job_id not in gone} | news
    yield from policy_faults(before, after, news.keys(), caps)


def link_problems(desired: Desired) -> list[Problem]:
    """A problem for each link that the policy forbids, as if no jobs were stored yet."""
    specs = {job_id: job.spec for job_id, job in desired.jobs.items() if job.spec is not None} if desired.caps else {}
    faults = policy_faults({}, specs, specs.keys(), desired.caps)
    return [link_problem(desired.jobs[one.job_id], one) for one in faults]


def _place(declared: DeclaredJob | None, stored: Linked | None) -> str:
    if declared is not None or stored is None:
        return declared_at(declared)
    return f"{stored.source.path}:{stored.source.line}" if stored.source else API
