"""How many executions of a job run side by side, and what becomes of slots beyond that."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from myscheduler.core.history.execution import Status
from myscheduler.core.reason import Reason
from tests.support.parts import Parts, opened, received, soon
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio


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
            parts.dispatcher.start()
            await parts.create("slow", **soon(0.1), target_url=target.url("/slow"))
            await received(target, 1)
            await parts.create("a", **soon(0.1, every=1), target_url=target.url("/a"), max_instances=5)
            rows = await parts.rows_where("a", lambda rows: any(row.status is Status.COMPLETED for row in rows))
        waited, ran = rows[:2]
        assert (waited.status, waited.reason) == (Status.SKIPPED, Reason.COALESCED)
        assert waited.slot_count >= 2
        assert (ran.status, ran.slot - waited.last_slot) == (Status.COMPLETED, timedelta(seconds=1))


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
