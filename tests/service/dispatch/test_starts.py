"""What is claimed is started a few at a time: in order, all of it, and with turns of the loop between."""

import asyncio
from functools import partial
from itertools import pairwise

import pytest

from myscheduler.service.dispatch.starts import FEWEST, MOST, WAITING, Starts

pytestmark = pytest.mark.anyio

COUNT = 300


async def _turns(starts: Starts) -> list[int]:
    """How many are left after each turn of the loop, until none is."""
    left = [len(starts)]
    while left[-1]:
        await asyncio.sleep(0)
        left.append(len(starts))
    return left


async def test_all_are_started_in_order() -> None:
    starts, started = Starts(), list[int]()
    for number in range(COUNT):
        starts.add(partial(started.append, number))
    assert started == []
    await _turns(starts)
    assert started == list(range(COUNT))


async def test_the_first_turn_has_few_and_none_has_many() -> None:
    starts = Starts()
    for _ in range(2):  # the second herd begins as the first did
        for _ in range(COUNT):
            starts.add(lambda: None)
        left = await _turns(starts)
        taken = [before - after for before, after in pairwise(left) if before != after]
        assert taken[0] == FEWEST
        assert max(taken) <= MOST


async def test_long_turns_have_fewer() -> None:
    """Each of these takes longer than a turn should."""
    starts = Starts()
    for _ in range(20):
        starts.add(partial(_busy, asyncio.get_running_loop()))
    left = await _turns(starts)
    assert {before - after for before, after in pairwise(left[:-1])} <= {0, FEWEST}


def _busy(loop: asyncio.AbstractEventLoop) -> None:
    end = loop.time() + 0.006
    while loop.time() < end:
        pass


async def test_more_are_claimed_only_once_few_are_left() -> None:
    starts = Starts()
    await starts.until_few()
    for _ in range(COUNT):
        starts.add(lambda: None)
    await starts.until_few()
    assert 0 < len(starts) <= WAITING


async def test_what_is_added_by_a_start_waits_for_a_later_turn() -> None:
    starts, started = Starts(), list[str]()

    def first() -> None:
        started.append("first")
        starts.add(lambda: started.append("second"))

    starts.add(first)
    await _turns(starts)
    assert started == ["first", "second"]
