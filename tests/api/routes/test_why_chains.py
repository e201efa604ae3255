"""`/jobs/{id}/why` of jobs that run after others, over real runs of chains."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from myscheduler.core.history.execution import Status
from tests.support.api import JOBS, create, ok
from tests.support.parts import Parts, is_over, manifest, soon
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

JSON = (("Content-Type", "application/json"),)


async def why(api: httpx.AsyncClient, job_id: str, at: datetime | None = None) -> dict[str, Any]:
    params = {"at": at.isoformat(timespec="microseconds")} if at else {}
    found: dict[str, Any] = await ok(api, "GET", f"{JOBS}/{job_id}/why", params=params)
    return found


async def run(api: httpx.AsyncClient, job_id: str, **asked: Any) -> str:
    found: str = (await ok(api, "POST", f"{JOBS}/{job_id}/trigger", json=asked))["execution_id"]
    return found


async def chain(api: httpx.AsyncClient, target: Target, **afters: list[Any]) -> None:
    """The job `a`, and others that run after some."""
    await create(api, job_id="a", target_url=target.url("/a"), extract={"rows": "/rows"})
    for job_id, edges in afters.items():
        after = [{"job": one} if isinstance(one, str) else one for one in edges]
        await create(api, job_id=job_id, target_url=target.url(f"/{job_id}"), after=after)


class TestWhatRan:
    async def test_it_names_what_started_it(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await chain(api, target, b=["a"], c=["b"])
        first = await run(api, "a")
        row = await parts.row_where("c", is_over)
        last = await why(api, "c")
        assert "ran: it started after b had completed at" in last["answer"]
        (slot,) = last["slots"]
        assert (slot["execution_id"], slot["chain_id"], slot["status"]) == (row.execution_id, first, "completed")
        assert row.started_at is not None
        for moment in (row.slot, row.started_at):
            assert (await why(api, "c", moment))["slots"] == last["slots"]
        later = await why(api, "c", row.slot + timedelta(minutes=5))
        assert later["slots"] == []
        assert (
            later["remarks"][0]
            == "No chain that leads to the job was in progress at that time: it runs after b has succeeded."
        )

    async def test_a_repeated_part_of_a_chain(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/b", Answer(500), Answer())
        await chain(api, target, b=["a"], x=["a"], c=["b", "x"])
        await run(api, "a")
        failed = await parts.row_where("b", is_over)
        await parts.row_where("c", is_over)
        assert "it runs after b has succeeded, and that failed at" in (await why(api, "c"))["answer"]
        await ok(api, "POST", f"/api/v1/executions/{failed.execution_id}/rerun", json={"downstream": True})
        await parts.rows_where("c", lambda rows: len(rows) == 2 and all(map(is_over, rows)))
        assert "ran: it started after b had completed at" in (await why(api, "c"))["answer"]

    async def test_a_plain_job_tells_its_last_run(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, job_id="p", target_url=target.url("/p"))
        await run(api, "p")
        await parts.row_where("p", is_over)
        assert "A manual run of" in (await why(api, "p"))["answer"]


class TestWhatDidNot:
    async def test_a_join_that_waits_then_a_cancelled_chain(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.answers("/x", Silence())
        await chain(api, target, b=["a"], x=["a"], c=["b", "x"], d=["c"])
        first = await run(api, "a")
        await parts.row_where("b", is_over)
        began = (await parts.row_where("x", lambda row: row.started_at is not None)).slot
        told = await why(api, "c")
        assert "the job waits for x (running since " in told["answer"]
        assert "waits for c (which has not begun)." in (await why(api, "d"))["answer"]
        assert told["slots"][0]["execution_id"] is None
        await ok(api, "POST", f"/api/v1/chains/{first}/cancel", json={"by": "Ada"})
        assert "was cancelled before the job's turn came." in (await why(api, "c", began))["answer"]

    async def test_a_condition_with_the_value(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/a", Answer(body=json.dumps({"rows": 0}).encode(), headers=JSON))
        await chain(api, target)
        when = {"job": "a", "json": {"/rows": {"gt": 0}}}
        await create(api, job_id="b", target_url=target.url("/b"), after=[{"job": "a"}], when=when)
        await create(api, job_id="c", target_url=target.url("/c"), after=[{"job": "b"}])
        await run(api, "a")
        await parts.row_where("c", is_over)
        assert "/rows of a was 0, and has to be > 0." in (await why(api, "b"))["answer"]
        told = (await why(api, "c"))["answer"]
        assert "b, which it runs after, did not run: its condition (when) did not hold." in told

    async def test_a_run_alone(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await chain(api, target, b=["a"])
        await run(api, "a", chain=False, by="Ada")
        slot = (await parts.row_where("a", is_over)).slot
        assert "Ada asked for that run alone (chain: false)." in (await why(api, "b", slot))["answer"]

    async def test_a_first_job_that_is_paused(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, job_id="a", target_url=target.url("/a"), **soon(0.3))
        await create(api, job_id="b", target_url=target.url("/b"), after=[{"job": "a"}])
        await ok(api, "POST", f"{JOBS}/a/pause", json={"by": "Ada"})
        slot = (await parts.row_where("b", is_over)).slot
        told = await why(api, "b", slot)
        assert "a, which it runs after, did not run: the job was paused." in told["answer"]

    async def test_a_job_before_it_that_is_gone(self, api: httpx.AsyncClient, target: Target) -> None:
        await chain(api, target, b=["a"])
        await ok(api, "DELETE", f"{JOBS}/a")
        remarks = (await why(api, "b", datetime.now(UTC)))["remarks"]
        assert "There is no job a, which it runs after, so that can't start it." in remarks

    async def test_a_manifest_whose_parent_is_gone_is_held(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("a.yaml", manifest("a"))
        child = "job_id: b\nafter: [{job: a}]\ntarget_url: http://127.0.0.1:9/\n"
        parts.manifest("b.yaml", child)
        assert (await parts.sync()).problems == ()
        (parts.jobs_dir / "a.yaml").unlink()
        await parts.sync()
        told = (await why(api, "b", datetime.now(UTC)))["answer"]
        assert "so its last good spec applies: there is no job 'a'" in told

    async def test_a_requirement(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, job_id="day", target_url=target.url("/day"))
        requires = [{"job": "day", "within": "PT12H"}]
        fields = soon(0.3) | {"requires": requires, "misfire_grace_time": 1}
        await create(api, job_id="r", target_url=target.url("/r"), **fields)
        row = await parts.row_where("r", lambda row: row.status is Status.SKIPPED)
        told = (await why(api, "r", row.slot))["answer"]
        assert "day had to complete at" in told
        assert "and has never completed." in told
