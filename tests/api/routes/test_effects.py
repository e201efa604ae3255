"""What pausing or deleting a job means for those after it, told before it is done, and that it comes so."""

import httpx
import pytest

from myscheduler.core.history.execution import Status
from tests.support.api import JOBS, assert_problem, create, ok
from tests.support.parts import Parts, is_over
from tests.support.target import Target

pytestmark = pytest.mark.anyio


async def line(api: httpx.AsyncClient, url: str) -> None:
    await create(api, job_id="a", target_url=url)
    await create(api, job_id="b", target_url=url, after=[{"job": "a"}])
    await create(api, job_id="c", target_url=url, after=[{"job": "b"}])
    await create(api, job_id="d", target_url=url, after=[{"job": "b"}], if_skipped="run")


async def test_of_one_job(api: httpx.AsyncClient, target: Target) -> None:
    await line(api, target.url("/run"))
    found = await ok(api, "GET", f"{JOBS}/b/effects", params={"action": "pause"})
    assert (found["job_id"], found["action"], found["effects_left_out"]) == ("b", "pause", 0)
    assert found["effects"] == [{"job_id": "c", "effect": "skipped"}, {"job_id": "d", "effect": "runs"}]
    assert found["notes"] == [
        "jobs after it that do not run either, with the reason upstream-skipped (1): 'c'",
        "jobs after it that run nevertheless (1): 'd'",
    ]
    assert [one["code"] for one in found["notes_coded"]] == ["effects-skipped", "effects-run"]
    found = await ok(api, "GET", f"{JOBS}/a/effects", params={"action": "delete"})
    assert found["effects"] == [{"job_id": one, "effect": "never"} for one in "bcd"]
    assert (await ok(api, "GET", f"{JOBS}/c/effects", params={"action": "pause"}))["effects"] == []
    assert_problem(await api.get(f"{JOBS}/nope/effects", params={"action": "pause"}), 404)
    assert_problem(await api.get(f"{JOBS}/a/effects"), 422)
    assert_problem(await api.get(f"{JOBS}/a/effects", params={"action": "resume"}), 422)


async def test_of_many_jobs(api: httpx.AsyncClient, target: Target) -> None:
    await line(api, target.url("/run"))
    await ok(api, "POST", f"{JOBS}/c/pause", json={})
    asked = {"ids": ["a", "c"], "dry_run": True}
    expected = await ok(api, "POST", f"{JOBS}/bulk/pause", json=asked)
    assert [one["job_id"] for one in expected["effects"]["effects"]] == ["b", "c", "d"]
    assert (await ok(api, "POST", f"{JOBS}/bulk/trigger", json=asked))["effects"] is None
    assert (await ok(api, "POST", f"{JOBS}/bulk/pause", json={"ids": ["b"]}))["effects"] is None


async def test_it_comes_so(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    await line(api, target.url("/run"))
    told = await ok(api, "GET", f"{JOBS}/b/effects", params={"action": "pause"})
    await ok(api, "POST", f"{JOBS}/b/pause", json={})
    await ok(api, "POST", f"{JOBS}/a/trigger", json={})
    for job_id in "bcd":
        await parts.rows_where(job_id, lambda rows: bool(rows) and all(map(is_over, rows)))
    came = {job_id: (await parts.rows(job_id))[0] for job_id in "bcd"}
    assert (came["b"].status, came["b"].reason) == (Status.SKIPPED, "paused")
    effects = {one["job_id"]: one["effect"] for one in told["effects"]}
    assert {one: "runs" if came[one].status is Status.COMPLETED else "skipped" for one in "cd"} == effects
    assert came["c"].reason == "upstream-skipped"
