"""What runs after what around a job, as it is declared at present."""

from typing import Any

import httpx
import pytest

from tests.support.api import JOBS, assert_problem, create, ok
from tests.support.target import Target

pytestmark = pytest.mark.anyio


async def graph(api: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await ok(api, "GET", f"{JOBS}/{job_id}/graph")
    return found


@pytest.fixture
async def url(api: httpx.AsyncClient, target: Target) -> str:
    """Jobs z, y and x one after another, y also after w; and one alone."""
    url = target.url("/run")
    await create(api, job_id="z", name="取込", target_url=url)
    await create(api, job_id="w", target_url=url, after=[{"job": "z", "on": "always"}])
    await create(api, job_id="y", target_url=url, join="any", after=[{"job": "z", "on": "failure"}, {"job": "w"}])
    await create(api, job_id="x", target_url=url, after=[{"job": "y"}])
    await create(api, job_id="alone", target_url=url)
    return url


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("job_id", ["z", "y", "x"])
async def test_it_is_the_same_for_each_job_of_it(api: httpx.AsyncClient, job_id: str) -> None:
    assert await graph(api, job_id) == {
        "jobs": [
            {"job_id": "z", "name": "取込", "join": None},
            {"job_id": "w", "name": "w", "join": None},
            {"job_id": "y", "name": "y", "join": "any"},
            {"job_id": "x", "name": "x", "join": None},
        ],
        "edges": [
            {"from": "z", "to": "w", "on": "always"},
            {"from": "y", "to": "x", "on": "success"},
            {"from": "z", "to": "y", "on": "failure"},
            {"from": "w", "to": "y", "on": "success"},
        ],
        "jobs_left_out": 0,
    }


async def test_a_change_is_seen_at_once(api: httpx.AsyncClient, url: str) -> None:
    changed = {"job_id": "x", "target_url": url, "after": [{"job": "w"}]}
    await ok(api, "PUT", f"{JOBS}/x", json=changed)
    assert {"from": "w", "to": "x", "on": "success"} in (await graph(api, "z"))["edges"]


@pytest.mark.usefixtures("url")
async def test_a_paused_job_is_in_it(api: httpx.AsyncClient) -> None:
    await ok(api, "POST", f"{JOBS}/w/pause")
    assert len((await graph(api, "w"))["jobs"]) == 4


@pytest.mark.usefixtures("url")
async def test_one_alone(api: httpx.AsyncClient) -> None:
    alone = {"job_id": "alone", "name": "alone", "join": None}
    assert await graph(api, "alone") == {"jobs": [alone], "edges": [], "jobs_left_out": 0}


async def test_no_such_job(api: httpx.AsyncClient) -> None:
    assert_problem(await api.get(f"{JOBS}/nobody/graph"), 404)
