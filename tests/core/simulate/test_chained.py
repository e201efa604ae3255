"""Simulated chains; and the law that a simulation comes to what a small model of chains says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from myscheduler.core.calls.breaker import BreakerRules
from myscheduler.core.calls.rate import Rate
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.history.execution import Status
from myscheduler.core.job.after import after_to_json
from myscheduler.core.simulate.assumptions import NOTHING_ASSUMED, Assumptions
from myscheduler.core.simulate.chained import ChainOutlook
from myscheduler.core.simulate.linked import limiting, linked_jobs
from myscheduler.core.simulate.scenario import Outage, Scenario
from myscheduler.core.simulate.simulation import Simulation, Together
from tests.core.simulate.test_simulation import NOON, ZONE, at, told
from tests.support.chains import ROOT, WORLDS, World
from tests.support.parts import spec

HOUR = {"cron": "0 * * * *", "timezone": "UTC"}
SECOND = timedelta(seconds=1)


def after(*jobs: str) -> dict[str, Any]:
    """Edges such as `a` and `a:failure`."""
    named = (one.partition(":") for one in jobs)
    return {"after": [{"job": job, "on": on or "success"} for job, _, on in named]}


def run(
    until: float,
    jobs: Mapping[str, Mapping[str, Any]],
    *,
    assumed: Assumptions = NOTHING_ASSUMED,
    limits: Mapping[str, TargetLimits] = {},
    outages: Sequence[tuple[float, float]] = (),
    target: str | None = None,
) -> Together:
    """What becomes of jobs in the minutes after noon; a call takes 10 seconds."""
    downs = tuple(Outage(at(start), at(end)) for start, end in outages)
    scenario = Scenario(NOON, at(until), timedelta(seconds=10), downs, assumed)
    specs = [replace(spec(job_id, **fields), target=target) for job_id, fields in jobs.items()]
    return Simulation(scenario, zone=ZONE).together(specs, limits)


def shown(chain: ChainOutlook) -> list[str]:
    """Each step as `job status reason from sent to ended`, in seconds after the slot."""
    return [
        " ".join(
            [
                one.job_id,
                one.status,
                *([one.reason] if one.reason else []),
                *([f"< {one.parent}"] if one.parent else []),
                *([f"{one.sent_after / SECOND:g}"] if one.sent_after is not None else []),
                *([f"to {one.ended_after / SECOND:g}"] if one.ended_after is not None else []),
            ]
        )
        for one in chain.steps
    ]


def only(found: Together) -> list[str]:
    (chain,) = found.chains
    return shown(chain)


class TestChains:
    def test_children_begin_when_their_parents_end(self) -> None:
        durations = {"b": timedelta(minutes=5)}
        jobs = {"a": HOUR, "b": after("a"), "c": after("a"), "d": after("b", "c")}
        found = run(60, jobs, assumed=Assumptions(durations=durations))
        assert only(found) == [
            "a completed 0 to 10",
            "b completed < a 10 to 310",
            "c completed < a 10 to 20",
            "d completed < b 310 to 320",
        ]

    def test_chains_in_a_row_that_go_alike_are_one(self) -> None:
        found = run(60 * 5, {"a": HOUR, "b": after("a")}, assumed=Assumptions({"b": frozenset([at(120)])}))
        told = [(one.root, one.first, one.last, one.count, one.status) for one in found.chains]
        assert told == [
            ("a", at(0), at(60), 2, "completed"),
            ("a", at(120), at(120), 1, "failed"),
            ("a", at(180), at(240), 2, "completed"),
        ]
        assert found.outlooks["b"].totals.counts == {("completed", None): 4, ("failed", None): 1}

    def test_a_failure_makes_all_attempts(self) -> None:
        jobs = {"a": {**HOUR, "max_retries": 2, "retry_backoff_sec": 60}, "b": after("a:failure")}
        found = run(60, jobs, assumed=Assumptions({"a": None}))
        assert only(found) == ["a failed 0 to 210", "b completed < a 210 to 220"]

    def test_a_chain_times_out(self) -> None:
        jobs = {"a": {**HOUR, "chain_timeout_sec": 60}, "b": after("a"), "c": after("b")}
        found = run(60, jobs, assumed=Assumptions(durations={"b": timedelta(minutes=1)}))
        assert only(found)[1:] == ["b completed < a 10 to 70", "c skipped chain-timeout < b"]
        assert [one.status for one in found.chains] == ["failed"]

    def test_a_condition_is_decided_by_what_is_given_else_taken_to_hold(self) -> None:
        when = {"job": "a", "json": {"/rows": {"gt": 0}}}
        jobs = {"a": {**HOUR, "extract": {"rows": "/rows"}}, "b": {**after("a:always"), "when": when}}
        assert only(run(60, jobs))[1] == "b completed < a 10 to 20"
        assert only(run(60, jobs, assumed=Assumptions({"a": None})))[1] == "b skipped condition < a"
        for rows, end in ((0, "b skipped condition < a"), (1, "b completed < a 10 to 20")):
            assert only(run(60, jobs, assumed=Assumptions(extracted={"a": {"rows": rows}})))[1] == end

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"paused": True}, "skipped paused"),
            ({"blackout": [{"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}]}, "skipped blackout"),
            ({"end_at": "2020-01-01T00:00:00Z"}, "missed expired"),
        ],
    )
    def test_the_limits_of_a_child(self, fields: Mapping[str, Any], reason: str) -> None:
        found = run(60, {"a": HOUR, "b": {**after("a"), **fields}, "c": after("b")})
        assert only(found)[1:] == [f"b {reason} < a", "c skipped upstream-skipped < b"]

    @pytest.mark.parametrize(
        ("fields", "second"),
        [
            pytest.param({"overlap": "skip"}, "b skipped overlap < a", id="skip"),
            pytest.param({"overlap": "queue"}, "b completed queued < a 250 to 550", id="queue"),
            pytest.param({"overlap": "queue", "misfire_grace_time": 60}, "b missed deadline < a", id="too late"),
            pytest.param({"overlap": "allow"}, "b completed < a 10 to 310", id="allow"),
            pytest.param(
                {"blackout": [{"from": at(0.5).isoformat(), "to": at(10).isoformat()}]},
                "b skipped blackout < a",
                id="a blackout comes before the overlap",
            ),
        ],
    )
    def test_a_slow_child(self, fields: Mapping[str, Any], second: str) -> None:
        root = {"cron": "* * * * *", "end_at": at(1.5).isoformat()}
        durations = {"b": timedelta(minutes=5)}
        found = run(60, {"a": root, "b": {**after("a"), **fields}}, assumed=Assumptions(durations=durations))
        assert [shown(one)[1] for one in found.chains for _ in range(one.count)] == [
            "b completed < a 10 to 310",
            second,
        ]

    def test_the_newest_replaces(self) -> None:
        root = {"cron": "* * * * *", "end_at": at(2.5).isoformat()}
        jobs = {"a": root, "b": {**after("a"), "overlap": "replace"}, "c": after("b:failure")}
        found = run(60, jobs, assumed=Assumptions(durations={"b": timedelta(minutes=5)}))
        assert [(one.count, shown(one)[1:]) for one in found.chains] == [
            (2, ["b interrupted replaced < a 10 to 70", "c completed < b 70 to 80"]),
            (1, ["b completed < a 10 to 310", "c skipped upstream-outcome < b"]),
        ]

    def test_one_that_waits_for_its_target_too_long(self) -> None:
        jobs = {"a": HOUR, "b": after("a"), "c": {**after("a"), "misfire_grace_time": 5}}
        found = run(60, jobs, limits={"billing": TargetLimits(concurrency=1)}, target="billing")
        assert only(found)[1:] == ["b completed < a 10 to 20", "c missed deadline < a"]

    def test_a_slot_that_is_left_out_leaves_out_what_is_below(self) -> None:
        root = {**HOUR, "blackout": [{"from": at(0).isoformat(), "to": at(90).isoformat()}]}
        found = run(150, {"a": root, "b": after("a"), "c": {**after("a"), "if_skipped": "run"}})
        assert told(found.outlooks["b"]) == []
        assert [shown(one) for one in found.chains] == [
            ["b skipped upstream-skipped < a", "c completed < a 0 to 10"],
            ["a completed 0 to 10", "b completed < a 10 to 20", "c completed < a 10 to 20"],
        ]
        assert (found.chains[0].count, found.chains[0].status) == (2, "completed")

    def test_each_slot_that_is_caught_up_on_is_a_chain(self) -> None:
        root = {"cron": "*/10 * * * *", "catchup": "all", "misfire_grace_time": 3600}
        jobs = {"a": root, "b": {**after("a"), "overlap": "queue"}}
        found = run(40, jobs, outages=[(5, 35)])
        assert [(one.first, shown(one)[0]) for one in found.chains] == [
            (at(0), "a completed 0 to 10"),
            (at(10), "a completed catch_up 1500 to 1510"),
            (at(20), "a completed catch_up 910 to 920"),
            (at(30), "a completed catch_up 320 to 330"),
        ]
        assert [shown(one)[1] for one in found.chains][1:] == [
            "b completed < a 1510 to 1520",
            "b completed < a 920 to 930",
            "b completed < a 330 to 340",
        ]

    def test_an_outage_fires_the_edges_of_what_it_cuts_off(self) -> None:
        jobs = {"a": HOUR, "b": after("a:failure"), "c": after("a")}
        found = run(60, jobs, outages=[(0.1, 2)])
        assert only(found) == [
            "a interrupted crash 0 to 120",
            "b completed < a 120 to 130",
            "c skipped upstream-outcome < a",
        ]

    def test_what_waits_for_its_turn_goes_on_after_an_outage(self) -> None:
        durations = {"b": timedelta(minutes=5)}
        root = {"cron": "* * * * *", "end_at": at(1.5).isoformat()}
        jobs = {"a": root, "b": {**after("a"), "overlap": "queue", "on_interrupt": "retry"}}
        found = run(60, jobs, assumed=Assumptions(durations=durations), outages=[(2, 3)])
        assert [shown(one)[1] for one in found.chains] == [
            "b completed resent < a 180 to 480",
            "b completed queued < a 420 to 720",
        ]

    def test_a_target_limits_what_runs_after_others_too(self) -> None:
        jobs = {"a": HOUR, **{f"b{number}": after("a") for number in range(3)}}
        found = run(60, jobs, limits={"billing": TargetLimits(concurrency=1)}, target="billing")
        assert only(found)[1:] == [
            "b0 completed < a 10 to 20",
            "b1 completed throttled < a 20 to 30",
            "b2 completed throttled < a 30 to 40",
        ]
        assert (found.waits["billing"].calls, found.waits["billing"].waited) == (4, 2)
        paced = run(60, jobs, limits={"billing": TargetLimits(rate=Rate(1, timedelta(minutes=1)))}, target="billing")
        assert only(paced)[1:3] == ["b0 completed throttled < a 60 to 70", "b1 completed throttled < a 120 to 130"]

    def test_what_is_in_progress_at_the_end(self) -> None:
        jobs = {"a": {"cron": "* * * * *"}, "b": {**after("a"), "overlap": "queue"}}
        found = run(2, jobs, assumed=Assumptions(durations={"b": timedelta(hours=1)}))
        assert [shown(one)[1] for one in found.chains] == ["b running < a 10", "b waiting < a"]
        assert [one.status for one in found.chains] == ["running", "running"]
        assert (found.outlooks["b"].totals.ran, found.outlooks["b"].totals.waiting) == (1, 1)


class TestRequirements:
    JOBS: Mapping[str, Mapping[str, Any]] = {
        "close": {"cron": "5 * * * *"},
        "report": {"cron": "0 * * * *", "requires": [{"job": "close", "within": "PT30M"}], "misfire_grace_time": 600},
    }

    def test_a_slot_waits_until_they_are_met(self) -> None:
        found = run(30, self.JOBS)
        assert told(found.outlooks["report"]) == ["completed requirement 12:00 sent 12:05:10"]

    def test_it_is_skipped_after_its_grace(self) -> None:
        found = run(30, self.JOBS, assumed=Assumptions({"close": None}))
        assert told(found.outlooks["report"]) == ["skipped requirement 12:00"]

    def test_what_completed_long_ago_does_not_count(self) -> None:
        found = run(70, self.JOBS, assumed=Assumptions({"close": frozenset([at(65)])}))
        assert told(found.outlooks["report"])[1:] == ["waiting - 13:00"]


class TestTargetsThatFail:
    def test_a_circuit_opens(self) -> None:
        rules = BreakerRules(failures=2, open_sec=3_600, longest_sec=3_600)
        jobs = {"a": {"cron": "* * * * *"}}
        limits = {"billing": TargetLimits(breaker=rules)}
        found = run(4, jobs, assumed=Assumptions({"a": None}), limits=limits, target="billing")
        assert found.outlooks["a"].totals.failed == 2


def test_which_jobs_are_simulated_together() -> None:
    jobs = {"plain": HOUR, "a": HOUR, "b": after("a"), "lone": after("gone"), "x": HOUR, "y": HOUR, "fails": HOUR}
    specs = [spec(job_id, **fields) for job_id, fields in jobs.items()]
    specs += [replace(spec("t", **HOUR), target="billing"), replace(spec("u", **HOUR), target="free")]
    specs.append(spec("z", **HOUR, requires=[{"job": "x", "within": "PT1H"}]))
    limits = {"billing": TargetLimits(concurrency=1), "free": TargetLimits(breaker=BreakerRules(2, 60))}
    assert limiting(limits, specs, {"fails"}).keys() == {"billing"}
    assert limiting(limits, specs, {"u"}).keys() == {"billing", "free"}
    groups = linked_jobs(specs, limiting(limits, specs, {"fails"}), {"fails"})
    assert [[one.job_id for one in group] for group in groups] == [["a", "b"], ["fails"], ["lone"], ["t"], ["x", "z"]]


@settings(max_examples=300, deadline=None)
@given(WORLDS)
def test_a_simulation_comes_to_what_the_model_says(world: World) -> None:
    failing = {one: None for one, status in world.ends.items() if status not in {Status.COMPLETED, Status.SKIPPED}}
    paused = {one: {"paused": True} for one, status in world.ends.items() if status is Status.SKIPPED}
    jobs: dict[str, dict[str, Any]] = {
        one: {
            "extract": {"rows": "/rows"},
            **({"run_at": (NOON if one == ROOT else at(120)).isoformat()} if one not in world.afters else {}),
            **(after_to_json(world.afters[one]) if one in world.afters else {}),
            **paused.get(one, {}),
        }
        for one in world.ends
    }
    extracted = {one: {"rows": rows} for one, rows in world.rows.items()}
    found = run(60, jobs, assumed=Assumptions(failing, {}, extracted))
    wanted = {one: Status.FAILED if one in failing and state is not Status.SKIPPED else state
              for one, state in world.comes_to().items()}  # fmt: skip
    chains = [one for one in found.chains if one.root == ROOT]
    states = {step.job_id: step.status for one in chains for step in one.steps}
    assert states == ({} if set(wanted) == {ROOT} else wanted)
    assert sum(len(one.steps) for one in chains) == len(states), "no job is in its chain twice"
