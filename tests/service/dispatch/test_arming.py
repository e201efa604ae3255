"""What changes of jobs do to their slots that are due: real timers, real SQLite, a real target."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.history.execution import Status
from myscheduler.core.reason import Reason
from tests.support.parts import MovableClock, Parts, is_over, opened, received, soon, spec
from tests.support.target import Target

pytestmark = pytest.mark.anyio


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
        clock = MovableClock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me")
            parts.dispatcher.start()
            clock.shift = timedelta(0)
            parts.dispatcher.arm(list((await parts.jobs()).values()), [])
            (paused,) = await parts.rows_where("a", lambda rows: bool(rows) and rows[0].slot_count == 3)
            assert (paused.status, paused.reason) == (Status.SKIPPED, Reason.PAUSED)
            await parts.catalog.resume("a", catch_up=catch_up)
            rows = await parts.rows_where("a", lambda rows: sum(row.status is Status.COMPLETED for row in rows) == runs)
            assert sum(row.slot_count for row in rows) == 3
            assert [row.slot_count for row in rows if row.reason == Reason.PAUSED] == ([3 - runs] if runs < 3 else [])
            assert (await parts.jobs())["a"].execution_count == runs
        assert len(target.requests) == runs

    async def test_resume_does_not_fire_the_past(self, tmp_path: Path, target: Target) -> None:
        clock = MovableClock(timedelta(minutes=-35))
        async with opened(tmp_path, clock=clock) as parts:
            parts.dispatcher.start()
            await parts.create("a", interval={"minutes": 10}, target_url=target.url())
            await parts.catalog.pause("a", by="me")
            clock.shift = timedelta()
            await parts.catalog.resume("a")
            row = await parts.row_where("a", is_over)
            assert (row.status, row.reason, row.slot_count) == (Status.SKIPPED, Reason.PAUSED, 3)
            assert len(await parts.rows("a")) == 1
        assert target.requests == []

    async def test_a_decision_on_a_job_that_changed_under_it_is_made_anew(self, parts: Parts, target: Target) -> None:
        """The row changes behind the catalog's back, so the dispatcher's knowledge is stale."""
        await parts.create("a", target_url=target.url())
        job = (await parts.jobs())["a"]

        def touch(connection: Connection) -> None:
            job_rows.update_jobs(connection, [replace(job, version=job.version + 1)])

        await parts.store.write(touch)
        await parts.dispatcher.trigger("a", by="me")
        await received(target, 1)
        assert (await parts.row_where("a", is_over)).status is Status.COMPLETED
