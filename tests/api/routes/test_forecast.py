"""The forecast of jobs that run after others: how long those before take is measured, or said to be assumed."""

import httpx
import pytest

from tests.support.api import JOBS, create, ok
from tests.support.parts import Parts, is_over
from tests.support.target import Target

pytestmark = pytest.mark.anyio


async def test_what_is_not_known_is_named(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    await create(api, job_id="a", interval={"hours": 1}, target_url=target.url("/run"))
    await create(api, job_id="b", after=[{"job": "a"}], target_url="https://b.example.com/")
    await create(api, job_id="off", after=[{"job": "a"}], target_url="https://b.example.com/")
    await ok(api, "POST", f"{JOBS}/off/pause", json={})
    found = await ok(api, "GET", "/api/v1/forecast", params={"days": 1})
    assert found["chained"] == {
        "jobs": 1, "assumed": 1, "assumed_job_ids": ["a"], "assumed_sec": 0.5, "left_out": 0
    }  # fmt: skip
    starts = {host["host"]: (host["jobs"], host["starts"]) for host in found["hosts"]}
    assert starts["b.example.com"] in {(1, 23), (1, 24)}, "one is paused; the last one of the other may be a day ahead"
    await ok(api, "POST", f"{JOBS}/a/trigger", json={"chain": False})
    await parts.rows_where("a", lambda rows: bool(rows) and all(map(is_over, rows)))
    found = await ok(api, "GET", "/api/v1/forecast", params={"days": 2})
    assert (found["chained"]["jobs"], found["chained"]["assumed"]) == (1, 0)
