"""Stretches of one offset, against zoneinfo itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.explain.preview import preview
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule import zones
from myscheduler.core.schedule.expression import DAY

NAMES = (
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Europe/Dublin",
    "Asia/Tokyo",
    "America/Santiago",
)
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@given(st.sampled_from(NAMES), st.integers(DAY, 8_029 * 365 * DAY))
def test_a_stretch_has_the_offset_of_the_zone(name: str, second: int) -> None:
    moment = zones.EPOCH + timedelta(seconds=second)
    offset = moment.astimezone(zones.zone(name)).utcoffset()
    assert offset is not None
    found = zones.stretch_at(name, zones.to_second(moment))
    assert found.offset == offset.total_seconds()
    assert found.start <= zones.to_second(moment) < found.end


@given(st.sampled_from(NAMES), st.integers(2_500, 9_990), st.integers(1, 365))
def test_four_hundred_years_later_clocks_run_alike(name: str, year: int, day: int) -> None:
    start, span, cycle = zones.to_second(datetime(year, 1, 1, tzinfo=UTC)), day * DAY, 146_097 * DAY
    later = list(zones.stretches_between(name, start, start + span))
    before = list(zones.stretches_between(name, start - cycle, start - cycle + span))
    assert [(one.start - cycle, one.end - cycle, one.offset) for one in _joined(later)] == list(
        map(tuple, _joined(before))
    )


def _joined(stretches: list[zones.Stretch]) -> list[zones.Stretch]:
    joined: list[zones.Stretch] = []
    for one in stretches:
        if joined and joined[-1].offset == one.offset:
            joined[-1] = joined[-1]._replace(end=one.end)
        else:
            joined.append(one)
    return joined


@pytest.mark.parametrize(
    "cron", [{"year": "9999"}, {"day": "29", "month": "2", "day_of_week": "1", "year": "9000-9999"}]
)
def test_a_preview_does_not_count_what_it_does_not_tell(cron: dict[str, str]) -> None:
    body = {"job_id": "a", "target_url": "https://example.com/", "cron": cron, "day_match": "all"}
    spec, complaints = declare(body, zone="America/Chicago")
    assert spec is not None, complaints
    looked_at = zones._stretches.cache_info().misses
    assert preview(spec, zone="America/Chicago", created_at=NOW, start=NOW, count=3).fires
    assert zones._stretches.cache_info().misses - looked_at < 100
