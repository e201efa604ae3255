"""What was under way at a crash, or was claimed by a commit whose answer was lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Kind, Status
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.dispatch import claiming, endings
from tests.support.parts import MovableClock, Parts, is_over, opened, received, soon, spec, started, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

LONG_AGO = timedelta(hours=-5)
SLOT = timedelta(minutes=-5)
LEFT = new_execution_id(datetime.now(UTC) + SLOT)

T = TypeVar("T")


class TestInterrupted:
    async def test_what_was_in_flight_at_a_crash_is_interrupted_and_not_sent_again(
        self, tmp_path: Path, target: Target
    ) -> None:
        slot = datetime.now(UTC) - timedelta(minutes=5)
        clock = MovableClock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            job = await parts.create("a", run_at=slot.isoformat(), target_url=target.url())
            execution = Execution(LEFT, "a", slot, Kind.SCHEDULED, Cause.TIMER, job.digest, None, slot)
            claim = Claim("a", job.version, job.digest, None, (), execution, slot, None)
            assert await parts.store.write(partial(claim_rows.claim, claims=[claim])) == [True]
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            await parts.create("b", target_url=target.url("/b"))
            await parts.dispatcher.trigger("b", by="me")
            await received(target, 1)
            (row,) = await parts.rows("a")
            assert (row.status, row.reason) == (Status.INTERRUPTED, Reason.CRASH)
        assert [one.target for one in target.requests] == ["/b"]


@asynccontextmanager
async def crashed(folder: Path, target: Target, **fields: Any) -> AsyncIterator[Parts]:
    """A service that claimed the execution `LEFT` of the job `a`, five minutes ago, and never got to its end."""
    slot = datetime.now(UTC) + SLOT
    given = {"run_at": slot.isoformat(), "target_url": target.url("/a"), "on_interrupt": "retry"} | fields
    async with opened(folder, clock=MovableClock(LONG_AGO)) as parts:
        job = await parts.create("a", **given)
        execution = Execution(LEFT, "a", slot, Kind.SCHEDULED, Cause.TIMER, job.digest, None, slot)
        claim = Claim("a", job.version, job.digest, None, (), execution, slot, None)
        assert await parts.store.write(partial(claim_rows.claim, claims=[claim])) == [True]
        yield parts


async def interrupted(folder: Path, target: Target) -> None:
    """The next start closes the execution and sends only what comes later."""
    async with started(folder) as parts:
        await parts.create("b", target_url=target.url("/b"))
        await parts.dispatcher.trigger("b", by="me")
        await received(target, 1)
        row = next(row for row in await parts.rows("a") if row.execution_id == LEFT)
    assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.CRASH, 0)
    assert "may have received the request" in (row.error or "")
    assert [one.target for one in target.requests] == ["/b"]


class TestResending:
    """`on_interrupt: retry`."""

    async def test_it_is_sent_again_under_the_same_key(self, tmp_path: Path, target: Target) -> None:
        async with crashed(tmp_path, target):
            pass
        async with started(tmp_path) as parts:
            row = await parts.row_where("a", is_over)
            assert (row.execution_id, row.status, row.attempts) == (LEFT, Status.COMPLETED, 2)
            assert len(await parts.rows("a")) == 1
            assert (await parts.jobs())["a"].execution_count == 1
        (request,) = target.requests
        assert request.header("Idempotency-Key") == request.header("X-MyScheduler-Execution-Id") == LEFT
        assert request.header("X-MyScheduler-Attempt") == "2"
        assert datetime.fromisoformat(request.header("X-MyScheduler-Scheduled-At") or "") == row.slot

    async def test_a_second_crash_counts_another_attempt(self, tmp_path: Path, target: Target) -> None:
        async with crashed(tmp_path, target):
            pass
        async with opened(tmp_path):
            pass  # it is taken up, and ended before it is sent
        async with started(tmp_path) as parts:
            row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts) == (Status.COMPLETED, 3)
        assert [one.header("X-MyScheduler-Attempt") for one in target.requests] == ["3"]

    async def test_it_has_the_retries_that_are_left(self, tmp_path: Path, target: Target) -> None:
        target.answers("/a", Answer(503))
        async with crashed(tmp_path, target, max_retries=2, retry_backoff_sec=0.01):
            pass
        async with started(tmp_path) as parts:
            row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts) == (Status.FAILED, 3)
        assert [one.header("X-MyScheduler-Attempt") for one in target.requests] == ["2", "3"]

    async def test_it_waits_for_a_place_like_others(self, tmp_path: Path, target: Target) -> None:
        target.answers("/a", Answer(delay=0.5))
        async with crashed(tmp_path, target) as parts:
            await parts.create("b", run_at=(datetime.now(UTC) + SLOT).isoformat(), target_url=target.url("/b"))
        async with started(tmp_path, limit=1):
            await received(target, 2)
        assert [one.target for one in target.requests] == ["/a", "/b"]
        assert target.replies[0].at <= target.requests[1].at

    async def test_not_when_the_job_says_record(self, tmp_path: Path, target: Target) -> None:
        async with crashed(tmp_path, target, on_interrupt="record"):
            pass
        await interrupted(tmp_path, target)

    async def test_not_beyond_its_grace(self, tmp_path: Path, target: Target) -> None:
        async with crashed(tmp_path, target, misfire_grace_time=60):
            pass
        await interrupted(tmp_path, target)

    async def test_not_when_the_job_changed(self, tmp_path: Path, target: Target) -> None:
        async with crashed(tmp_path, target) as parts:
            (job,) = (await parts.jobs()).values()
            fields = {"run_at": (await parts.rows("a"))[0].slot.isoformat(), "on_interrupt": "retry"}
            changed = await parts.catalog.replace(spec("a", target_url=target.url("/changed"), **fields))
            assert changed.digest != job.digest
        await interrupted(tmp_path, target)

    async def test_not_when_the_job_is_paused(self, tmp_path: Path, target: Target) -> None:
        async with crashed(tmp_path, target) as parts:
            await parts.catalog.pause("a", by="me")
        await interrupted(tmp_path, target)

    async def test_not_when_the_job_was_removed(self, tmp_path: Path, target: Target) -> None:
        async with crashed(tmp_path, target) as parts:
            await parts.catalog.delete("a")
        await interrupted(tmp_path, target)

    async def test_a_shutdown_leaves_it_open_and_the_next_start_goes_on(self, tmp_path: Path, target: Target) -> None:
        target.answers("/a", Silence(), Answer())
        async with started(tmp_path) as parts:
            await parts.create("a", **soon(0.1), target_url=target.url("/a"), on_interrupt="retry")
            await received(target, 1)
            await parts.dispatcher.stop(0)
            (row,) = await parts.rows("a")
            assert (row.status, row.completed_at) == (Status.RUNNING, None)
        async with started(tmp_path) as parts:
            row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts) == (Status.COMPLETED, 2)
        assert [one.header("X-MyScheduler-Attempt") for one in target.requests] == ["1", "2"]
        assert {one.header("Idempotency-Key") for one in target.requests} == {row.execution_id}

    async def test_attempts_before_a_shutdown_are_counted(self, tmp_path: Path, target: Target) -> None:
        target.answers("/a", Answer(503), Answer(503), Silence(), Answer())
        retries = {"max_retries": 5, "retry_backoff_sec": 0.01}
        async with started(tmp_path) as parts:
            await parts.create("a", **soon(0.1), target_url=target.url("/a"), on_interrupt="retry", **retries)
            await received(target, 3)
        async with started(tmp_path) as parts:
            row = await parts.row_where("a", is_over)
        assert [one.header("X-MyScheduler-Attempt") for one in target.requests] == ["1", "2", "3", "4"]
        assert row.attempts == 4

    async def test_a_manual_run_goes_on_too(self, tmp_path: Path, target: Target) -> None:
        target.answers("/a", Silence(), Answer())
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/a"), on_interrupt="retry")
            execution_id = (await parts.dispatcher.trigger("a", by="Ada")).execution_id
            await received(target, 1)
        async with started(tmp_path) as parts:
            row = await parts.row_where("a", is_over)
        assert (row.execution_id, row.kind, row.requested_by) == (execution_id, Kind.MANUAL, "Ada")
        assert (row.status, row.attempts) == (Status.COMPLETED, 2)

    async def test_it_counts_as_one_of_the_instances(self, tmp_path: Path, target: Target) -> None:
        target.answers("/a", Silence())
        begun = (datetime.now(UTC) + SLOT).isoformat()
        async with crashed(tmp_path, target, run_at=None, interval={"seconds": 60}, anchor=begun):
            pass
        async with started(tmp_path) as parts:
            skipped = await parts.row_where("a", lambda row: row.status is Status.SKIPPED)
            assert skipped.reason == Reason.OVERLAP
            await received(target, 1)
            assert [row.status for row in await parts.rows("a")] == [Status.RUNNING, Status.SKIPPED]
        assert len(target.requests) == 1

    async def test_when_it_is_over_the_job_runs_on(self, tmp_path: Path, target: Target) -> None:
        begun = (datetime.now(UTC) + SLOT).isoformat()
        async with crashed(tmp_path, target, run_at=None, interval={"seconds": 1}, anchor=begun):
            pass
        async with started(tmp_path) as parts:
            await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) >= 2)
        assert [one.header("X-MyScheduler-Attempt") for one in target.requests[:2]] == ["2", "1"]


@dataclass
class Trouble:
    """What a database does that can't be relied on."""

    lost: int = 0
    """So many claims are committed, and the caller doesn't hear of it."""
    refused: set[object] = field(default_factory=set)
    """Work that is not even begun."""


