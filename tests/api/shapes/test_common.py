"""Times as text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from myscheduler.api.shapes.common import LocalTimes
from myscheduler.core.schedule.expansion import to_micros
from myscheduler.core.schedule.zones import local_time

MOST = to_micros(datetime.max.replace(tzinfo=UTC))
ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "Europe/Dublin", "Africa/Monrovia", "Australia/Lord_Howe")


@pytest.mark.parametrize("zone", ZONES)
@given(moments=st.lists(st.integers(-(10**15), 4 * 10**15) | st.integers(0, MOST), min_size=1, max_size=20))
@example(moments=[0, -1, MOST, MOST - 86_400_000_000])
def test_they_are_those_of_the_zone(zone: str, moments: list[int]) -> None:
    times = LocalTimes(zone)
    for micros in moments:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
        assert times.text(micros) == local_time(moment, zone).isoformat()


def test_before_and_after_a_clock_change() -> None:
    times = LocalTimes("Europe/Berlin")
    change = to_micros(datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert [times.text(micros) for micros in (change - 1, change, change - 1)] == [
        "2026-03-29T01:59:59.999999+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T01:59:59.999999+01:00",
    ]  # fmt: skip
