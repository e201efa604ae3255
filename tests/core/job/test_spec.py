"""Jobs as JSON and as fingerprints: nothing is lost, and meaning counts, not spelling."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.digest import digest, schedule_digest
from myscheduler.core.job.job import Job, Owner, Pause
from myscheduler.core.job.spec import DeclaredCron, DeclaredDate, DeclaredInterval, JobSpec, trigger_text
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.cron import Cron
from myscheduler.core.schedule.slots import Interval, Once

NOW = datetime(2026, 7, 1, tzinfo=UTC)
CRON, DATE = DeclaredCron((("hour", "10"),)), DeclaredDate("2026-01-01T09:00:00")

_TEXT = st.text(max_size=8)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_SCHEDULES = (
    st.builds(
        DeclaredCron,
        st.lists(st.sampled_from([("hour", "1"), ("day", "L"), ("minute", "*/5")]), min_size=1, unique=True).map(tuple),
        st.sampled_from(["any", "all"]),
    )
    | st.builds(
        DeclaredInterval,
        st.lists(st.sampled_from([("hours", 1), ("seconds", 7)]), min_size=1, unique=True).map(tuple),
        st.none() | st.datetimes(timezones=st.just(UTC)),
    )
    | st.builds(DeclaredDate, st.sampled_from(["2026-01-01T00:00:00Z", "2027-01-01T09:00:00"]))
)
SPECS = st.builds(
    JobSpec,
    job_id=_TEXT,
    name=_TEXT,
    schedule=_SCHEDULES,
    target_url=_TEXT,
    timezone=st.none() | st.just("UTC"),
    headers=st.dictionaries(_TEXT, _TEXT, max_size=2),
    body=_JSON,
    timeout_sec=st.floats(0.1, 100),
    coalesce=st.booleans(),
    paused=st.none() | st.booleans(),
    labels=st.dictionaries(_TEXT, _TEXT, max_size=2),
)


@given(SPECS)
def test_json_round_trip(spec: JobSpec) -> None:
    stored = from_json(json.loads(json.dumps(to_json(spec))))
    assert stored == spec
    assert digest(stored) == digest(spec)


def test_rows_of_older_versions_stay_readable() -> None:
    stored = {"job_id": "a", "name": "a", "target_url": "http://x", "cron": {"hour": "10"}, "of_a_later_version": 1}
    assert from_json(stored) == JobSpec("a", "a", CRON, "http://x")


def _spec(**fields: Any) -> JobSpec:
    spec, complaints = declare({"job_id": "a", "target_url": "http://x", **fields}, zone="Asia/Tokyo")
    assert spec is not None, complaints
    return spec


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            {"cron": "30 10 * * 0"}, {"cron": {"minute": 30, "hour": "10", "day_of_week": "SUN"}}, id="crontab"
        ),
        pytest.param({"cron": "@daily"}, {"cron": "0 0 * * *"}, id="macro"),
        pytest.param({"cron": {"hour": 1}}, {"cron": {"hour": 1}, "schedule_type": "cron"}, id="schedule_type"),
        pytest.param({"interval": {"hours": 1}}, {"interval": {"minutes": 59, "seconds": 60}}, id="interval"),
        pytest.param(
            {"interval": {"hours": 1}, "anchor": "2026-01-01T09:00:00"},
            {"interval": {"hours": 1}, "anchor": "2026-01-01T00:00:00Z"},
            id="anchor",
        ),
        pytest.param({"cron": ["0 9 * * *"]}, {"cron": "0 9 * * *"}, id="a list of one"),
        pytest.param({"cron": ["@daily", {"hour": 0}]}, {"cron": "@daily"}, id="a list of equal ones"),
        pytest.param(
            {"cron": ["0 9 * * *", "0 12 * * sat"]}, {"cron": ["00 12 * * 6", "0 9 * * *", "0 09 * * *"]}, id="list"
        ),
        pytest.param(
            {"interval": {"years": 1, "weeks": 1}, "anchor": "2026-01-31T09:00", "clock": "wall"},
            {"interval": "P12M7D", "anchor": "2026-01-31T00:00Z", "clock": "wall"},
            id="calendar interval",
        ),
        pytest.param({"interval": {"days": 1}, "clock": "real"}, {"interval": {"days": 1}}, id="real time, said"),
        pytest.param({"cron": "@daily", "timeout_sec": 30}, {"cron": "@daily"}, id="default written out"),
        pytest.param({"cron": "@daily", "method": "get"}, {"cron": "@daily"}, id="case of the method"),
        pytest.param(
            {"cron": "@daily", "body": {"a": 1, "b": 2}}, {"cron": "@daily", "body": {"b": 2, "a": 1}}, id="body keys"
        ),
    ],
)
def test_two_spellings_have_one_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert digest(_spec(**one)) == digest(_spec(**other))


@pytest.mark.parametrize(
    ("other", "same_schedule"),
    [
        pytest.param({"target_url": "http://y"}, True, id="URL"),
        pytest.param({"paused": False}, True, id="paused"),
        pytest.param({"body": ""}, True, id="empty text is not no body"),
        pytest.param({"cron": "1 0 1 * 1"}, False, id="minute"),
        pytest.param({"day_match": "all"}, False, id="day_match"),
        pytest.param({"timezone": "UTC"}, False, id="zone"),
        pytest.param({"cron": ["0 0 1 * 1", "0 0 2 * *"]}, False, id="one more"),
        pytest.param(
            {"cron": None, "interval": {"days": 1}, "anchor": "2026-01-01T09:00", "clock": "wall"}, False, id="clock"
        ),
        pytest.param({"cron": None, "run_at": "2027-01-01T00:00:00Z"}, False, id="type"),
    ],
)
def test_other_meanings_have_other_digests(other: dict[str, Any], same_schedule: bool) -> None:
    base = {"cron": "0 0 1 * 1"}
    one, two = _spec(**base), _spec(**(base | other))
    assert digest(one) != digest(two)
    assert (schedule_digest(one) == schedule_digest(two)) is same_schedule


def test_the_clock_of_an_interval_counts() -> None:
    real = {"interval": {"days": 1}, "anchor": "2026-01-01T09:00"}
    assert digest(_spec(**real)) != digest(_spec(**real, clock="wall"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cron": "0 9 * * mon-fri"}, "3a8f7a7489045ada"),
        (
            {"cron": {"hour": 2, "minute": 30}, "dst": {"gap": "skip", "overlap": "both"}, "timezone": "Europe/Berlin"},
            "6bfbb6d2d895120e",
        ),
        ({"interval": "PT7H", "anchor": "2026-01-01T00:00Z"}, "3f23bcf86a6c131d"),
        ({"interval": {"days": 1}}, "6c5575638f87ab93"),
        ({"run_at": "2099-01-01T00:00", "fold": 1, "timezone": "Europe/Berlin"}, "ea3cbfda2df99eca"),
        ({"cron": "0 12 13 * fri", "day_match": "all", "jitter_sec": 60}, "0af46f197e34ec74"),
    ],
)
def test_the_digests_of_stored_jobs_stay(fields: dict[str, Any], expected: str) -> None:
    """Another one would be an edit of every job there is."""
    assert digest(_spec(**fields)) == expected


@pytest.mark.parametrize(
    ("schedule", "kind", "text"),
    [
        (DeclaredCron((("hour", "10"), ("minute", "30"))), "cron", "cron[hour='10', minute='30']"),
        (DeclaredInterval((("hours", 1), ("minutes", 30))), "interval", "interval[1:30:00]"),
        (DATE, "date", "date[2026-01-01T09:00:00]"),
    ],
)
def test_trigger_text(schedule: Any, kind: str, text: str) -> None:
    spec = JobSpec("a", "a", schedule, "http://x")
    assert (spec.schedule_type, trigger_text(spec)) == (kind, text)


def test_compile_schedule() -> None:
    def compiled(schedule: Any, zone: str | None = None) -> Any:
        return compile_schedule(JobSpec("a", "a", schedule, "http://x", zone), zone="Asia/Tokyo", created_at=NOW)

    hour = timedelta(hours=1)
    assert compiled(DATE) == Once(datetime(2026, 1, 1, 0, tzinfo=UTC))
    assert compiled(DATE, "UTC") == Once(datetime(2026, 1, 1, 9, tzinfo=UTC))
    assert compiled(DeclaredInterval((("hours", 1),))) == Interval(hour, NOW)
    assert compiled(DeclaredInterval((("hours", 1),), NOW - hour)) == Interval(hour, NOW - hour)
    cron = compiled(CRON, "Europe/Berlin")
    assert isinstance(cron, Cron)
    assert (cron.zone, cron.expression.hours) == ("Europe/Berlin", (10,))


@pytest.mark.parametrize(
    ("declared", "pause", "paused"),
    [
        (None, None, False),
        (None, Pause("me", NOW), True),
        (False, Pause("me", NOW), False),
        (True, None, True),
    ],
)
def test_the_manifests_word_counts(declared: bool | None, pause: Pause | None, paused: bool) -> None:
    spec = replace(JobSpec("a", "a", CRON, "http://x"), paused=declared)
    job = Job(spec, Owner.MANIFEST, digest(spec), 1, NOW, NOW, NOW, None, pause=pause)
    assert job.is_paused is paused
