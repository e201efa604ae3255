"""Cycles, and joins of jobs that no chain has both of."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.chains.checking import ChainFault, chain_faults
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.links import Links
from myscheduler.core.job.after import DeclaredAfter
from tests.support.chains import after

NAMES = "abcdefgh"
PARENTS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
AFTERS = st.dictionaries(st.sampled_from(NAMES), st.builds(lambda parents: after(*parents), PARENTS))


def faults_of(afters: dict[str, DeclaredAfter], ids: set[str]) -> list[ChainFault]:
    links = {job_id: Links(one) for job_id, one in afters.items()}
    return list(chain_faults(links, exists=lambda _: True, ids=ids, place_of=lambda _: ""))


def without_root(afters: dict[str, DeclaredAfter], ids: set[str]) -> set[str]:
    return {one.job_id for one in faults_of(afters, ids) if one.rule == "chain-root"}


@given(AFTERS, st.sets(st.sampled_from(NAMES)))
def test_a_join_is_wrong_if_no_job_is_above_all_of_its_jobs(
    afters: dict[str, DeclaredAfter], unknown: set[str]
) -> None:
    ids = (set(NAMES) - unknown) | afters.keys()
    graph, expected = Graph(afters), set()
    for job_id, declared in afters.items():
        above = graph.above(job_id)
        if above <= ids and not any(one in graph.above(one) for one in above):
            begins = [{one, *graph.above(one)} - afters.keys() for one in declared.jobs]
            if not set.intersection(*begins):
                expected.add(job_id)
    assert without_root(afters, ids) == expected


@given(AFTERS)
def test_all_jobs_in_cycles_are_found_and_each_is_pointed_at_an_edge_of_one(afters: dict[str, DeclaredAfter]) -> None:
    graph = Graph(afters)
    edges = {
        job_id: {one for one in declared.jobs if one != job_id and job_id in graph.above(one)}
        for job_id, declared in afters.items()
    }
    found = {one.job_id: one for one in faults_of(afters, set(NAMES)) if one.rule == "chain-cycle"}
    assert found.keys() == {job_id for job_id, of_cycles in edges.items() if of_cycles}
    for job_id, fault in found.items():
        assert afters[job_id].jobs[int(fault.loc[1])] in edges[job_id]
        path = [one.strip("'") for one in fault.message.partition(": ")[2].partition(":")[0].split(" <- ")]
        assert path[0] == path[-1] == job_id
        assert all(above in afters[below].jobs for below, above in pairwise(path))


class Counted(DeclaredAfter):
    """Counts how often its edges are looked at."""

    looks = 0

    @property
    def jobs(self) -> tuple[str, ...]:
        Counted.looks += 1
        return tuple(edge.job for edge in self.edges)


def test_many_joins_below_each_other_take_no_time_that_grows_with_all_that_is_above_them() -> None:
    layers = [[f"{layer}-{number}" for number in range(20)] for layer in range(12)]
    afters: dict[str, DeclaredAfter] = {}
    for above, below in pairwise(layers):
        afters |= {one: Counted(after(*above).edges) for one in below}
    Counted.looks = 0
    assert without_root(afters, {one for layer in layers for one in layer}) == set(layers[1])
    assert Counted.looks < 50 * len(afters)


def test_a_cycle_through_many_jobs_is_told_of_all_of_them() -> None:
    layers = [[f"{layer}-{number}" for number in range(20)] for layer in range(30)]
    afters: dict[str, DeclaredAfter] = {"0-0": Counted(after("29-0").edges)}
    for above, below in pairwise(layers):
        afters |= {one: Counted(after(*above).edges) for one in below}
    Counted.looks = 0
    found = [one for one in faults_of(afters, {one for layer in layers for one in layer}) if one.rule == "chain-cycle"]
    assert {one.job_id for one in found} == {"0-0", "29-0", *(one for layer in layers[1:-1] for one in layer)}
    assert Counted.looks < 3 * MOST_PROBLEMS * len(afters)
