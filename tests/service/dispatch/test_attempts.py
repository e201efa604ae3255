"""Attempts of an execution until its end is decided: real timers, real SQLite, a real target."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.core.calls.outcome import Failure
from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.core.reason import Reason
from tests.support.parts import Parts, is_over, opened, received, soon, until
from tests.support.target import Answer, HangUp, Silence, Target, closed_port

pytestmark = pytest.mark.anyio


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
            assert request.header("X-MyScheduler-Cause") == "timer"
        assert {later.slot - earlier.slot for earlier, later in pairwise(rows)} == {timedelta(seconds=1)}
        job = (await parts.jobs())["a"]
        assert job.execution_count == len(await parts.rows("a"))
        assert job.cursor == (await parts.rows("a"))[-1].slot

    async def test_retries_share_one_row_and_one_key(self, parts: Parts, target: Target) -> None:
        target.answers("/flaky", Answer(503), HangUp(), Answer(200, b"at last"))
        fields = {"method": "POST", "body": {"x": 1}, "max_retries": 5, "retry_backoff_sec": 0.02}
        await parts.create("a", target_url=target.url("/flaky"), **fields)
        await parts.dispatcher.trigger("a", by="me")
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
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.http_status, row.excerpt) == (Status.FAILED, 3, 500, "no")
        assert row.error
        first, second, third = (one.at for one in target.requests)
        assert second - first >= 0.1
        assert third - second >= 0.2

    @pytest.mark.parametrize("status", [400, 404, 410])
    async def test_a_4xx_is_final(self, parts: Parts, target: Target, status: int) -> None:
        target.answers("/wrong", Answer(status))
        await parts.create("a", target_url=target.url("/wrong"), max_retries=5, retry_backoff_sec=0)
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.http_status) == (Status.FAILED, 1, status)
        assert len(target.requests) == 1

    async def test_a_target_is_not_called_earlier_than_it_asks(self, parts: Parts, target: Target) -> None:
        target.answers("/busy", Answer(429, headers=(("Retry-After", "1"),)), Answer())
        await parts.create("a", target_url=target.url("/busy"), max_retries=1, retry_backoff_sec=0.01)
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts) == (Status.COMPLETED, 2)
        first, second = (one.at for one in target.requests)
        assert second - first >= 1

    async def test_a_target_that_asks_for_too_long_a_wait(self, parts: Parts, target: Target) -> None:
        target.answers("/busy", Answer(503, headers=(("Retry-After", "61"),)))
        await parts.create("a", target_url=target.url("/busy"), retry={"max_attempts": 5, "max_delay_sec": 60})
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.attempts) == (Status.FAILED, Reason.RETRY_AFTER, 1)
        assert row.http_status == 503

    async def test_failures_that_are_not_retried(self, parts: Parts, target: Target) -> None:
        target.answers("/down", HangUp())
        await parts.create("a", target_url=target.url("/down"), retry={"max_attempts": 5, "on": ["connect", "status"]})
        await parts.dispatcher.trigger("a", by="me")
        assert (await parts.row_where("a", is_over)).attempts == 1

    async def test_retries_where_no_connection_is_made(self, parts: Parts) -> None:
        url = f"http://127.0.0.1:{closed_port()}/"
        await parts.create("a", target_url=url, retry_backoff_sec=0.01, retry={"max_attempts": 3, "on": ["connect"]})
        await parts.dispatcher.trigger("a", by="me")
        assert (await parts.row_where("a", is_over)).attempts == 3

    async def test_an_answer_that_lacks_what_is_expected(self, parts: Parts, target: Target) -> None:
        target.answers("/odd", Answer(body=b'{"count": 0}'))
        expect = {"json": {"/count": {"gt": 0}}}
        await parts.create("a", target_url=target.url("/odd"), max_retries=3, expect=expect)
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.reason, row.http_status, row.attempts) == (Status.FAILED, Reason.EXPECTATION, 200, 1)
        assert row.error == "/count was 0, wanted > 0"
        assert row.failure is Failure.EXPECTATION

    async def test_retries_until_the_answer_is_as_expected(self, parts: Parts, target: Target) -> None:
        target.answers("/odd", Answer(body=b"wait"), Answer(body=b"done"))
        again = {"max_attempts": 3, "on": ["expectation"]}
        await parts.create(
            "a", target_url=target.url("/odd"), retry=again, retry_backoff_sec=0, expect={"body_contains": "done"}
        )
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", is_over)
        assert (row.status, row.attempts, row.excerpt) == (Status.COMPLETED, 2, "done")

    async def test_the_timeout_of_the_job_counts(self, parts: Parts, target: Target) -> None:
        target.answers("/slow", Silence())
        await parts.create("a", target_url=target.url("/slow"), timeout_sec=0.1)
        await parts.dispatcher.trigger("a", by="me")
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
            parts.dispatcher.start()
            first, second, third, fourth, fifth = (one.at for one in await received(target, 5))
        assert third - first >= 0.25
        assert fifth - third >= 0.25
        assert fourth - second >= 0.25
