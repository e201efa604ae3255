"""What jobs run after once a plan is applied is never a cycle, whatever is held."""

from collections.abc import Mapping
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.chains.checking import in_cycles
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.links import links_of
from myscheduler.core.gitops.inventory import Item
from myscheduler.core.gitops.linking import afters_in_force, within_links
from myscheduler.core.gitops.plan import Hold, make_plan
from myscheduler.core.job.job import Owner, Source
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.manifest.declared import DeclaredJob, Desired
from tests.support.chains import after

NIGHTLY = DeclaredCron((("hour", "1"),))
IDS = "abcde"
Parents = Mapping[str, frozenset[str]]
"""By job, those that it runs after; none for a job with a schedule."""


def spec(job_id: str, parents: frozenset[str]) -> JobSpec:
    schedule = after(*sorted(parents), join="any") if parents else NIGHTLY
    return JobSpec(job_id, job_id, schedule, "http://x")


def item(job_id: str, parents: frozenset[str], owner: Owner = Owner.MANIFEST) -> Item:
    source = Source(f"{job_id}.yaml", 1, "r") if owner is Owner.MANIFEST else None
    return Item(job_id, owner, spec(job_id, parents), datetime(2026, 1, 1, tzinfo=UTC), source, None)


def declared(job_id: str, parents: frozenset[str]) -> DeclaredJob:
    made = spec(job_id, parents)
    return DeclaredJob(job_id, "", f"{job_id}.yaml", 7, made, links=links_of(made))


def desired(jobs: Parents, held: frozenset[str] = frozenset()) -> Desired:
    return Desired("r", {one: declared(one, parents) for one, parents in jobs.items()}, (), held, frozenset())


@st.composite
def acyclic(draw: st.DrawFn) -> Parents:
    order = draw(st.permutations(IDS))
    kept = draw(st.sets(st.sampled_from(IDS)))
    return {
        one: frozenset(draw(st.sets(st.sampled_from(order[:number])))) if number else frozenset()
        for number, one in enumerate(order)
        if one in kept
    }


@given(stored=acyclic(), wanted=acyclic(), held=st.frozensets(st.sampled_from(IDS)), api=st.sampled_from(IDS))
def test_no_cycle_comes_into_force(stored: Parents, wanted: Parents, held: frozenset[str], api: str) -> None:
    items = {one: item(one, parents, Owner.API if one == api else Owner.MANIFEST) for one, parents in stored.items()}
    of_source = desired({one: parents for one, parents in wanted.items() if one not in held}, held)
    plan = make_plan(of_source, {one: each.known for one, each in items.items()})
    found = within_links(plan, items, ())
    before = {one: each.spec.schedule for one, each in items.items() if stored[one]}
    in_force = afters_in_force(found, before)  # type: ignore[arg-type]
    assert not in_cycles(Graph(in_force))
    refused = {one.job_id for one in found.problems}
    assert refused or found is plan
    assert refused.isdisjoint(held | {api})


def test_only_the_job_with_the_new_edge_is_held() -> None:
    stored = {"a": item("a", frozenset()), "b": item("b", frozenset("a")), "c": item("c", frozenset("b"))}
    of_source = desired({"a": frozenset("c"), "c": frozenset("bd")}, frozenset("b"))
    found = within_links(make_plan(of_source, {one: each.known for one, each in stored.items()}), stored, ())
    assert [change.known.job_id for change in found.changes if isinstance(change, Hold)] == ["a", "b"]
    (problem,) = found.problems
    assert (problem.path, problem.line, problem.rule, problem.job_id) == ("a.yaml", 7, "chain-cycle", "a")
    assert "'a' (a.yaml:7) <- 'c' (c.yaml:7) <- 'b' (b.yaml:1) <- 'a'" in problem.message
