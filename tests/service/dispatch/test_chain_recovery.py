"""Chains of which an earlier process left something: nothing is lost, and nothing runs twice."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.chains.judging import End
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, Record, Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.reason import Reason
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.dispatch import claiming, retry_waits
from myscheduler.service.dispatch.chaining import ended_of
from tests.support.parts import MovableClock, Parts, is_over, opened, received, spec, started
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

T = TypeVar("T")

BEFORE = timedelta(hours=-3)
"""When the jobs were made."""
SLOT = timedelta(hours=-2)
FAR = (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def over(parts: Parts, *job_ids: str) -> dict[str, Record]:
    """The only row of each of these jobs, once it is over."""
    return {one: await parts.row_where(one, is_over) for one in job_ids}


def how(rows: dict[str, Record]) -> dict[str, tuple[str, str | None]]:
    return {job_id: (row.status.value, row.reason) for job_id, row in rows.items()}


async def claimed(parts: Parts) -> Execution:
    """The execution of the job `a` that was running at a crash."""
    job = (await parts.jobs())["a"]
    slot = datetime.now(UTC) + SLOT
    execution = Execution(new_execution_id(slot), "a", slot, Kind.MANUAL, Cause.API, job.digest, None, slot)
    claim = Claim("a", job.version, job.digest, None, (), execution, None, None)
    assert await parts.store.write(partial(claim_rows.claim, claims=[claim])) == [True]
    return execution


async def left(folder: Path, target: Target, *, ago: timedelta = timedelta(0), **fields: Any) -> Execution:
    """A crash just after the end of `a` was recorded: `b` has not begun. `c` runs after it, and `d` after its failure.

    The slot is two hours old, and the end so long `ago`.
    """
    async with opened(folder, clock=MovableClock(BEFORE)) as parts:
        await parts.create("a", run_at=FAR, target_url=target.url("/a"), extract={"rows": "/rows"})
        await parts.create("b", **({"after": [{"job": "a"}], "target_url": target.url("/b")} | fields))
        await parts.create("c", after=[{"job": "b"}], target_url=target.url("/c"))
        await parts.create("d", after=[{"job": "b", "on": "failure"}], target_url=target.url("/d"))
        execution = await claimed(parts)
        now = datetime.now(UTC) - ago
        outcome = Outcome(200, extracted={"rows": 7})
        finish = Finish(execution.execution_id, Status.COMPLETED, execution.started_at, now, 1, outcome)
        end = End(execution.execution_id, Status.COMPLETED, {"rows": 7})

        def record(connection: Connection) -> chain_rows.Followed:
            graph, jobs = chain_rows.stored_graph(connection)
            claim_rows.finish(connection, [finish])
            ended = [ended_of(graph, execution, end)]
            return chain_rows.record_followers(connection, ended, graph, find=jobs.get, now=now)

        followed = await parts.store.write(record)
        assert [one.job_id for _, one in followed.ready] == ["b"]
        return execution


class TestWhatHasNotBegun:
    async def test_it_begins_at_the_next_start(self, tmp_path: Path, target: Target) -> None:
        body = {"rows": "{{ after['a'].rows }}"}
        root = await left(tmp_path, target, method="POST", body=body, misfire_grace_time=600)
        async with started(tmp_path) as parts:
            rows = await over(parts, "b", "c", "d")
            assert how(rows) == {
                "b": ("completed", None),
                "c": ("completed", None),
                "d": ("skipped", Reason.UPSTREAM_OUTCOME),
            }
            assert (await parts.jobs())["b"].execution_count == 1
        assert [one.target for one in target.requests] == ["/b", "/c"]
        assert json.loads(target.requests[0].body) == {"rows": 7}
        assert target.requests[0].header("X-MyScheduler-Chain-Id") == root.execution_id
        assert target.requests[0].header("X-MyScheduler-Attempt") == "1"
        assert {row.slot for row in rows.values()} == {root.slot}

    async def test_a_process_that_only_opens_the_database_leaves_it(self, tmp_path: Path, target: Target) -> None:
        await left(tmp_path, target)
        for _ in range(2):
            async with opened(tmp_path) as parts:
                await asyncio.sleep(0.1)
                (row,) = await parts.rows("b")
                assert row.is_unbegun
        assert target.requests == []

    async def test_its_grace_counts_from_the_end_of_its_parent(self, tmp_path: Path, target: Target) -> None:
        await left(tmp_path, target, ago=timedelta(minutes=30), misfire_grace_time=60)
        async with started(tmp_path) as parts:
            rows = await over(parts, "b", "c", "d")
        assert how(rows) == {
            "b": ("missed", Reason.DEADLINE),
            "c": ("skipped", Reason.UPSTREAM_SKIPPED),
            "d": ("skipped", Reason.UPSTREAM_SKIPPED),
        }
        assert target.requests == []

    async def test_not_if_its_job_was_deleted(self, tmp_path: Path, target: Target) -> None:
        await left(tmp_path, target)
        async with opened(tmp_path, clock=MovableClock(BEFORE)) as parts:
            await parts.store.write(
                lambda connection: connection.exec_driver_sql("DELETE FROM jobs WHERE job_id = 'b'")
            )
        async with started(tmp_path) as parts:
            rows = await over(parts, "b", "c", "d")
            assert parts.dispatcher.tallies.executions["skipped", "chain", "deleted"] == 1
        assert how(rows) == {
            "b": ("skipped", Reason.DELETED),
            "c": ("skipped", Reason.UPSTREAM_SKIPPED),
            "d": ("skipped", Reason.UPSTREAM_SKIPPED),
        }
        assert target.requests == []

    async def test_not_if_its_chain_was_cancelled(self, tmp_path: Path, target: Target) -> None:
        root = await left(tmp_path, target)
        async with opened(tmp_path, clock=MovableClock(BEFORE)) as parts:
            await parts.store.write(partial(chain_rows.call_off, chain_id=root.execution_id))
        for _ in range(2):
            async with started(tmp_path) as parts:
                rows = await over(parts, "b")
                assert how(rows) == {"b": ("skipped", Reason.CANCELLED)}
                assert (rows["b"].started_at, rows["b"].attempts) == (None, 0)
                assert [await parts.rows(one) for one in ("c", "d")] == [[], []]
        assert target.requests == []

    async def test_not_if_its_job_is_paused(self, tmp_path: Path, target: Target) -> None:
        await left(tmp_path, target)
        async with opened(tmp_path) as parts:
            await parts.catalog.pause("b", by="me")
        async with started(tmp_path) as parts:
            assert how(await over(parts, "b", "c")) == {
                "b": ("skipped", Reason.PAUSED),
                "c": ("skipped", Reason.UPSTREAM_SKIPPED),
            }

    async def test_as_its_job_is_declared_by_then(self, tmp_path: Path, target: Target) -> None:
        await left(tmp_path, target)
        async with opened(tmp_path) as parts:
            await parts.catalog.replace(spec("b", after=[{"job": "a"}], target_url=target.url("/edited")))
        async with started(tmp_path) as parts:
            row = (await over(parts, "b"))["b"]
            assert row.digest == (await parts.jobs())["b"].digest
        assert target.requests[0].target == "/edited"

    async def test_its_retries_go_on_after_a_restart(self, tmp_path: Path, target: Target) -> None:
        target.answers("/b", Answer(503), Answer(503), Answer())
        await left(tmp_path, target, max_retries=3, retry_backoff_sec=1)
        async with started(tmp_path) as parts:
            await parts.row_where("b", lambda row: row.next_attempt_at is not None and row.attempts == 1)
        async with started(tmp_path) as parts:
            rows = await over(parts, "b", "c")
            assert (rows["b"].status, rows["b"].attempts) == (Status.COMPLETED, 3)
            assert (await parts.jobs())["b"].execution_count == 1
        assert [one.target for one in target.requests] == ["/b", "/b", "/b", "/c"]


class TestWhatWasRunning:
    async def test_its_interruption_fires_what_waits_for_a_failure(self, tmp_path: Path, target: Target) -> None:
        async with opened(tmp_path, clock=MovableClock(BEFORE)) as parts:
            await parts.create("a", run_at=FAR, target_url=target.url("/a"))
            for on in ("success", "failure", "always"):
                await parts.create(on, after=[{"job": "a", "on": on}], target_url=target.url(f"/{on}"))
            await claimed(parts)
        for _ in range(2):
            async with started(tmp_path) as parts:
                rows = await over(parts, "a", "success", "failure", "always")
        assert how(rows) == {
            "a": ("interrupted", Reason.CRASH),
            "success": ("skipped", Reason.UPSTREAM_OUTCOME),
            "failure": ("completed", None),
            "always": ("completed", None),
        }
        assert sorted(one.target for one in target.requests) == ["/always", "/failure"]

    async def test_one_that_is_sent_again_still_begins_its_chain(self, tmp_path: Path, target: Target) -> None:
        async with opened(tmp_path, clock=MovableClock(BEFORE)) as parts:
            sent_again = {"on_interrupt": "retry", "misfire_grace_time": 86_400}
            await parts.create("a", run_at=FAR, target_url=target.url("/a"), **sent_again)
            await parts.create("b", after=[{"job": "a"}], target_url=target.url("/b"))
            root = await claimed(parts)
        async with started(tmp_path) as parts:
            assert how(await over(parts, "a", "b")) == {"a": ("completed", None), "b": ("completed", None)}
        assert [one.target for one in target.requests] == ["/a", "/b"]
        chains = [one.header("X-MyScheduler-Chain-Id") for one in target.requests]
        assert chains == [root.execution_id] * 2

    async def test_a_child_that_was_running_is_interrupted_and_not_sent_again(
        self, tmp_path: Path, target: Target
    ) -> None:
        target.answers("/b", Silence())
        await left(tmp_path, target)
        async with started(tmp_path) as parts:
            await received(target, 1)
            snapshot = (await parts.rows("b"))[0]
            assert (snapshot.status, snapshot.started_at is None) == (Status.RUNNING, False)
        async with started(tmp_path) as parts:
            rows = await over(parts, "b", "c", "d")
        assert how(rows) == {
            "b": ("interrupted", Reason.SHUTDOWN),
            "c": ("skipped", Reason.UPSTREAM_OUTCOME),
            "d": ("completed", None),
        }
        assert [one.target for one in target.requests] == ["/b", "/d"]


class RefusingStore(Store):
    """A database that does not take the beginning of executions, or that does so unheard."""

    def __init__(self, store: Store, *, is_committed: bool) -> None:
        super().__init__(store._engine, store._writer, store._readers, store.vitals)
        self._is_committed = is_committed
        self.asked = asyncio.Event()

    async def write(self, work: Callable[[Connection], T]) -> T:
        if isinstance(work, partial) and work.func is retry_waits._store:
            if self._is_committed:
                await super().write(work)
            self.asked.set()
            raise StoreUnavailableError("no room")
        return await super().write(work)


@pytest.mark.parametrize("is_committed", [False, True])
async def test_one_whose_beginning_is_in_doubt_at_a_shutdown_begins_at_the_next_start(
    tmp_path: Path, target: Target, *, is_committed: bool
) -> None:
    await left(tmp_path, target)
    stores: list[RefusingStore] = []

    def through(store: Store) -> Store:
        stores.append(RefusingStore(store, is_committed=is_committed))
        return stores[0]

    async with started(tmp_path, through=through) as parts:
        await stores[0].asked.wait()
        await parts.dispatcher.stop(0)
        (row,) = await parts.rows("b")
        assert row.is_unbegun
    assert target.requests == []
    async with started(tmp_path) as parts:
        assert how(await over(parts, "b", "c")) == {"b": ("completed", None), "c": ("completed", None)}
        assert (await parts.jobs())["b"].execution_count == 1


async def test_a_claim_whose_answer_was_lost_leads_to_what_follows_only_once(parts: Parts, target: Target) -> None:
    """The job that runs in place of skipped ones, of a slot that did not run."""
    job = await parts.create("a", target_url=target.url("/a"))
    await parts.create("b", after=[{"job": "a"}], if_skipped="run", target_url=target.url("/b"))
    slot = datetime.now(UTC) + timedelta(hours=1)
    gap = Unrun(Status.SKIPPED, Reason.OVERLAP, slot, slot, 1)
    claim = Claim("a", job.version, job.digest, None, (gap,), None, slot, slot + timedelta(hours=1))
    chains = parts.dispatcher.chains
    work = partial(
        claiming._store, claims=[claim], graph=chains.graph, below=chains.below(["a"]), now=lambda: datetime.now(UTC)
    )
    first, second = [await parts.store.write(work) for _ in range(2)]
    assert (first[0], second[0]) == ([True], [True])
    assert [len(one[2].ready) for one in (first, second)] == [1, 0]
    assert len(await parts.rows("b")) == 1


async def test_what_a_job_is_told_of_others_needs_only_their_rows(parts: Parts, target: Target) -> None:
    await parts.create("a", target_url=target.url("/a"), extract={"rows": "/rows"})
    for name in "bc":
        await parts.create(name, after=[{"job": "a"}], target_url=target.url(f"/{name}"))
    target.answers("/a", Answer(200, b'{"rows": 7}'))
    run = await parts.dispatcher.trigger("a", by="me")
    await over(parts, "b", "c")
    chain_id = run.execution_id
    graph = parts.dispatcher.chains.graph
    for job_ids in (["a"], ["b"], ["a", "c"]):
        ends = await parts.store.read(partial(chain_rows.ends_in, graph=graph, chain_id=chain_id, job_ids=job_ids))
        assert {one: end.status for one, end in ends.items()} == dict.fromkeys(job_ids, Status.COMPLETED)
    assert (await parts.store.read(partial(chain_rows.ends_in, graph=graph, chain_id=chain_id, job_ids=["a"])))[
        "a"
    ].extracted == {"rows": 7}
