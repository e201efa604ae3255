"""Schedules in parts, from which they can be said in any language."""

from typing import Any

import pytest
from hypothesis import given

from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.schedule_parts import CronParts, ScheduleParts, schedule_parts
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.calendars import Calendar
from tests.support.declared import DECLARED

TOKYO = "Asia/Tokyo"
OFFICE = NamedCalendars({"office": Calendar("JP")})
EVERY_DAY = {"cron": "0 9 * * *"}
AT_NINE = {"kind": "cron", "timezone": TOKYO, "crons": [{"times": ["09:00"]}]}


def parts(**fields: Any) -> ScheduleParts:
    spec, complaints = declare({"job_id": "a", "target_url": "http://x"} | fields, zone=TOKYO, calendars=OFFICE)
    assert spec is not None, complaints
    return schedule_parts(spec, zone=TOKYO)


@pytest.mark.parametrize(
    ("crontab", "expected"),
    [
        ("0 9 * * 1-5", {"times": ["09:00"], "weekdays": [1, 2, 3, 4, 5]}),
        ("0 9 * * sun", {"times": ["09:00"], "weekdays": [7]}),
        ("0,30 9,17 * * *", {"times": ["09:00", "09:30", "17:00", "17:30"]}),
        ("*/5 * * * *", {"minutes": {"step": 5, "first": 0, "last": 55}, "seconds": [[0, 0]]}),
        ("*/10 9-17,20 * * *", {
            "hours": [[9, 17], [20, 20]], "minutes": {"step": 10, "first": 0, "last": 50}, "seconds": [[0, 0]],
        }),
        ("0 0 1,15 * *", {"times": ["00:00"], "days": [[1, 1], [15, 15]]}),
        ("0 0 L * *", {"times": ["00:00"], "days": [], "last_day": True}),
        ("0 0 LW * *", {"times": ["00:00"], "days": [], "last_workday": True}),
        ("0 0 * * mon#2", {"times": ["00:00"], "weekdays": [], "nth_weekdays": [{"weekday": 1, "nth": 2}]}),
        ("0 0 * * 5L", {"times": ["00:00"], "weekdays": [], "nth_weekdays": [{"weekday": 5, "nth": -1}]}),
        ("0 0 13 * 5", {"times": ["00:00"], "days": [[13, 13]], "weekdays": [5], "day_match": "any"}),
        ("0 0 1 */3 *", {"times": ["00:00"], "days": [[1, 1]], "months": {"step": 3, "first": 1, "last": 10}}),
    ],
)  # fmt: skip
def test_cron(crontab: str, expected: CronParts) -> None:
    assert parts(cron=crontab) == AT_NINE | {"crons": [expected]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"cron": ["0 9 * * *", "0 9 * * *", "30 12 * * 6"]},
            AT_NINE | {"crons": [{"times": ["09:00"]}, {"times": ["12:30"], "weekdays": [6]}]},
            id="union",
        ),
        pytest.param(
            {"cron": {"hour": 9, "second": "15"}, "dst": {"gap": "skip", "overlap": "both"}},
            {"kind": "cron", "timezone": TOKYO, "crons": [{"hours": [[9, 9]], "seconds": [[15, 15]]}]},
            id="seconds; the minute is *, so the clock changes don't matter",
        ),
        pytest.param(EVERY_DAY | {"dst": {"gap": "skip", "overlap": "both"}},
            AT_NINE | {"gap": "skip", "overlap": "both"}, id="clock changes"),
        pytest.param(
            {"interval": {"hours": 6}}, {"kind": "interval", "timezone": TOKYO, "every": {"hours": 6}, "anchor": None},
            id="interval",
        ),
        pytest.param(
            {"interval": "P1M", "anchor": "2026-01-31T09:00", "clock": "wall"},
            {
                "kind": "calendar-interval", "timezone": TOKYO, "every": {"months": 1},
                "anchor": "2026-01-31T09:00:00+09:00", "at": "09:00", "day": 31, "is_clamped": True,
            },
            id="calendar interval",
        ),
        pytest.param(
            {"interval": "P2W", "anchor": "2026-03-09T09:00", "clock": "wall"},
            {
                "kind": "calendar-interval", "timezone": TOKYO, "every": {"weeks": 2},
                "anchor": "2026-03-09T09:00:00+09:00", "at": "09:00", "weekday": 1,
            },
            id="weeks",
        ),
        pytest.param(
            {"run_at": "2030-03-09T09:00"},
            {"kind": "once", "timezone": TOKYO, "at": "2030-03-09T09:00:00+09:00", "weekday": 6}, id="once",
        ),
        pytest.param(
            EVERY_DAY | {"calendar": {"name": "office", "only": "business_days", "shift": "next"}},
            AT_NINE | {"calendar": {
                "mode": "business_days", "shift": "next", "name": "office",
                "country": "JP", "subdivision": None, "custom_days": False,
            }},
            id="calendar",
        ),
        pytest.param(
            EVERY_DAY | {"blackout": [
                {"cron": "0 22 * * *", "duration": "PT8H"}, {"from": "2026-12-29T00:00", "to": "2027-01-04T00:00"},
            ]},
            AT_NINE | {"blackouts": [
                {"cron": {"times": ["22:00"]}, "length": {"hours": 8}},
                {"start": "2026-12-29T00:00:00+09:00", "end": "2027-01-04T00:00:00+09:00"},
            ]},
            id="blackouts",
        ),
        pytest.param(
            EVERY_DAY | {"start_at": "2026-12-01T09:00", "end_at": "2030-01-01T00:00", "jitter_sec": 600},
            AT_NINE | {
                "not_before": "2026-12-01T09:00:00+09:00", "only_before": "2030-01-01T00:00:00+09:00",
                "jitter": {"seconds": 600, "offset": 250.0},
            },
            id="limits",
        ),
    ],
)  # fmt: skip
def test_schedules(fields: dict[str, Any], expected: ScheduleParts) -> None:
    assert parts(**fields) == expected


def test_a_japanese_text_of_the_parts() -> None:
    def text(found: ScheduleParts) -> str:
        [cron] = found["crons"]
        days = {(1, 2, 3, 4, 5): "平日", (6, 7): "週末"}[tuple(cron["weekdays"])]
        return f"{days}の {'と '.join(time.lstrip('0') for time in cron['times'])}"

    assert text(parts(cron="0 9 * * mon-fri")) == "平日の 9:00"
    assert text(parts(cron="0 10,18 * * 0,6")) == "週末の 10:00と 18:00"


@given(DECLARED)
def test_equal_words_for_equal_parts(declared: tuple[dict[str, Any], JobSpec]) -> None:
    """Whatever can be declared has parts, and they say when it runs, not how it is written."""
    _, spec = declared
    found = schedule_parts(spec, zone=TOKYO)
    assert found["kind"] in {"cron", "interval", "calendar-interval", "once", "after"}
    assert describe_job(spec, zone=TOKYO)
    assert ("jitter" in found) == bool(spec.limits.jitter_sec)
