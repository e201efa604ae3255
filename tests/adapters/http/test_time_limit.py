"""The time limit of an attempt acts as `asyncio.timeout`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from myscheduler.adapters.http.time_limit import TimeLimit

pytestmark = pytest.mark.anyio

Limit = Callable[[float], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def quick(seconds: float) -> AsyncIterator[TimeLimit]:
    with TimeLimit(seconds) as limit:
        yield limit


@pytest.fixture(params=[pytest.param(asyncio.timeout, id="asyncio"), pytest.param(quick, id="ours")])
def limit(request: pytest.FixtureRequest) -> Limit:
    found: Limit = request.param
    return found


async def test_what_ends_in_time_is_left_alone(limit: Limit) -> None:
    async with limit(0.05):
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_what_takes_longer_is_cut_off(limit: Limit) -> None:
    with pytest.raises(TimeoutError):
        async with limit(0.01):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_an_error_of_the_block_is_its_own(limit: Limit) -> None:
    with pytest.raises(ValueError, match="of the block"):
        async with limit(5):
            raise ValueError("of the block")


async def test_who_cancels_the_task_is_heard(limit: Limit) -> None:
    async def work() -> None:
        async with limit(5):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_cancels_the_task_is_heard_although_it_is_late(limit: Limit) -> None:
    async def work() -> None:
        async with limit(0.01):
            try:
                await asyncio.Event().wait()
            finally:
                whole.cancel()  # in the turn in which the limit ends

    whole = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await whole


async def test_it_says_whether_it_was_over() -> None:
    in_time, late = TimeLimit(5), TimeLimit(0.01)
    with in_time:
        pass
    with pytest.raises(TimeoutError), late:
        await asyncio.Event().wait()
    assert (in_time.is_over, late.is_over) == (False, True)
