"""`/api/v1/sync`: the state of a pass, its files, drift, and deletions that wait for approval."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.support.api import JOBS, TOKYO, assert_problem, create, ok
from tests.support.parts import Parts
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


class TestSync:
    async def test_files_drift_and_conditions(self, api: httpx.AsyncClient, parts: Parts) -> None:
        text = "target_url: https://example.com\ninterval: {hours: 1}\n"
        parts.manifest("a.yaml", f"job_id: a\n{text}")
        parts.manifest("b.yaml", f"job_id: b\n{text}---\njob_id: c\n")
        await ok(api, "POST", "/api/v1/sync")
        await ok(api, "POST", f"{JOBS}/a/pause", json={"by": "Ada"})
        await create(api, job_id="own")
        await ok(api, "POST", f"{JOBS}/own/pause")
        state = await ok(api, "GET", "/api/v1/sync")
        assert {one["type"]: one["status"] for one in state["conditions"]} == {
            "Ready": False, "Reconciling": False, "Stalled": True,
        }  # fmt: skip
        assert (state["files"]["total"], [file["path"] for file in state["files"]["not_applied"]]) == (2, ["b.yaml"])
        (drift,) = state["drift"]
        assert (drift["job_id"], drift["kind"], drift["pause"]["by"], drift["overruled"]) == (
            "a",
            "paused",
            "Ada",
            False,
        )
        files = (await ok(api, "GET", "/api/v1/sync/files"))["files"]
        assert [(file["path"], file["condition"], file["jobs"]) for file in files] == [
            ("a.yaml", "applied", 1),
            ("b.yaml", "partial", 1),
        ]
        parts.manifest("a.yaml", f"job_id: a\npaused: false\n{text}")
        await ok(api, "POST", "/api/v1/sync")
        assert (await ok(api, "GET", "/api/v1/sync"))["drift"][0]["overruled"] is True
        assert (await ok(api, "GET", f"{JOBS}/a"))["status"] == "running"

    async def test_a_job_says_since_which_revision_it_fails(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        parts.dispatcher.start()

        async def run(path: str) -> dict[str, Any]:
            parts.manifest("a.yaml", f"# {path}\njob_id: a\ntarget_url: {target.url(path)}\ninterval: {{hours: 1}}\n")
            await ok(api, "POST", "/api/v1/sync")
            await ok(api, "POST", f"{JOBS}/a/trigger")
            count = len(await parts.rows("a"))
            await parts.rows_where("a", lambda rows: all(row.completed_at for row in rows) and len(rows) >= count)
            job: dict[str, Any] = await ok(api, "GET", f"{JOBS}/a")
            return job

        target.answers("/bad", Answer(500))
        assert (await run("/good"))["failing_since"] is None
        first = await run("/bad")
        second = await run("/bad?again")
        failing = second["failing_since"]
        assert (failing["failures"], failing["execution_id"]) == (2, first["executions"][0]["execution_id"])
        assert failing["source"] == first["source"] == {**second["source"], "revision": failing["revision"]}
        assert (failing["source"]["file"], failing["source"]["line"]) == ("a.yaml", 2)
        assert failing["revision"] != second["source"]["revision"]
        assert (await run("/good"))["failing_since"] is None

    @pytest.mark.parametrize("path", ["/api/v1/sync", "/api/v1/sync/"])
    async def test_state_and_pass(self, api: httpx.AsyncClient, parts: Parts, path: str) -> None:
        before = await ok(api, "GET", path)
        assert (before["condition"], before["last_applied_revision"]) == ("Reconciling", None)
        parts.manifest("a.yaml", "job_id: a\ntarget_url: https://example.com\ninterval: {hours: 1}\n")
        parts.manifest("b.yaml", "job_id: b\n")
        after = await ok(api, "POST", path)
        assert (after["condition"], after["created"], after["source"]) == ("Stalled", ["a"], str(parts.jobs_dir))
        assert {problem["path"] for problem in after["problems"]} == {"b.yaml"}
        assert datetime.fromisoformat(after["last_attempted_at"]).utcoffset() == TOKYO
        assert await ok(api, "GET", path) == after
        parts.manifest("b.yaml", "job_id: b\ntarget_url: https://example.com\ninterval: {hours: 1}\n")
        whole = await ok(api, "POST", path)
        assert (whole["condition"], whole["created"], whole["unchanged"], whole["problems"]) == ("Ready", ["b"], 1, [])
        assert whole["last_applied_revision"] == whole["last_attempted_revision"] != after["last_attempted_revision"]
        assert datetime.fromisoformat(whole["last_applied_at"]).utcoffset() == TOKYO

    async def test_a_blocked_deletion_is_approved_by_its_digest(self, api: httpx.AsyncClient, parts: Parts) -> None:
        path = parts.manifest("a.yaml", "job_id: a\ntarget_url: https://example.com\ninterval: {hours: 1}\n")
        await ok(api, "POST", "/api/v1/sync")
        path.unlink()
        blocked = (await ok(api, "POST", "/api/v1/sync", json={}))["blocked_deletion"]
        assert blocked["job_ids"] == ["a"]
        problem = assert_problem(await api.post("/api/v1/sync", json={"approve": "0" * 16}), 409)
        assert blocked["digest"] in problem["detail"]
        done = await ok(api, "POST", "/api/v1/sync", json={"approve": blocked["digest"]})
        assert (done["deleted"], done["blocked_deletion"], done["condition"]) == (["a"], None, "Ready")
        assert_problem(await api.get(f"{JOBS}/a"), 404)

    async def test_of_many_jobs_the_first_are_named_and_all_counted(self, api: httpx.AsyncClient, parts: Parts) -> None:
        def write(rest: str, count: int = 150) -> None:
            ids = (f"j{number:03}" for number in range(count))
            parts.manifest("a.yaml", "\n---\n".join(f"job_id: {one}\ntarget_url: http://x.test\n{rest}" for one in ids))

        async def passed() -> dict[str, Any]:
            return dict(await ok(api, "POST", "/api/v1/sync"))

        first = [f"j{number:03}" for number in range(100)]
        nothing = dict.fromkeys(("created", "updated", "deleted", "held", "drift"), 0)
        write("interval: {hours: 1}")
        state = await passed()
        assert (state["created"], state["counts"]) == (first, {**nothing, "created": 150})
        write("interval: {hours: 2}")
        state = await passed()
        assert (state["updated"], state["counts"]) == (first, {**nothing, "updated": 150})
        write("interval: {hour: 2}")
        state = await passed()
        assert (state["held"], state["counts"]) == (first, {**nothing, "held": 150})
        [file] = (await ok(api, "GET", "/api/v1/sync/files"))["files"]
        assert (len(file["problems"]), file["problem_count"]) == (100, 101)
        for job_id in (*first, "j100"):
            await ok(api, "POST", f"{JOBS}/{job_id}/pause")
        parts.manifest("a.yaml", "job_id: other\ntarget_url: http://x.test\ninterval: {hours: 1}\n")
        state = await passed()
        blocked = state["blocked_deletion"]
        assert (blocked["job_ids"], blocked["job_count"]) == (first, 150)
        assert (len(state["drift"]), state["counts"]) == (100, {**nothing, "created": 1, "drift": 101})
        state = await ok(api, "POST", "/api/v1/sync", json={"approve": blocked["digest"]})
        assert (state["deleted"], state["counts"]) == (first, {**nothing, "deleted": 150})
        [entry] = (await ok(api, "GET", "/api/v1/audit?action=approved"))["entries"]
        assert (entry["detail"]["job_ids"], entry["detail"]["job_count"]) == (first, 150)

    async def test_problems_of_all_files_have_a_bound(self, api: httpx.AsyncClient, parts: Parts) -> None:
        for number in range(12):
            parts.manifest(f"{number:02}.yaml", "job_id: a\n" + "\n".join(f"k{one}: 1" for one in range(120)))
        await ok(api, "POST", "/api/v1/sync")
        files = (await ok(api, "GET", "/api/v1/sync/files"))["files"]
        assert [len(file["problems"]) for file in files] == [100] * 10 + [0] * 2
        assert [file["problem_count"] for file in files] == [101] * 12
