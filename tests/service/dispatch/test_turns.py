"""Who is sent when permits are short: real timers, real SQLite, real targets."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from myscheduler.core.history.execution import Kind, Status
from myscheduler.core.reason import Reason
from myscheduler.service.dispatch.permits import MANUAL_PER_HOST
from tests.support.parts import is_over, opened, received, soon, started
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio


@pytest.fixture
def hanging() -> Iterator[Target]:
    with Target(default=Silence()) as running:
        yield running


class TestHangingTargets:
    async def test_they_leave_places_for_the_jobs_of_others(
        self, tmp_path: Path, target: Target, hanging: Target
    ) -> None:
        async with opened(tmp_path, limit=12, drain_sec=0) as parts:
            when = soon(2.0)
            for number in range(30):
                await parts.create(f"hanging-{number}", **when, target_url=hanging.url())
                await parts.create(f"well-{number}", **soon(2.1), target_url=target.url())
            parts.dispatcher.start()
            await received(target, 30)
            assert len(await received(hanging, 4)) == 4  # half of the 8 that it leaves free

    async def test_a_host_has_a_limit_of_its_own(self, tmp_path: Path, target: Target, hanging: Target) -> None:
        async with opened(tmp_path, limit=100, limit_per_host=2, drain_sec=0) as parts:
            when = soon(0.1)
            for number in range(5):
                await parts.create(f"hanging-{number}", **when, target_url=hanging.url())
            await parts.create("well", **soon(0.2), target_url=target.url())
            parts.dispatcher.start()
            await received(target, 1)
            assert len(hanging.requests) == 2

    async def test_their_jobs_go_on_as_places_come_back(self, tmp_path: Path, hanging: Target) -> None:
        async with opened(tmp_path, limit=1, drain_sec=0) as parts:
            for name in "abc":
                await parts.create(name, **soon(0.1), target_url=hanging.url(f"/{name}"), timeout_sec=0.2)
            parts.dispatcher.start()
            requests = await received(hanging, 3)
            assert [one.target for one in requests] == ["/a", "/b", "/c"]

    async def test_a_slot_that_waits_too_long_for_its_turn_is_missed(self, tmp_path: Path, target: Target) -> None:
        target.answers("/slow", Answer(delay=1.5))
        async with started(tmp_path, limit=1) as parts:
            await parts.create("slow", **soon(0.1), target_url=target.url("/slow"))
            await received(target, 1)
            await parts.create("a", **soon(0.1), target_url=target.url("/a"), misfire_grace_time=1)
            row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.slot_count) == (Status.MISSED, Reason.DEADLINE, 1)
        assert [one.target for one in target.requests] == ["/slow"]

    async def test_it_is_recorded_though_nothing_else_happens(self, tmp_path: Path, target: Target) -> None:
        """Who gives the permit back sleeps until its retry, and wakes nobody."""
        target.answers("/down", Answer(503, delay=1.5))
        async with started(tmp_path, limit=1) as parts:
            retries = {"max_retries": 1, "retry_backoff_sec": 3600}
            await parts.create("down", **soon(0.1), target_url=target.url("/down"), **retries)
            await received(target, 1)
            await parts.create("a", **soon(0.1), target_url=target.url("/a"), misfire_grace_time=1)
            row = await parts.row_where("a", is_over)
        assert (row.status, row.reason) == (Status.MISSED, Reason.DEADLINE)


class TestRetries:
    async def test_an_execution_that_waits_for_its_retry_holds_no_place_and_comes_in_its_turn(
        self, tmp_path: Path, target: Target
    ) -> None:
        target.answers("/flaky", Answer(503, delay=0.6), Answer(200))
        target.answers("/b", Answer(delay=1.2))
        async with started(tmp_path, limit=1) as parts:
            retries = {"max_retries": 1, "retry_backoff_sec": 0.6}
            await parts.create("flaky", **soon(0.1), target_url=target.url("/flaky"), **retries)
            await parts.create("b", **soon(0.2), target_url=target.url("/b"))
            await parts.create("c", **soon(0.3), target_url=target.url("/c"))
            await received(target, 4)
            rows = [await parts.row_where(name, is_over) for name in ("flaky", "b", "c")]
        assert [one.target for one in target.requests] == ["/flaky", "/b", "/flaky", "/c"]
        assert [(row.status, row.attempts) for row in rows] == [
            (Status.COMPLETED, 2),
            (Status.COMPLETED, 1),
            (Status.COMPLETED, 1),
        ]
        for reply, following in zip(target.replies, target.requests[1:], strict=False):
            assert reply.at <= following.at, "two were on their way at once"


class TestManual:
    async def test_it_goes_though_all_scheduled_places_are_taken(
        self, tmp_path: Path, target: Target, hanging: Target
    ) -> None:
        async with started(tmp_path, limit=1) as parts:
            await parts.create("hanging", **soon(0.1), target_url=hanging.url())
            await parts.create("well", target_url=target.url())
            await received(hanging, 1)
            await parts.dispatcher.trigger("well", by="me")
            await parts.dispatcher.trigger("hanging", by="me", may_overlap=True)
            await received(target, 1)
            await received(hanging, 2)

    async def test_a_flood_to_a_host_that_hangs_leaves_others_alone(
        self, tmp_path: Path, target: Target, hanging: Target
    ) -> None:
        async with started(tmp_path) as parts:
            await parts.create("hanging", target_url=hanging.url())
            await parts.create("well", target_url=target.url())
            flood = [
                asyncio.create_task(parts.dispatcher.trigger("hanging", by="me", may_overlap=True)) for _ in range(80)
            ]
            await received(hanging, MANUAL_PER_HOST)
            await parts.dispatcher.trigger("well", by="me")
            await received(target, 1)
            assert len(hanging.requests) == sum(one.done() for one in flood) == MANUAL_PER_HOST
            for one in flood:
                one.cancel()
            await asyncio.gather(*flood, return_exceptions=True)
            assert len(await parts.rows("hanging")) == MANUAL_PER_HOST

    async def test_its_retry_waits_in_a_turn_of_its_own(self, tmp_path: Path, target: Target) -> None:
        target.answers("/flaky", Answer(503), Answer(200))
        async with started(tmp_path, limit=1) as parts:
            retries = {"max_retries": 1, "retry_backoff_sec": 0.05}
            await parts.create("a", target_url=target.url("/flaky"), **retries)
            await parts.dispatcher.trigger("a", by="me")
            row = await parts.row_where("a", is_over)
        assert (row.kind, row.status, row.attempts) == (Kind.MANUAL, Status.COMPLETED, 2)
