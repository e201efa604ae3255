"""The law of chains over a real database: ends recorded in any order, together or not, once or twice."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from myscheduler.adapters.store import Connection, Store, open_store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows.chains import Followed
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.judging import End
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind, Record, Status
from myscheduler.core.job.after import after_to_json
from myscheduler.core.job.job import Job
from myscheduler.core.reason import Reason
from myscheduler.service.dispatch.chaining import ended_of
from tests.support.chains import ROOT, World, some_world
from tests.support.parts import job
from tests.support.postgres import Database

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
WORLDS, CHAINS = 40, 3
SEED = 20_261_201


class Chain:
    """A run of the jobs of a world whose ends are recorded in the database."""

    def __init__(self, store: Store, world: World, jobs: dict[str, Job], slot: datetime) -> None:
        self.store, self.world, self.jobs = store, world, jobs
        self.graph = Graph(world.afters)
        self.slot = slot
        self.root = new_execution_id(slot)

    async def begin(self) -> None:
        of = self.jobs[ROOT]
        execution = Execution(self.root, ROOT, self.slot, Kind.MANUAL, Cause.API, of.digest, None, self.slot)
        claim = Claim(ROOT, of.version, of.digest, None, (), execution, None, None)
        assert await self.store.write(partial(claim_rows.claim, claims=[claim])) == [True]

    async def rows(self) -> dict[str, Record]:
        records = [await self.store.read(partial(execution_rows.of_job, job_id=one, limit=1_000)) for one in self.jobs]
        of_chain = [row for rows in records for row in rows if row.execution().chain_id == self.root]
        found = {row.job_id: row for row in of_chain}
        assert len(found) == len(of_chain), "a job is in a chain twice"
        return found

    async def end(self, rows: list[Record]) -> None:
        """These end; often the answer of the database is lost, and the same is recorded again."""
        ends = [self.world.end_of(row.job_id, row.execution_id) for row in rows]
        finishes = [_finish(row, end) for row, end in zip(rows, ends, strict=True)]
        ended = [ended_of(self.graph, row.execution(), end) for row, end in zip(rows, ends, strict=True)]

        def record(connection: Connection) -> Followed:
            claim_rows.finish(connection, finishes)
            return chain_rows.record_followers(connection, ended, self.graph, find=self.jobs.get, now=NOW)

        first = await self.store.write(record)
        before = await self.rows()
        assert {one.execution_id for _, one in first.ready} <= {row.execution_id for row in before.values()}
        again = await self.store.write(record)
        assert (again.ready, again.skipped) == ((), ())
        assert await self.rows() == before


def _finish(row: Record, end: End) -> Finish:
    is_skipped = end.status is Status.SKIPPED
    outcome = Outcome(200, extracted=end.extracted) if end.extracted is not None else Outcome()
    reason = Reason.PAUSED if is_skipped else None
    return Finish(row.execution_id, end.status, None if is_skipped else NOW, NOW, 1, outcome, reason)


async def check(store: Store, world: World, rng: random.Random) -> None:
    """Some chains of one world at a time, almost with the same slot; what runs ends in any order, in one chain while in
    another, or after it.
    """
    jobs = {ROOT: job(ROOT, NOW - timedelta(days=1))}
    for job_id, after in world.afters.items():
        jobs[job_id] = job(job_id, NOW - timedelta(days=1), **after_to_json(after))
    await store.write(partial(job_rows.insert_jobs, new=list(jobs.values())))
    graph, stored = await store.read(chain_rows.stored_graph)
    assert (graph.afters, stored.keys()) == (world.afters, world.afters.keys())
    chains = [Chain(store, world, jobs, NOW + timedelta(microseconds=number)) for number in range(CHAINS)]
    for chain in chains:
        await chain.begin()
    left = chains
    while left:
        some = rng.sample(left, rng.randint(1, len(left)))
        running = [[row for row in (await one.rows()).values() if row.status is Status.RUNNING] for one in some]
        left = [one for one in left if one not in some or running[some.index(one)]]
        ends = (
            (one, rng.sample(rows, rng.randint(1, len(rows)))) for one, rows in zip(some, running, strict=True) if rows
        )
        await asyncio.gather(*(one.end(rows) for one, rows in ends))
    for chain in chains:
        rows = await chain.rows()
        assert {job_id: row.status for job_id, row in rows.items()} == world.comes_to()
        ids = {row.execution_id for row in rows.values()}
        assert all(row.link.parent_id in ids for row in rows.values() if row.link)
        assert all(abs(row.slot - chain.slot) < timedelta(milliseconds=1) for row in rows.values())
    await store.write(partial(job_rows.delete_jobs, job_ids=list(jobs)))
    await store.write(_forget)


def _forget(connection: Connection) -> None:
    connection.exec_driver_sql("DELETE FROM executions")


async def check_all(url: str, count: int) -> None:
    with open_store(url) as store:
        for number in range(count):
            rng = random.Random(SEED + number)  # noqa: S311 - jobs and an order, not secrets
            await check(store, some_world(rng, most=7), rng)


async def test_with_sqlite(tmp_path: Path) -> None:
    await check_all(f"sqlite:///{tmp_path / 'jobs.db'}", WORLDS)


async def test_with_postgres(postgres: Database) -> None:
    await check_all(postgres.url, WORLDS // 4)
