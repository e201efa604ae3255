"""Nothing is sent whose claim is not stored, whatever the database does."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

import pytest

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.core.history.execution import Status
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from tests.support.parts import Parts, is_over, received, soon, until
from tests.support.patience import PATIENCE
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

LEAVES_SEC = 0.5
"""Generous: so far a request leaves and arrives apart, on a machine that does other things, too."""


async def fill_by_triggers(parts: Parts, job_id: str) -> int:
    """Trigger until one waits for room, and not only for a processor; how many were accepted."""
    parts.fill()
    for accepted in range(500):
        try:
            async with asyncio.timeout(5):
                await parts.dispatcher.trigger(job_id, by="test", may_overlap=True)
        except TimeoutError:
            return accepted
    raise AssertionError("the database never got full")


class TestStoreTrouble:
    async def test_nothing_is_sent_that_could_not_be_recorded_and_it_heals(self, parts: Parts, target: Target) -> None:
        when = soon(3.0)
        names = [f"job-{number}" for number in range(100)]
        await asyncio.gather(*(parts.create(name, **when, target_url=target.url(f"/{name}")) for name in names))
        parts.fill()
        await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: error is not None)
        assert "full" in str(parts.store_health.error)
        rows = await parts.store.read(partial(execution_rows.recent, limit=500))  # one small claim may find room
        assert {one.target for one in target.requests} <= {f"/{row.job_id}" for row in rows}
        assert len(target.requests) < 100
        parts.make_room()
        requests = await received(target, 100)
        assert {one.target for one in requests} == {f"/{name}" for name in names}
        await until(
            lambda: parts.store.read(partial(execution_rows.recent, limit=500)),
            lambda rows: len(rows) == 100 and all(map(is_over, rows)),
        )
        assert len(target.requests) == 100
        assert parts.store_health.error is None

    async def test_a_trigger_that_was_refused_is_not_sent_later(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(3600), target_url=target.url())
        sent = await fill_by_triggers(parts, "a")
        parts.make_room()
        await parts.dispatcher.trigger("a", by="test")
        await until(lambda: parts.rows("a"), lambda rows: len(rows) == sent + 1 and all(map(is_over, rows)))
        assert len(target.requests) == sent + 1

    async def test_a_trigger_that_was_given_up_during_its_claim_is_not_sent(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(3600), target_url=target.url())
        with closing(sqlite3.connect(next(parts.folder.glob("*.db")), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            caller = asyncio.create_task(parts.dispatcher.trigger("a", by="me"))
            await until(lambda: asyncio.sleep(0, parts.dispatcher.flights.are_over), lambda is_over: not is_over)
            caller.cancel()
            await asyncio.sleep(0.05)
            other.execute("ROLLBACK")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.DATABASE, 0)
        assert "it could not be recorded in time, so it was not sent" in (row.error or "")
        await parts.dispatcher.trigger("a", by="me")
        await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        assert len(target.requests) == 1

    @pytest.mark.parametrize("coalesce", [True, False])
    @pytest.mark.parametrize("seconds", [2.5, 7.5])
    @pytest.mark.parametrize("is_under_way", [False, True])
    async def test_slots_that_a_locked_database_holds_up_did_not_overlap(
        self, parts: Parts, target: Target, is_under_way: bool, seconds: float, coalesce: bool
    ) -> None:
        """The lock comes before the first claim, or while its call is under way, whose end can't be recorded then."""
        target.default = Answer(delay=0.3) if is_under_way else Answer()
        with closing(sqlite3.connect(next(parts.folder.glob("*.db")), isolation_level=None)) as other:
            fields = soon(1.5, every=1) | {"coalesce": coalesce}
            await parts.create("a", **fields, target_url=target.url())
            if is_under_way:
                await received(target, 1)
            other.execute("BEGIN IMMEDIATE")
            begin = datetime.now(UTC)
            await asyncio.sleep(seconds)
            end = datetime.now(UTC)
            other.execute("ROLLBACK")
        rows = await parts.rows_where(
            "a", lambda rows: sum(row.status is Status.COMPLETED and row.slot > end for row in rows) >= 2
        )
        held = [row for row in rows if row.status in {Status.MISSED, Status.SKIPPED} and begin < row.slot < end]
        assert {(row.status, row.reason) for row in held} <= {(Status.MISSED, Reason.DATABASE)}
        assert sum(row.slot_count for row in held) >= (int(seconds) - 3 if coalesce else 0)
        ran = [row for row in rows if row.status is Status.COMPLETED]
        wall = time.time() - time.monotonic()
        for row, request in zip(ran, target.requests, strict=False):
            assert row.started_at is not None
            assert abs(row.started_at.timestamp() - request.at - wall) < LEAVES_SEC

    async def test_a_service_with_nothing_due_notices_that_its_database_is_gone(self, parts: Parts) -> None:
        database = next(parts.folder.glob("*.db"))
        away = database.rename(database.with_suffix(".away"))
        error = await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: error is not None)
        assert "removed or replaced" in str(error)
        away.rename(database)
        await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: error is None)

    async def test_a_failure_after_the_last_claim_is_not_forgotten(
        self, parts: Parts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A claim that was committed before it may be answered while another write has failed since."""

        async def claim_all() -> None:
            monkeypatch.undo()
            parts.store_health.failed(StoreUnavailableError("it is gone"))

        monkeypatch.setattr(parts.dispatcher._claiming, "_claim_all", claim_all)
        parts.dispatcher._claiming._has_work.set()
        await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: str(error) == "it is gone")
        assert "the database can be used again" not in caplog.messages
        await until(lambda: asyncio.sleep(0, parts.store_health.error), lambda error: error is None)
        said = [message for message in caplog.messages if "the database can" in message]
        assert said == [
            "the database can't be used, so nothing is sent until it can: it is gone",
            "the database can be used again",
        ]

    async def test_what_is_claimed_after_the_drain_is_interrupted_and_not_sent(
        self, parts: Parts, target: Target
    ) -> None:
        await parts.create("a", **soon(3600), target_url=target.url())
        is_held, may_go = threading.Event(), threading.Event()

        def hold(_connection: Connection) -> None:
            is_held.set()
            may_go.wait(PATIENCE)

        holding = asyncio.create_task(parts.store.write(hold))
        await asyncio.to_thread(is_held.wait, PATIENCE)
        late = asyncio.create_task(parts.dispatcher.trigger("a", by="test"))
        await until(lambda: asyncio.sleep(0, parts.dispatcher.flights.are_over), lambda is_over: not is_over)
        stopping = asyncio.create_task(parts.dispatcher.stop(0))
        await until(lambda: asyncio.sleep(0, parts.dispatcher.flights.cut_off), bool)
        may_go.set()
        execution_id = (await late).execution_id
        await asyncio.gather(stopping, holding)
        row = await parts.row_where("a", lambda row: row.execution_id == execution_id)
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.SHUTDOWN, 0)
        assert target.requests == []

    async def test_a_trigger_that_waits_for_the_database_is_refused_by_the_shutdown(
        self, parts: Parts, target: Target
    ) -> None:
        await parts.create("a", **soon(3600), target_url=target.url())
        sent = await fill_by_triggers(parts, "a")
        stuck = asyncio.create_task(parts.dispatcher.trigger("a", by="test", may_overlap=True))
        await received(target, sent)
        await parts.dispatcher.stop(0)
        with pytest.raises(StoreUnavailableError, match="stopped"):
            await stuck
        parts.make_room()
        assert len(await parts.rows("a")) == len(target.requests) == sent
