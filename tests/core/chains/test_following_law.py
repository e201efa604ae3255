"""The law of chains: whatever order the ends come in, a run of a chain comes to what a small model says."""

from itertools import combinations

from hypothesis import given, settings

from myscheduler.core.chains.following import follow
from myscheduler.core.chains.graph import Graph
from tests.support.chains import NOW, WORLDS, Recorded, World


def _step(world: World, graph: Graph, recorded: Recorded, batch: tuple[str, ...]) -> Recorded:
    """What is recorded once these have ended, all in one transaction."""
    after = recorded.copy()
    ended = after.ended(world, batch)
    before = dict(after.ends)
    after.take(follow(graph, ended, ends_of=lambda _: before, new_id=after.new_id, now=NOW))
    again = follow(graph, ended, ends_of=lambda _: dict(after.ends), new_id=after.new_id, now=NOW)
    assert [one for one in again if one.job_id not in after.ends] == []
    return after


@settings(max_examples=300)
@given(WORLDS)
def test_every_order_and_every_batch_of_ends_comes_to_the_same(world: World) -> None:
    """All ways are gone: at each step, any of those that run may end, together or not."""
    graph, wanted = Graph(world.afters), world.comes_to()
    seen: set[frozenset[tuple[str, str]]] = set()
    left = [Recorded()]
    while left:
        recorded = left.pop()
        running = recorded.running()
        if not running:
            assert recorded.states() == wanted
        for count in range(1, len(running) + 1):
            for batch in combinations(running, count):
                after = _step(world, graph, recorded, batch)
                state = frozenset((job_id, end.status) for job_id, end in after.ends.items())
                if state not in seen:
                    seen.add(state)
                    left.append(after)
