"""What is pruned from the history and what stays, on real SQLite and real PostgreSQL."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from myscheduler.adapters.store import Connection, Store, open_store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.adapters.store.rows import retention as retention_rows
from myscheduler.adapters.store.rows import unrun as unrun_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.unrun import UnrunOfJob
from myscheduler.adapters.store.tables import executions, progress
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, Status
from myscheduler.core.history.repeats import KEPT, Kept
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.incidents.incident import EndReason
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.upkeep import pruner
from myscheduler.service.upkeep.pruner import AUDIT_AGE, BATCH, REST, Pruner
from tests.support.parts import job, until
from tests.support.stored import NOW, incident

pytestmark = pytest.mark.anyio

DAYS = 30
EDGE = NOW - timedelta(DAYS)
DAY = timedelta(1)
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
NOTHING = {"too_old": 0, "too_many": 0}

T = TypeVar("T")


class Watched(Store):
    """Knows what was written through it, and can be told to fail."""

    def __init__(self, store: Store) -> None:
        super().__init__(store._engine, store._writer, store._readers, store.vitals)
        self.written: list[Any] = []
        self.began: list[float] = []
        self.reads = 0
        self.slowness = 0.0
        self.before_write: Callable[[], None] = lambda: None

    async def read(self, query: Callable[[Connection], T]) -> T:
        self.reads += 1
        return await super().read(query)

    async def write(self, work: Callable[[Connection], T]) -> T:
        self.began.append(time.monotonic())
        self.before_write()
        await asyncio.sleep(self.slowness)
        result = await super().write(work)
        self.written.append(result)
        return result


@pytest.fixture
def store(url: str) -> Iterator[Watched]:
    with open_store(url) as opened_store:
        yield Watched(opened_store)


async def exists(store: Store, *names: str) -> list[Job]:
    new = [job(name, EDGE - 100 * DAY) for name in names]
    await Store.write(store, partial(job_rows.insert_jobs, new=new))  # unwatched
    return new


def row(job_id: str, slot: datetime, **fields: Any) -> dict[str, Any]:
    """A scheduled execution that was completed at once."""
    return {
        "execution_id": new_execution_id(slot),
        "job_id": job_id,
        "slot": slot,
        "kind": Kind.SCHEDULED,
        "cause": Cause.TIMER,
        "status": Status.COMPLETED,
        "last_slot": slot,
        "slot_count": 1,
        "attempts": 1,
    } | fields


async def put(store: Store, *rows: dict[str, Any]) -> None:
    def insert(connection: Connection) -> None:
        connection.execute(sa.insert(executions), list(rows))

    await Store.write(store, insert)


async def shows(store: Store, job_id: str, execution_id: str) -> None:
    """Make an execution the last one of its job."""
    change = sa.update(progress).where(progress.c.job_id == job_id).values(last_execution_id=execution_id)
    await Store.write(store, lambda connection: connection.execute(change).close())


async def slots(store: Store, job_id: str = "a") -> list[datetime]:
    """Of the job's history, oldest first."""
    found = await Store.read(store, partial(execution_rows.of_job, job_id=job_id, limit=100_000))
    return [one.slot for one in found][::-1]


async def prune(store: Store, *, days: int = DAYS, rows: int = 10_000, now: datetime = NOW) -> dict[str, int]:
    return dict(await Pruner(store, days=days, rows=rows, now=lambda: now).prune())


@pytest.mark.parametrize("moment", [NOW, NOW + timedelta(microseconds=123_456), datetime(2100, 1, 1, tzinfo=UTC)])
def test_the_lowest_id_parts_what_is_before_a_moment_from_the_rest(moment: datetime) -> None:
    lowest = retention_rows.lowest_id(moment)
    assert new_execution_id(moment - 2 * MILLISECOND) < lowest <= new_execution_id(moment)


def test_nothing_is_older_than_1970() -> None:
    dawn = datetime(1970, 1, 1, tzinfo=UTC)
    assert retention_rows.lowest_id(dawn - 1000 * DAY) == retention_rows.lowest_id(dawn) < new_execution_id(dawn)


