"""Jobs of manifests through the API: shown with their source, paused and resumed, and changed by their files only."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.api import JOBS, assert_problem, body, create, ok
from tests.support.parts import Parts

pytestmark = pytest.mark.anyio


class TestManifestJobs:
    @pytest.fixture(autouse=True)
    async def _declared(self, parts: Parts) -> None:
        text = "target_url: https://example.com\ninterval: {hours: 1}\n"
        parts.manifest("team/jobs.yaml", f"job_id: m\n{text}---\njob_id: stopped\npaused: true\n{text}")
        await parts.sync()

    async def test_they_are_shown_with_their_source(self, api: httpx.AsyncClient) -> None:
        job = await ok(api, "GET", f"{JOBS}/m")
        assert (job["owner"], job["read_only"], job["held"]) == ("manifest", True, False)
        assert (job["source"]["file"], job["source"]["line"]) == ("team/jobs.yaml", 1)

    async def test_changing_them_is_a_conflict_that_names_the_file(self, api: httpx.AsyncClient) -> None:
        for response in (
            await api.delete(f"{JOBS}/m"),
            await api.put(f"{JOBS}/m", json=body(job_id="m")),
            await api.post(JOBS, json=body(job_id="m")),
            await api.post(JOBS, json=body(job_id="m", replace_existing=True)),
        ):
            assert "team/jobs.yaml:1" in assert_problem(response, 409)["detail"]
        assert (await ok(api, "GET", f"{JOBS}/m"))["owner"] == "manifest"

    async def test_pause_and_resume_work_where_the_manifest_is_silent(self, api: httpx.AsyncClient) -> None:
        await ok(api, "POST", f"{JOBS}/m/pause", headers={"X-Forwarded-User": "ada@example.com"})
        assert (await ok(api, "GET", f"{JOBS}/m"))["paused_by"] == "ada@example.com"
        await ok(api, "POST", f"{JOBS}/m/resume")
        assert (await ok(api, "GET", f"{JOBS}/m"))["status"] == "running"

    @pytest.mark.parametrize("written", [True, False])
    async def test_pausing_a_job_of_the_api_works_whatever_it_was_made_with(
        self, api: httpx.AsyncClient, written: bool
    ) -> None:
        await create(api, job_id="own", paused=written)
        assert (await ok(api, "GET", f"{JOBS}/own"))["status"] == ("paused" if written else "running")
        for action, status in (("pause", "paused"), ("resume", "running"), ("pause", "paused")):
            await ok(api, "POST", f"{JOBS}/own/{action}", json={"by": "Ada"})
            assert (await ok(api, "GET", f"{JOBS}/own"))["status"] == status

    async def test_a_pause_says_who_why_and_until_when(self, api: httpx.AsyncClient, parts: Parts) -> None:
        until = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
        asked = {"by": "Ada", "reason": "倉庫の\n保守", "until": until.isoformat()}
        await ok(api, "POST", f"{JOBS}/m/pause", json=asked)
        job = await ok(api, "GET", f"{JOBS}/m")
        pause = job["pause"]
        assert (job["status"], job["paused_by"]) == ("paused", "Ada")
        assert (pause["by"], pause["reason"]) == ("Ada", "倉庫の 保守")
        assert datetime.fromisoformat(pause["until"]) == until
        assert datetime.fromisoformat(job["next_run_time"]) >= until
        parts.manifest("team/jobs.yaml", "job_id: m\ntarget_url: http://127.0.0.1:9/edited\ninterval: {hours: 1}\n")
        await ok(api, "POST", "/api/v1/sync")
        edited = await ok(api, "GET", f"{JOBS}/m")
        assert (edited["target_url"], edited["pause"]) == ("http://127.0.0.1:9/edited", pause)

    @pytest.mark.parametrize(
        ("asked", "field", "words"),
        [
            pytest.param({"until": "2020-01-01T00:00:00Z"}, "until", "is in the past", id="over"),
            pytest.param({"until": "tomorrow"}, "until", "RFC 3339", id="no moment"),
            pytest.param({"until": 5}, "until", "text", id="a number"),
            pytest.param({"reason": "x" * 1_001}, "reason", "1000 characters", id="a long reason"),
            pytest.param({"for": "2h"}, "for", "until", id="an unknown key"),
        ],
    )
    async def test_a_pause_that_can_not_be_laid(
        self, api: httpx.AsyncClient, asked: dict[str, Any], field: str, words: str
    ) -> None:
        problem = assert_problem(await api.post(f"{JOBS}/m/pause", json=asked), 422)
        (error,) = problem["errors"]
        assert error["field"] == field
        assert words in error["message"]
        assert (await ok(api, "GET", f"{JOBS}/m"))["status"] == "running"

    async def test_and_are_a_conflict_where_it_says_paused(self, api: httpx.AsyncClient) -> None:
        for action in ("pause", "resume"):
            assert "team/jobs.yaml" in assert_problem(await api.post(f"{JOBS}/stopped/{action}"), 409)["detail"]
        job = await ok(api, "GET", f"{JOBS}/stopped")
        assert (job["status"], job["paused_by"]) == ("paused", "team/jobs.yaml:5")

    async def test_a_broken_file_is_shown_as_held(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("team/jobs.yaml", "job_id: [\n")
        await ok(api, "POST", "/api/v1/sync")
        assert {job["job_id"]: job["held"] for job in (await ok(api, "GET", JOBS))["jobs"]} == {
            "m": True,
            "stopped": True,
        }
