"""Windows, blackouts, calendars and jitter as authors write them: what is refused, what is kept, what it means."""

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.digest import digest, schedule_digest
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.calendars import Calendar
from myscheduler.core.schedule.exclusions import next_run
from myscheduler.core.schedule.slots import slots_between
from myscheduler.core.schedule.zones import zone

BASE = {"job_id": "a", "cron": "0 9 1 * *", "target_url": "https://x.test/run"}
TOKYO = "Asia/Tokyo"
OFFICE = NamedCalendars({"office": Calendar("JP", None, ("12-29/01-03",))})
FIRST_BUSINESS_DAY = {"calendar": {"country": "JP", "only": "business_days", "shift": "next"}}
NIGHTS = {"blackout": [{"cron": "0 22 * * *", "duration": "PT8H"}]}


def _spec(calendars: NamedCalendars = OFFICE, **fields: Any) -> JobSpec:
    spec, complaints = declare(BASE | fields, zone=TOKYO, calendars=calendars)
    assert spec is not None, complaints
    return spec


def _runs(spec: JobSpec, start: str, count: int) -> list[str]:
    schedule = compile_schedule(spec, zone=TOKYO, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    moment: datetime | None = datetime.fromisoformat(start).replace(tzinfo=zone(TOKYO))
    found: list[str] = []
    while len(found) < count and moment is not None:
        moment = next_run(schedule, moment.astimezone(UTC))
        if moment is not None:
            found.append(f"{moment.astimezone(zone(TOKYO)):%Y-%m-%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        pytest.param({"start_at": "soon"}, "start_at", "is not a date with a time", id="start"),
        pytest.param(
            {"start_at": "2027-01-01T00:00", "end_at": "2027-01-01T00:00"}, "end_at", "not later than start_at",
            id="no time between",
        ),
        pytest.param(
            {"start_at": "2027-01-02T00:00", "end_at": "2027-01-05T00:00"}, "end_at", "the schedule without a slot",
            id="no slot between",
        ),
        pytest.param({"blackout": [{}]}, "blackout.0", "write `from` and `to`", id="empty blackout"),
        pytest.param({"blackout": {"from": "x"}}, "blackout", "has to be a list, not an object", id="no list"),
        pytest.param({"blackout": [{"cron": "0 1 * * *"}]}, "blackout.0", "`cron` and `duration`", id="no duration"),
        pytest.param(
            {"blackout": [{"from": "2027-01-02T00:00", "to": "2027-01-01T00:00"}]}, "blackout.0.to",
            "not later than from", id="backwards",
        ),
        pytest.param(
            {"blackout": [{"cron": "61 * * * *", "duration": "PT1H"}]}, "blackout.0.cron", "out of range", id="cron"
        ),
        pytest.param(
            {"blackout": [{"cron": {"hour": "25"}, "duration": "PT1H"}]}, "blackout.0.cron.hour", "out of range",
            id="cron field",
        ),
        pytest.param(
            {"blackout": [{"cron": "0 1 * * *", "duration": "1h"}]}, "blackout.0.duration", "is not a duration",
            id="duration",
        ),
        pytest.param(
            {"blackout": [{"cron": "0 1 * * *", "duration": {"hour": 1}}]}, "blackout.0.duration.hour",
            "did you mean 'hours'", id="duration unit",
        ),
        pytest.param({"blackout": [{"form": "x"}]}, "blackout.0.form", "did you mean 'from'", id="typo in a blackout"),
        pytest.param(
            {"cron": "* * * * *", "blackout": [{"cron": "0 0 * * *", "duration": "P1D"}]}, "blackout",
            "leaves out every slot", id="always dark",
        ),
        pytest.param({"calendar": {"country": "JP"}}, "calendar", "write either `only: business_days`", id="no rule"),
        pytest.param({"calendar": {"contry": "JP"}}, "calendar.contry", "did you mean 'country'", id="typo"),
        pytest.param(
            {"calendar": {"country": "XX", "only": "business_days"}}, "calendar.country", "not an ISO 3166 country",
            id="country",
        ),
        pytest.param(
            {"calendar": {"only": "business_days", "closed": ["13-01"]}}, "calendar.closed", "not a valid date",
            id="closed day",
        ),
        pytest.param({"calendar": {"skip": "holidays"}}, "calendar.skip", "no holidays to skip", id="nothing to skip"),
        pytest.param(
            {"calendar": {"name": "offce", "only": "business_days"}}, "calendar.name", "did you mean 'office'",
            id="name",
        ),
        pytest.param(
            {"calendar": {"name": "office", "country": "JP", "only": "business_days"}}, "calendar.country",
            "remove it here", id="name and country",
        ),
        pytest.param(
            {"cron": "0 9 * * sat", "calendar": {"country": "JP", "only": "business_days"}}, "calendar",
            "leaves out every slot", id="never open",
        ),
        pytest.param(
            {"cron": None, "interval": "PT1H", **FIRST_BUSINESS_DAY}, "calendar.shift", "only times of a cron",
            id="shifted interval",
        ),
        pytest.param(
            {"cron": None, "run_at": "2027-01-01T00:00", "jitter_sec": 60}, "jitter_sec",
            "belongs to cron and interval", id="one-off",
        ),
        pytest.param({"jitter_sec": -1}, "jitter_sec", "greater than or equal to 0", id="early"),
        pytest.param({"jitter_sec": 1.5}, "jitter_sec", "has to be a whole number, not 1.5", id="part of a second"),
    ],
)  # fmt: skip
def test_what_is_refused(fields: dict[str, Any], field: str, message: str) -> None:
    spec, complaints = declare(BASE | fields, zone=TOKYO, calendars=OFFICE)
    assert spec is None
    assert [complaint.field for complaint in complaints] == [field]
    assert message in complaints[0].message


