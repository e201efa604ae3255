"""Zones by their names, and their stretches of one offset, against zoneinfo itself."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.explain.preview import preview
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule import zones
from myscheduler.core.schedule.expression import DAY
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.core.schedule.zones import check_zone, zone
from myscheduler.errors import ScheduleError
from tests.support.slots import ZONES, at

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


@pytest.mark.parametrize("name", [*ZONES, "GMT", "Etc/GMT+9", "US/Eastern", "America/Argentina/Buenos_Aires"])
def test_a_zone_of_the_database(name: str) -> None:
    check_zone(name)
    assert zone(name).key == name
    assert zone(name) is zone(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("Asia/Tokio", "did you mean Asia/Tokyo?", id="typing error"),
        pytest.param("asia/tokyo", "did you mean Asia/Tokyo?", id="lower case"),
        pytest.param("Tokyo", "did you mean Asia/Tokyo?", id="city alone"),
        pytest.param("XYZT", "'XYZT' is not a time zone; write an IANA name", id="no idea"),
        pytest.param("", "'' is not a time zone", id="empty"),
        pytest.param("../x", "'../x' is not", id="path"),
        pytest.param("../../tzdata/zoneinfo/Asia/Tokyo", "is not a time zone", id="path that leads to a zone"),
        pytest.param("/etc/localtime", "is not a time zone", id="absolute path"),
        pytest.param("\0", r"'\x00' is not", id="NUL"),
        pytest.param("posixrules", "is not a time zone", id="posixrules"),
        pytest.param("leapseconds", "is not a time zone", id="leapseconds"),
        pytest.param("zone.tab", "is not a time zone", id="table"),
        pytest.param("Asia", "is not a time zone", id="directory"),
        pytest.param("Factory", "is not a time zone", id="placeholder of the database"),
        pytest.param("localtime", "is not a time zone", id="localtime"),
        pytest.param("x" * 10000, "is not a time zone", id="long"),
    ],
)
def test_no_zone(name: str, message: str) -> None:
    for ask in (check_zone, zone):
        with pytest.raises(ScheduleError) as caught:
            ask(name)
        assert caught.value.field == "timezone"
        assert message in str(caught.value)
        assert len(str(caught.value)) < 200


def test_the_system_s_zone_files_are_not_read(tmp_path: Path) -> None:
    """The system's Tokyo is made a copy of UTC."""
    (tmp_path / "Asia").mkdir()
    (tmp_path / "Asia" / "Tokyo").write_bytes(files("tzdata").joinpath("zoneinfo", "UTC").read_bytes())
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    zone.cache_clear()
    try:
        assert zoneinfo.ZoneInfo.no_cache("Asia/Tokyo").utcoffset(at("2026-01-01T00:00Z")) == timedelta()
        assert parse_timestamp("2026-01-01T09:00", "Asia/Tokyo") == at("2026-01-01T00:00Z")
    finally:
        zoneinfo.reset_tzpath()
