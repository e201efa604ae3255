"""Joins of jobs that no chain has both of."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.chains.checking import chain_faults
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.links import Links
from myscheduler.core.job.after import DeclaredAfter
from tests.support.chains import after

NAMES = "abcdefgh"
PARENTS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
AFTERS = st.dictionaries(st.sampled_from(NAMES), st.builds(lambda parents: after(*parents), PARENTS))


def without_root(afters: dict[str, DeclaredAfter], ids: set[str]) -> set[str]:
    links = {job_id: Links(one) for job_id, one in afters.items()}
    faults = chain_faults(links, exists=lambda _: True, ids=ids, place_of=lambda _: "")
    return {one.job_id for one in faults if one.rule == "chain-root"}


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
