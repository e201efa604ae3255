"""The graph of what runs after what."""

from myscheduler.core.chains.graph import Graph, by_depth, chained, graph_of
from tests.support.chains import NOW, after
from tests.support.parts import job, spec

DIAMOND = Graph({"b": after("a"), "c": after("a"), "d": after("b", "c"), "e": after("x")})
CYCLE = Graph({"a": after("c"), "b": after("a"), "c": after("b"), "d": after("c")})


def test_what_is_above_and_below() -> None:
    assert (DIAMOND.children("a"), DIAMOND.parents("d"), DIAMOND.children("d")) == (("b", "c"), ("b", "c"), ())
    assert (DIAMOND.below("a"), DIAMOND.above("d")) == ({"b", "c", "d"}, {"a", "b", "c"})
    assert (DIAMOND.roots("d"), DIAMOND.roots("a"), DIAMOND.roots("e")) == ({"a"}, {"a"}, {"x"})
    assert ("a" in DIAMOND, "x" in DIAMOND, "y" in DIAMOND) == (True, True, False)


def test_a_cycle_has_an_end() -> None:
    assert (CYCLE.below("a"), CYCLE.above("a")) == ({"a", "b", "c", "d"}, {"a", "b", "c"})
    assert CYCLE.below("d") == set()
    assert dict(by_depth(CYCLE, ["a", "b", "c", "d"])) == {}


def test_depth_is_the_longest_way() -> None:
    graph = Graph({"b": after("a"), "c": after("a", "b"), "d": after("c", "a")})
    assert dict(by_depth(graph, ["a", "b", "c", "d"])) == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_joins_concern_all_that_is_connected_with_them() -> None:
    graph = Graph({"b": after("a"), "c": after("a", "z"), "e": after("b"), "y": after("x")})
    assert [one for one in "abcexyz" if graph.has_join(one)] == [*"abcez"]


def test_a_change_makes_another_graph() -> None:
    more = DIAMOND.changed({"f": (after("d"), None), "a": (None, 60)})
    assert (more.children("d"), more.timeouts, DIAMOND.children("d")) == (("f",), {"a": 60}, ())
    assert (more.knows("a"), DIAMOND.knows("a"), more.knows("x")) == (True, False, False)
    less = more.changed({"a": (None, None)}, removed=["b", "d"])
    assert (less.children("a"), less.below("a"), less.timeouts) == (("c",), {"c"}, {})
    assert "d" not in less.afters
    assert "d" in less, "another job still runs after it"


def test_nothing_changed_is_the_same_graph() -> None:
    assert DIAMOND.changed({"b": (after("a"), None), "new": (None, None)}, removed=["never"]) is DIAMOND


def test_it_is_made_of_jobs() -> None:
    jobs = [job("a", NOW, chain_timeout_sec=60), job("b", NOW, after=[{"job": "a"}]), job("z", NOW)]
    graph = graph_of(jobs)
    assert (graph.afters, graph.timeouts) == ({"b": after("a")}, {"a": 60})
    assert chained(spec("z")) == (None, None)
