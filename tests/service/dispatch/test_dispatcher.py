"""How the dispatch stops: it drains, cuts off, and leaves the rest to the next start."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.reason import Reason
from tests.support.parts import is_over, opened, received, soon
from tests.support.patience import PATIENCE
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio


class TestStop:
    async def test_it_waits_for_what_is_in_flight(self, tmp_path: Path, target: Target) -> None:
        target.answers("/slow", Answer(delay=0.5))
        async with opened(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/slow"))
            parts.dispatcher.start()
            await parts.dispatcher.trigger("a", by="me")
            await received(target, 1)
            await parts.dispatcher.stop(PATIENCE)
            (row,) = await parts.rows("a")
            assert (row.status, row.http_status) == (Status.COMPLETED, 200)

    async def test_what_does_not_end_is_recorded_as_interrupted(self, tmp_path: Path, target: Target) -> None:
        target.answers("/never", Silence())
        async with opened(tmp_path) as parts:
            await parts.create("a", **soon(0.1), target_url=target.url("/never"))
            parts.dispatcher.start()
            await received(target, 1)
            began = time.monotonic()
            await parts.dispatcher.stop(0.2)
            assert time.monotonic() - began < 3
            (row,) = await parts.rows("a")
            assert (row.status, row.reason) == (Status.INTERRUPTED, Reason.SHUTDOWN)
            assert row.completed_at is not None

    async def test_an_execution_between_two_attempts_is_left_to_the_next_start(
        self, tmp_path: Path, target: Target
    ) -> None:
        target.answers("/down", Answer(503))
        async with opened(tmp_path) as parts:
            await parts.create("a", target_url=target.url("/down"), max_retries=5, retry_backoff_sec=3600)
            parts.dispatcher.start()
            await parts.dispatcher.trigger("a", by="me")
            await received(target, 1)
            await parts.dispatcher.stop(0.1)
            (row,) = await parts.rows("a")
            assert (row.status, row.reason, row.attempts) == (Status.RUNNING, None, 1)
            assert row.next_attempt_at is not None

    async def test_a_herd_that_is_cut_in_its_midst_loses_and_doubles_nothing(
        self, tmp_path: Path, target: Target
    ) -> None:
        """Some are sent, some are claimed and wait to be started, some are not claimed yet."""
        names = [f"job-{number:03}" for number in range(150)]
        when = soon(4)
        async with opened(tmp_path) as parts:
            for name in names:
                await parts.create(name, **when, target_url=target.url(f"/{name}"))
            parts.dispatcher.start()
            await received(target, 1)
            await parts.dispatcher.stop(0)
            first = {name: await parts.rows(name) for name in names}
        assert all(len(rows) <= 1 for rows in first.values())
        assert all(is_over(row) for rows in first.values() for row in rows)
        unclaimed = [name for name, rows in first.items() if not rows]
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            for name in unclaimed:
                assert (await parts.row_where(name, is_over)).status is Status.COMPLETED
        calls = Counter(one.target for one in target.requests)
        assert set(calls.values()) == {1}
        completed = [name for name, rows in first.items() if rows and rows[0].status is Status.COMPLETED]
        assert {f"/{name}" for name in (*completed, *unclaimed)} <= set(calls)

    async def test_a_slot_after_hold_is_left_to_the_next_start(self, tmp_path: Path, target: Target) -> None:
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            parts.dispatcher.hold()
            job = await parts.create("a", **soon(0.1), target_url=target.url())
            await asyncio.sleep(0.3)
            assert target.requests == []
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            row = await parts.row_where("a", is_over)
            assert (row.slot, row.cause) == (job.next_slot, Cause.CATCH_UP)
        assert len(target.requests) == 1
