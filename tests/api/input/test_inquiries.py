"""Expensive questions: few at once, and not for ever."""

import asyncio
import threading
from collections.abc import Callable

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


async def _attempt(inquiries: Inquiries) -> int | None:
    try:
        return await inquiries.ask(lambda _: 7)
    except BadRequestError:
        return None
