"""Executions whose sender ended in the middle of a call: interrupted, or sent again under their keys."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.history.execution import Execution, Status
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.service.dispatch.caller import Caller, SenderLostError
from tests.support.parts import MovableClock, is_over, received, soon, started
from tests.support.target import Target

pytestmark = pytest.mark.anyio


@dataclass
class Losing:
    """Makes calls, and is lost in the first ones, after the request was sent."""

    caller: Caller
    losses: int
    then: Callable[[], object] = lambda: None

    async def call(self, job: Job, execution: Execution, attempt: int) -> Outcome:
        outcome = await self.caller.call(job, execution, attempt)
        if self.losses:
            self.losses -= 1
            self.then()
            raise SenderLostError
        return outcome


def losing(losses: int = 1, then: Callable[[], object] = lambda: None) -> Callable[[Caller], Caller]:
    return lambda caller: Losing(caller, losses, then)


async def test_a_call_that_was_lost_is_interrupted_and_not_sent_again(tmp_path: Path, target: Target) -> None:
    fields: dict[str, Any] = {"max_retries": 3, "retry_backoff_sec": 0.01}
    async with started(tmp_path, calling=losing()) as parts:
        await parts.create("a", **soon(), target_url=target.url(), **fields)
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.SENDER_LOST, 1)
        assert "may have received the request" in (row.error or "")
        (attempt,) = row.attempts_detail()
        assert (attempt.number, attempt.duration, attempt.http_status) == (1, None, None)
        await parts.dispatcher.trigger("a", by="me")  # its permit and its place are free again
        await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
    assert len(target.requests) == 2


async def test_it_is_sent_again_under_its_key_where_the_job_says_so(tmp_path: Path, target: Target) -> None:
    async with started(tmp_path, calling=losing(2)) as parts:
        await parts.create("a", **soon(), target_url=target.url(), on_interrupt="retry")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts) == (Status.COMPLETED, 3)
        assert [one.duration is None for one in row.attempts_detail()] == [True, True, False]
    sent = target.requests
    assert {one.header("Idempotency-Key") for one in sent} == {row.execution_id}
    assert [one.header("X-MyScheduler-Attempt") for one in sent] == ["1", "2", "3"]


async def test_it_is_not_sent_again_once_its_slot_is_too_long_ago(tmp_path: Path, target: Target) -> None:
    clock = MovableClock()

    def later() -> None:
        clock.shift += timedelta(seconds=11)

    async with started(tmp_path, clock=clock, calling=losing(9, later)) as parts:
        fields: dict[str, Any] = {"on_interrupt": "retry", "misfire_grace_time": 10}
        await parts.create("a", **soon(), target_url=target.url(), **fields)
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason) == (Status.INTERRUPTED, Reason.SENDER_LOST)
    assert len(await received(target, 1)) == 1


async def test_a_loss_is_no_failure_of_the_target(tmp_path: Path, target: Target) -> None:
    async with started(tmp_path, calling=losing(6)) as parts:
        await parts.create("a", **soon(every=1), target_url=target.url(), misfire_grace_time=1)
        await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        reasons = [row.reason for row in await parts.rows("a") if row.status is Status.INTERRUPTED]
        assert reasons == [Reason.SENDER_LOST] * 6