class TestByAge:
    async def test_what_is_older_goes_and_nothing_else(self, store: Watched) -> None:
        await exists(store, "a")
        times = [EDGE - DAY, EDGE - MILLISECOND, EDGE, EDGE + MILLISECOND, NOW]
        await put(store, *(row("a", slot) for slot in times))
        assert await prune(store) == {"too_old": 2, "too_many": 0}
        assert await slots(store) == times[2:]

    async def test_the_age_of_what_was_sent_late_is_that_of_its_claim(self, store: Watched) -> None:
        await exists(store, "a")
        late = row("a", EDGE - DAY, execution_id=new_execution_id(EDGE))
        await put(store, late, row("a", NOW))
        assert await prune(store) == NOTHING

    async def test_what_is_running_stays(self, store: Watched) -> None:
        await put(store, row("gone", EDGE - DAY, status=Status.RUNNING), row("gone", EDGE - MINUTE))
        assert await prune(store) == {"too_old": 1, "too_many": 0}
        assert await slots(store, "gone") == [EDGE - DAY]

    async def test_what_a_running_chain_is_decided_by_stays(self, store: Watched) -> None:
        def chain(day: int, status: Status) -> list[dict[str, Any]]:
            slot, root = EDGE - day * DAY, new_execution_id(EDGE - day * DAY)
            of_chain = {"chain_id": root, "kind": Kind.CHAINED}
            return [
                row("root", slot, execution_id=root),
                row("ended", slot, execution_id=new_execution_id(slot), **of_chain),
                row("last", slot, execution_id=new_execution_id(slot), status=status, **of_chain),
            ]

        for one in (*chain(3, Status.COMPLETED), *chain(2, Status.RUNNING), *chain(1, Status.FAILED)):
            await put(store, {"chain_id": None, **one})
        assert await prune(store) == {"too_old": 6, "too_many": 0}
        for name in ("root", "ended", "last"):
            assert await slots(store, name) == [EDGE - 2 * DAY]

    async def test_the_last_execution_of_a_job_stays(self, store: Watched) -> None:
        await exists(store, "a")
        last = row("a", EDGE - 2 * DAY, kind=Kind.MANUAL)
        await put(store, row("a", EDGE - 3 * DAY), last, row("a", EDGE - DAY, kind=Kind.MANUAL), row("a", NOW))
        await shows(store, "a", last["execution_id"])
        assert await prune(store) == {"too_old": 2, "too_many": 0}
        assert await slots(store) == [EDGE - 2 * DAY, NOW]

    async def test_the_newest_scheduled_row_of_a_job_stays(self, store: Watched) -> None:
        await exists(store, "a")
        await put(store, *(row("a", EDGE - days * DAY) for days in (1, 2, 3)), row("a", NOW, kind=Kind.MANUAL))
        assert await prune(store) == {"too_old": 2, "too_many": 0}
        assert await slots(store) == [EDGE - DAY, NOW]

    async def test_a_row_of_slots_that_did_not_run_is_as_old_as_its_last_slot(self, store: Watched) -> None:
        gap = {"status": Status.SKIPPED, "reason": Reason.PAUSED, "slot_count": 9}
        await put(
            store,
            row("gone", EDGE - 5 * DAY, last_slot=EDGE - timedelta(microseconds=1), **gap),
            row("gone", EDGE - 4 * DAY, last_slot=EDGE, **gap),
        )
        assert await prune(store) == {"too_old": 1, "too_many": 0}
        assert await slots(store, "gone") == [EDGE - 4 * DAY]

    async def test_a_row_that_stays_goes_on_growing(self, store: Watched) -> None:
        await exists(store, "a")
        first, second = EDGE - 5 * DAY, EDGE - 3 * DAY
        for slot in (first, second):
            gap = Unrun(Status.SKIPPED, Reason.PAUSED, slot, slot + DAY, 2)
            await Store.write(store, partial(unrun_rows.record_unrun, unrun=[UnrunOfJob("a", (gap,), "d" * 64, None)]))
            assert await prune(store) == NOTHING
        (only,) = await Store.read(store, partial(execution_rows.of_job, job_id="a", limit=10))
        assert (only.slot, only.last_slot, only.slot_count) == (first, second + DAY, 4)

    async def test_the_history_of_a_removed_job_goes_as_a_whole(self, store: Watched) -> None:
        await exists(store, "a")
        last = row("a", EDGE - DAY)
        await put(store, last)
        await shows(store, "a", last["execution_id"])
        assert await prune(store) == NOTHING
        await Store.write(store, partial(job_rows.delete_jobs, job_ids=["a"]))
        assert await prune(store) == {"too_old": 1, "too_many": 0}
        assert await slots(store) == []


_KINDS = (Kind.SCHEDULED, Kind.MANUAL)


