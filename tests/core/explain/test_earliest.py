"""When jobs that run after others can begin at the earliest, and through which path; never later than a simulation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.chains.graph import Graph
from myscheduler.core.explain.earliest import ASSUMED, Way, ways_to
from myscheduler.core.explain.preview_after import Before, Root, preview_after
from myscheduler.core.history.execution import Status
from myscheduler.core.job.after import after_to_json
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.simulate.assumptions import Assumptions
from myscheduler.core.simulate.scenario import Scenario
from myscheduler.core.simulate.simulation import Simulation
from tests.support.chains import ROOT, WORLDS, World, after
from tests.support.parts import spec

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DURATIONS = {"a": MINUTE, "b": 5 * MINUTE, "c": 2 * MINUTE, "r": 10 * MINUTE}


def ways(graph: Graph, job_id: str) -> list[Way]:
    return list(ways_to(graph, job_id, lambda one: DURATIONS[one]))


@pytest.mark.parametrize(
    ("declared", "minutes", "path"),
    [
        pytest.param(after("a"), 1, ("a",), id="one"),
        pytest.param(after("b", "c"), 6, ("a", "b"), id="all"),
        pytest.param(after("b", "c", join="any"), 3, ("a", "c"), id="any"),
        pytest.param(after("b:failure", "c", join="any"), 3, ("a", "c"), id="any, with outcomes"),
        pytest.param(after("b", "c", join="any", when="b"), 6, ("a", "b"), id="any, with a condition that waits"),
    ],
)
def test_the_way_that_counts(declared: Any, minutes: int, path: tuple[str, ...]) -> None:
    graph = Graph({"b": after("a"), "c": after("a"), "d": declared})
    assert ways(graph, "d") == [Way("a", minutes * MINUTE, path, is_too_late=False)]


def test_each_job_with_which_a_chain_begins_is_a_way() -> None:
    graph = Graph({"b": after("a"), "d": after("b", "r", join="any")})
    assert ways(graph, "d") == [
        Way("a", 6 * MINUTE, ("a", "b"), is_too_late=False),
        Way("r", 10 * MINUTE, ("r",), is_too_late=False),
    ]


def test_a_join_of_jobs_that_no_chain_has_both_of() -> None:
    assert ways(Graph({"d": after("a", "r")}), "d") == []
    found = ways(Graph({"d": after("a", "r", if_skipped="run")}), "d")
    assert [(one.root, one.delay) for one in found] == [("a", MINUTE), ("r", 10 * MINUTE)]


def test_a_chain_that_times_out_before() -> None:
    graph = Graph({"b": after("a"), "d": after("b")}, {"a": 360})
    assert [one.is_too_late for one in (*ways(graph, "b"), *ways(graph, "d"))] == [False, True]


def test_very_many_ways_are_not_all_gone() -> None:
    roots = [f"r{number:04}" for number in range(3_000)]
    graph = Graph({"all": after(*roots, join="any"), "last": after("all")})
    found = list(ways_to(graph, "last", lambda _: MINUTE))
    assert [one.root for one in found] == roots[:66]


def before(*jobs: JobSpec, durations: dict[str, timedelta] = DURATIONS, **afters: Any) -> Before:
    roots = {one.job_id: Root(one, NOON, is_paused=bool(one.paused)) for one in jobs}
    return Before(Graph(afters), roots, durations)


class TestPreviews:
    A = spec("a", cron="0 * * * *", timezone="UTC")
    R = spec("r", cron="30 * * * *", timezone="UTC")
    D = spec("d", after=[{"job": "a"}, {"job": "r"}], join="any", timezone="UTC")

    def test_runs_of_all_roots_in_order(self) -> None:
        given = before(self.A, self.R, d=after("a", "r", join="any"))
        found = preview_after(self.D, given, zone="UTC", start=NOON + MINUTE, count=3)
        assert [one.strftime("%H:%M") for one in found.fires] == ["12:01", "12:40", "13:01"]
        shown = found.as_json()["earliest"]
        assert shown["durations_sec"] == {"a": 60, "r": 600}
        assert shown["times"][1] == {
            "at": "2026-07-01T12:40:00+00:00",
            "slot": "2026-07-01T12:30:00+00:00",
            "path": ["r"],
        }
        assert (shown["too_late"], shown["paused"]) == ([], [])

    def test_an_end(self) -> None:
        given = before(self.A, self.R, d=after("a", "r", join="any"))
        until = NOON + 61 * MINUTE
        found = preview_after(self.D, given, zone="UTC", start=NOON + 2 * MINUTE, count=100, until=until)
        assert [one.strftime("%H:%M") for one in found.fires] == ["12:40", "13:01"]

    def test_the_limits_of_the_job_itself(self) -> None:
        dark = {"from": "2026-07-01T13:00:00Z", "to": "2026-07-01T14:00:00Z"}
        child = spec("d", after=[{"job": "a"}], blackout=[dark], timezone="UTC")
        found = preview_after(child, before(self.A, d=after("a")), zone="UTC", start=NOON, count=2)
        assert [one.strftime("%H:%M") for one in found.fires] == ["12:01", "14:01"]
        assert [(one.reason, one.first.hour, one.count) for one, _ in found.left_out] == [("blackout", 13, 1)]

    def test_a_job_that_never_runs_ends_the_search(self) -> None:
        child = spec("d", after=[{"job": "a"}], end_at="2026-07-01T11:00:00Z", timezone="UTC")
        found = preview_after(child, before(self.A, d=after("a")), zone="UTC", start=NOON, count=1)
        assert (found.fires, len(found.left_out)) == ((), 2_000)

    def test_a_root_that_is_paused_and_one_that_is_not_known(self) -> None:
        paused = spec("a", cron="0 * * * *", timezone="UTC", paused=True)
        found = preview_after(self.D, before(paused, d=after("a", "r", join="any")), zone="UTC", start=NOON, count=1)
        assert found.earliest is not None
        assert found.earliest.paused == ("a",)
        assert [one.path for one in found.earliest.begins] == [("a",)]

    def test_what_nothing_is_known_of_takes_half_a_second(self) -> None:
        given = before(self.A, durations={}, d=after("a"))
        found = preview_after(self.D, given, zone="UTC", start=NOON, count=1)
        assert found.fires == (NOON + ASSUMED,)


@settings(max_examples=200, deadline=None)
@given(WORLDS, st.randoms(use_true_random=False))
def test_no_simulation_is_earlier(some: World, rng: Random) -> None:
    """Whatever jobs end with, none begins earlier; but for those that run because one before did not."""
    world = replace(some, afters={one: replace(after, if_skipped="skip") for one, after in some.afters.items()})
    durations = {one: timedelta(seconds=rng.randrange(1, 100)) for one in world.ends}
    times = {
        one: way.delay
        for one in world.afters
        for way in ways_to(Graph(world.afters), one, durations.__getitem__)
        if way.root == ROOT
    }
    failing = {one: None for one, status in world.ends.items() if status is not Status.COMPLETED}
    jobs = [
        spec(one, **(after_to_json(world.afters[one]) if one in world.afters else {"run_at": NOON.isoformat()}))
        for one in world.ends
        if one == ROOT or one in world.afters
    ]
    assumed = Assumptions(failing, durations)
    scenario = Scenario(NOON, NOON + timedelta(hours=1), timedelta(seconds=1), assumed=assumed)
    begun = {
        step.job_id: step.sent_after
        for chain in Simulation(scenario, zone="UTC").together(jobs, {}).chains
        for step in chain.steps
        if step.parent is not None and step.sent_after is not None
    }
    assert all(times[one] <= at for one, at in begun.items())


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_where_all_goes_well_a_simulation_is_not_later(rng: Random) -> None:
    afters = {
        f"j{number}": after(
            *rng.sample([f"j{one}" for one in range(number)], rng.randint(1, min(3, number))),
            join=rng.choice(["all", "any"]),
        )
        for number in range(1, 7)
    }
    durations = {f"j{number}": timedelta(seconds=rng.randrange(1, 100)) for number in range(7)}
    times = {one: way.delay for one in afters for way in ways_to(Graph(afters), one, durations.__getitem__)}
    jobs = [spec(one, **after_to_json(declared)) for one, declared in afters.items()]
    jobs.append(spec(ROOT, run_at=NOON.isoformat()))
    scenario = Scenario(NOON, NOON + timedelta(hours=1), MINUTE, assumed=Assumptions(durations=durations))
    (chain,) = Simulation(scenario, zone="UTC").together(jobs, {}).chains
    assert {one.job_id: one.sent_after for one in chain.steps if one.parent} == times
