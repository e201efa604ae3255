"""Quotas: laws of the arithmetic, and what many addresses gain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.api.door.quotas import Quotas, neighbourhood


def at(now: list[float], size: int, every_sec: float, most: int = 100) -> Quotas:
    return Quotas(size, every_sec, most=most, clock=lambda: now[0])


def test_a_quota_is_used_up_and_fills_again() -> None:
    now = [1_000.0]
    quotas = at(now, 3, 10.0)
    assert [quotas.take("a") for _ in range(4)] == [(0, 2, 10), (0, 1, 20), (0, 0, 30), (10, 0, 30)]
    now[0] += 4
    assert quotas.take("a") == (6, 0, 26)
    now[0] += 6
    assert [quotas.take("a").wait_sec for _ in range(2)] == [0, 10]
    now[0] += 1_000
    assert quotas.take("a") == (0, 2, 10)


def test_callers_have_quotas_of_their_own() -> None:
    quotas = at([0.0], 1, 1.0)
    assert [quotas.take(one).wait_sec for one in ("a", "a", "b")] == [0, 1, 0]


@given(
    size=st.integers(1, 1_000),
    window=st.sampled_from([1.0, 60.0, 600.0]),
    start=st.floats(0, 1e9),
    steps=st.lists(st.floats(0, 90), max_size=200),
)
def test_no_more_than_the_quota_and_what_is_regained(
    size: int, window: float, start: float, steps: list[float]
) -> None:
    now = [start]
    quotas = at(now, size, window / size)
    taken = 0
    for step in steps:
        now[0] += step
        found = quotas.take("a")
        taken += not found.wait_sec
        assert 0 <= found.left < size
        assert 0 <= found.full_sec <= window + 1e-3
        assert found.wait_sec <= window / size + 1e-3
        assert taken <= size + (now[0] - start) / (window / size) + 1e-3


@given(size=st.integers(1, 100_000), start=st.floats(0, 1e8))
def test_the_whole_quota_is_there_at_once(size: int, start: float) -> None:
    quotas = at([start], size, 60 / size)
    first = quotas.take("a")
    assert (first.wait_sec, first.left) == (0, size - 1)


def test_many_callers_take_no_more_memory() -> None:
    quotas = at([0.0], 5, 1.0, most=100)
    for number in range(10_000):
        quotas.take(str(number))
        assert len(quotas) <= 100


def test_who_has_used_up_a_quota_is_not_freed_by_other_addresses() -> None:
    now = [0.0]
    quotas = at(now, 5, 1.0, most=100)
    while not quotas.take("bad").wait_sec:
        pass
    for number in range(10_000):
        quotas.take(str(number))
        quotas.take(str(number))
    assert quotas.take("bad").wait_sec
    now[0] += 1
    assert not quotas.take("bad").wait_sec


def test_who_owes_nothing_any_more_is_forgotten_first() -> None:
    now = [0.0]
    quotas = at(now, 5, 1.0, most=100)
    for number in range(100):
        quotas.take(str(number))
    now[0] += 2
    quotas.take("new")
    assert len(quotas) == 1


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("an unknown address", "an unknown address"),
        ("", ""),
    ],
)
def test_a_network_is_one_caller(peer: str, client: str) -> None:
    assert neighbourhood(peer) == client