class TroubledStore(Store):
    def __init__(self, store: Store, trouble: Trouble) -> None:
        super().__init__(store._engine, store._writer, store._readers, store.vitals)
        self._trouble = trouble

    async def write(self, work: Callable[[Connection], T]) -> T:
        work_name = work.func if isinstance(work, partial) else work
        if work_name in self._trouble.refused:
            raise StoreUnavailableError("no room")
        result = await super().write(work)
        if self._trouble.lost and work_name is claiming._store:
            self._trouble.lost -= 1
            raise StoreUnavailableError("the answer of the commit was lost")
        return result


@asynccontextmanager
async def troubled(folder: Path, trouble: Trouble) -> AsyncIterator[Parts]:
    async with opened(folder, drain_sec=0, through=lambda store: TroubledStore(store, trouble)) as parts:
        parts.dispatcher.start()
        yield parts


async def store_trouble(parts: Parts, *, is_there: bool) -> None:
    await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: (error is not None) is is_there)


class TestLostAnswers:
    async def test_what_was_claimed_unheard_is_closed_as_not_sent(self, tmp_path: Path, target: Target) -> None:
        async with troubled(tmp_path, Trouble(lost=1)) as parts:
            await parts.create("a", **soon(0.1), target_url=target.url("/a"))
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.DATABASE, 0)
            assert "was not sent" in (row.error or "")
            await store_trouble(parts, is_there=False)
            await parts.create("b", **soon(0.1), target_url=target.url("/b"))
            await received(target, 1)
            assert await parts.rows("a") == [row]
        assert [one.target for one in target.requests] == ["/b"]

    async def test_the_job_runs_on(self, tmp_path: Path, target: Target) -> None:
        async with troubled(tmp_path, Trouble(lost=1)) as parts:
            await parts.create("a", **soon(0.1, every=1), target_url=target.url("/a"))
            rows = await parts.rows_where("a", lambda rows: any(row.status is Status.COMPLETED for row in rows))
            assert [(row.status, row.reason) for row in rows[:2]] == [
                (Status.INTERRUPTED, Reason.DATABASE),
                (Status.COMPLETED, None),
            ]
            assert (await parts.jobs())["a"].execution_count == len(rows)

    @pytest.mark.parametrize("on_interrupt", ["record", "retry"])
    async def test_a_manual_run_is_sent_once_all_the_same(
        self, tmp_path: Path, target: Target, on_interrupt: str
    ) -> None:
        async with troubled(tmp_path, Trouble(lost=1)) as parts:
            await parts.create("a", target_url=target.url("/a"), on_interrupt=on_interrupt)
            execution_id = (await parts.dispatcher.trigger("a", by="me")).execution_id
            await parts.row_where("a", lambda row: row.execution_id == execution_id and is_over(row))
            await parts.create("b", target_url=target.url("/b"))
            await parts.dispatcher.trigger("b", by="me")
            await parts.row_where("b", is_over)
        assert [one.target for one in target.requests] == ["/a", "/b"]

    async def test_a_scheduled_one_is_sent_after_all_where_its_job_says_so(
        self, tmp_path: Path, target: Target
    ) -> None:
        async with troubled(tmp_path, Trouble(lost=1)) as parts:
            await parts.create("a", **soon(0.1), target_url=target.url("/a"), on_interrupt="retry")
            row = await parts.row_where("a", is_over)
            assert row.status is Status.COMPLETED
            assert len(await parts.rows("a")) == 1
        assert len(target.requests) == 1


