"""The heartbeat outwards, by a real monitor and a real database that is locked."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress

import pytest

from myscheduler.adapters.http import pings
from myscheduler.adapters.http.pings import Ping, PingError, Pings
from myscheduler.service.upkeep import pinging
from myscheduler.service.upkeep.pinging import Pinging
from tests.support.parts import Parts, received, started, until
from tests.support.target import Answer, HangUp, Received, Silence, Target

pytestmark = pytest.mark.anyio

KEY = "/ping/s3cret-key"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinging, "LOOK_SEC", 0.02)


@pytest.fixture
def monitor() -> Iterator[Target]:
    with Target() as running:
        yield running


@pytest.fixture
async def parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    async with started(tmp_path_factory.mktemp("service")) as running:
        await running.sync()
        yield running


@asynccontextmanager
async def beating(parts: Parts, monitor: Target, *, interval_sec: float = 0.05) -> AsyncIterator[Pinging]:
    beat = Pinging(
        Pings(monitor.url(KEY)),
        parts.store_health,
        lambda: parts.reconciler.state,
        interval_sec=interval_sec,
        now=parts.clock,
        patience_sec=0.1,
    )
    task = asyncio.create_task(beat.run())
    try:
        yield beat
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def kinds(requests: list[Received]) -> list[str]:
    return [request.target.removeprefix(KEY) for request in requests]


async def test_a_start_and_then_successes(parts: Parts, monitor: Target) -> None:
    async with beating(parts, monitor) as beat:
        requests = await received(monitor, 4)
        await until(lambda: asyncio.sleep(0, beat.last_success), lambda at: at is not None)
    assert kinds(requests)[:4] == ["/start", "", "", ""]
    assert {(request.method, request.body) for request in requests} == {("POST", b"")}


async def test_a_locked_database_stops_them_and_is_told_once(parts: Parts, monitor: Target) -> None:
    async with beating(parts, monitor):
        await received(monitor, 3)
        with closing(sqlite3.connect(parts.folder / "jobs.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")

            def told() -> list[Received]:
                return [request for request in monitor.requests if request.target == f"{KEY}/fail"]

            (fail,) = await until(lambda: asyncio.sleep(0, told()), bool)
            count = len(monitor.requests)
            await asyncio.sleep(0.5)  # ten intervals
            assert len(monitor.requests) == count
            assert b"the database can't be used" in fail.body
            other.execute("ROLLBACK")
        await received(monitor, count + 2)
    assert set(kinds(monitor.requests[count:])) == {""}


async def test_a_source_that_is_not_applied_is_told(parts: Parts, monitor: Target) -> None:
    async with beating(parts, monitor):
        await received(monitor, 2)
        parts.jobs_dir.rmdir()
        await parts.sync()
        fail = await until(lambda: asyncio.sleep(0, monitor.requests[-1]), lambda last: last.target == f"{KEY}/fail")
    assert fail.body.startswith(b"the source is not applied: ")


async def test_a_monitor_that_is_gone_is_logged_once_without_its_key(
    parts: Parts, monitor: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, pinging.log.name)
    monitor.answers(KEY, HangUp(), Answer(404), Answer(200))
    async with beating(parts, monitor):
        await received(monitor, 5)
    first, again = [record.getMessage() for record in caplog.records if record.name == pinging.log.name]
    assert first.startswith("the heartbeat does not reach 127.0.0.1:")
    assert again.endswith(" again")
    assert "s3cret-key" not in caplog.text


async def test_a_monitor_that_does_not_answer_is_given_up(monitor: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pings, "TIMEOUT_SEC", 0.1)
    monitor.answers(KEY, Silence())
    with pytest.raises(PingError, match=r"no answer within 0\.1 s"):
        await Pings(monitor.url(KEY)).send(Ping.SUCCESS)


async def test_a_query_stays_at_the_end(monitor: Target) -> None:
    await Pings(monitor.url(f"{KEY}/?rid=1")).send(Ping.FAIL, "理由")
    (request,) = monitor.requests
    assert (request.target, request.body.decode()) == (f"{KEY}/fail?rid=1", "理由")
