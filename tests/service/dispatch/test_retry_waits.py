"""Executions that wait for their next attempt: recorded, in order, and ended by what happens to their jobs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import retry_waits as wait_rows
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.dispatch import retry_waits
from tests.support.parts import MovableClock, Parts, is_over, opened, received, soon, spec, started, until
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

T = TypeVar("T")

LATER: dict[str, Any] = {"max_retries": 3, "retry_backoff_sec": 1800}


@dataclass
class Ledger:
    """What the store was asked to write about waits, and what it refuses."""

    refused: bool = False
    writes: list[tuple[int, int]] = field(default_factory=list)
    """Of each transaction: how many waits began, and how many ended."""
    sent_before: list[int] = field(default_factory=list)
    """How many requests the target had at each transaction that ends waits, before it was committed."""


class WatchedStore(Store):
    def __init__(self, store: Store, ledger: Ledger, target: Target) -> None:
        super().__init__(store._engine, store._writer, store._readers, store.vitals)
        self._ledger, self._target = ledger, target

    async def write(self, work: Callable[[Connection], T]) -> T:
        if isinstance(work, partial) and work.func is retry_waits._store:
            begun = sum(one.wait is not None for one in work.keywords["changes"])
            ended = len(work.keywords["changes"]) - begun
            if self._ledger.refused and ended:
                raise StoreUnavailableError("no room")
            if ended:
                self._ledger.sent_before.append(len(self._target.requests))
            self._ledger.writes.append((begun, ended))
        return await super().write(work)


@asynccontextmanager
async def watched(folder: Path, ledger: Ledger, target: Target) -> AsyncIterator[Parts]:
    async with opened(folder, drain_sec=0, through=lambda store: WatchedStore(store, ledger, target)) as parts:
        parts.dispatcher.start()
        yield parts


def is_waiting(row: Record) -> bool:
    return row.next_attempt_at is not None


class TestRecording:
    async def test_a_wait_is_in_the_row(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503))
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), **LATER)
            seq = parts.dispatcher.changes.seq
            triggered = await parts.dispatcher.trigger("a", by="me")
            row = await parts.row_where("a", is_waiting)
            changed = parts.dispatcher.changes.since(seq)
        assert (row.status, row.attempts, row.completed_at, row.error) == (Status.RUNNING, 1, None, None)
        (attempt,) = row.attempts_detail()
        assert (attempt.number, attempt.http_status) == (1, 503)
        assert row.next_attempt_at is not None
        assert attempt.duration is not None
        waited = row.next_attempt_at - attempt.started_at - attempt.duration
        assert timedelta(seconds=1800) <= waited < timedelta(seconds=1860)
        assert row.started_at == attempt.started_at or row.started_at is not None
        assert changed is not None
        assert triggered.execution_id in changed.executions

    async def test_nothing_is_recorded_where_nothing_is_retried(self, tmp_path: Path, target: Target) -> None:
        target.answers("/wrong", Answer(404))
        ledger = Ledger()
        async with watched(tmp_path, ledger, target) as parts:
            for job_id, path in (("good", "/"), ("bad", "/wrong")):
                await parts.create(job_id, target_url=target.url(path), **LATER)
                await parts.dispatcher.trigger(job_id, by="me")
                await parts.row_where(job_id, is_over)
        assert ledger.writes == []

    async def test_the_end_of_a_wait_is_committed_before_the_request(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503), Answer(503), Answer())
        ledger = Ledger()
        async with watched(tmp_path, ledger, target) as parts:
            await parts.create("a", target_url=target.url("/down"), max_retries=5, retry_backoff_sec=0.01)
            await parts.dispatcher.trigger("a", by="me")
            row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.next_attempt_at) == (Status.COMPLETED, 3, None)
        assert ledger.writes == [(1, 0), (0, 1)] * 2
        assert ledger.sent_before == [1, 2]

    async def test_nothing_is_sent_while_that_can_not_be_committed(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503), Answer())
        ledger = Ledger(refused=True)
        async with watched(tmp_path, ledger, target) as parts:
            await parts.create("a", target_url=target.url("/down"), max_retries=5, retry_backoff_sec=0.01)
            await parts.dispatcher.trigger("a", by="me")
            await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: error is not None)
            assert len(target.requests) == 1
            (row,) = await parts.rows("a")
            assert is_waiting(row)
            ledger.refused = False
            assert (await parts.row_where("a", is_over)).status is Status.COMPLETED
        assert len(target.requests) == 2

    async def test_a_stop_while_that_can_not_be_committed_leaves_it_waiting(
        self, tmp_path: Path, target: Target
    ) -> None:
        target.answers("/down", Answer(503), Answer())
        ledger = Ledger(refused=True)
        async with watched(tmp_path, ledger, target) as parts:
            await parts.create("a", target_url=target.url("/down"), max_retries=5, retry_backoff_sec=0.01)
            await parts.dispatcher.trigger("a", by="me")
            await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: error is not None)
            await parts.dispatcher.stop(0)
            (row,) = await parts.rows("a")
            assert (row.status, is_waiting(row), row.attempts) == (Status.RUNNING, True, 1)
        async with started(tmp_path) as parts:
            assert (await parts.row_where("a", is_over)).attempts == 2
        assert [one.header("X-MyScheduler-Attempt") for one in target.requests] == ["1", "2"]

    async def test_a_herd_is_recorded_in_few_transactions(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503))
        ledger, count = Ledger(), 300
        async with watched(tmp_path, ledger, target) as parts:
            when = soon(3.0)
            fields = {"target_url": target.url("/down"), **when, **LATER}
            await asyncio.gather(*(parts.create(f"job-{number}", **fields) for number in range(count)))
            await until(
                lambda: parts.store.read(partial(execution_rows.recent, limit=2 * count)),
                lambda rows: sum(map(is_waiting, rows)) == count,
            )
        assert sum(begun for begun, _ in ledger.writes) == count
        assert len(ledger.writes) <= count / 3


class TestRestart:
    async def test_it_waits_on_with_its_attempts(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503), Answer(500), Answer())
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), max_retries=5, retry_backoff_sec=600)
            await parts.dispatcher.trigger("a", by="me")
            before = await parts.row_where("a", is_waiting)
        clock = MovableClock(timedelta(seconds=601))
        async with started(tmp_path, clock=clock) as parts:
            again = await parts.row_where("a", lambda row: row.attempts == 2)
            assert (again.execution_id, again.started_at) == (before.execution_id, before.started_at)
            assert is_waiting(again)
            execution_id = again.execution_id
            assert len(parts.dispatcher.attempts_of(execution_id) or ()) == 2
        assert [one.header("X-MyScheduler-Attempt") for one in target.requests] == ["1", "2"]

    async def test_it_counts_as_running(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503))
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), **LATER)
            await parts.dispatcher.trigger("a", by="me")
            await parts.row_where("a", is_waiting)
        async with started(tmp_path) as parts:
            triggered = await parts.dispatcher.trigger("a", by="me")
            assert triggered.is_queued

    async def test_a_manual_retry_goes_on_in_a_pause(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503))
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), **LATER)
            await parts.dispatcher.trigger("a", by="me")
            await parts.row_where("a", is_waiting)
            await pause(parts)
        async with started(tmp_path) as parts:
            (row,) = await parts.rows("a")
            assert is_waiting(row)

    async def test_a_crash_in_the_moment_of_sending_is_in_doubt(self, tmp_path: Path, target: Target) -> None:
        """The row says `running` without `next_attempt_at`, with the attempts before."""
        target.answers("/down", Answer(503))
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), **LATER)
            await parts.dispatcher.trigger("a", by="me")
            row = await parts.row_where("a", is_waiting)
        async with opened(tmp_path) as parts:
            await parts.dispatcher.stop(0)
            ended = partial(wait_rows.end, execution_ids=[row.execution_id])
            await parts.store.write(ended)
        async with started(tmp_path) as parts:
            (after,) = await parts.rows("a")
        assert (after.status, after.reason, after.attempts) == (Status.INTERRUPTED, Reason.CRASH, 1)
        assert len(target.requests) == 1

    @pytest.mark.parametrize("kind", ["deleted", "edited", "paused", "deadline"])
    async def test_what_happened_meanwhile_ends_it(self, tmp_path: Path, target: Target, kind: str) -> None:
        target.answers("/down", Answer(503))
        async with started(tmp_path) as parts:
            await failing(parts, target, **({"retry": {"max_total_sec": 3600}} if kind == "deadline" else {}))
        shift = timedelta(hours=2) if kind == "deadline" else timedelta()
        async with opened(tmp_path) as parts:
            await parts.dispatcher.stop(0)
            await change(parts, kind)
        async with started(tmp_path, clock=MovableClock(shift)) as parts:
            row = (await parts.rows("a"))[0]
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, kind, 1)
        assert row.next_attempt_at is None
        assert len(target.requests) == 1


class TestMeanwhile:
    @pytest.mark.parametrize("kind", ["deleted", "edited", "paused"])
    async def test_what_happens_to_the_job_ends_it(self, tmp_path: Path, target: Target, kind: str) -> None:
        target.answers("/down", Answer(503))
        async with started(tmp_path) as parts:
            await failing(parts, target)
            await change(parts, kind)
            row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, kind, 1)
        assert "waited for its next attempt" in (row.error or "")
        assert row.next_attempt_at is None
        assert len(target.requests) == 1

    async def test_an_edit_during_an_attempt_ends_it_afterwards(self, tmp_path: Path, target: Target) -> None:
        target.answers("/slow", Answer(503, delay=0.5))
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/slow"), max_retries=3, retry_backoff_sec=0)
            await parts.dispatcher.trigger("a", by="me")
            await received(target, 1)
            await change(parts, "edited")
            row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.EDITED, 1)

    async def test_a_newer_slot_replaces_it(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503), Answer())
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), overlap="replace", **soon(every=2), **LATER)
            rows = await parts.rows_where("a", lambda rows: any(row.status is Status.COMPLETED for row in rows))
        assert (rows[0].status, rows[0].reason, rows[0].next_attempt_at) == (
            Status.INTERRUPTED,
            Reason.REPLACED,
            None,
        )

    async def test_a_stop_does_not_wait_for_it(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503))
        async with started(tmp_path) as parts:
            await failing(parts, target)
            parts.dispatcher.hold()
            assert parts.dispatcher.waits_for() is None
            await parts.dispatcher.stop(3600)
            (row,) = await parts.rows("a")
            assert is_waiting(row)

    async def test_what_fails_during_a_stop_is_left_to_the_next_start(self, tmp_path: Path, target: Target) -> None:
        target.answers("/slow", Answer(503, delay=0.5), Answer())
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/slow"), max_retries=3, retry_backoff_sec=0.01)
            await parts.dispatcher.trigger("a", by="me")
            await received(target, 1)
            await parts.dispatcher.stop(3600)
            (row,) = await parts.rows("a")
            assert is_waiting(row)
            assert len(target.requests) == 1
        async with started(tmp_path) as parts:
            assert (await parts.row_where("a", is_over)).status is Status.COMPLETED


async def failing(parts: Parts, target: Target, **fields: Any) -> None:
    """The job `a`, whose scheduled execution waits for its second attempt."""
    await parts.create("a", target_url=target.url("/down"), **(soon() | LATER | fields))
    await parts.row_where("a", is_waiting)


async def pause(parts: Parts) -> None:
    await parts.catalog.pause("a", by="me", reason="so", until=None)


async def change(parts: Parts, kind: str) -> None:
    match kind:
        case "deleted":
            await parts.catalog.delete("a")
        case "edited":
            fields = {"target_url": "http://127.0.0.1:9/", **LATER}
            await parts.catalog.create(spec("a", **fields), replace_existing=True)
        case "paused":
            await pause(parts)
