"""What a change of edges decides in chains that go on, in both databases."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from myscheduler.adapters.store import Connection, Store, open_store
from myscheduler.adapters.store.rows import chain_edits as chain_edit_rows
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
from myscheduler.core.reason import Reason
from myscheduler.service.dispatch.chaining import ended_of
from tests.support.chains import after
from tests.support.parts import job
from tests.support.postgres import Database

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
BEFORE = {
    "b": after("a"),
    "c": after("a"),
    "d": after("b", "c"),
    "e": after("d"),
    "m": after("c"),
    "n": after("b", "m"),
}
JOBS = {one: job(one, NOW - timedelta(days=1)) for one in "a"} | {
    one: job(one, NOW - timedelta(days=1), **after_to_json(declared)) for one, declared in BEFORE.items()
}
CHAINS = 40


async def begin(store: Store, number: int) -> Execution:
    """A chain of which `a` and `b` have completed, and `c` runs."""
    slot, of = NOW + timedelta(seconds=number), JOBS["a"]
    root = Execution(new_execution_id(slot), "a", slot, Kind.MANUAL, Cause.API, of.digest, None, slot)
    claim = Claim("a", of.version, of.digest, None, (), root, None, None)
    assert await store.write(partial(claim_rows.claim, claims=[claim])) == [True]
    followed = await store.write(partial(end, one=root))
    await store.write(partial(end, one=next(one for _, one in followed.ready if one.job_id == "b")))
    return root


def end(connection: Connection, one: Execution) -> Followed:
    graph = Graph(BEFORE)
    ended = [ended_of(graph, one, End(one.execution_id, Status.COMPLETED))]
    finish = Finish(one.execution_id, Status.COMPLETED, NOW, NOW, 1, Outcome(200))
    claim_rows.finish(connection, [finish])
    return chain_rows.record_followers(connection, ended, graph, find=JOBS.get, now=NOW)


async def rows(store: Store) -> dict[tuple[str | None, str], Record]:
    found = [await store.read(partial(execution_rows.of_job, job_id=one, limit=1_000)) for one in JOBS]
    return {(row.execution().chain_id, row.job_id): row for of_job in found for row in of_job}


async def check(url: str) -> None:
    with open_store(url) as store:
        await store.write(partial(job_rows.insert_jobs, new=list(JOBS.values())))
        chains = [(await begin(store, number)).execution_id for number in range(CHAINS)]
        await store.write(partial(chain_rows.call_off, chain_id=chains[0]))
        before = await rows(store)
        edited = Graph({one: declared for one, declared in BEFORE.items() if one != "m"} | {"d": after("b")})
        work = partial(chain_edit_rows.judge_again, before=Graph(BEFORE), graph=edited, find=JOBS.get, now=NOW)
        followed = await store.write(work)
        assert sorted(one.chain_id for _, one in followed.ready) == chains[1:]
        assert {(one.job_id, reason) for one, reason in followed.skipped} == {("n", Reason.UPSTREAM_SKIPPED)}
        assert len(followed.skipped) == CHAINS - 1
        added = (await rows(store)).items() - before.items()
        assert sorted((chain_id, job_id) for (chain_id, job_id), _ in added) == [
            (one, job_id) for one in chains[1:] for job_id in "dn"
        ]
        for (chain_id, job_id), row in added:
            assert row.link is not None
            assert (row.is_unbegun, row.slot) == (job_id == "d", before[chain_id, "a"].slot)
            assert row.link.parent_id == before[chain_id, "b"].execution_id
        assert await store.write(work) == Followed()
        assert await store.write(partial(work, graph=Graph(BEFORE))) == Followed()


async def test_with_sqlite(tmp_path: Path) -> None:
    await check(f"sqlite:///{tmp_path / 'jobs.db'}")


async def test_with_postgres(postgres: Database) -> None:
    await check(postgres.url)
