"""Slots that need other jobs to have completed before: they wait for them, and not for ever."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import standings as standing_rows
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.reason import Reason
from tests.support.parts import MovableClock, Parts, is_over, opened, soon, started
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

T = TypeVar("T")

WITHIN_A_DAY = [{"job": "close", "within": "P1D"}]


async def pair(parts: Parts, target: Target, **fields: Any) -> None:
    """The report of a day, which needs the day to be closed."""
    await parts.create("close", target_url=target.url("/close"))
    given = {"requires": WITHIN_A_DAY, "misfire_grace_time": 600} | soon(0.3) | fields
    await parts.create("report", target_url=target.url("/report"), **given)


async def slot(parts: Parts) -> Record:
    return await parts.row_where("report", is_over)


def sent(target: Target) -> list[str]:
    return [one.target for one in target.requests]


async def test_it_runs_if_they_have_completed(parts: Parts, target: Target) -> None:
    await parts.create("close", target_url=target.url("/close"))
    await parts.dispatcher.trigger("close", by="me")
    await parts.row_where("close", is_over)
    requires = {"requires": WITHIN_A_DAY, **soon(0.3)}
    await parts.create("report", target_url=target.url("/report"), **requires)
    row = await slot(parts)
    assert (row.status, row.link) == (Status.COMPLETED, None)


async def test_it_waits_for_one_that_is_late(parts: Parts, target: Target) -> None:
    target.answers("/close", Answer(delay=1.5))
    await pair(parts, target)
    await parts.dispatcher.trigger("close", by="me")
    row, close = await slot(parts), await parts.row_where("close", is_over)
    assert row.status is Status.COMPLETED
    assert row.started_at is not None
    assert close.completed_at is not None
    assert row.slot < close.completed_at <= row.started_at
    assert sent(target) == ["/close", "/report"]


async def test_a_failure_of_theirs_is_not_enough(parts: Parts, target: Target) -> None:
    target.answers("/close", Answer(500), Answer())
    await pair(parts, target)
    await parts.dispatcher.trigger("close", by="me")
    await parts.row_where("close", is_over)
    await parts.dispatcher.trigger("close", by="me")
    assert (await slot(parts)).status is Status.COMPLETED
    assert sent(target) == ["/close", "/close", "/report"]


async def test_past_its_grace_it_is_skipped_and_so_is_what_runs_after_it(parts: Parts, target: Target) -> None:
    await pair(parts, target, misfire_grace_time=1)
    await parts.create("mail", after=[{"job": "report"}], target_url=target.url("/mail"))
    row = await slot(parts)
    assert (row.status, row.reason) == (Status.SKIPPED, Reason.REQUIREMENT)
    (below,) = await parts.rows_where("mail", bool)
    assert (below.status, below.reason, below.slot) == (Status.SKIPPED, Reason.UPSTREAM_SKIPPED, row.slot)
    assert sent(target) == []


@pytest.mark.parametrize(
    ("within", "status", "reason"),
    [
        pytest.param("P1D", Status.COMPLETED, None, id="late enough"),
        pytest.param("PT1H", Status.SKIPPED, Reason.REQUIREMENT, id="too long ago"),
    ],
)
async def test_a_restart_knows_when_they_completed(
    tmp_path: Path, target: Target, within: str, status: Status, reason: Reason | None
) -> None:
    async with opened(tmp_path, clock=MovableClock(timedelta(hours=-2)), drain_sec=0) as parts:
        parts.dispatcher.start()
        await parts.create("close", target_url=target.url("/close"), run_at="2099-01-01T00:00:00Z")
        await parts.dispatcher.trigger("close", by="me")
        await parts.row_where("close", is_over)
        requires = {"requires": [{"job": "close", "within": within}], "misfire_grace_time": 10}
        await parts.create("report", target_url=target.url("/report"), **requires, **soon(1.5))
    async with started(tmp_path) as parts:
        row = await slot(parts)
        assert (row.status, row.reason) == (status, reason)


async def test_a_manual_run_waits_for_nothing(parts: Parts, target: Target) -> None:
    await pair(parts, target, **soon(3600))
    await parts.dispatcher.trigger("report", by="me")
    assert (await slot(parts)).status is Status.COMPLETED
    assert sent(target) == ["/report"]


class SlowStore(Store):
    """Reads when jobs last completed, and hands it over only when it is told to."""

    def __init__(self, store: Store, has_read: asyncio.Event, may_answer: asyncio.Event) -> None:
        super().__init__(store._engine, store._writer, store._readers, store.vitals)
        self._has_read, self._may_answer = has_read, may_answer

    async def read(self, work: Callable[[Connection], T]) -> T:
        found = await super().read(work)
        if isinstance(work, partial) and work.func is standing_rows.last_successes:
            self._has_read.set()
            await self._may_answer.wait()
        return found


async def test_what_completes_during_the_first_look_into_the_history_counts(tmp_path: Path, target: Target) -> None:
    has_read, may_answer = asyncio.Event(), asyncio.Event()
    slow = partial(SlowStore, has_read=has_read, may_answer=may_answer)
    async with started(tmp_path, through=slow) as parts:
        await pair(parts, target)
        await has_read.wait()
        await parts.dispatcher.trigger("close", by="me")
        await parts.row_where("close", is_over)
        may_answer.set()
        assert (await slot(parts)).status is Status.COMPLETED
    assert sent(target) == ["/close", "/report"]