class TestByCount:
    @pytest.mark.parametrize(("rows", "removed"), [(9, 1), (10, 0), (11, 0)])
    async def test_the_newest_stay(self, store: Watched, rows: int, removed: int) -> None:
        await exists(store, "a", "b")
        times = [NOW - number * MINUTE for number in range(10)][::-1]
        await put(store, *(row(name, slot) for name in "ab" for slot in times))
        assert await prune(store, rows=rows) == {"too_old": 0, "too_many": 2 * removed}
        for name in "ab":
            assert await slots(store, name) == times[removed:]

    async def test_a_scheduled_and_a_manual_run_of_one_moment_are_two(self, store: Watched) -> None:
        await put(store, *(row("gone", NOW - minutes * MINUTE, kind=kind) for minutes in (0, 1) for kind in _KINDS))
        assert await prune(store, rows=3) == {"too_old": 0, "too_many": 1}
        assert await slots(store, "gone") == [NOW - MINUTE, NOW, NOW]
        assert await prune(store, rows=1) == {"too_old": 0, "too_many": 2}
        assert await slots(store, "gone") == [NOW]

    async def test_what_a_job_needs_stays_beyond_the_count(self, store: Watched) -> None:
        await exists(store, "a")
        last = row("a", NOW - 8 * MINUTE, kind=Kind.MANUAL)
        manual = [row("a", NOW - minutes * MINUTE, kind=Kind.MANUAL) for minutes in range(5)]
        await put(
            store,
            row("a", NOW - 9 * MINUTE, status=Status.RUNNING),
            last,
            row("a", NOW - 7 * MINUTE),
            row("a", NOW - 6 * MINUTE),
            *manual,
        )
        await shows(store, "a", last["execution_id"])
        assert await prune(store, rows=2) == {"too_old": 0, "too_many": 4}
        assert await slots(store) == [NOW - minutes * MINUTE for minutes in (9, 8, 6, 1, 0)]

    async def test_the_history_of_every_job_is_looked_at(self, store: Watched) -> None:
        names = ["B", "Z", "a", "a-b", "ab", "z", "é", "あ"]
        await exists(store, "a", "あ", "without a history")
        await put(store, *(row(name, NOW - minutes * MINUTE) for name in names for minutes in range(3)))
        assert await prune(store, rows=1) == {"too_old": 0, "too_many": 2 * len(names)}
        assert {name: len(await slots(store, name)) for name in names} == dict.fromkeys(names, 1)


