"""Pacing calls by a rate."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.calls.rate import Pacer, Rate

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def _sent(pacer: Pacer, count: int, now: datetime = NOON) -> list[float]:
    """When calls leave that all want to leave now, in seconds after noon."""
    times = []
    for _ in range(count):
        now = pacer.free_at(now)
        pacer.take(now)
        times.append((now - NOON).total_seconds())
    return times


def test_calls_are_evenly_spaced() -> None:
    assert _sent(Pacer(Rate(4, SECOND)), 5) == [0, 0.25, 0.5, 0.75, 1]


def test_a_burst_goes_at_once_and_is_available_again_after_a_pause() -> None:
    pacer = Pacer(Rate(2, SECOND, burst=3))
    assert _sent(pacer, 5) == [0, 0, 0, 0.5, 1]
    assert _sent(pacer, 4, NOON + 60 * SECOND) == [60, 60, 60, 60.5]


def test_a_clock_that_was_set_back_holds_nobody_for_long() -> None:
    pacer = Pacer(Rate(1, SECOND))
    _sent(pacer, 3, NOON + timedelta(days=1))
    assert pacer.free_at(NOON) == NOON + SECOND


@given(
    st.integers(1, 20),
    st.integers(1, 5),
    st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60),
)
def test_no_window_has_more_than_the_rate_and_the_burst(calls: int, burst: int, pauses: list[float]) -> None:
    pacer, now, sent = Pacer(Rate(calls, SECOND, burst)), NOON, []
    for pause in pauses:
        now = pacer.free_at(now + timedelta(seconds=pause))
        pacer.take(now)
        sent.append(now)
    for first in sent:
        within = [one for one in sent if first <= one < first + SECOND - timedelta(microseconds=100)]
        assert len(within) <= calls + burst


@pytest.mark.parametrize("calls", [1, 3, 7, 1_000_000])
def test_it_reaches_its_rate(calls: int) -> None:
    pacer = Pacer(Rate(calls, SECOND))
    count = min(calls, 50)
    assert _sent(pacer, count + 1)[-1] == pytest.approx(count / calls, abs=1e-4)
