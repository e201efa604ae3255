"""Expensive questions: few at once, and not for ever."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from myscheduler.api.errors import BadRequestError
from myscheduler.api.input.inquiries import Between, Inquiries
from tests.support.parts import until

pytestmark = pytest.mark.anyio


async def test_the_answer_and_the_error_of_a_question() -> None:
    inquiries = Inquiries(at_once=1)
    assert await inquiries.ask(lambda _: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await inquiries.ask(lambda _: 1 // 0)
    assert await inquiries.ask(lambda _: 8) == 8


async def test_too_many_at_once_are_refused() -> None:
    inquiries, gate = Inquiries(at_once=2), threading.Event()
    asked = [asyncio.create_task(inquiries.ask(lambda _: gate.wait())) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BadRequestError, match="2 such requests are in progress") as refused:
        await inquiries.ask(lambda _: 7)
    assert refused.value.status == 429
    gate.set()
    assert await asyncio.gather(*asked) == [True, True]
    assert await inquiries.ask(lambda _: 7) == 7


async def test_one_that_takes_too_long_is_told_to_stop() -> None:
    inquiries, given_up = Inquiries(at_once=1, seconds=0.01), threading.Event()

    def endless(between: Between) -> None:
        try:
            while True:
                between()
        finally:
            given_up.set()

    with pytest.raises(BadRequestError, match="longer than") as refused:
        await inquiries.ask(endless)
    assert refused.value.status == 503
    assert await asyncio.to_thread(given_up.wait, 10)
    assert await until(lambda: _attempt(inquiries), lambda answer: answer == 7) == 7


async def test_one_that_does_not_stop_still_counts() -> None:
    inquiries, gate = Inquiries(at_once=1, seconds=0.01), threading.Event()
    wait: Callable[[Between], bool] = lambda _: gate.wait()  # noqa: E731
    with pytest.raises(BadRequestError) as refused:
        await inquiries.ask(wait)
    with pytest.raises(BadRequestError) as further:
        await inquiries.ask(lambda _: 7)
    assert (refused.value.status, further.value.status) == (503, 429)
    gate.set()
    assert await until(lambda: _attempt(inquiries), lambda answer: answer == 7) == 7


class Reading:
    """Notes what is read and when it is given back."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> int:
        self.count += 1
        return self.count


class TestQueue:
    async def test_those_that_wait_hold_nothing_and_come_in_order(self) -> None:
        inquiries, gate, read = Inquiries(at_once=1, queue=3), threading.Event(), Reading()

        def question(given: int, _between: Between) -> int:
            gate.wait()
            return given

        asked = [asyncio.create_task(inquiries.ask_about(read, question)) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert read.count == 1
        with pytest.raises(BadRequestError, match="4 such requests are in progress") as refused:
            await inquiries.ask(lambda _: 7)
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "3"})
        gate.set()
        assert await asyncio.gather(*asked) == [1, 2, 3, 4]
        assert await inquiries.ask(lambda _: 7) == 7

    async def test_one_that_waits_too_long_is_refused_without_reading(self) -> None:
        inquiries, gate, read = Inquiries(at_once=1, queue=3, seconds=0.1), threading.Event(), Reading()
        wait: Callable[[Between], bool] = lambda _: gate.wait()  # noqa: E731
        first = asyncio.create_task(inquiries.ask(wait))
        await asyncio.sleep(0)
        with pytest.raises(BadRequestError, match="longer than") as refused:
            await inquiries.ask_about(read, lambda given, _: given)
        assert (refused.value.status, read.count) == (503, 0)
        gate.set()
        with suppress(BadRequestError):
            await first
        assert await until(lambda: _attempt(inquiries), lambda answer: answer == 7) == 7

    @pytest.mark.parametrize("at", [0, 1, 2])
    async def test_callers_who_leave_lose_no_turn(self, at: int) -> None:
        inquiries, gate = Inquiries(at_once=1, queue=3), threading.Event()
        wait: Callable[[Between], bool] = lambda _: gate.wait()  # noqa: E731
        asked = [asyncio.create_task(inquiries.ask(wait)) for _ in range(3)]
        await asyncio.sleep(0)
        asked[at].cancel()
        await asyncio.sleep(0)
        gate.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in found] == [number == at for number in range(3)]
        assert await asyncio.gather(*(inquiries.ask(lambda _: 7) for _ in range(4))) == [7] * 4

    async def test_a_caller_who_leaves_as_its_turn_comes_passes_it_on(self) -> None:
        inquiries, gate = Inquiries(at_once=1, queue=3), threading.Event()
        wait: Callable[[Between], bool] = lambda _: gate.wait()  # noqa: E731
        first, second, third = (asyncio.create_task(inquiries.ask(wait)) for _ in range(3))
        await asyncio.sleep(0)
        second.add_done_callback(lambda _: None)
        gate.set()
        first.add_done_callback(lambda _: second.cancel())
        assert await first
        assert await third
        assert await asyncio.gather(*(inquiries.ask(lambda _: 7) for _ in range(4))) == [7] * 4

    async def test_what_can_t_be_read_ends_the_turn(self) -> None:
        inquiries = Inquiries(at_once=1, queue=1)

        async def broken() -> int:
            raise ZeroDivisionError

        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await inquiries.ask_about(broken, lambda given, _: given)
        assert await inquiries.ask(lambda _: 7) == 7


async def _attempt(inquiries: Inquiries) -> int | None:
    try:
        return await inquiries.ask(lambda _: 7)
    except BadRequestError:
        return None
