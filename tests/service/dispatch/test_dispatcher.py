"""From a slot to a call and its row in the history: real timers, real SQLite, a real target."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.dispatch.admission import Reason
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Kind, Record, Status
from myscheduler.errors import JobNotFoundError, StoreUnavailableError
from tests.support.parts import PATIENCE, Clock, Parts, opened, soon, spec, until
from tests.support.target import Answer, HangUp, Received, Silence, Target

pytestmark = pytest.mark.anyio

LEAVES_SEC = 0.5
"""Generous: so far a request leaves and arrives apart, on a machine that does other things, too."""


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        yield running


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path, drain_sec=0) as running:
        running.runner.start()
        yield running


async def received(target: Target, count: int) -> list[Received]:
    return await asyncio.to_thread(target.wait_for, count, PATIENCE)


def is_over(row: Record) -> bool:
    return row.status is not Status.RUNNING


class TestSending:
    async def test_an_interval_fires_on_time_and_again(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(0.2, every=1), target_url=target.url("/run"))
        requests = await received(target, 2)
        assert [(one.method, one.target) for one in requests[:2]] == [("GET", "/run")] * 2
        rows = await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) >= 2)
        for row, request in zip(rows, requests, strict=False):
            assert (row.status, row.kind, row.cause, row.attempts) == (Status.COMPLETED, Kind.SCHEDULED, Cause.TIMER, 1)
            assert (row.http_status, row.response_size, row.error) == (200, 2, None)
            assert row.started_at is not None
            assert timedelta() <= row.started_at - row.slot < timedelta(seconds=1)
            assert datetime.fromisoformat(request.header("X-MyScheduler-Scheduled-At") or "") == row.slot
            assert request.header("X-MyScheduler-Execution-Id") == row.execution_id
            assert request.header("X-MyScheduler-Job-Id") == "a"
        assert {later.slot - earlier.slot for earlier, later in pairwise(rows)} == {timedelta(seconds=1)}
        job = (await parts.jobs())["a"]
        assert job.execution_count == len(await parts.rows("a"))
        assert job.cursor == (await parts.rows("a"))[-1].slot

    async def test_retries_share_one_row_and_one_key(self, parts: Parts, target: Target) -> None:
        target.answers("/flaky", Answer(503), HangUp(), Answer(200, b"at last"))
        fields = {"method": "POST", "body": {"x": 1}, "max_retries": 5, "retry_backoff_sec": 0.02}
        await parts.create("a", target_url=target.url("/flaky"), **fields)
        await parts.runner.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.http_status, row.excerpt) == (Status.COMPLETED, 3, 200, "at last")
        requests = target.requests
        assert [one.header("X-MyScheduler-Attempt") for one in requests] == ["1", "2", "3"]
        assert {one.header("Idempotency-Key") for one in requests} == {row.execution_id}
        assert {one.header("User-Agent") for one in requests} == {"myscheduler/test"}
        assert {one.body for one in requests} == {b'{"x":1}'}
        assert len(await parts.rows("a")) == 1
        assert (await parts.jobs())["a"].execution_count == 1

    async def test_retries_run_out(self, parts: Parts, target: Target) -> None:
        target.answers("/down", Answer(500, b"no"))
        await parts.create("a", target_url=target.url("/down"), max_retries=2, retry_backoff_sec=0.1)
        await parts.runner.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.http_status, row.excerpt) == (Status.FAILED, 3, 500, "no")
        assert row.error
        first, second, third = (one.at for one in target.requests)
        assert second - first >= 0.1
        assert third - second >= 0.2

    @pytest.mark.parametrize("status", [400, 404, 429])
    async def test_a_4xx_is_final(self, parts: Parts, target: Target, status: int) -> None:
        target.answers("/wrong", Answer(status))
        await parts.create("a", target_url=target.url("/wrong"), max_retries=5, retry_backoff_sec=0)
        await parts.runner.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.http_status) == (Status.FAILED, 1, status)
        assert len(target.requests) == 1

    async def test_the_timeout_of_the_job_counts(self, parts: Parts, target: Target) -> None:
        target.answers("/slow", Silence())
        await parts.create("a", target_url=target.url("/slow"), timeout_sec=0.1)
        await parts.runner.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.http_status) == (Status.FAILED, 1, None)

    async def test_many_at_once_end_all(self, parts: Parts, target: Target) -> None:
        names = [f"job-{number}" for number in range(200)]
        when = soon(3.0)
        await asyncio.gather(*(parts.create(name, **when, target_url=target.url(f"/{name}")) for name in names))
        requests = await received(target, 200)
        assert {one.target for one in requests} == {f"/{name}" for name in names}
        rows = await until(
            lambda: parts.store.read(partial(execution_rows.recent, limit=500)),
            lambda rows: len(rows) == 200 and all(map(is_over, rows)),
        )
        assert {row.status for row in rows} == {Status.COMPLETED}

    async def test_no_more_than_the_limit_are_in_flight(self, tmp_path: Path, target: Target) -> None:
        target.answers("/slow", Answer(delay=0.3))
        async with opened(tmp_path, limit=2) as parts:
            when = soon(1.5)
            for name in "abcde":
                await parts.create(name, **when, target_url=target.url("/slow"))
            parts.runner.start()
            first, second, third, fourth, fifth = (one.at for one in await received(target, 5))
        assert third - first >= 0.25
        assert fifth - third >= 0.25
        assert fourth - second >= 0.25


class TestLimitsOfAJob:
    async def test_overlapping_slots_are_skipped_and_share_a_row(self, parts: Parts, target: Target) -> None:
        target.answers("/slow", Answer(delay=2.5), Answer())
        await parts.create("a", **soon(0.1, every=1), target_url=target.url("/slow"))
        rows = await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) >= 2)
        ran, skipped, again = rows[:3]
        assert (ran.status, again.status) == (Status.COMPLETED, Status.COMPLETED)
        assert (skipped.status, skipped.reason, skipped.slot_count) == (Status.SKIPPED, Reason.OVERLAP, 2)
        assert (skipped.started_at, skipped.attempts) == (None, 0)
        second = timedelta(seconds=1)
        assert [skipped.slot - ran.slot, skipped.last_slot - ran.slot, again.slot - ran.slot] == [
            second,
            2 * second,
            3 * second,
        ]
        assert (await parts.jobs())["a"].execution_count == len(target.requests)

    async def test_two_instances_may_overlap_and_no_third(self, parts: Parts, target: Target) -> None:
        target.answers("/slow", Silence())
        await parts.create("a", **soon(0.1, every=1), target_url=target.url("/slow"), max_instances=2)
        rows = await parts.rows_where("a", lambda rows: len(rows) >= 3)
        assert [row.status for row in rows] == [Status.RUNNING, Status.RUNNING, Status.SKIPPED]
        assert len(target.requests) == 2

    async def test_slots_that_wait_for_room_together_run_once(self, tmp_path: Path, target: Target) -> None:
        target.answers("/slow", Answer(delay=3))
        async with opened(tmp_path, limit=1) as parts:
            parts.runner.start()
            await parts.create("slow", **soon(0.1), target_url=target.url("/slow"))
            await received(target, 1)
            await parts.create("a", **soon(0.1, every=1), target_url=target.url("/a"), max_instances=5)
            rows = await parts.rows_where("a", lambda rows: any(row.status is Status.COMPLETED for row in rows))
        waited, ran = rows[:2]
        assert (waited.status, waited.reason) == (Status.SKIPPED, Reason.COALESCED)
        assert waited.slot_count >= 2
        assert (ran.status, ran.slot - waited.last_slot) == (Status.COMPLETED, timedelta(seconds=1))


async def slept(folder: Path, clock: Clock, target: Target, job_id: str = "a", **fields: object) -> None:
    """A job that was made at `clock`, by a service that was then down until now."""
    async with opened(folder, clock=clock) as parts:
        await parts.create(job_id, **({"target_url": target.url("/run")} | fields))


class TestAfterDowntime:
    async def test_what_was_due_runs_once_and_the_rest_is_recorded(self, tmp_path: Path, target: Target) -> None:
        await slept(tmp_path, Clock(timedelta(minutes=-35)), target, interval={"minutes": 10})
        async with opened(tmp_path) as parts:
            parts.runner.start()
            await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
            rows = await parts.rows("a")
            assert [(row.status, row.reason, row.slot_count, row.cause) for row in rows] == [
                (Status.SKIPPED, Reason.COALESCED, 2, Cause.TIMER),
                (Status.COMPLETED, None, 1, Cause.CATCH_UP),
            ]
            assert len(target.requests) == 1
            assert (await parts.jobs())["a"].next_slot == rows[-1].slot + timedelta(minutes=10)

    async def test_past_grace_is_missed_and_not_sent(self, tmp_path: Path, target: Target) -> None:
        await slept(tmp_path, Clock(timedelta(minutes=-35)), target, interval={"minutes": 10}, misfire_grace_time=60)
        async with opened(tmp_path) as parts:
            parts.runner.start()
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.MISSED, Reason.DEADLINE, 3)
            assert len(await parts.rows("a")) == 1
            assert (await parts.jobs())["a"].execution_count == 0
        assert target.requests == []

    async def test_without_coalesce_each_runs_one_after_the_other(self, tmp_path: Path, target: Target) -> None:
        target.answers("/run", Answer(delay=0.1))
        await slept(tmp_path, Clock(timedelta(minutes=-35)), target, interval={"minutes": 10}, coalesce=False)
        async with opened(tmp_path) as parts:
            parts.runner.start()
            rows = await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) >= 3)
            assert [(row.status, row.slot_count) for row in rows] == [(Status.COMPLETED, 1)] * 3
            slots = [datetime.fromisoformat(one.header("X-MyScheduler-Scheduled-At") or "") for one in target.requests]
            assert slots == [row.slot for row in rows]
        assert all(later.at - earlier.at >= 0.1 for earlier, later in pairwise(target.requests))

    async def test_nothing_is_caught_up_on_where_the_job_says_so(self, tmp_path: Path, target: Target) -> None:
        await slept(tmp_path, Clock(timedelta(minutes=-35)), target, interval={"minutes": 10}, catchup="none")
        async with opened(tmp_path) as parts:
            parts.runner.start()
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.MISSED, Reason.CATCHUP, 3)
            assert (await parts.jobs())["a"].execution_count == 0
        assert target.requests == []

    async def test_several_cron_schedules_are_caught_up_on_as_one(self, tmp_path: Path, target: Target) -> None:
        crons = ["*/10 * * * *", "*/5 * * * *", "0,20,40 * * * *"]
        now = datetime.now(UTC)
        past_the_hour = now.replace(minute=2, second=0) - now  # no slot falls due while the test runs
        made = Clock(past_the_hour - timedelta(minutes=36))
        await slept(tmp_path, made, target, cron=crons, coalesce=False, max_instances=10)
        async with opened(tmp_path, clock=Clock(past_the_hour)) as parts:
            parts.runner.start()
            rows = await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) >= 7)
            slots = [row.slot for row in rows if row.cause is Cause.CATCH_UP]
            assert len(slots) == len(set(slots)) == 7
            assert {slot.minute % 5 for slot in slots} == {0}
        assert len(target.requests) == 7

    async def test_a_slot_by_the_calendar_is_caught_up_on(self, tmp_path: Path, target: Target) -> None:
        due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
        fields = {"interval": {"weeks": 2}, "anchor": (due - timedelta(days=28)).isoformat(), "clock": "wall"}
        async with opened(tmp_path, clock=Clock(timedelta(minutes=-35))) as parts:
            await parts.create("a", target_url=target.url("/run"), timezone="Asia/Tokyo", **fields)
        for _ in range(2):
            async with opened(tmp_path) as parts:
                parts.runner.start()
                row = await parts.row_where("a", is_over)
                assert (row.status, row.slot, row.cause) == (Status.COMPLETED, due, Cause.CATCH_UP)
                assert (await parts.jobs())["a"].next_slot == due + timedelta(days=14)
        assert len(target.requests) == 1

    async def test_a_one_off_that_fell_due_runs_once(self, tmp_path: Path, target: Target) -> None:
        at = datetime.now(UTC) - timedelta(minutes=5)
        await slept(tmp_path, Clock(timedelta(minutes=-35)), target, run_at=at.isoformat())
        for _ in range(2):
            async with opened(tmp_path) as parts:
                parts.runner.start()
                row = await parts.row_where("a", is_over)
                assert (row.status, row.slot, row.cause) == (Status.COMPLETED, at, Cause.CATCH_UP)
                assert (await parts.jobs())["a"].next_slot is None
        assert len(target.requests) == 1

    async def test_a_paused_job_stays_silent_and_says_so(self, tmp_path: Path, target: Target) -> None:
        clock = Clock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me")
        async with opened(tmp_path) as parts:
            parts.runner.start()
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.SKIPPED, Reason.PAUSED, 3)
        assert target.requests == []

    async def test_a_pause_ends_by_itself_at_its_moment(self, tmp_path: Path, target: Target) -> None:
        """The slot at its end runs on time, though nobody has taken the pause off."""
        first = datetime.now(UTC) + timedelta(seconds=1)
        async with opened(tmp_path) as parts:
            fields = {"interval": {"seconds": 1}, "anchor": (first - timedelta(seconds=60)).isoformat()}
            await parts.create("a", target_url=target.url(), **fields)
            end = first + timedelta(seconds=1)
            await parts.catalog.pause("a", by="me", until=end)
            parts.runner.start()
            row = await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
            assert (row.slot, row.cause) == (end, Cause.TIMER)
            paused = (await parts.rows("a"))[0]
            assert (paused.status, paused.reason, paused.last_slot) == (Status.SKIPPED, Reason.PAUSED, first)
            await parts.catalog.end_pauses()
            assert (await parts.jobs())["a"].pause is None
            rows = await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) > 1)
            slots = [row.slot for row in rows if row.status is Status.COMPLETED]
            assert slots == [end + n * timedelta(seconds=1) for n in range(len(slots))]

    async def test_a_pause_that_ended_while_the_service_was_down(self, tmp_path: Path, target: Target) -> None:
        clock = Clock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me", until=datetime.now(UTC) - timedelta(minutes=10))
        async with opened(tmp_path) as parts:
            await parts.catalog.end_pauses()
            parts.runner.start()
            rows = await parts.rows_where("a", lambda rows: any(is_over(row) and row.started_at for row in rows))
            told = [(row.status, row.reason, row.slot_count) for row in rows]
            assert told == [(Status.SKIPPED, Reason.PAUSED, 2), (Status.COMPLETED, None, 1)]
        assert len(target.requests) == 1

    async def test_what_was_in_flight_at_a_crash_is_interrupted_and_not_sent_again(
        self, tmp_path: Path, target: Target
    ) -> None:
        slot = datetime.now(UTC) - timedelta(minutes=5)
        clock = Clock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            job = await parts.create("a", run_at=slot.isoformat(), target_url=target.url())
            execution = Execution("x", "a", slot, Kind.SCHEDULED, Cause.TIMER, job.digest, None, slot)
            claim = Claim("a", job.version, job.digest, None, (), execution, slot, None)
            assert await parts.store.write(partial(execution_rows.claim, claims=[claim])) == [True]
        async with opened(tmp_path) as parts:
            parts.runner.start()
            await parts.create("b", target_url=target.url("/b"))
            await parts.runner.trigger("b", by="me")
            await received(target, 1)
            (row,) = await parts.rows("a")
            assert (row.status, row.reason) == (Status.INTERRUPTED, Reason.CRASH)
        assert [one.target for one in target.requests] == ["/b"]


class TestManual:
    async def test_a_paused_job_runs_when_told_to(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        before = await parts.catalog.pause("a", by="me")
        execution_id = (await parts.runner.trigger("a", by="Ada")).execution_id
        row = await parts.row_where("a", is_over)
        assert (row.execution_id, row.status, row.kind) == (execution_id, Status.COMPLETED, Kind.MANUAL)
        assert (row.cause, row.requested_by) == (Cause.API, "Ada")
        job = (await parts.jobs())["a"]
        assert (job.is_paused, job.cursor, job.next_slot) == (True, before.cursor, before.next_slot)
        assert job.execution_count == 1

    async def test_it_runs_beside_a_scheduled_one(self, parts: Parts, target: Target) -> None:
        target.answers("/slow", Silence())
        await parts.create("a", **soon(0.1), target_url=target.url("/slow"))
        await received(target, 1)
        await parts.runner.trigger("a", by="me", may_overlap=True)
        await received(target, 2)
        assert [row.kind for row in await parts.rows("a")] == [Kind.SCHEDULED, Kind.MANUAL]

    async def test_each_request_is_a_run_of_its_own(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        runs = await asyncio.gather(*(parts.runner.trigger("a", by="me", may_overlap=True) for _ in range(50)))
        ids = [run.execution_id for run in runs]
        assert len(set(ids)) == 50
        await received(target, 50)
        rows = await parts.rows_where("a", lambda rows: len(rows) == 50 and all(map(is_over, rows)))
        assert {row.execution_id for row in rows} == set(ids)

    async def test_an_unknown_job(self, parts: Parts) -> None:
        with pytest.raises(JobNotFoundError, match="'nobody'"):
            await parts.runner.trigger("nobody", by="me")


class TestOverlap:
    """A job of every second whose target takes more than two."""

    async def begun(self, parts: Parts, target: Target, overlap: str) -> None:
        target.answers("/slow", Answer(delay=2.3))
        await parts.create("a", interval={"seconds": 1}, target_url=target.url("/slow"), overlap=overlap)

    async def test_queue_lets_the_newest_slot_wait(self, parts: Parts, target: Target) -> None:
        await self.begun(parts, target, "queue")
        rows = await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) >= 2)
        first, second = sorted((row for row in rows if row.status is Status.COMPLETED), key=lambda row: row.slot)[:2]
        assert (second.started_at or first.slot) >= (first.completed_at or second.slot)
        assert {row.reason for row in rows} <= {None, Reason.COALESCED}
        assert all(later.at - earlier.at >= 2.3 for earlier, later in pairwise(target.requests))

    async def test_replace_cuts_off_the_one_before(self, parts: Parts, target: Target) -> None:
        await self.begun(parts, target, "replace")
        await received(target, 3)
        rows = await parts.rows_where("a", lambda rows: sum(row.reason == Reason.REPLACED for row in rows) >= 2)
        replaced = [row for row in rows if row.reason == Reason.REPLACED]
        assert {row.status for row in replaced} == {Status.INTERRUPTED}
        assert all("overlap: replace" in (row.error or "") for row in replaced)
        assert sum(row.status is Status.RUNNING for row in rows) <= 1

    async def test_allow_runs_them_beside_each_other(self, parts: Parts, target: Target) -> None:
        await self.begun(parts, target, "allow")
        rows = await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) >= 1)
        assert sum(row.status is Status.RUNNING for row in rows) >= 1
        assert {row.reason for row in rows} == {None}


class TestChanges:
    async def test_an_edit_counts_from_now_on(self, parts: Parts, target: Target) -> None:
        job = await parts.create("a", **soon(0.5), target_url=target.url("/old"))
        changed = {"target_url": target.url("/new"), **soon(0.6)}
        await parts.catalog.replace(spec("a", **changed))
        await received(target, 1)
        row = await parts.row_where("a", is_over)
        assert [one.target for one in target.requests] == ["/new"]
        assert row.digest != job.digest

    async def test_a_deleted_job_is_silent(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(0.4), target_url=target.url("/a"))
        await parts.create("b", **soon(0.7), target_url=target.url("/b"))
        await parts.catalog.delete("a")
        await received(target, 1)
        assert [one.target for one in target.requests] == ["/b"]
        assert await parts.rows("a") == []

    @pytest.mark.parametrize(("catch_up", "runs"), [("none", 0), ("last", 1), ("all", 3)])
    async def test_resume_catches_up_where_it_is_asked_to(
        self, tmp_path: Path, target: Target, catch_up: Any, runs: int
    ) -> None:
        clock = Clock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me")
            parts.runner.start()
            clock.shift = timedelta(0)
            parts.runner.arm(list((await parts.jobs()).values()), [])
            (paused,) = await parts.rows_where("a", lambda rows: bool(rows) and rows[0].slot_count == 3)
            assert (paused.status, paused.reason) == (Status.SKIPPED, Reason.PAUSED)
            await parts.catalog.resume("a", catch_up=catch_up)
            rows = await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) == runs)
            assert sum(row.slot_count for row in rows) == 3
            assert [row.slot_count for row in rows if row.reason == Reason.PAUSED] == ([3 - runs] if runs < 3 else [])
            assert (await parts.jobs())["a"].execution_count == runs
        assert len(target.requests) == runs

    async def test_resume_does_not_fire_the_past(self, tmp_path: Path, target: Target) -> None:
        clock = Clock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            parts.runner.start()
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me")
            clock.shift = timedelta()
            await parts.catalog.resume("a")
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.SKIPPED, Reason.PAUSED, 3)
            assert len(await parts.rows("a")) == 1
        assert target.requests == []

    async def test_a_decision_on_a_job_that_changed_under_it_is_made_anew(self, parts: Parts, target: Target) -> None:
        """The row changes behind the catalog's back, so the runner's knowledge is stale."""
        await parts.create("a", target_url=target.url())
        job = (await parts.jobs())["a"]

        def touch(connection: Connection) -> None:
            job_rows.update_jobs(connection, [replace(job, version=job.version + 1)])

        await parts.store.write(touch)
        await parts.runner.trigger("a", by="me")
        await received(target, 1)
        assert (await parts.row_where("a", is_over)).status is Status.COMPLETED


class TestStop:
    async def test_it_waits_for_what_is_in_flight(self, tmp_path: Path, target: Target) -> None:
        target.answers("/slow", Answer(delay=0.5))
        async with opened(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/slow"))
            parts.runner.start()
            await parts.runner.trigger("a", by="me")
            await received(target, 1)
            await parts.runner.stop(PATIENCE)
            (row,) = await parts.rows("a")
            assert (row.status, row.http_status) == (Status.COMPLETED, 200)

    async def test_what_does_not_end_is_recorded_as_interrupted(self, tmp_path: Path, target: Target) -> None:
        target.answers("/never", Silence())
        async with opened(tmp_path) as parts:
            await parts.create("a", **soon(0.1), target_url=target.url("/never"))
            parts.runner.start()
            await received(target, 1)
            began = time.monotonic()
            await parts.runner.stop(0.2)
            assert time.monotonic() - began < 3
            (row,) = await parts.rows("a")
            assert (row.status, row.reason) == (Status.INTERRUPTED, Reason.SHUTDOWN)
            assert row.completed_at is not None

    async def test_an_execution_between_two_attempts_is_interrupted_too(self, tmp_path: Path, target: Target) -> None:
        target.answers("/down", Answer(503))
        async with opened(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), max_retries=5, retry_backoff_sec=3600)
            parts.runner.start()
            await parts.runner.trigger("a", by="me")
            await received(target, 1)
            await parts.runner.stop(0.1)
            (row,) = await parts.rows("a")
            assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.SHUTDOWN, 1)

    async def test_a_slot_after_hold_is_left_to_the_next_start(self, tmp_path: Path, target: Target) -> None:
        async with opened(tmp_path) as parts:
            parts.runner.start()
            parts.runner.hold()
            job = await parts.create("a", **soon(0.1), target_url=target.url())
            await asyncio.sleep(0.3)
            assert target.requests == []
        async with opened(tmp_path) as parts:
            parts.runner.start()
            row = await parts.row_where("a", is_over)
            assert (row.slot, row.cause) == (job.next_slot, Cause.CATCH_UP)
        assert len(target.requests) == 1


async def fill_by_triggers(parts: Parts, job_id: str) -> int:
    """Trigger until one is refused for want of room; how many were not."""
    parts.fill()
    for accepted in range(500):
        try:
            async with asyncio.timeout(1):
                await parts.runner.trigger(job_id, by="test", may_overlap=True)
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
        await parts.runner.trigger("a", by="test")
        await until(lambda: parts.rows("a"), lambda rows: len(rows) == sent + 1 and all(map(is_over, rows)))
        assert len(target.requests) == sent + 1

    async def test_a_trigger_that_was_given_up_during_its_claim_is_not_sent(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(3600), target_url=target.url())
        with closing(sqlite3.connect(next(parts.folder.glob("*.db")), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            caller = asyncio.create_task(parts.runner.trigger("a", by="me"))
            await until(lambda: asyncio.sleep(0, parts.runner.flights.are_over), lambda is_over: not is_over)
            caller.cancel()
            await asyncio.sleep(0.05)
            other.execute("ROLLBACK")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.DATABASE, 0)
        assert "told that it could not be recorded" in (row.error or "")
        await parts.runner.trigger("a", by="me")
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

        monkeypatch.setattr(parts.runner._claiming, "_claim_all", claim_all)
        parts.runner._claiming._has_work.set()
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
        late = asyncio.create_task(parts.runner.trigger("a", by="test"))
        await until(lambda: asyncio.sleep(0, parts.runner.flights.are_over), lambda is_over: not is_over)
        stopping = asyncio.create_task(parts.runner.stop(0))
        await until(lambda: asyncio.sleep(0, parts.runner.flights.cut_off), bool)
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
        stuck = asyncio.create_task(parts.runner.trigger("a", by="test", may_overlap=True))
        await received(target, sent)
        await parts.runner.stop(0)
        with pytest.raises(StoreUnavailableError, match="stopped"):
            await stuck
        parts.make_room()
        assert len(await parts.rows("a")) == len(target.requests) == sent
