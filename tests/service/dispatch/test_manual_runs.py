"""Manual runs count: they wait for the execution of their job that is under way, also over a restart."""

import asyncio
import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.core.history.execution import Kind, Record, Status
from myscheduler.core.reason import Reason
from myscheduler.errors import JobNotFoundError, TriggerConflictError
from myscheduler.service.dispatch import permits
from tests.support.api import assert_problem
from tests.support.parts import Parts, client, is_over, opened, received, soon, spec, started, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

TRIGGER = "/api/v1/jobs/a/trigger"


@pytest.fixture
def target() -> Iterator[Target]:
    with Target(default=Answer(delay=0.5)) as running:
        yield running


async def ended(parts: Parts, count: int) -> list[Record]:
    """The history of the job `a`, once so many executions are over."""
    return await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) == count)


async def waiting(parts: Parts) -> list[str]:
    return [run.execution_id for run in await parts.store.read(queued_rows.read)]


async def _is_queued(parts: Parts, execution_id: str) -> bool:
    return parts.dispatcher.find_queued(execution_id) is not None


def one_after_the_other(rows: list[Record]) -> bool:
    """Each began when the one before was over."""
    ran = sorted((row.started_at, row.completed_at) for row in rows if row.started_at and row.completed_at)
    return all(before[1] <= after[0] for before, after in pairwise(ran))


