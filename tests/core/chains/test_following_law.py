"""The law of chains: whatever order the ends come in, a run of a chain comes to what a small model says."""

from dataclasses import replace
from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.chains.following import Place, follow, judge_again
from myscheduler.core.chains.graph import Graph
from tests.support.chains import NOW, WORLDS, Recorded, World, some_world


def _step(
    world: World, graph: Graph, recorded: Recorded, batch: tuple[str, ...], *, is_changed: bool = False
) -> Recorded:
    """What is recorded once these have ended, all in one transaction."""
    after = recorded.copy()
    ended = after.ended(world, batch)
    before = dict(after.ends)
    found = follow(graph, ended, ends_of=lambda _: before, new_id=after.new_id, now=NOW)
    after.take(one for one in found if not (is_changed and one.job_id in before))
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


def _edited(world: World, rng: Random) -> World:
    """Some jobs are deleted, run after others now, or declare another join or bypass."""
    afters = dict(world.afters)
    other = some_world(rng, most=len(world.ends)).afters
    for job_id in rng.sample(sorted(afters), rng.randint(1, len(afters))) if afters else ():
        if job_id in other and rng.randrange(4):
            afters[job_id] = other[job_id]
        else:
            del afters[job_id]
    return replace(world, afters=afters)


@settings(max_examples=300)
@given(WORLDS, st.randoms(use_true_random=False))
def test_a_change_at_any_moment_leaves_nothing_open(world: World, rng: Random) -> None:
    """What waited in the chain is decided if anything that it runs after has ended in it; and nothing comes twice."""
    graph, recorded = Graph(world.afters), Recorded()
    changed_at, steps = rng.randrange(len(world.ends)), 0
    waited: set[str] = set()
    while running := recorded.running():
        if steps == changed_at:
            waited = graph.below(*running) - recorded.ends.keys()
            world = _edited(world, rng)
            before, graph = graph, Graph(world.afters)
            place = Place("x0", NOW, None)
            ends = dict(recorded.ends)
            recorded.take(judge_again(before, graph, place, ends, new_id=recorded.new_id, now=NOW))
            assert judge_again(before, graph, place, recorded.ends, new_id=recorded.new_id, now=NOW) == []
            running = recorded.running()
        batch = tuple(rng.sample(running, rng.randint(1, len(running))))
        recorded = _step(world, graph, recorded, batch, is_changed=steps >= changed_at)
        steps += 1
    ended = recorded.ends.keys()
    left = {one for one in waited & graph.afters.keys() if one not in ended and ended & set(graph.parents(one))}
    assert left == set()
