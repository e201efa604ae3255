"""What the limits of targets do to the calls to come: the same as a simulation of the same jobs says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.calls.rate import Rate
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.load.forecast import forecast_specs
from myscheduler.core.load.forecast_json import as_json
from myscheduler.core.load.target_forecast import Limit, TargetForecast
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.simulate.scenario import Scenario
from myscheduler.core.simulate.simulation import Simulation

MIDNIGHT = datetime(2026, 3, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
THIRTY = Limit(None, Rate(30, MINUTE))


def spec(job_id: str, cron: str = "0 0 * * *", grace: int = 60) -> JobSpec:
    document = {"job_id": job_id, "cron": cron, "timezone": "UTC", "misfire_grace_time": grace}
    declared, complaints = declare(document | {"target_url": "https://billing.example.com"}, zone="UTC")
    assert declared is not None, complaints
    return declared


def nightly(count: int, **fields: Any) -> list[JobSpec]:
    return [spec(f"job-{number:03}", **fields) for number in range(count)]


def forecast(jobs: list[JobSpec], limit: Limit, *, days: int = 1, seconds: float = 0.5) -> TargetForecast:
    specs = [replace(one, target="billing") for one in jobs]
    duration = timedelta(seconds=seconds)
    found = forecast_specs(specs, MIDNIGHT, days, "UTC", limits={"billing": limit}, duration=duration)
    (one,) = found.targets
    return one


@pytest.mark.parametrize(
    ("limit", "seconds", "jobs"),
    [
        pytest.param(THIRTY, 0.5, nightly(50), id="rate"),
        pytest.param(Limit(None, Rate(30, MINUTE, burst=10)), 0.5, nightly(50), id="burst"),
        pytest.param(Limit(1, None), 7, nightly(20), id="one at a time"),
        pytest.param(Limit(2, Rate(30, MINUTE)), 0.5, nightly(50), id="both"),
        pytest.param(THIRTY, 0.5, nightly(20, grace=10), id="a short grace"),
        pytest.param(THIRTY, 0.5, [*nightly(40), spec("z-patient", grace=600)], id="different graces"),
    ],
)
def test_it_misses_what_a_simulation_misses(limit: Limit, seconds: float, jobs: list[JobSpec]) -> None:
    (crowded,) = forecast(jobs, limit, seconds=seconds).crowded
    scenario = Scenario(MIDNIGHT, MIDNIGHT + timedelta(hours=1), timedelta(seconds=seconds))
    specs = [replace(one, target="billing") for one in jobs]
    limits = {"billing": TargetLimits(limit.concurrency, limit.rate)}
    outlooks = Simulation(scenario, zone="UTC").together(specs, limits).outlooks
    assert crowded.missed == tuple(sorted(job_id for job_id, one in outlooks.items() if not one.totals.ran))
    assert crowded.missed


def test_how_long_all_would_take_and_when_it_happens_again() -> None:
    found = forecast(nightly(180), THIRTY, days=3)
    (crowded,) = found.crowded
    assert (found.jobs, found.starts, found.peak) == (180, 540, 180)
    assert (crowded.at, crowded.starts) == (MIDNIGHT, 180)
    assert crowded.needs == timedelta(seconds=358)
    assert crowded.again == (MIDNIGHT + timedelta(days=1), MIDNIGHT + timedelta(days=2))


def test_what_is_left_over_waits_in_the_next_minutes() -> None:
    jobs = [*nightly(50, grace=900), *(spec(f"next-{n:02}", "1 0 * * *", 900) for n in range(50))]
    found = forecast(jobs, THIRTY)
    assert [(one.at, one.needs) for one in found.crowded] == [
        (MIDNIGHT + MINUTE, timedelta(seconds=138)),
        (MIDNIGHT, timedelta(seconds=98)),
    ]


def test_what_a_target_takes_at_once_is_not_crowded() -> None:
    found = forecast(nightly(30), Limit(10, Rate(30, MINUTE)))
    assert found.crowded == ()
    assert found.in_flight == pytest.approx(0.25)


def test_calls_in_flight_grow_with_how_long_they_take() -> None:
    found = forecast(nightly(30), Limit(5, None), seconds=20)
    assert found.in_flight == pytest.approx(10)
    (crowded,) = found.crowded
    assert crowded.needs == timedelta(seconds=100)


def test_targets_without_limits_and_jobs_without_targets_are_left_out() -> None:
    specs = [spec("a"), replace(spec("b"), target="billing")]
    assert forecast_specs(specs, MIDNIGHT, 1, "UTC").targets == ()
    limits = {"billing": Limit(None, None), "other": THIRTY}
    assert forecast_specs(specs, MIDNIGHT, 1, "UTC", limits=limits).targets == ()


def test_as_json() -> None:
    specs = [replace(one, target="billing") for one in nightly(50)]
    (found,) = as_json(forecast_specs(specs, MIDNIGHT, 1, "UTC", limits={"billing": THIRTY}))["targets"]
    (crowded,) = found.pop("crowded")
    assert found == {
        "target": "billing",
        "jobs": 50,
        "starts": 50,
        "peak": 50,
        "calls_per_sec": 0.833,
        "rate_per_sec": 0.5,
        "in_flight": 0.417,
        "concurrency": None,
    }
    assert crowded.pop("missed_job_ids")[:2] == ["job-031", "job-032"]
    assert crowded == {
        "at": "2026-03-08T00:00:00+00:00", "starts": 50, "needs_sec": 98.0, "missed": 19, "again": [],
    }  # fmt: skip