class TestRoom:
    async def test_of_three_triggers_one_runs_one_waits_and_one_is_refused(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        first = await parts.dispatcher.trigger("a", by="Ada")
        second = await parts.dispatcher.trigger("a", by="Bob")
        assert (first.is_queued, second.is_queued, second.waits_for) == (False, True, (first.execution_id,))
        with pytest.raises(TriggerConflictError) as refused:
            await parts.dispatcher.trigger("a", by="Eve")
        assert first.execution_id in str(refused.value)
        assert second.execution_id in str(refused.value)
        assert "Bob" in str(refused.value)
        assert await waiting(parts) == [second.execution_id]
        rows = await ended(parts, 2)
        assert [(row.execution_id, row.requested_by) for row in rows] == [
            (first.execution_id, "Ada"),
            (second.execution_id, "Bob"),
        ]
        assert one_after_the_other(rows)
        assert await waiting(parts) == []
        assert len(target.requests) == 2
        assert (await parts.jobs())["a"].execution_count == 2

    async def test_triggers_at_the_same_moment(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        found = await asyncio.gather(
            *(parts.dispatcher.trigger("a", by="me") for _ in range(20)), return_exceptions=True
        )
        assert sum(isinstance(one, TriggerConflictError) for one in found) == 18
        assert one_after_the_other(await ended(parts, 2))
        assert len(target.requests) == 2

    async def test_a_trigger_while_the_queued_run_waits_for_a_permit(
        self, tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It has left the queue of its job, but not the database."""
        monkeypatch.setattr(permits, "MANUAL_PER_HOST", 1)
        target.answers("/silent", Silence())
        async with started(tmp_path) as parts, client(parts) as api:
            await parts.create("a", target_url=target.url())
            await parts.create("other", target_url=target.url("/silent"))
            assert (await api.post(TRIGGER, json={})).status_code == 200
            other = asyncio.create_task(parts.dispatcher.trigger("other", by="me"))  # has the next permit
            second = (await api.post(TRIGGER, json={"by": "Bob"})).json()
            assert second["status"] == "queued"
            await received(target, 2)
            await until(partial(_is_queued, parts, second["execution_id"]), lambda is_queued: not is_queued)
            assert await waiting(parts) == [second["execution_id"]]
            problem = assert_problem(await api.post(TRIGGER, json={}), 409)
            assert f"{second['execution_id']}, requested by Bob, is about to start" in problem["detail"]
            assert await waiting(parts) == [second["execution_id"]]
            await parts.dispatcher.cancel((await other).execution_id, by="me", reason=None)
            rows = await ended(parts, 2)
            assert [row.requested_by for row in rows][1:] == ["Bob"]

    async def test_overlap_allow_runs_it_at_once(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        for _ in range(3):
            assert not (await parts.dispatcher.trigger("a", by="me", may_overlap=True)).is_queued
        assert not one_after_the_other(await ended(parts, 3))

    async def test_a_job_that_allows_overlap_never_waits(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url(), overlap="allow")
        runs = [await parts.dispatcher.trigger("a", by="me") for _ in range(3)]
        assert not any(run.is_queued for run in runs)
        await ended(parts, 3)

    async def test_max_instances_is_the_room(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url(), max_instances=2)
        runs = [await parts.dispatcher.trigger("a", by="me") for _ in range(3)]
        assert [run.is_queued for run in runs] == [False, False, True]
        await ended(parts, 3)

    async def test_it_waits_for_a_scheduled_execution(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(0.2), target_url=target.url())
        await received(target, 1)
        assert (await parts.dispatcher.trigger("a", by="me")).is_queued
        rows = await ended(parts, 2)
        assert [row.kind for row in rows] == [Kind.SCHEDULED, Kind.MANUAL]
        assert one_after_the_other(rows)

    async def test_a_slot_overlaps_with_a_manual_run(self, parts: Parts, target: Target) -> None:
        target.default = Answer(delay=1.5)
        await parts.create("a", **soon(0.7), target_url=target.url())
        await parts.dispatcher.trigger("a", by="me")
        row = await parts.row_where("a", lambda row: row.kind is Kind.SCHEDULED)
        assert (row.status, row.reason) == (Status.SKIPPED, Reason.OVERLAP)

    async def test_a_slot_that_waits_is_before_a_manual_run_that_came_later(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(0.1, every=1), target_url=target.url(), overlap="queue")
        target.default = Answer(delay=1.5)
        await received(target, 1)
        await asyncio.sleep(1.2)
        assert (await parts.dispatcher.trigger("a", by="me")).is_queued
        target.default = Answer()
        await received(target, 3)
        rows = await parts.rows_where("a", lambda rows: any(row.kind is Kind.MANUAL and is_over(row) for row in rows))
        started = sorted((row.started_at, row.kind) for row in rows if row.started_at)
        assert [kind for _, kind in started[:2]] == [Kind.SCHEDULED] * 2

    async def test_a_paused_job_runs_too(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        await parts.catalog.pause("a", by="me")
        await parts.dispatcher.trigger("a", by="me")
        assert (await parts.dispatcher.trigger("a", by="me")).is_queued
        await ended(parts, 2)


class TestWhileItWaits:
    async def test_the_job_is_edited(self, parts: Parts, target: Target) -> None:
        target.answers("/old", Answer(delay=1))
        await parts.create("a", target_url=target.url("/old"))
        await parts.dispatcher.trigger("a", by="me")
        queued = await parts.dispatcher.trigger("a", by="me")
        await parts.catalog.replace(spec("a", target_url=target.url("/new")))
        await ended(parts, 2)
        assert [one.target for one in target.requests] == ["/old", "/new"]
        assert queued.execution_id == target.requests[1].header("x-myscheduler-execution-id")

    async def test_the_job_is_removed(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        await parts.dispatcher.trigger("a", by="me")
        queued = await parts.dispatcher.trigger("a", by="me")
        await parts.catalog.delete("a")
        row = await parts.row_where("a", lambda row: row.execution_id == queued.execution_id)
        assert (row.status, row.reason, row.requested_by) == (Status.SKIPPED, Reason.DELETED, "me")
        await ended(parts, 2)
        assert await waiting(parts) == []
        assert len(target.requests) == 1
        with pytest.raises(JobNotFoundError):
            await parts.dispatcher.trigger("a", by="me")

    async def test_the_service_is_restarted(self, tmp_path: Path, target: Target) -> None:
        target.default = Silence()
        async with opened(tmp_path, drain_sec=0) as parts:
            parts.dispatcher.start()
            await parts.create("a", target_url=target.url())
            await parts.dispatcher.trigger("a", by="me")
            queued = await parts.dispatcher.trigger("a", by="me")
            await received(target, 1)
        target.default = Answer()
        async with opened(tmp_path) as parts:
            assert await waiting(parts) == [queued.execution_id]
            parts.dispatcher.start()
            row = await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
            assert (row.execution_id, row.requested_by) == (queued.execution_id, "me")
            assert await waiting(parts) == []

    @pytest.mark.parametrize(
        ("delay", "locked_sec"),
        [
            pytest.param(3, 0.3, id="for a moment"),
            pytest.param(0.5, 1.5, id="beyond the execution under way"),
            pytest.param(0.5, 6.5, id="until the write is given up"),
        ],
    )
    async def test_the_database_is_locked_until_the_caller_is_gone(
        self, parts: Parts, target: Target, caplog: pytest.LogCaptureFixture, delay: float, locked_sec: float
    ) -> None:
        """He was told that it could not be recorded, so it must not run later."""
        target.default = Answer(delay=delay)
        await parts.create("a", target_url=target.url())
        await parts.dispatcher.trigger("a", by="me")
        await received(target, 1)
        with closing(sqlite3.connect(next(parts.folder.glob("*.db")), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            late = asyncio.create_task(parts.dispatcher.trigger("a", by="me"))
            await asyncio.sleep(0.3)
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
            await asyncio.sleep(locked_sec - 0.3)
            other.execute("ROLLBACK")
        await until(lambda: asyncio.sleep(0, parts.dispatcher._triggers._queued), lambda queued: not queued)
        assert await waiting(parts) == []
        await ended(parts, 1)
        await asyncio.sleep(0.2)
        assert len(target.requests) == 1
        gc.collect()
        assert "never retrieved" not in caplog.text


class TestOverTheApi:
    async def test_answers(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        async with client(parts) as api:
            first = (await api.post(TRIGGER, json={"by": "Ada"})).json()
            second = await api.post(TRIGGER, json={})
            third = await api.post(TRIGGER, json={})
            beside = await api.post(TRIGGER, json={"overlap": "allow"})
            wrong = await api.post(TRIGGER, json={"overlap": "skip"})
            detail = (await api.get("/api/v1/jobs/a")).json()
            why = (await api.get("/api/v1/jobs/a/why", params={"at": detail["queued_run"]["asked_at"]})).json()
        assert first["status"] == "triggered"
        assert "on request of api waits until the execution in progress has ended" in why["answer"]
        assert second.status_code == 200
        waits = second.json()
        assert (waits["status"], waits["waits_for"]) == ("queued", [first["execution_id"]])
        assert third.status_code == 409
        assert first["execution_id"] in third.json()["detail"]
        assert waits["execution_id"] in third.json()["detail"]
        assert beside.json()["status"] == "triggered"
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "overlap")
        queued = detail["queued_run"]
        assert (queued["execution_id"], queued["requested_by"]) == (waits["execution_id"], "api")
        await ended(parts, 3)


class TestRepeats:
    """CommonUI repeats a request that was answered with 5xx."""

    async def test_a_repeated_trigger_is_the_same_run(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        async with client(parts) as api:
            asked = partial(api.post, TRIGGER, json={"by": "me"}, headers={"Idempotency-Key": "k-1"})
            together = [answer.json() for answer in await asyncio.gather(*(asked() for _ in range(5)))]
            again = await asked()
            await ended(parts, 1)
            much_later = await asked()
        assert all(one == together[0] for one in [*together, again.json(), much_later.json()])
        assert again.headers["Idempotency-Replayed"] == "true"
        assert len(target.requests) == 1

    async def test_a_repeated_trigger_that_waits_is_the_same_run(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        async with client(parts) as api:
            await api.post(TRIGGER, json={})
            asked = partial(api.post, TRIGGER, json={}, headers={"Idempotency-Key": "k-1"})
            first, second = await asked(), await asked()
        assert first.json()["status"] == "queued"
        assert first.json() == second.json()
        await ended(parts, 2)

    async def test_it_holds_over_a_restart(self, tmp_path: Path, target: Target) -> None:
        answers: list[dict[str, str]] = []
        for _ in range(2):
            async with opened(tmp_path) as parts, client(parts) as api:
                parts.dispatcher.start()
                if not answers:
                    await parts.create("a", target_url=target.url())
                answers.append((await api.post(TRIGGER, json={}, headers={"Idempotency-Key": "k"})).json())
        assert answers[0] == answers[1]
        assert len(target.requests) == 1

    async def test_a_run_that_was_refused_may_be_asked_for_again(self, parts: Parts, target: Target) -> None:
        """The claim was stored after its caller had been told that it was not, so nothing was sent."""
        target.default = Answer()
        await parts.create("a", target_url=target.url())
        key = {"Idempotency-Key": "k"}
        async with client(parts) as api:
            with closing(sqlite3.connect(next(parts.folder.glob("*.db")), isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                late = asyncio.create_task(api.post(TRIGGER, json={}, headers=key))
                await until(lambda: asyncio.sleep(0, parts.dispatcher.flights.are_over), lambda is_over: not is_over)
                late.cancel()
                await asyncio.gather(late, return_exceptions=True)
                other.execute("ROLLBACK")
            await parts.row_where("a", lambda row: row.status is Status.INTERRUPTED)
            again = await api.post(TRIGGER, json={}, headers=key)
        assert "Idempotency-Replayed" not in again.headers
        row = await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        assert row.execution_id == again.json()["execution_id"]

    async def test_a_repeated_creation_is_the_same_job(self, parts: Parts) -> None:
        body = {"target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}}
        key = {"Idempotency-Key": "k"}
        async with client(parts) as api:
            found = await asyncio.gather(*(api.post("/api/v1/jobs", json=body, headers=key) for _ in range(5)))
            other = await api.post("/api/v1/jobs", json=body | {"name": "other"}, headers=key)
        assert len({answer.json()["job_id"] for answer in found}) == 1
        assert len(await parts.jobs()) == 1
        assert other.status_code == 422
        assert (other.json()["errors"][0]["field"], other.json()["errors"][0]["rule"]) == (
            "Idempotency-Key", "key-used",
        )  # fmt: skip

    async def test_what_was_refused_is_judged_again(self, parts: Parts) -> None:
        body = {"job_id": "a", "target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}}
        key = {"Idempotency-Key": "k"}
        async with client(parts) as api:
            await parts.create("a")
            assert (await api.post("/api/v1/jobs", json=body, headers=key)).status_code == 409
            await parts.catalog.delete("a")
            assert (await api.post("/api/v1/jobs", json=body, headers=key)).status_code == 200

    @pytest.mark.parametrize("key", [b"", b"x" * 256, "日本".encode(), b"a\tb"])
    async def test_a_key_that_cannot_be_used(self, parts: Parts, key: bytes) -> None:
        await parts.create("a")
        async with client(parts) as api:
            answer = await api.post(TRIGGER, json={}, headers=[(b"Idempotency-Key", key)])
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
