"""What can be reached from many jobs at once, against what each job by itself reaches."""

import itertools

from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.reaching import below_any, first_above, jobs_of
from tests.support.chains import after

GRAPH = Graph({"c": after("a", "b"), "d": after("c"), "e": after("b"), "f": after("d", "x")})


def test_it_is_what_each_job_reaches() -> None:
    assert jobs_of(GRAPH) == {*"abcdefx"}
    assert below_any(GRAPH, "de") == GRAPH.below("d") | GRAPH.below("e")
    found = first_above(GRAPH, "abx", 9)
    assert found == {job_id: tuple(sorted({job_id, *GRAPH.above(job_id)} & {*"abx"})) for job_id in jobs_of(GRAPH)}
    assert first_above(GRAPH, "abx", 2)["f"] == ("a", "b")


def test_cycles_are_left_out() -> None:
    assert first_above(Graph({"a": after("b"), "b": after("a", "c"), "d": after("a")}), "c", 9) == {"c": ("c",)}


def test_many_dense_layers_take_no_time() -> None:
    """Jobs of 30 layers, each after all of the layer above: to look up from each of them would take minutes."""
    layers = [[f"{layer:02}-{number:02}" for number in range(60)] for layer in range(30)]
    afters = {one: after(*above, join="any") for above, layer in itertools.pairwise(layers) for one in layer}
    assert first_above(Graph(afters), layers[0], 2)["29-00"] == ("00-00", "00-01")
