"""`/health`, also while the database is full."""

import asyncio
from functools import partial

import httpx
import pytest

from tests.support.api import JOBS, assert_problem, body, create, ok
from tests.support.parts import Parts, soon, until
from tests.support.target import Target

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/health", "/health/"])
async def test_health(api: httpx.AsyncClient, path: str) -> None:
    assert (await ok(api, "GET", path))["timezone"] == "Asia/Tokyo"
    assert await ok(api, "GET", "/health/live")
    assert await ok(api, "GET", "/health/ready")


class TestTrouble:
    async def test_a_full_database_is_503_and_reading_goes_on(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await create(api)
        parts.fill()
        fields = body(job_id="b", body="x" * 100_000)
        assert_problem(await api.post(JOBS, json=fields), 503)
        assert len((await ok(api, "GET", JOBS))["jobs"]) == 1
        parts.make_room()
        await ok(api, "POST", JOBS, json=fields)

    async def test_not_ready_while_nothing_can_be_recorded(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        when = soon(1.0)
        await asyncio.gather(*(parts.create(f"job-{n}", **when, target_url=target.url()) for n in range(100)))
        parts.fill()
        ready = partial(api.get, "/health/ready")
        response = await until(ready, lambda response: response.status_code != 200)
        assert "database" in assert_problem(response, 503)["detail"]
        await ok(api, "GET", "/health/live")
        parts.make_room()
        await until(ready, lambda response: response.status_code == 200)
