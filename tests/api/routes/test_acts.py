"""Cancelling an execution in every state, and repeating one."""

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pytest

from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.core.history.execution import Status
from myscheduler.core.reason import Reason
from myscheduler.service.dispatch.permits import MANUAL_PER_HOST
from tests.support.api import JOBS, assert_problem, create, ok
from tests.support.parts import Parts, client, is_over, opened, received, soon, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

EXECUTIONS = "/api/v1/executions"
NOBODY = "01a400f6-3600-7592-ac81-139a79b30fbb"
ADA = {"by": "Ada", "reason": "wrong  month"}


async def _audited(api: httpx.AsyncClient) -> list[tuple[str, str, dict[str, str]]]:
    entries = (await ok(api, "GET", "/api/v1/audit?action=cancelled"))["entries"]
    return [(one["actor"], one["job_id"], one["detail"]) for one in entries]


async def _triggered(api: httpx.AsyncClient) -> str:
    execution_id: str = (await ok(api, "POST", f"{JOBS}/a/trigger"))["execution_id"]
    return execution_id


class TestCancel:
    async def test_one_that_is_running(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        one = await _triggered(api)
        await received(target, 1)
        answer = await ok(api, "POST", f"{EXECUTIONS}/{one}/cancel", json=ADA)
        assert answer == {"execution_id": one, "job_id": "a", "status": "cancelled"}
        (row,) = await parts.rows("a")
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.CANCELLED, 1)
        assert row.error == "cancelled by Ada (wrong month); the target may have received the request"
        assert await _audited(api) == [("Ada", "a", {"execution_id": one, "reason": "wrong month"})]
        found = await ok(api, "GET", f"{EXECUTIONS}/{one}")
        (attempt,) = found["attempts_detail"]
        assert (attempt["number"], attempt["duration_ms"], attempt["failure"]) == (1, None, None)
        problem = assert_problem(await api.post(f"{EXECUTIONS}/{one}/cancel"), 409)
        assert "is over (interrupted)" in problem["detail"]
        assert len(await _audited(api)) == 1
        why = await ok(api, "GET", f"{JOBS}/a/why", params={"at": found["scheduled_at"]})
        assert "cancelled by Ada" in why["answer"]

    async def test_one_that_waits_for_a_retry(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.default = Answer(503)
        await create(api, target_url=target.url(), max_retries=3, retry_backoff_sec=600)
        one = await _triggered(api)
        await until(
            lambda: ok(api, "GET", f"{EXECUTIONS}/{one}"), lambda found: bool(found["attempts_detail"][0]["failure"])
        )
        await ok(api, "POST", f"{EXECUTIONS}/{one}/cancel")
        (row,) = await parts.rows("a")
        assert (row.status, row.reason, row.attempts) == (Status.INTERRUPTED, Reason.CANCELLED, 1)
        (attempt,) = (await ok(api, "GET", f"{EXECUTIONS}/{one}"))["attempts_detail"]
        assert (attempt["http_status_code"], attempt["failure"]) == (503, "http_error")
        assert len(target.requests) == 1

    async def test_a_scheduled_one_makes_room_for_the_next(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.answers("/", Silence(), Answer())
        await parts.create("a", **soon(0.2), target_url=target.url())
        await received(target, 1)
        (row,) = await parts.rows("a")
        queued = await ok(api, "POST", f"{JOBS}/a/trigger")
        assert queued["status"] == "queued"
        await ok(api, "POST", f"{EXECUTIONS}/{row.execution_id}/cancel")
        ran = await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        assert ran.execution_id == queued["execution_id"]

    async def test_a_queued_run_never_runs(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        running, queued = await _triggered(api), await _triggered(api)
        await ok(api, "POST", f"{EXECUTIONS}/{queued}/cancel", json=ADA)
        row = await parts.row_where("a", lambda row: row.execution_id == queued)
        assert (row.status, row.reason) == (Status.SKIPPED, Reason.CANCELLED)
        assert row.error == "cancelled by Ada (wrong month) while it was queued"
        assert await parts.store.read(queued_rows.read) == []
        assert [detail["execution_id"] for _, _, detail in await _audited(api)] == [queued]
        assert_problem(await api.post(f"{EXECUTIONS}/{queued}/cancel"), 409)
        again = await ok(api, "POST", f"{JOBS}/a/trigger")
        assert (again["status"], again["waits_for"]) == ("queued", [running])
        assert len(target.requests) == 1

    async def test_a_run_that_was_queued_and_waits_for_a_permit(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        """All permits of its host are taken by others, which hang."""
        target.answers("/hangs", Silence())
        target.answers("/", Answer(delay=3.0))
        await create(api, job_id="b", target_url=target.url("/hangs"), overlap="allow")
        await create(api, target_url=target.url())
        await _triggered(api)
        trigger = partial(api.post, f"{JOBS}/b/trigger")
        await asyncio.gather(*(trigger() for _ in range(MANUAL_PER_HOST - 1)))
        more = [asyncio.create_task(trigger()) for _ in range(3)]
        await asyncio.sleep(0.2)
        queued = await _triggered(api)
        waiting = parts.dispatcher._triggers._waiting
        await until(lambda: asyncio.sleep(0, queued in waiting), bool)
        await ok(api, "POST", f"{EXECUTIONS}/{queued}/cancel")
        row = await parts.row_where("a", lambda row: row.execution_id == queued)
        assert (row.status, row.reason) == (Status.SKIPPED, Reason.CANCELLED)
        assert await parts.store.read(queued_rows.read) == []
        assert parts.dispatcher._agenda.may_begin("a")
        for one in (await parts.rows("b"))[:4]:  # then the run that was called off gets its permit
            await ok(api, "POST", f"{EXECUTIONS}/{one.execution_id}/cancel")
        await asyncio.gather(*more)
        await until(lambda: asyncio.sleep(0, parts.dispatcher._triggers._called_off), lambda ids: not ids)
        assert [one.target for one in target.requests].count("/") == 1

    async def test_one_that_is_over_or_unknown(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, target_url=target.url())
        one = await _triggered(api)
        await parts.row_where("a", is_over)
        await until(lambda: asyncio.sleep(0, parts.dispatcher.flights.find(one)), lambda flight: flight is None)
        problem = assert_problem(await api.post(f"{EXECUTIONS}/{one}/cancel"), 409)
        assert "is over (completed)" in problem["detail"]
        for unknown in (NOBODY, "x", "a%00b"):
            assert_problem(await api.post(f"{EXECUTIONS}/{unknown}/cancel"), 404)
        assert await _audited(api) == []

    @pytest.mark.parametrize("body", [{"because": "x"}, {"reason": 1}, {"reason": "x" * 1_001}, {"by": []}])
    async def test_bodies_that_are_wrong(self, api: httpx.AsyncClient, body: dict[str, object]) -> None:
        assert_problem(await api.post(f"{EXECUTIONS}/{NOBODY}/cancel", json=body), 422)

    async def test_a_repeated_request_gets_the_first_answer(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        running, queued = await _triggered(api), await _triggered(api)
        for key, one in (("k1", queued), ("k2", running)):
            asked = partial(api.post, f"{EXECUTIONS}/{one}/cancel", json=ADA, headers={"Idempotency-Key": key})
            answers = await asyncio.gather(*(asked() for _ in range(3)))
            again = await asked()
            assert [answer.status_code for answer in answers] == [200] * 3
            assert all(answer.json() == again.json() for answer in answers)
            assert again.headers["Idempotency-Replayed"] == "true"
        assert len(await _audited(api)) == 2
        assert await parts.store.read(queued_rows.read) == []

    async def test_two_at_once_one_of_them_did_it(self, api: httpx.AsyncClient, target: Target) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        for _ in range(2):  # the one that is queued, then the one that is running
            await _triggered(api)
        detail = await ok(api, "GET", f"{JOBS}/a")
        for one in (detail["queued_run"]["execution_id"], detail["executions"][0]["execution_id"]):
            found = await asyncio.gather(*(api.post(f"{EXECUTIONS}/{one}/cancel") for _ in range(4)))
            assert sorted(answer.status_code for answer in found) == [200, 409, 409, 409]
        assert len(await _audited(api)) == 2

    async def test_a_locked_database_does_not_make_it_run(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        """The caller has gone, but the run that he cancelled does not start when the one before is over."""
        target.answers("/", Answer(delay=1.0))
        await create(api, target_url=target.url())
        await _triggered(api)
        queued = await _triggered(api)
        with closing(sqlite3.connect(next(parts.folder.glob("*.db")), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            late = asyncio.create_task(api.post(f"{EXECUTIONS}/{queued}/cancel"))
            await asyncio.sleep(0.3)
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
            await asyncio.sleep(1.2)
            other.execute("ROLLBACK")
        row = await parts.row_where("a", lambda row: row.execution_id == queued)
        assert (row.status, row.reason) == (Status.SKIPPED, Reason.CANCELLED)
        await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        assert len(target.requests) == 1


class TestRerun:
    async def test_it_runs_the_job_again(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, target_url=target.url())
        first = await _triggered(api)
        await parts.row_where("a", is_over)
        answer = await ok(api, "POST", f"{EXECUTIONS}/{first}/rerun", json={"by": "Ada"})
        second = answer.pop("execution_id")
        assert answer == {"job_id": "a", "status": "triggered", "rerun_of": first}
        await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) == 2)
        found = await ok(api, "GET", f"{EXECUTIONS}/{second}")
        assert (found["rerun_of"], found["requested_by"], found["kind"], found["cause"]) == (
            first, "Ada", "manual", "api",
        )  # fmt: skip
        assert (await ok(api, "GET", f"{EXECUTIONS}/{first}"))["rerun_of"] is None

    async def test_it_waits_for_room_also_over_a_restart(self, tmp_path: Path, target: Target) -> None:
        target.default = Silence()
        async with opened(tmp_path, drain_sec=0) as parts, client(parts) as api:
            parts.dispatcher.start()
            await create(api, target_url=target.url())
            first = await _triggered(api)
            await received(target, 1)
            answer = await ok(api, "POST", f"{EXECUTIONS}/{first}/rerun")
            assert (answer["status"], answer["waits_for"], answer["rerun_of"]) == ("queued", [first], first)
            assert (await ok(api, "GET", f"{JOBS}/a"))["queued_run"]["rerun_of"] == first
            assert_problem(await api.post(f"{EXECUTIONS}/{first}/rerun"), 409)
        target.default = Answer()
        async with opened(tmp_path) as parts:
            parts.dispatcher.start()
            row = await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        assert (row.execution_id, row.rerun_of) == (answer["execution_id"], first)

    async def test_one_that_was_cancelled_while_it_was_queued_says_what_it_repeats(
        self, api: httpx.AsyncClient, target: Target
    ) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        first = await _triggered(api)
        queued = (await ok(api, "POST", f"{EXECUTIONS}/{first}/rerun"))["execution_id"]
        await ok(api, "POST", f"{EXECUTIONS}/{queued}/cancel")
        assert (await ok(api, "GET", f"{EXECUTIONS}/{queued}"))["rerun_of"] == first

    async def test_overlap_allow(self, api: httpx.AsyncClient, target: Target) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        first = await _triggered(api)
        answer = await ok(api, "POST", f"{EXECUTIONS}/{first}/rerun", json={"overlap": "allow"})
        assert answer["status"] == "triggered"
        assert_problem(await api.post(f"{EXECUTIONS}/{first}/rerun", json={"overlap": "skip"}), 422)

    async def test_a_repeated_request_is_the_same_run(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, target_url=target.url())
        first = await _triggered(api)
        await parts.row_where("a", is_over)
        asked = partial(api.post, f"{EXECUTIONS}/{first}/rerun", json={}, headers={"Idempotency-Key": "k"})
        found = [answer.json() for answer in await asyncio.gather(*(asked() for _ in range(3)))]
        again = await asked()
        assert all(one == again.json() for one in found)
        assert again.json()["rerun_of"] == first
        await parts.rows_where("a", lambda rows: all(map(is_over, rows)))
        assert len(target.requests) == 2

    async def test_where_the_job_or_the_execution_is_gone(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, target_url=target.url())
        first = await _triggered(api)
        await parts.row_where("a", is_over)
        await ok(api, "DELETE", f"{JOBS}/a")
        problem = assert_problem(await api.post(f"{EXECUTIONS}/{first}/rerun"), 409)
        assert "no longer exists" in problem["detail"]
        for unknown in (NOBODY, "x"):
            assert_problem(await api.post(f"{EXECUTIONS}/{unknown}/rerun"), 404)