class TestPass:
    async def test_no_transaction_removes_more_than_a_batch(self, store: Watched) -> None:
        ahead = 2 * BATCH + 7
        await put(store, *(row("old", EDGE - number * MINUTE) for number in range(1, ahead + 1)))
        await put(store, *(row("many", NOW - number * MINUTE) for number in range(ahead + 3)))
        assert await prune(store, rows=3) == {"too_old": ahead, "too_many": ahead}
        assert store.written == [BATCH, BATCH, 7] * 2

    async def test_what_stays_does_not_end_a_pass_nor_is_it_looked_at_again(self, store: Watched) -> None:
        running = [row("r", EDGE - DAY - number * MINUTE, status=Status.RUNNING) for number in range(3 * BATCH - 2)]
        await put(store, *running, row("a", EDGE - MINUTE))
        assert await prune(store) == {"too_old": 1, "too_many": 0}
        assert (store.written, store.reads) == (
            [1],
            3 + 5,
        )  # three pages; the job that has rows, and none after; the audit; the incidents; the keys

    async def test_where_there_is_nothing_to_do_nothing_is_written(self, store: Watched) -> None:
        await exists(store, "a")
        await put(store, *(row("a", NOW - number * MINUTE) for number in range(100)))
        assert await prune(store) == NOTHING
        assert (store.written, store.reads) == ([], 6)  # old rows, "a", no further job, audit, incidents, keys

    async def test_the_audit_trail_is_kept_for_longer(self, store: Watched) -> None:
        ages = [AUDIT_AGE - DAY, *(AUDIT_AGE + number * MINUTE for number in range(1, BATCH + 2))]
        entries = [AuditEntry(NOW - age, "Ada", AuditAction.CREATED, "a") for age in ages]
        await store.write(partial(audit_rows.add, entries=entries))
        store.written.clear()
        assert await prune(store) == {**NOTHING, "of_audit": BATCH + 1}
        assert store.written == [BATCH, 1]
        assert (await store.read(partial(audit_rows.page, job_id="a", limit=9))).entries == entries[:1]

    async def test_incidents_that_are_over_are_kept_as_long(self, store: Watched) -> None:
        ages = [AUDIT_AGE - DAY, *(AUDIT_AGE + number * MINUTE for number in range(1, BATCH + 2))]
        for age in ages:
            ended = incident(
                "a", new_execution_id(NOW - age), NOW - age, ended_at=NOW - age, end_reason=EndReason.RECOVERED
            )
            await store.write(partial(incident_rows.insert, new=ended))
        lasting = incident("a", new_execution_id(NOW - 2 * AUDIT_AGE), NOW - 2 * AUDIT_AGE)
        await store.write(partial(incident_rows.insert, new=lasting))
        store.written.clear()
        assert await prune(store) == {**NOTHING, "of_incidents": BATCH + 1}
        assert store.written == [BATCH, 1]
        left = (await store.read(partial(incident_rows.page, limit=9))).incidents
        assert [one.is_open for one in left] == [False, True]

    async def test_after_each_batch_the_writer_is_left_to_others(self, store: Watched) -> None:
        await put(store, *(row("old", EDGE - number * MINUTE) for number in range(1, 3 * BATCH + 1)))
        store.slowness = 0.02
        await prune(store)
        assert len(store.began) == 3
        assert all(later - earlier >= (1 + REST) * store.slowness for earlier, later in pairwise(store.began))

    async def test_a_row_that_became_needed_meanwhile_stays(self, store: Watched) -> None:
        one, other = row("a", EDGE - 2 * DAY), row("a", EDGE - DAY)
        await put(store, one, other)
        page = await store.read(partial(retention_rows.older_than, moment=EDGE, after=None, limit=9))
        assert page.execution_ids == [one["execution_id"], other["execution_id"]]
        await exists(store, "a")
        assert await store.write(partial(retention_rows.remove, execution_ids=page.execution_ids)) == 1
        assert await slots(store) == [EDGE - DAY]

    async def test_claims_and_ends_beside_a_pass_are_not_lost(self, store: Watched) -> None:
        (new,) = await exists(store, "a")
        await put(store, *(row("a", EDGE - number * MINUTE) for number in range(1, 5 * BATCH + 1)))
        passing = asyncio.create_task(prune(store, rows=3))
        sent = 0
        while not passing.done() or sent < 10:
            slot = NOW + sent * MINUTE
            execution = Execution(
                new_execution_id(slot), "a", slot, Kind.SCHEDULED, Cause.TIMER, new.digest, None, slot
            )
            claim = Claim("a", new.version, new.digest, None, (), execution, slot, slot + MINUTE)
            assert await Store.write(store, partial(claim_rows.claim, claims=[claim])) == [True]
            end = Finish(execution.execution_id, Status.COMPLETED, slot, slot, 1, Outcome(200, None, None, 2, "ok"))
            await Store.write(store, partial(claim_rows.finish, finishes=[end]))
            sent += 1
        assert (await passing)["too_old"] == 5 * BATCH
        await prune(store, rows=3)
        left = await store.read(partial(execution_rows.of_job, job_id="a", limit=100))
        assert [(one.slot, one.status) for one in left] == [
            (NOW + number * MINUTE, Status.COMPLETED) for number in (sent - 1, sent - 2, sent - 3)
        ]
        assert (await store.read(partial(job_rows.find_jobs, job_ids=["a"])))["a"].execution_count == sent

    async def test_answers_of_repeated_requests_are_kept_for_a_day(self, store: Watched) -> None:
        for number, age in enumerate((KEPT + MINUTE, KEPT - MINUTE)):
            kept = Kept(f"k-{number}", "", NOW - age, {"job_id": "a"})
            await Store.write(store, partial(key_rows.keep, kept=[kept]))
        await prune(store)
        find = partial(key_rows.find, since=NOW - 2 * KEPT)
        assert await store.read(partial(find, key="k-0")) is None
        assert (await store.read(partial(find, key="k-1"))) == kept

    async def test_after_trouble_the_next_pass_removes_the_rest(
        self, store: Watched, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail_later() -> None:
            if store.written:
                raise StoreUnavailableError("no room")

        caplog.set_level(logging.INFO)
        await put(store, *(row("old", EDGE - number * MINUTE) for number in range(1, 2 * BATCH + 1)))
        store.before_write = fail_later
        assert await prune(store) == {"too_old": BATCH, "too_many": 0}
        store.before_write = lambda: None
        assert await prune(store) == {"too_old": BATCH, "too_many": 0}
        assert await prune(store) == NOTHING
        assert [(one.message, vars(one)["too_old"]) for one in caplog.records] == [("history pruned", BATCH)] * 2


class TestRun:
    @pytest.mark.parametrize(
        ("error", "lines"),
        [(StoreUnavailableError("locked"), []), (ValueError("a bug"), ["a bug ended a pass over the history"])],
    )
    async def test_it_goes_on_after_whatever_happens(
        self,
        store: Watched,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        error: Exception,
        lines: list[str],
    ) -> None:
        def fail_once() -> None:
            store.before_write = lambda: None
            raise error

        monkeypatch.setattr(pruner, "FIRST_SEC", 0.0)
        monkeypatch.setattr(pruner, "PAUSE_SEC", 0.01)
        await put(store, row("old", EDGE - DAY))
        store.before_write = fail_once
        running = asyncio.create_task(Pruner(store, days=DAYS, rows=1, now=lambda: NOW).run())
        await until(partial(slots, store, "old"), lambda left: not left)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
        assert [one.message for one in caplog.records if one.levelno > logging.INFO] == lines
