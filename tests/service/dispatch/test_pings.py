"""Jobs that expect pings: what a ping does to the execution that waits, and where none waits."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from myscheduler.core.dispatch.hearing import Heard, Signal, heard
from myscheduler.core.history.execution import Kind, Status
from myscheduler.errors import StoreUnavailableError
from tests.support.parts import MovableClock, Parts, opened

pytestmark = pytest.mark.anyio

KEY = "0f5c8d7e-5a7e-4a1c-9f1e-6d2b8c3a4e5f"
PING = {"key_sha256": sha256(KEY.encode()).hexdigest(), "grace": "PT10M"}
START, SUCCESS, LOG = Heard(Signal.START), Heard(Signal.SUCCESS), Heard(Signal.LOG, log="half\n")
HOURLY = {"interval": {"hours": 1}, "target_url": None, "ping": PING}


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def _expecting(parts: Parts, run_at: str, job_id: str = "a") -> None:
    await parts.create(job_id, run_at=run_at, target_url=None, ping=PING)


async def test_a_slot_waits_for_its_success(parts: Parts) -> None:
    await _expecting(parts, _in(1))
    await parts.row_where("a", lambda row: row.status is Status.RUNNING)
    assert await parts.dispatcher.hear(KEY, START)
    assert await parts.dispatcher.hear(KEY, LOG)
    [row] = await parts.rows("a")
    assert (row.status, row.attempts, row.excerpt) == (Status.RUNNING, 1, "half\n")
    assert await parts.dispatcher.hear(KEY, SUCCESS)
    [ended] = await parts.rows("a")
    assert (ended.status, ended.kind, ended.excerpt) == (Status.COMPLETED, Kind.SCHEDULED, "half\n")
    assert ended.started_at == row.started_at
    assert ended.slot < (ended.started_at or ended.slot)


async def test_a_ping_that_comes_a_little_early_is_held_for_its_slot(parts: Parts) -> None:
    await _expecting(parts, _in(2))
    assert await parts.dispatcher.hear(KEY, SUCCESS)
    [row] = await parts.rows("a")
    assert (row.status, row.kind) == (Status.COMPLETED, Kind.SCHEDULED)


async def test_a_ping_that_nothing_waits_for_is_a_manual_run(parts: Parts) -> None:
    await parts.create("a", **HOURLY)
    assert await parts.dispatcher.hear(KEY, LOG)
    assert await parts.rows("a") == []
    assert await parts.dispatcher.hear(KEY, START)
    [row] = await parts.rows("a")
    assert (row.status, row.kind, row.requested_by) == (Status.RUNNING, Kind.MANUAL, "ping")
    failed = heard("fail", b"oh\n", 3)
    assert failed is not None
    assert await parts.dispatcher.hear(KEY, failed)
    [row] = await parts.rows("a")
    assert (row.status, row.error) == (Status.FAILED, "a ping reported a failure (oh)")
    assert await parts.dispatcher.hear(KEY, SUCCESS)
    assert [row.status for row in await parts.rows("a")] == [Status.FAILED, Status.COMPLETED]


async def test_a_key_reaches_each_job_that_has_it_while_it_has_it(parts: Parts) -> None:
    await parts.create("a", **HOURLY)
    await parts.create("b", **HOURLY)
    assert await parts.dispatcher.hear(KEY, SUCCESS)
    assert [len(await parts.rows(job_id)) for job_id in ("a", "b")] == [1, 1]
    await parts.catalog.delete("b", by="somebody")
    await parts.catalog.create((await parts.jobs())["a"].spec, replace_existing=True)
    assert await parts.dispatcher.hear(KEY, SUCCESS)
    assert len(await parts.rows("a")) == 2
    await parts.catalog.delete("a", by="somebody")
    assert not await parts.dispatcher.hear(KEY, SUCCESS)


async def test_without_a_ping_the_slot_is_missed_without_a_start_and_failed_with_one(tmp_path: Path) -> None:
    clock = MovableClock()
    async with opened(tmp_path, clock=clock) as parts:
        parts.dispatcher.start()
        await _expecting(parts, _in(1))
        await parts.create("b", **HOURLY | {"ping": PING | {"key_sha256": sha256(KEY[::-1].encode()).hexdigest()}})
        await parts.row_where("a", lambda row: row.status is Status.RUNNING)
        assert await parts.dispatcher.hear(KEY[::-1], START)
        clock.shift = timedelta(minutes=11)
    async with opened(tmp_path, clock=clock) as parts:  # its deadline passed meanwhile, so it is not known
        [row] = await parts.rows("a")
        assert (row.status, row.reason) == (Status.INTERRUPTED, "crash")
        [row] = await parts.rows("b")
        assert (row.status, row.reason) == (Status.INTERRUPTED, "crash")


async def test_deadlines_follow_the_clock(parts: Parts) -> None:
    short = {"key_sha256": PING["key_sha256"], "grace": "PT1S"}
    await parts.create("a", run_at=_in(1), target_url=None, ping=short)
    row = await parts.row_where("a", lambda row: row.status is not Status.RUNNING)
    assert (row.status, row.reason, row.started_at, row.attempts) == (Status.MISSED, "no-ping", None, 0)
    assert await parts.dispatcher.hear(KEY, START)
    row = await parts.row_where("a", lambda row: row.status is Status.FAILED)
    assert (row.reason, row.error) == ("no-ping", "a ping reported the start, and none within 1 s the end")


async def test_what_waits_can_be_cancelled(parts: Parts) -> None:
    await parts.create("a", **HOURLY)
    assert await parts.dispatcher.hear(KEY, START)
    [row] = await parts.rows("a")
    await parts.dispatcher.cancel(row.execution_id, by="somebody", reason=None)
    [row] = await parts.rows("a")
    assert (row.status, row.reason) == (Status.INTERRUPTED, "cancelled")


async def test_an_execution_goes_on_waiting_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        parts.dispatcher.start()
        await parts.create("a", **HOURLY)
        assert await parts.dispatcher.hear(KEY, START)
        assert await parts.dispatcher.hear(KEY, LOG)
        [before] = await parts.rows("a")
    async with opened(tmp_path) as parts:
        parts.dispatcher.start()
        assert await parts.rows("a") == [before]
        assert await parts.dispatcher.hear(KEY, SUCCESS)
        [row] = await parts.rows("a")
        assert (row.status, row.started_at, row.excerpt) == (Status.COMPLETED, before.started_at, "half\n")


async def test_a_ping_is_not_answered_before_it_is_recorded(parts: Parts) -> None:
    await parts.create("a", **HOURLY)
    assert await parts.dispatcher.hear(KEY, START)
    parts.refuse_writes()
    with pytest.raises(StoreUnavailableError):
        await parts.dispatcher.hear(KEY, START)
    told = asyncio.create_task(parts.dispatcher.hear(KEY, SUCCESS))
    await asyncio.sleep(0.2)
    assert not told.done()
    parts.accept_writes()
    assert await told
    [row] = await parts.rows("a")
    assert row.status is Status.COMPLETED
