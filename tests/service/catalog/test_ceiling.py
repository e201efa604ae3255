"""How many jobs of the API there may be, whatever becomes of them."""

import asyncio
from pathlib import Path

import pytest

from myscheduler.errors import JobConflictError, StoreUnavailableError, TooManyJobsError
from tests.support.api import JOBS, assert_problem, body
from tests.support.parts import client, manifest, opened, spec

pytestmark = pytest.mark.anyio


async def test_there_are_no_more_than_allowed(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0, most_api_jobs=3) as parts:
        made = await asyncio.gather(*(parts.create(str(number)) for number in range(5)), return_exceptions=True)
        assert [isinstance(one, TooManyJobsError) for one in made] == [False] * 3 + [True] * 2
        assert set(await parts.jobs()) == {"0", "1", "2"}
        with pytest.raises(JobConflictError):
            await parts.create("0")
        with pytest.raises(TooManyJobsError, match="there are 3 jobs of the API"):
            await parts.catalog.create(spec("new"), replace_existing=True)
        await parts.catalog.create(spec("0", name="replaced"), replace_existing=True)
        await parts.catalog.replace(spec("1", name="replaced"))
        await parts.catalog.delete("2")
        await parts.catalog.create(spec("3"), replace_existing=True)
        with pytest.raises(TooManyJobsError):
            await parts.create("4")


async def test_jobs_from_before_a_restart_count(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0, most_api_jobs=2) as parts:
        await parts.create("a")
        await parts.create("b")
    async with opened(tmp_path, drain_sec=0, most_api_jobs=2) as parts:
        with pytest.raises(TooManyJobsError):
            await parts.create("c")
    async with opened(tmp_path, drain_sec=0, most_api_jobs=1) as parts:
        with pytest.raises(TooManyJobsError):
            await parts.create("c")
        assert len(await parts.jobs()) == 2


async def test_jobs_of_manifests_don_t_count(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0, most_api_jobs=1) as parts:
        parts.manifest("some.yaml", "---\n".join(manifest(name) for name in ("x", "y", "z")))
        await parts.sync()
        await parts.create("a")
        parts.manifest("a.yaml", manifest("a", "adopt: true\n"))
        await parts.sync()  # it is adopted, so it is no longer one of the API
        await parts.create("b")
        with pytest.raises(TooManyJobsError):
            await parts.create("c")


async def test_none_may_be_allowed(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0, most_api_jobs=0) as parts:
        with pytest.raises(TooManyJobsError):
            await parts.create("a")


async def test_jobs_that_could_not_be_written_don_t_count(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0, most_api_jobs=1) as parts:
        await parts.create("a")
        await parts.catalog.delete("a")
        parts.fill()
        for replace_existing in (False, True):
            with pytest.raises(StoreUnavailableError):
                await parts.catalog.create(spec("b", body="x" * 500_000), replace_existing=replace_existing)
        parts.make_room()
        await parts.create("c")
        with pytest.raises(TooManyJobsError):
            await parts.create("d")


async def test_the_answer_says_what_to_do(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0, most_api_jobs=1) as parts, client(parts) as api:
        assert (await api.post(JOBS, json=body(job_id="a"))).status_code == 200
        refused = [
            await api.post(JOBS, json=body(job_id="b", **more), headers=headers)
            for more in ({}, {"replace_existing": True})
            for headers in ({}, {"Idempotency-Key": "k"})
        ]
        for answer in refused:
            problem = assert_problem(answer, 409)
            assert problem["type"] == "urn:myscheduler:problem:conflict"
            assert "MYSCHEDULER_MAX_API_JOBS): delete some" in problem["detail"]
        assert (await api.get(JOBS, params={"owner": "api", "status": "completed"})).status_code == 200
