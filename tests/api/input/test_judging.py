"""The order in which what callers send is judged."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from myscheduler.api.input.judging import SIZE_A_SEC, Judge

pytestmark = pytest.mark.anyio


class Line:
    """Those who wait while the first one is being judged, and the order in which they are."""

    def __init__(self) -> None:
        self.judge = Judge()
        self.order: list[str] = []
        self._gate = threading.Event()
        self._first = asyncio.create_task(self.judge.ask(self._gate.wait))

    async def join(self, name: str, size: int = 0) -> asyncio.Task[None]:
        question: Callable[[], None] = lambda: self.order.append(name)  # noqa: E731
        task = asyncio.create_task(self.judge.ask(question, size=size))
        await asyncio.sleep(0)
        return task

    async def end(self, *tasks: asyncio.Task[None]) -> list[str]:
        self._gate.set()
        await asyncio.gather(self._first, *tasks, return_exceptions=True)
        return self.order


async def test_small_ones_go_before_large_ones() -> None:
    line = Line()
    large = [await line.join(f"large {number}", 10 * SIZE_A_SEC) for number in range(3)]
    small = [await line.join(f"small {number}", 1_000) for number in range(2)]
    assert await line.end(*large, *small) == ["small 0", "small 1", "large 0", "large 1", "large 2"]


async def test_a_large_one_does_not_wait_for_ever() -> None:
    line = Line()
    large = await line.join("large", SIZE_A_SEC // 20)
    await asyncio.sleep(0.1)
    small = await line.join("small")
    assert await line.end(large, small) == ["large", "small"]


async def test_those_who_went_away_take_no_turn() -> None:
    line = Line()
    tasks = [await line.join(name) for name in "abc"]
    tasks[1].cancel()
    assert await line.end(*tasks) == ["a", "c"]
    assert await line.judge.ask(lambda: "free") == "free"


async def test_a_turn_that_is_not_taken_goes_on() -> None:
    """Cancelled in the moment between being called and waking up."""
    line = Line()
    first, second = await line.join("a"), await line.join("b")
    line.judge._call_next()
    first.cancel()
    assert await line.end(first, second) == ["b"]
    assert await line.judge.ask(lambda: "free") == "free"


async def test_an_error_ends_the_turn() -> None:
    judge = Judge()
    with pytest.raises(ZeroDivisionError):
        await judge.ask(lambda: 1 // 0)
    assert await judge.ask(lambda: "free") == "free"