class TestTroubleAtTheEnd:
    async def test_what_the_next_start_goes_on_with_is_not_sent_again_by_this_one(
        self, tmp_path: Path, target: Target
    ) -> None:
        """The database comes back when the shutdown has cut off everything and still records ends."""
        target.default, trouble = Silence(), Trouble()
        async with troubled(tmp_path, trouble) as parts:
            for name in ("retry", "record"):
                await parts.create(name, target_url=target.url(f"/{name}"), on_interrupt=name)
                await parts.dispatcher.trigger(name, by="me")
            await received(target, 2)
            trouble.refused = {claiming._store, endings._store}
            refused = asyncio.create_task(parts.dispatcher.trigger("record", by="me", may_overlap=True))
            await store_trouble(parts, is_there=True)
            refused.cancel()
            stopping = asyncio.create_task(parts.dispatcher.stop(0))
            await until(lambda: asyncio.sleep(0, len(parts.dispatcher.flights)), lambda count: count == 1)
            trouble.refused = {endings._store}
            await store_trouble(parts, is_there=False)
            trouble.refused = set()
            await stopping
            (kept,), (recorded,) = await parts.rows("retry"), await parts.rows("record")
        assert sorted(one.target for one in target.requests) == ["/record", "/retry"]
        assert (kept.status, kept.attempts) == (Status.RUNNING, 0)
        assert (recorded.status, recorded.reason) == (Status.INTERRUPTED, Reason.SHUTDOWN)