def test_every_complaint_at_once() -> None:
    _, complaints = declare(
        BASE | {"start_at": "x", "end_at": "y", "blackout": [{}], "calendar": {}, "timezone": "Asia/Tokio"}, zone=TOKYO
    )
    assert sorted(one.field for one in complaints) == ["blackout.0", "calendar", "end_at", "start_at", "timezone"]


@pytest.mark.parametrize(
    ("fields", "start", "runs"),
    [
        pytest.param(
            FIRST_BUSINESS_DAY, "2026-12-15", ["2027-01-04 09:00:00", "2027-02-01 09:00:00"],
            id="first business day of the month, Tokyo",
        ),
        pytest.param(
            {"cron": "0 9 2 1 *", **FIRST_BUSINESS_DAY}, "2025-12-01", ["2026-01-02 09:00:00"], id="2 January is open"
        ),
        pytest.param(
            {"cron": "0 9 2 1 *", "calendar": {"name": "office", "only": "business_days", "shift": "next"}},
            "2025-12-01", ["2026-01-05 09:00:00"], id="2 January is closed in the company",
        ),
        pytest.param(
            {"cron": "0 9 * * *", "calendar": {"name": "office", "open": ["2026-01-03"], "skip": "holidays"}},
            "2025-12-28", ["2025-12-28 09:00:00", "2026-01-03 09:00:00", "2026-01-04 09:00:00"],
            id="skip holidays, run on weekends, one day more",
        ),
        pytest.param(
            {"cron": "0 */6 * * *", **NIGHTS}, "2026-03-01", ["2026-03-01 06:00:00", "2026-03-01 12:00:00",
                                                            "2026-03-01 18:00:00", "2026-03-02 06:00:00"], id="nights",
        ),
        pytest.param(
            {"cron": "0 12 * * *", "blackout": [{"from": "2026-08-10T00:00", "to": "2026-08-17T00:00:00+09:00"}]},
            "2026-08-09", ["2026-08-09 12:00:00", "2026-08-17 12:00:00"], id="a week",
        ),
        pytest.param(
            {"cron": "0 0 * * *", "start_at": "2026-04-01T00:00", "end_at": "2026-04-03T00:00"}, "2026-01-01",
            ["2026-04-01 00:00:00", "2026-04-02 00:00:00"], id="window",
        ),
        pytest.param(
            {"cron": "0 0 * * *", "jitter_sec": 600}, "2026-01-01", ["2026-01-01 00:04:10", "2026-01-02 00:04:10"],
            id="jitter is always the same",
        ),
        pytest.param(
            {"cron": "0 0 * * *", "timezone": "America/New_York", "start_at": "2026-06-01T12:00"}, "2026-01-01",
            ["2026-06-02 13:00:00"], id="local times are those of the job",
        ),
    ],
)  # fmt: skip
def test_what_it_means(fields: dict[str, Any], start: str, runs: list[str]) -> None:
    assert _runs(_spec(**fields), start, len(runs)) == runs


def test_an_interval_keeps_its_phase_within_a_window() -> None:
    spec = _spec(cron=None, interval="PT7H", anchor="2026-01-01T00:00", start_at="2026-01-02T00:00")
    schedule = compile_schedule(spec, zone=TOKYO, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    anchor = datetime(2025, 12, 31, 15, tzinfo=UTC)
    first = next(islice(slots_between(schedule, anchor, anchor + timedelta(days=3)), 1))
    assert first == anchor + 4 * timedelta(hours=7)


ALL: dict[str, Any] = {
    "start_at": "2026-04-01T00:00",
    "end_at": "2027-04-01T00:00",
    "blackout": [{"from": "2026-08-10T00:00", "to": "2026-08-17T00:00"}, {"cron": "0 22 * * *", "duration": "PT8H"}],
    "calendar": {"name": "office", "only": "business_days", "shift": "previous", "open": ["2026-12-30"]},
    "jitter_sec": 90,
}


def test_it_is_stored_and_read_again() -> None:
    spec = _spec(**ALL)
    assert from_json(json.loads(json.dumps(to_json(spec)))) == spec
    assert to_json(spec)["calendar"]["closed"] == ["12-29/01-03"]


def test_digests_follow_the_limits_and_those_of_other_jobs_stay() -> None:
    plain = _spec()
    assert not {"start_at", "end_at", "blackout", "calendar", "jitter_sec"} & to_json(plain).keys()
    for name, value in ALL.items():
        changed = _spec(**{name: value})
        assert digest(changed) != digest(plain)
        assert schedule_digest(changed) != schedule_digest(plain)
    other = NamedCalendars({"office": Calendar("JP", None, ("12-30/01-03",))})
    assert digest(_spec(**ALL)) != digest(_spec(other, **ALL))


def test_jobs_with_one_jitter_are_spread() -> None:
    minutes = {_runs(_spec(job_id=f"job-{number}", jitter_sec=3_600), "2026-01-01", 1)[0][:16] for number in range(200)}
    assert len(minutes) > 45
