"""Whole jobs in plain English."""

from typing import Any

import pytest

from myscheduler.core.explain.job import describe_job
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.calendars import Calendar

OFFICE = NamedCalendars({"office": Calendar("JP"), "plant": Calendar(closed=("05-01",))})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"calendar": {"country": "JP", "only": "business_days"}}, "; not on weekends and holidays of JP"),
        ({"calendar": {"country": "US", "subdivision": "CA", "skip": "holidays"}}, "; not on holidays of US-CA"),
        (
            {"calendar": {"country": "JP", "closed": ["12-30"], "only": "business_days", "shift": "next"}},
            "; moved from weekends and holidays of JP with custom days to the next business day",
        ),
        (
            {"calendar": {"name": "office", "skip": "holidays", "shift": "previous"}},
            "; moved from holidays of office (JP) to the previous day that is not a holiday",
        ),
        ({"calendar": {"name": "plant", "only": "business_days"}}, "; not on weekends and holidays of plant"),
        (
            {"blackout": [{"cron": "0 22 * * *", "duration": "PT8H"}, {"cron": "30 * * * *", "duration": "PT15M"}]},
            (
                "; not during 8 hours starting at 22:00, every day"
                "; not during 15 minutes starting at 30 minutes past the hour"
            ),
        ),
        (
            {"blackout": [{"from": "2026-12-29T00:00", "to": "2027-01-04T00:00"}]},
            "; not from 2026-12-29 00:00:00+09:00 to 2027-01-04 00:00:00+09:00",
        ),
        (
            {"start_at": "2026-12-01T09:00", "end_at": "2027-01-01T00:00"},
            "; not before 2026-12-01 09:00:00+09:00; only before 2027-01-01 00:00:00+09:00",
        ),
        ({"jitter_sec": 600}, "; always 4 min 10 s later (jitter of 10 min)"),
    ],
)
def test_what_limits_a_job(fields: dict[str, Any], words: str) -> None:
    given = {"job_id": "a", "cron": "15 */2 * * *", "target_url": "http://x"} | fields
    spec, complaints = declare(given, zone="Asia/Tokyo", calendars=OFFICE)
    assert spec is not None, complaints
    assert describe_job(spec, zone="Asia/Tokyo") == f"every 2 hours from 00:15 to 22:15{words}"
