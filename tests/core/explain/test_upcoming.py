"""The soonest slots over all jobs: in order, and only those that will run."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.explain.upcoming import KnownRuns, Planned, upcoming
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job, Pause
from myscheduler.core.schedule.exclusions import runs_after
from myscheduler.core.schedule.slots import next_after
from tests.support.parts import ZONE, job

FRIDAY = datetime(2027, 3, 5, 3, 0, tzinfo=UTC)  # noon in Tokyo
HOUR = timedelta(hours=1)


def planned(jobs: Iterable[Job], now: datetime = FRIDAY) -> list[Planned]:
    found = []
    for one in jobs:
        schedule = compile_schedule(one.spec, zone=ZONE, created_at=one.created_at)
        slot = next_after(schedule, now)
        if slot is not None:
            found.append(Planned(slot, one, schedule, host_key(one.spec.target_url)))
    return sorted(found, key=lambda each: each.slot)


def soonest(jobs: Iterable[Job], count: int, known: KnownRuns | None = None) -> list[tuple[str, str]]:
    found = (one for one in upcoming(planned(jobs), known or KnownRuns()) if one is not None)
    return [(one.job.job_id, f"{one.slot.astimezone(UTC):%a %H:%M}") for one in islice(found, count)]


def paused(one: Job, until: datetime | None = None) -> Job:
    return replace(one, version=one.version + 1, pause=Pause("ops", FRIDAY, until=until))


def test_the_slots_of_all_jobs_are_in_order() -> None:
    jobs = [job("b", FRIDAY, interval={"minutes": 40}), job("a", FRIDAY, interval={"hours": 1})]
    assert soonest(jobs, 5) == [
        ("b", "Fri 03:40"), ("a", "Fri 04:00"), ("b", "Fri 04:20"), ("a", "Fri 05:00"), ("b", "Fri 05:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        pytest.param({"cron": "0 9 * * *"}, ["Sat 00:00", "Sun 00:00"], id="every day"),
        pytest.param(
            {"cron": "0 9 * * *", "calendar": {"country": "JP", "only": "business_days"}},
            ["Mon 00:00", "Tue 00:00"],
            id="only on business days",
        ),
        pytest.param(
            {"cron": "0 * * * *", "blackout": [{"from": "2027-03-05T13:00:00", "to": "2027-03-05T15:00:00"}]},
            ["Fri 06:00", "Fri 07:00"],
            id="not in a blackout",
        ),
        pytest.param({"cron": "0 * * * *", "end_at": "2027-03-05T13:30:00"}, ["Fri 04:00"], id="until it ends"),
        pytest.param({"cron": "0 * * * *", "start_at": "2027-03-06T00:00:00"}, ["Fri 15:00", "Fri 16:00"], id="later"),
        pytest.param({"run_at": "2027-03-05T20:00:00"}, ["Fri 11:00"], id="once"),
        pytest.param({"cron": "0 * * * *", "paused": True}, [], id="paused by its manifest"),
    ],
)
def test_what_is_left_out(fields: dict[str, Any], wanted: list[str]) -> None:
    assert [at for _, at in soonest([job("a", FRIDAY, **fields)], 2)] == wanted


def test_pauses() -> None:
    hourly = job("a", FRIDAY, interval={"hours": 1})
    assert soonest([paused(hourly)], 1) == []
    assert soonest([paused(hourly, FRIDAY + 3 * HOUR)], 1) == [("a", "Fri 06:00")]
    assert soonest([paused(hourly, FRIDAY + 3 * HOUR + timedelta(minutes=1))], 1) == [("a", "Fri 07:00")]


def test_what_was_found_is_known_until_the_job_changes() -> None:
    weekdays = job("a", FRIDAY, cron="0 9 * * *", calendar={"country": "JP", "only": "business_days"})
    known = KnownRuns()
    assert soonest([weekdays], 1, known) == soonest([weekdays], 1, known) == [("a", "Mon 00:00")]
    assert soonest([paused(weekdays)], 1, known) == []
    daily = replace(job("a", FRIDAY, cron="0 9 * * *"), version=weekdays.version + 1)
    assert soonest([daily], 1, known) == [("a", "Sat 00:00")]


def test_a_clock_that_was_set_back_finds_earlier_runs() -> None:
    weekdays = job("a", FRIDAY, cron="0 9 * * *", calendar={"country": "JP", "only": "business_days"})
    known = KnownRuns()
    assert soonest([weekdays], 1, known) == [("a", "Mon 00:00")]
    (earlier,) = planned([weekdays], FRIDAY - timedelta(days=1))
    assert known.first_from(earlier) == datetime(2027, 3, 5, 0, 0, tzinfo=UTC)


SCHEDULES = st.sampled_from(
    [
        {"interval": {"minutes": 7}},
        {"cron": "*/5 * * * *".replace("*/5", "5-59/10")},
        {"cron": "0 9 * * *", "calendar": {"country": "JP", "only": "business_days"}},
        {"cron": "30 * * * *", "blackout": [{"cron": "0 13 * * *", "duration": {"hours": 5}}]},
        {"run_at": "2027-03-05T15:00:00"},
        {"cron": "0 0 1 1 *"},
    ]
)


@given(st.lists(SCHEDULES, min_size=1, max_size=5), st.integers(1, 40))
def test_they_are_the_runs_of_each_job_merged(schedules: list[dict[str, Any]], count: int) -> None:
    jobs = [job(f"job-{number}", FRIDAY, **fields) for number, fields in enumerate(schedules)]
    each = [(run, one.job.job_id) for one in planned(jobs) for run in islice(runs_after(one.schedule, FRIDAY), count)]
    found = (one for one in upcoming(planned(jobs), KnownRuns()) if one is not None)
    assert [(one.slot, one.job.job_id) for one in islice(found, count)] == sorted(each)[:count]
