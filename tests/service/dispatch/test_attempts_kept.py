"""What is kept of the attempts of an execution: when it ends, is cut off, or goes on after a restart."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.core.calls.outcome import Failure
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.reason import Reason
from tests.support.parts import MovableClock, Parts, is_over, opened, received, until
from tests.support.target import Answer, HangUp, Silence, Target

pytestmark = pytest.mark.anyio


def told(row: Record) -> list[tuple[int, int | None, str | None]]:
    return [(one.number, one.http_status, one.failure) for one in row.attempts_detail()]


async def waits_for_a_retry(parts: Parts, execution_id: str) -> None:
    """Until the newest attempt is over and the execution is not."""

    def is_so(attempts: tuple[Attempt, ...] | None) -> bool:
        return bool(attempts and attempts[-1].failure)

    await until(lambda: asyncio.sleep(0, parts.dispatcher.attempts_of(execution_id)), is_so)


async def test_one_that_completes_at_once_keeps_nothing(parts: Parts, target: Target) -> None:
    await parts.create("a", target_url=target.url())
    await parts.dispatcher.trigger("a", by="me")
    row = await parts.row_where("a", is_over)
    assert (row.kept_attempts, told(row)) == (None, [(1, 200, None)])


async def test_one_that_completes_at_last(parts: Parts, target: Target) -> None:
    target.answers("/", Answer(503), HangUp(), Answer(200))
    await parts.create("a", target_url=target.url(), max_retries=5, retry_backoff_sec=0.02)
    await parts.dispatcher.trigger("a", by="me")
    row = await parts.row_where("a", is_over)
    assert told(row) == [(1, 503, Failure.HTTP_ERROR), (2, None, Failure.RESET), (3, 200, None)]
    first, second, third = row.attempts_detail()
    assert first.error
    assert second.error
    assert third.error is None
    assert row.completed_at is not None
    assert third.duration is not None
    assert first.started_at <= second.started_at <= third.started_at <= row.completed_at


async def test_a_secret_that_is_not_allowed_is_an_attempt_that_was_not_sent(parts: Parts, target: Target) -> None:
    await parts.create("a", target_url=target.url(), headers={"X-Key": "${secret:NONE}"})
    await parts.dispatcher.trigger("a", by="me")
    row = await parts.row_where("a", is_over)
    assert (row.attempts, row.reason) == (0, Reason.SECRET_NOT_ALLOWED)
    assert told(row) == [(1, None, Failure.SECRET_NOT_ALLOWED)]


@pytest.mark.parametrize(
    ("replies", "end", "seen"),
    [
        pytest.param(
            (Answer(503), Silence()),
            (Status.INTERRUPTED, Reason.SHUTDOWN),
            [(1, 503, Failure.HTTP_ERROR), (2, None, None)],
            id="in flight",
        ),
        pytest.param((Answer(503),), (Status.RUNNING, None), [(1, 503, Failure.HTTP_ERROR)], id="before the next one"),
    ],
)
async def test_one_that_is_cut_off_by_a_stop(
    tmp_path: Path,
    target: Target,
    replies: tuple[Answer | Silence, ...],
    end: tuple[Status, Reason | None],
    seen: list[tuple[int, int | None, str | None]],
) -> None:
    target.answers("/", *replies)
    async with opened(tmp_path, drain_sec=0) as parts:
        parts.dispatcher.start()
        backoff = 0 if len(replies) > 1 else 600
        await parts.create("a", target_url=target.url(), max_retries=5, retry_backoff_sec=backoff)
        run = await parts.dispatcher.trigger("a", by="me")
        await received(target, len(replies))
        if len(replies) == 1:
            await waits_for_a_retry(parts, run.execution_id)
        await parts.dispatcher.stop(0)
        (row,) = await parts.rows("a")
    assert (row.status, row.reason, told(row)) == (*end, seen)


@pytest.mark.parametrize("failures", [1, 2])
async def test_one_that_goes_on_after_a_restart_keeps_those_before(
    tmp_path: Path, target: Target, failures: int
) -> None:
    target.answers("/", *[Answer(503)] * failures, Answer(200))
    async with opened(tmp_path, drain_sec=0) as parts:
        parts.dispatcher.start()
        backoff = 0.5 if failures > 1 else 600
        fields = {"max_retries": 5, "retry_backoff_sec": backoff}
        await parts.create("a", target_url=target.url(), **fields)
        run = await parts.dispatcher.trigger("a", by="me")
        await received(target, failures)
        await waits_for_a_retry(parts, run.execution_id)
        await parts.dispatcher.stop(0)
        (row,) = await parts.rows("a")
        assert (row.status, row.attempts) == (Status.RUNNING, failures)
        assert told(row) == [(number + 1, 503, Failure.HTTP_ERROR) for number in range(failures)]
    async with opened(tmp_path, clock=MovableClock(timedelta(seconds=601))) as parts:
        parts.dispatcher.start()
        row = await parts.row_where("a", is_over)
        again = (await parts.store.read(partial(execution_rows.by_ids, execution_ids=[row.execution_id])))[0]
    assert (row.status, row.attempts) == (Status.COMPLETED, failures + 1)
    assert told(again) == [
        *((number + 1, 503, Failure.HTTP_ERROR) for number in range(failures)),
        (failures + 1, 200, None),
    ]
