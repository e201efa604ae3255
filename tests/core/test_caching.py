"""Caches of texts: what is short is remembered, what is long is not."""

from array import array

import pytest

from myscheduler.core.caching import LONGEST, cached, forget, length_of
from myscheduler.core.schedule import expression as walls
from myscheduler.core.schedule.dialect import parse_cron


def test_remembers_what_is_short() -> None:
    find = cached(10)(lambda text: [text])
    assert find("a") is find("a")
    assert find("b") == ["b"]


@pytest.mark.parametrize(
    "argument",
    [
        pytest.param("x" * (LONGEST + 1), id="a long text"),
        pytest.param(tuple(("name", "value") for _ in range(LONGEST)), id="many short ones"),
    ],
)
def test_keeps_nothing_that_is_long(argument: object) -> None:
    find = cached(10)(lambda value: [value])
    assert find(argument) == [argument]
    assert find(argument) is not find(argument)
    assert find.cache_info().currsize == 0


def test_all_are_emptied_together() -> None:
    find, count = cached(10)(lambda text: [text]), cached(10)(len)
    first = find("a")
    assert count("a") == 1
    forget()
    assert find.cache_info().currsize == count.cache_info().currsize == 0
    assert find("a") == first
    assert find("a") is not first


def test_length_is_that_of_all_texts() -> None:
    assert length_of(("ab", (("c", "def"), 5), None)) == 6


def test_times_of_a_job_of_every_second_are_small_and_few() -> None:
    """As a tuple of numbers, one took 3 MiB, and there was room for 1,024."""
    for second in range(1, 59):
        fields = {"second": f"0-{second - 1},{second + 1}-59", "minute": "*", "hour": "*"}
        times = walls._seconds_of(parse_cron(fields, day_match="any"))
        assert isinstance(times, array)
        assert len(times) == 86_400 - 1_440
        assert times.itemsize * len(times) < 400_000
    assert walls._many.cache_info().currsize <= 16
