"""Quiet hours: when they end, over midnights, weekends and changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.notifications.quiet_hours import QuietHours, never_ends, quiet_until

NIGHT = QuietHours(time(22), time(7))
LUNCH = QuietHours(time(12), time(13))
WEEKEND = QuietHours(time(), time(), frozenset({5, 6}))
BERLIN = ZoneInfo("Europe/Berlin")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        pytest.param([], "2026-07-01T23:00", None, id="none"),
        pytest.param([NIGHT], "2026-07-01T21:59:59", None, id="before"),
        pytest.param([NIGHT], "2026-07-01T22:00", "2026-07-02T07:00", id="at the beginning"),
        pytest.param([NIGHT], "2026-07-02T06:59:59", "2026-07-02T07:00", id="after midnight"),
        pytest.param([NIGHT], "2026-07-02T07:00", None, id="at the end"),
        pytest.param([LUNCH], "2026-07-02T12:30", "2026-07-02T13:00", id="within a day"),
        pytest.param([WEEKEND], "2026-07-04T00:00", "2026-07-06T00:00", id="Saturday and Sunday"),
        pytest.param([WEEKEND], "2026-07-06T00:00", None, id="Monday"),
        pytest.param([NIGHT, WEEKEND], "2026-07-03T23:00", "2026-07-06T07:00", id="Friday night to Monday"),
        pytest.param([NIGHT], "2026-10-24T23:00", "2026-10-25T07:00", id="clocks go back"),
        pytest.param([QuietHours(time(1), time(2, 30))], "2026-03-29T01:30", "2026-03-29T03:00", id="an end left out"),
        pytest.param([QuietHours(time(22), time(7), zone="Asia/Tokyo")], "2026-07-01T15:00", "2026-07-02T00:00",
                     id="a zone of its own"),
    ],
)  # fmt: skip
def test_when_they_end(quiet: list[QuietHours], now: str, until: str | None) -> None:
    assert quiet_until(quiet, _at(now), "Europe/Berlin") == (until and _at(until))


def test_such_that_never_end_are_recognised() -> None:
    assert never_ends([QuietHours(time(), time())])
    assert never_ends([QuietHours(time(8), time(20)), QuietHours(time(20), time(8))])
    assert not never_ends([QuietHours(time(8), time(20)), QuietHours(time(20), time(7, 59))])
    assert not never_ends([NIGHT, WEEKEND])


TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
SPANS = st.builds(QuietHours, TIMES, TIMES, st.frozensets(st.integers(0, 6), min_size=1))


@given(
    st.lists(SPANS, max_size=3).filter(lambda quiet: not never_ends(quiet)),
    st.integers(0, 366 * 86_400).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
)
def test_nothing_is_quiet_when_they_have_ended(quiet: list[QuietHours], now: datetime) -> None:
    until = quiet_until(quiet, now, "Europe/Berlin")
    if until is not None:
        assert now < until <= now + timedelta(days=9)
        assert quiet_until(quiet, until, "Europe/Berlin") is None
