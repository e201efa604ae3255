"""Manual runs: real SQLite, a real target."""

import asyncio

import pytest

from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.errors import JobNotFoundError
from tests.support.parts import Parts, is_over, received, soon
from tests.support.target import Silence, Target

pytestmark = pytest.mark.anyio


class TestManual:
    async def test_a_paused_job_runs_when_told_to(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        before = await parts.catalog.pause("a", by="me")
        execution_id = (await parts.dispatcher.trigger("a", by="Ada")).execution_id
        row = await parts.row_where("a", is_over)
        assert (row.execution_id, row.status, row.kind) == (execution_id, Status.COMPLETED, Kind.MANUAL)
        assert (row.cause, row.requested_by) == (Cause.API, "Ada")
        job = (await parts.jobs())["a"]
        assert (job.is_paused, job.cursor, job.next_slot) == (True, before.cursor, before.next_slot)
        assert job.execution_count == 1

    async def test_it_runs_beside_a_scheduled_one(self, parts: Parts, target: Target) -> None:
        target.answers("/slow", Silence())
        await parts.create("a", **soon(0.1), target_url=target.url("/slow"))
        await received(target, 1)
        await parts.dispatcher.trigger("a", by="me", may_overlap=True)
        await received(target, 2)
        assert [row.kind for row in await parts.rows("a")] == [Kind.SCHEDULED, Kind.MANUAL]

    async def test_each_request_is_a_run_of_its_own(self, parts: Parts, target: Target) -> None:
        await parts.create("a", target_url=target.url())
        runs = await asyncio.gather(*(parts.dispatcher.trigger("a", by="me", may_overlap=True) for _ in range(50)))
        ids = [run.execution_id for run in runs]
        assert len(set(ids)) == 50
        await received(target, 50)
        rows = await parts.rows_where("a", lambda rows: len(rows) == 50 and all(map(is_over, rows)))
        assert {row.execution_id for row in rows} == set(ids)

    async def test_an_unknown_job(self, parts: Parts) -> None:
        with pytest.raises(JobNotFoundError, match="'nobody'"):
            await parts.dispatcher.trigger("nobody", by="me")
