"""Simulated jobs of a target that limits its calls; and the law that a limit which is never reached changes nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.calls.rate import Rate
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.reason import Reason
from myscheduler.core.simulate.calls import Waits
from myscheduler.core.simulate.outlook import Event, Outlook
from myscheduler.core.simulate.scenario import Outage, Scenario
from myscheduler.core.simulate.simulation import Simulation
from tests.core.simulate.test_simulation import NOON, ZONE, at, spec, told

ONE_AT_ONCE = TargetLimits(concurrency=1)
TEN_A_MINUTE = TargetLimits(rate=Rate(10, timedelta(minutes=1)))
LOOSE = TargetLimits(concurrency=1_000, rate=Rate(1_000_000, timedelta(seconds=1), burst=1_000))


def crowd(
    until: float,
    limits: TargetLimits,
    *jobs: dict[str, Any],
    latency: float = 0.5,
    outages: tuple[tuple[float, float], ...] = (),
) -> tuple[dict[str, list[str]], Waits, dict[str, Outlook]]:
    """What is told of each job, by its id; times are minutes after noon, the latency seconds."""
    downs = tuple(Outage(at(start), at(end)) for start, end in outages)
    simulation = Simulation(Scenario(NOON, at(until), timedelta(seconds=latency), downs), zone=ZONE)
    specs = [replace(spec(**one), target="billing") for one in jobs]
    found = simulation.together(specs, {"billing": limits})
    shown = {job_id: told(one) for job_id, one in sorted(found.outlooks.items())}
    return shown, found.waits["billing"], dict(found.outlooks)


def minutely(*job_ids: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"job_id": job_id, "cron": "* * * * *", **fields} for job_id in job_ids]


def test_calls_wait_for_each_other_in_the_order_of_their_slots_and_ids() -> None:
    found, waits, _ = crowd(1, ONE_AT_ONCE, *minutely("c", "a", "b"), latency=10)
    assert found == {
        "a": [],
        "b": ["completed throttled 12:00 sent 12:00:10"],
        "c": ["completed throttled 12:00 sent 12:00:20"],
    }
    assert waits == Waits(3, 2, timedelta(seconds=20), 0)


def test_a_rate_spaces_calls() -> None:
    found, waits, _ = crowd(1, TEN_A_MINUTE, *minutely("a", "b", "c"))
    assert (found["b"], found["c"]) == (
        ["completed throttled 12:00 sent 12:00:06"],
        ["completed throttled 12:00 sent 12:00:12"],
    )
    assert waits.longest == timedelta(seconds=12)


def test_those_that_wait_longer_than_their_grace_are_missed() -> None:
    jobs = minutely("a", "b", "c", misfire_grace_time=15)
    found, waits, _ = crowd(1, ONE_AT_ONCE, *jobs, latency=10)
    assert found["c"] == ["missed deadline 12:00"]
    assert (waits.calls, waits.missed) == (2, 1)


def test_a_job_that_waits_for_itself_does_not_wait_for_the_target() -> None:
    found, waits, _ = crowd(3, ONE_AT_ONCE, *minutely("a", overlap="queue", catchup="all"), latency=90)
    assert found["a"] == ["completed queued 12:01 sent 12:01:30", "waiting - 12:02"]
    assert waits.waited == 0


def test_what_still_waits_at_the_end_is_told() -> None:
    found, _, _ = crowd(1, ONE_AT_ONCE, *minutely("a", "b"), latency=300)
    assert found["b"] == ["waiting - 12:00"]


def test_an_outage_cuts_calls_off_and_forgets_the_rate() -> None:
    jobs = [
        *minutely("a"),
        {"job_id": "b", "run_at": NOON.isoformat(), "on_interrupt": "retry", "misfire_grace_time": 900},
    ]
    found, _, _ = crowd(5, TargetLimits(concurrency=2), *jobs, latency=120, outages=((1, 2.5),))
    assert found == {
        "a": [
            "interrupted crash 12:00",
            "skipped coalesced 12:01",
            "completed catch_up 12:02 sent 12:02:30",
            "skipped overlap 2: 12:03-12:04",
        ],
        "b": ["completed resent 12:00 sent 12:02:30"],
    }


def test_what_is_sent_again_waits_for_its_turn_too() -> None:
    jobs = [
        {"job_id": job_id, "run_at": NOON.isoformat(), "on_interrupt": "retry", "misfire_grace_time": 900}
        for job_id in "ab"
    ]
    found, _, _ = crowd(10, TargetLimits(concurrency=2, rate=Rate(1, timedelta(minutes=1), burst=2)), *jobs,
                        latency=120, outages=((1, 2),))  # fmt: skip
    assert found["a"] == ["completed resent 12:00 sent 12:02:00"]
    found, _, _ = crowd(10, TargetLimits(rate=Rate(2, timedelta(minutes=1))), *jobs, latency=120, outages=((1, 2),))
    assert found["b"] == ["completed resent 12:00 sent 12:02:30"]


def test_a_newer_slot_replaces_a_call_and_takes_its_place() -> None:
    found, _, _ = crowd(3, ONE_AT_ONCE, *minutely("a", overlap="replace"), latency=90)
    assert found["a"] == ["interrupted replaced 12:00", "interrupted replaced 12:01"]


def test_a_paused_job_takes_no_part() -> None:
    found, waits, _ = crowd(1, ONE_AT_ONCE, *minutely("a"), *minutely("b", paused=True), latency=10)
    assert found == {"a": [], "b": ["skipped paused 12:00"]}
    assert waits.calls == 1


def _shown(event: Event) -> Event:
    """Alone, a call is sent again before its place is taken at the same moment; here, it still waits for its turn."""
    return replace(event, sent_at=None) if event.reason == Reason.REPLACED else event


@pytest.mark.parametrize("outages", [(), ((3, 9.5),)])
@settings(max_examples=25, deadline=None)
@given(
    fields=st.lists(
        st.fixed_dictionaries(
            {
                "overlap": st.sampled_from(["skip", "queue", "replace", "allow"]),
                "catchup": st.sampled_from(["all", "last", "none"]),
                "on_interrupt": st.sampled_from(["record", "retry"]),
                "interval": st.sampled_from([{"seconds": 20}, {"seconds": 50}, {"minutes": 2}]),
                "misfire_grace_time": st.sampled_from([5, 60, 900]),
            }
        ).filter(lambda one: (one["overlap"], one["catchup"]) != ("replace", "all")),
        min_size=1,
        max_size=3,
    ),
    latency=st.sampled_from([0.5, 30, 65]),
)
def test_a_limit_that_is_never_reached_changes_nothing(
    fields: list[dict[str, Any]], latency: float, outages: tuple[tuple[float, float], ...]
) -> None:
    jobs = [{"job_id": f"job-{number}", **one} for number, one in enumerate(fields)]
    _, waits, found = crowd(15, LOOSE, *jobs, latency=latency, outages=outages)
    downs = tuple(Outage(at(start), at(end)) for start, end in outages)
    alone = Simulation(Scenario(NOON, at(15), timedelta(seconds=latency), downs), zone=ZONE)
    for job in jobs:
        one = found[job["job_id"]]
        expected = alone.outlook(spec(**job))
        assert [_shown(event) for event in one.events] == [_shown(event) for event in expected.events]
        assert +one.totals.counts == +expected.totals.counts
    assert waits.longest == timedelta()
