"""The list of all jobs: it is fresh after every change, and costs few statements however long it is."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from myscheduler.core.history.execution import Status
from tests.support.api import JOBS, SUMMARY, assert_has, create, ok
from tests.support.parts import MovableClock, Parts, client, opened
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


async def test_the_list(api: httpx.AsyncClient) -> None:
    for name in ("b", "a"):
        await create(api, job_id=name)
    listed = await ok(api, "GET", JOBS)
    assert list(listed) == ["jobs"]
    assert [job["job_id"] for job in listed["jobs"]] == ["a", "b"]
    for job in listed["jobs"]:
        assert_has(job, SUMMARY)
        assert job["id"] == job["job_id"]


class TestListIsFresh:
    """Summaries are remembered; each thing that can change one has to show at once."""

    async def listed(self, api: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
        return {job["job_id"]: job for job in (await ok(api, "GET", JOBS))["jobs"]}

    async def same_as_alone(self, api: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
        alone = await ok(api, "GET", f"{JOBS}/{job_id}")
        listed = (await self.listed(api))[job_id]
        assert listed == {name: alone[name] for name in listed}
        return listed

    async def test_after_a_pause_and_its_end(self, api: httpx.AsyncClient) -> None:
        await create(api)
        assert (await self.same_as_alone(api, "a"))["status"] == "running"
        await ok(api, "POST", f"{JOBS}/a/pause")
        assert (await self.same_as_alone(api, "a"))["status"] == "paused"
        await ok(api, "POST", f"{JOBS}/a/resume")
        assert (await self.same_as_alone(api, "a"))["status"] == "running"

    async def test_while_an_execution_runs_and_when_it_ends(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.answers("/slow", Answer(delay=0.5))
        await create(api, target_url=target.url("/slow"))
        assert (await self.same_as_alone(api, "a"))["last_execution"] is None
        await ok(api, "POST", f"{JOBS}/a/trigger")
        running = await self.listed(api)
        assert running["a"]["last_execution"]["status"] == "running"
        await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        ended = await self.same_as_alone(api, "a")
        assert (ended["last_execution"]["status"], ended["execution_count"]) == ("completed", 1)

    async def test_after_a_job_was_made_again(self, api: httpx.AsyncClient) -> None:
        await create(api)
        await create(api, job_id="b")
        await self.listed(api)
        await ok(api, "DELETE", f"{JOBS}/a")
        assert list(await self.listed(api)) == ["b"]
        await create(api, name="もう一度")
        assert (await self.same_as_alone(api, "a"))["name"] == "もう一度"

    async def test_after_an_edit_of_the_manifest_that_breaks_and_is_mended(
        self, api: httpx.AsyncClient, parts: Parts
    ) -> None:
        for text, held in ((_declared(1), False), ("job_id: [\n", True), (f"{_declared(1)}name: 新しい名\n", False)):
            parts.manifest("jobs.yaml", text)
            await ok(api, "POST", "/api/v1/sync")
            assert (await self.same_as_alone(api, "job-1"))["held"] is held
        assert (await self.listed(api))["job-1"]["name"] == "新しい名"


class TestScale:
    async def test_listing_takes_two_statements_for_five_hundred_jobs(self, tmp_path: Path) -> None:
        async with opened(tmp_path, clock=MovableClock()) as parts, client(parts, token="s3cret") as api:
            api.headers["Authorization"] = "Bearer s3cret"  # so that nothing is asked about tokens
            statements: list[str] = []
            sa.event.listen(parts.store._engine, "before_cursor_execute", lambda *args: statements.append(str(args[2])))
            counts = []
            for size in (1, 1000, 1000):
                parts.manifest("jobs.yaml", "---\n".join(_declared(number) for number in range(size)))
                await parts.sync()
                statements.clear()
                assert len((await ok(api, "GET", JOBS))["jobs"]) == size
                counts.append(len(statements))
        begin, marks = 1, 1
        assert counts == [begin + marks + 1, begin + marks + 2, begin + marks]


def _declared(number: int) -> str:
    return f"job_id: job-{number}\ntarget_url: https://example.com\ninterval: {{hours: 1}}\n"
