"""When the service counts as held up; and the law that a pause is told once, as what lay between two signs of life."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.dispatch.pulse import HELD_UP, Pulse, Standstill

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("beats", "told"),
    [
        pytest.param([0.5, 1], None, id="alive"),
        pytest.param([3], None, id="a busy machine"),
        pytest.param([3.1], Standstill(at(0), at(3.1)), id="stopped"),
        pytest.param([0.5, 10.5, 11], Standstill(at(0.5), at(10.5)), id="what falls due after it is on time"),
        pytest.param([10, 10.5, 20.5], Standstill(at(0), at(20.5)), id="two pauses before anybody asks are one"),
        pytest.param([-3600, -3599.5], None, id="a clock that is set back"),
        pytest.param([3600], Standstill(at(0), at(3600)), id="a clock that is set forward, a machine that slept"),
        pytest.param([-3600, 0], Standstill(at(-3600), at(0)), id="back and forward again"),
    ],
)
def test_what_is_told(beats: list[float], told: Standstill | None) -> None:
    pulse = Pulse(NOON)
    for beat in beats:
        pulse.beat(at(beat))
    assert pulse.take(at(beats[-1])) == told
    assert pulse.take(at(beats[-1])) is None


def test_whoever_asks_first_after_a_pause_is_told_of_it() -> None:
    """The event loop may be there before the thread that beats."""
    pulse = Pulse(NOON)
    assert pulse.take(at(10)) == Standstill(NOON, at(10))
    pulse.beat(at(10.2))
    assert pulse.take(at(10.4)) is None


@given(st.lists(st.floats(0.001, 20), min_size=1, max_size=30))
def test_a_moment_lies_in_a_pause_or_near_a_sign_of_life(steps: list[float]) -> None:
    pulse, moments, pauses = Pulse(NOON), [NOON], []
    for step in steps:
        moments.append(moments[-1] + timedelta(seconds=step))
        pauses += [found] if (found := pulse.take(moments[-1])) else []
    far = [Standstill(one, other) for one, other in pairwise(moments) if other - one > HELD_UP]
    assert pauses == far
