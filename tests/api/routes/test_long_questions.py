"""Questions about all jobs that take long: how many wait, and that those which wait hold nothing."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from myscheduler.api.input.inquiries import QUEUE
from tests.support.api import assert_problem
from tests.support.parts import Parts, until

pytestmark = pytest.mark.anyio
PATHS = ["/api/v1/forecast", "/api/v1/preview", "/api/v1/upcoming"]


@contextmanager
def busy_threads() -> Iterator[threading.Event]:
    """No question is answered until the event is set."""
    gate, pool = threading.Event(), ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(pool)
    pool.submit(gate.wait)
    try:
        yield gate
    finally:
        gate.set()


@pytest.mark.parametrize("path", PATHS)
async def test_few_wait_and_they_hold_nothing(parts: Parts, api: httpx.AsyncClient, path: str) -> None:
    await parts.create("a")
    reads, whole = [0], (parts.store.read, parts.dispatcher.planned)

    async def read(work: Any) -> Any:
        reads[0] += getattr(work, "func", work).__name__ in {"all_jobs", "_chosen", "_given"}
        return await whole[0](work)

    async def planned() -> Any:
        reads[0] += 1
        return await whole[1]()

    parts.store.read, parts.dispatcher.planned = read, planned  # type: ignore[method-assign, assignment]
    extra = 5
    with busy_threads() as gate:
        asked = [asyncio.create_task(api.get(path)) for _ in range(1 + QUEUE + extra)]

        async def refused() -> int:
            return sum(one.done() for one in asked)

        await until(refused, lambda count: count == extra)
        before = reads[0]
        gate.set()
        answers = await asyncio.gather(*asked)
    assert before == 1
    assert Counter(answer.status_code for answer in answers) == {200: 1 + QUEUE, 429: extra}
    for answer in answers:
        if answer.status_code == 429:
            assert "33 such requests are in progress" in assert_problem(answer, 429)["detail"]
            assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize("path", PATHS)
async def test_one_that_takes_too_long_is_answered_meanwhile(
    parts: Parts, api: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parts.create("a")
    monkeypatch.setattr("asyncio.timeout", lambda _: _timeout(0.1))
    with busy_threads():
        answers = await asyncio.gather(*(api.get(path) for _ in range(3)))
    for answer in answers:
        assert "longer than 10 s" in assert_problem(answer, 503)["detail"]
    monkeypatch.undo()

    async def again() -> int:
        return (await api.get(path)).status_code

    await until(again, lambda status: status == 200)


_timeout = asyncio.timeout
