"""One action on many jobs: what is selected, what becomes of each, and that it is audited as one act."""

from functools import partial
from typing import Any, ClassVar

import httpx
import pytest

from myscheduler.adapters.store.rows import repeats as key_rows
from myscheduler.api.routes import bulk
from myscheduler.core.history.execution import Status
from tests.support.access import bearer
from tests.support.api import JOBS, assert_problem, create, ok
from tests.support.parts import Parts, client
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio
BULK = f"{JOBS}/bulk"
MANIFEST = "target_url: https://example.com\ninterval: {hours: 1}\n"


@pytest.fixture(autouse=True)
async def jobs(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    parts.manifest("jobs.yaml", f"job_id: billing-file\n{MANIFEST}---\njob_id: billing-fixed\npaused: true\n{MANIFEST}")
    await parts.sync()
    await create(api, job_id="billing-1", labels={"team": "billing"}, target_url=target.url("/1"))
    await create(api, job_id="billing-2", labels={"team": "billing", "tier": "2"}, target_url=target.url("/2"))
    await create(api, job_id="other", name="請求", target_url=target.url("/other"))


async def act(api: httpx.AsyncClient, action: str, **body: Any) -> dict[str, str]:
    """What became of each job; the numbers of the answer have to agree with it."""
    answer = await ok(api, "POST", f"{BULK}/{action}", json=body)
    rows = answer["jobs"]
    assert (answer["action"], answer["dry_run"], answer["selected"]) == (action, body.get("dry_run", False), len(rows))
    for result in ("done", "skipped", "refused"):
        assert answer[result] == sum(row["result"] == result for row in rows)
    assert all((row["result"] == "done") == (row["detail"] is None) for row in rows)
    assert [row["job_id"] for row in rows] == sorted(row["job_id"] for row in rows)
    return {row["job_id"]: row["result"] for row in rows}


async def paused(api: httpx.AsyncClient) -> list[str]:
    return [row["job_id"] for row in (await ok(api, "GET", JOBS, params={"paused": "true"}))["jobs"]]


class TestSelection:
    @pytest.mark.parametrize(
        ("selection", "ids"),
        [
            pytest.param({"labels": {"team": "billing"}}, ["billing-1", "billing-2"], id="labels"),
            pytest.param({"labels": {"team": "billing", "tier": "2"}}, ["billing-2"], id="two labels"),
            pytest.param({"ids": ["billing-?", "other"]}, ["other"], id="only stars are wild"),
            pytest.param({"ids": ["*-1", "o*r"]}, ["billing-1", "other"], id="patterns"),
            pytest.param({"ids": ["*"], "q": "請求"}, ["other"], id="both have to match"),
            pytest.param({"q": "BILLING-2"}, ["billing-2"], id="text"),
            pytest.param({"ids": ["none"]}, [], id="nothing"),
        ],
    )
    async def test_of_jobs(self, api: httpx.AsyncClient, selection: dict[str, Any], ids: list[str]) -> None:
        assert list(await act(api, "pause", **selection, dry_run=True)) == ids
        assert await paused(api) == ["billing-fixed"]
        assert list(await act(api, "pause", **selection)) == ids
        assert await paused(api) == sorted([*ids, "billing-fixed"])

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            ({}, "name the jobs by one or several of labels, ids, q"),
            ({"by": "me"}, "name the jobs"),
            ({"ids": None}, "name the jobs"),
            ({"ids": []}, "is empty"),
            ({"labels": {}}, "is empty"),
            ({"q": " "}, "is empty"),
            ({"ids": "billing-*"}, "has to be a list"),
            ({"ids": [1]}, "at most 500 texts"),
            ({"ids": ["x" * 256]}, "at most 255 printable characters"),
            ({"ids": ["a"] * 501}, "at most 500 texts"),
            ({"labels": {"team": 1}}, "text values"),
            ({"labels": {str(number): "" for number in range(21)}}, "at most 20 labels"),
            ({"q": "x" * 256}, "at most 255 printable characters"),
            ({"q": "x", "dry_run": "yes"}, "has to be true or false"),
            ({"q": "x", "catchup": "all"}, "the keys are labels, ids, q, dry_run, by, reason, until"),
            ({"q": "x", "until": "soon"}, "not a timestamp"),
        ],
    )
    async def test_what_is_refused(self, api: httpx.AsyncClient, body: dict[str, Any], says: str) -> None:
        assert says in assert_problem(await api.post(f"{BULK}/pause", json=body), 422)["detail"]
        assert await paused(api) == ["billing-fixed"]

    async def test_too_many_jobs(self, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bulk, "MOST", 4)
        for action in ("pause", "resume", "trigger"):
            problem = assert_problem(await api.post(f"{BULK}/{action}", json={"ids": ["*"]}), 422)
            assert "5 jobs match, and at most 4 may" in problem["detail"]
        assert await paused(api) == ["billing-fixed"]
        assert (await ok(api, "GET", f"{JOBS}/executions/recent"))["count"] == 0


class TestPause:
    async def test_each_job_is_told(self, api: httpx.AsyncClient) -> None:
        await ok(api, "POST", f"{JOBS}/billing-1/pause")
        expected = {"billing-1": "skipped", "billing-2": "done", "billing-file": "done", "billing-fixed": "refused"}
        assert await act(api, "pause", ids=["billing-*"], dry_run=True) == expected
        answer = await ok(api, "POST", f"{BULK}/pause", json={"ids": ["billing-*"]})
        assert {row["job_id"]: row["result"] for row in answer["jobs"]} == expected
        details = {row["job_id"]: row["detail"] for row in answer["jobs"]}
        assert details["billing-1"] == "the job is paused already"
        assert "jobs.yaml:5 says paused: true" in details["billing-fixed"]
        assert await act(api, "resume", ids=["*"]) == {
            "billing-1": "done",
            "billing-2": "done",
            "billing-file": "done",
            "billing-fixed": "refused",
            "other": "skipped",
        }
        assert await paused(api) == ["billing-fixed"]

    async def test_by_reason_and_end(self, api: httpx.AsyncClient) -> None:
        order = {"by": "ann", "reason": "moving", "until": "2099-01-01T00:00:00+09:00"}
        await act(api, "pause", labels={"team": "billing"}, **order)
        pause = (await ok(api, "GET", f"{JOBS}/billing-2"))["pause"]
        assert {name: pause[name] for name in order} == order
        later = order | {"until": "2099-06-01T00:00:00+09:00"}
        assert await act(api, "pause", ids=["billing-2"], **later) == {"billing-2": "done"}
        assert await act(api, "pause", ids=["billing-2"], **later) == {"billing-2": "skipped"}

    async def test_it_is_one_act_in_the_audit(self, api: httpx.AsyncClient) -> None:
        await act(api, "pause", ids=["billing-*"], q="billing", by="ann")
        await act(api, "pause", ids=["billing-*"], by="ann", dry_run=True)
        await act(api, "pause", ids=["none"], by="ann")
        entries = (await ok(api, "GET", "/api/v1/audit", params={"limit": 4}))["entries"]
        whole = next(one for one in entries if one["action"] == "bulk-paused")
        assert (whole["actor"], whole["job_id"]) == ("ann", None)
        assert whole["detail"]["selection"] == {"ids": ["billing-*"], "q": "billing"}
        assert whole["detail"]["counts"] == {"done": 3, "skipped": 0, "refused": 1}
        single = [one["job_id"] for one in entries if one["action"] == "paused"]
        assert sorted(single) == ["billing-1", "billing-2", "billing-file"]
        assert len((await ok(api, "GET", "/api/v1/audit", params={"action": "bulk-paused"}))["entries"]) == 1


class TestTrigger:
    async def test_each_job_runs_once(self, api: httpx.AsyncClient, parts: Parts) -> None:
        assert await act(api, "trigger", labels={"team": "billing"}, dry_run=True) == {
            "billing-1": "done",
            "billing-2": "done",
        }
        answer = await ok(api, "POST", f"{BULK}/trigger", json={"labels": {"team": "billing"}, "by": "ann"})
        for row in answer["jobs"]:
            ended = await parts.row_where(row["job_id"], lambda one: one.status is Status.COMPLETED)
            assert (ended.execution_id, ended.requested_by) == (row["execution_id"], "ann")
        assert len(answer["jobs"]) == 2
        (entry,) = (await ok(api, "GET", "/api/v1/audit", params={"action": "bulk-triggered"}))["entries"]
        assert entry["detail"]["counts"] == {"done": 2, "skipped": 0, "refused": 0}

    async def test_a_job_with_a_waiting_run_is_refused(self, api: httpx.AsyncClient, target: Target) -> None:
        target.answers("/other", Answer(delay=30))
        for _ in range(2):
            assert await act(api, "trigger", ids=["other"]) == {"other": "done"}
        answer = await ok(api, "POST", f"{BULK}/trigger", json={"ids": ["other"]})
        assert answer["refused"] == 1
        assert "waits for it to end" in answer["jobs"][0]["detail"]
        assert await act(api, "trigger", ids=["other"], overlap="allow") == {"other": "done"}


class TestRepeatedRequest:
    KEY: ClassVar = {"Idempotency-Key": "k-1"}

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("jobs/other/pause", {"reason": "a"}),
            ("jobs/other/resume", {}),
            ("jobs/bulk/pause", {"ids": ["*"]}),
            ("jobs/bulk/resume", {"ids": ["*"]}),
            ("jobs/bulk/trigger", {"labels": {"team": "billing"}}),
            ("sync", {}),
        ],
    )
    async def test_it_gets_the_first_answer(self, api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
        first = await api.post(f"/api/v1/{path}", json=body, headers=self.KEY)
        assert first.status_code == 200
        before = await ok(api, "GET", "/api/v1/audit")
        again = await api.post(f"/api/v1/{path}", json=body, headers=self.KEY)
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert await ok(api, "GET", "/api/v1/audit") == before
        other = await api.post(f"/api/v1/{path}", json=body | {"by": "another"}, headers=self.KEY)
        assert "was used for another request" in assert_problem(other, 422)["detail"]

    async def test_a_pause_is_not_repeated_after_its_end(self, api: httpx.AsyncClient) -> None:
        await ok(api, "POST", f"{JOBS}/other/pause", headers=self.KEY)
        await ok(api, "POST", f"{JOBS}/other/resume")
        await ok(api, "POST", f"{JOBS}/other/pause", headers=self.KEY)
        assert (await ok(api, "GET", f"{JOBS}/other"))["status"] == "running"

    async def test_a_refused_one_is_evaluated_again(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.post(f"{JOBS}/later/pause", headers=self.KEY), 404)
        await create(api, job_id="later")
        await ok(api, "POST", f"{JOBS}/later/pause", headers=self.KEY)

    async def test_an_approval(self, api: httpx.AsyncClient, parts: Parts) -> None:
        (parts.jobs_dir / "jobs.yaml").unlink()
        blocked = (await ok(api, "POST", "/api/v1/sync"))["blocked_deletion"]
        body = {"approve": blocked["digest"]}
        first = await ok(api, "POST", "/api/v1/sync", json=body, headers=self.KEY)
        assert first["deleted"] == ["billing-file", "billing-fixed"]
        assert await ok(api, "POST", "/api/v1/sync", json=body, headers=self.KEY) == first
        assert_problem(await api.post("/api/v1/sync", json=body), 409)

    async def test_triggers_that_were_cut_off_are_continued(self, api: httpx.AsyncClient, parts: Parts) -> None:
        """As after a crash: one of the jobs was triggered, and the answer was not stored."""
        body = {"labels": {"team": "billing"}}
        first = await ok(api, "POST", f"{BULK}/trigger", json=body, headers=self.KEY)
        await parts.store.write(partial(key_rows.remove, keys=["k-1"]))
        await parts.rows_where("billing-1", lambda rows: rows[0].status is Status.COMPLETED)
        assert await ok(api, "POST", f"{BULK}/trigger", json=body, headers=self.KEY) == first
        assert [len(await parts.rows(one)) for one in ("billing-1", "billing-2")] == [1, 1]


class TestJobCalledBulk:
    async def test_it_can_still_be_paused(self, api: httpx.AsyncClient) -> None:
        await create(api, job_id="bulk")
        assert await ok(api, "POST", f"{BULK}/pause") == {"job_id": "bulk", "status": "paused"}
        assert await ok(api, "POST", f"{BULK}/resume", json={"by": "a"}) == {"job_id": "bulk", "status": "resumed"}
        assert (await ok(api, "POST", f"{BULK}/trigger"))["status"] == "triggered"


async def test_jobs_that_the_caller_may_not_act_on_are_refused_one_by_one(parts: Parts) -> None:
    caller = await bearer(parts, "operator", {"labels": {"team": "billing"}})
    async with client(parts) as api:
        answer = await ok(api, "POST", f"{BULK}/pause", json={"ids": ["*"]}, headers=caller)
    assert {row["job_id"] for row in answer["jobs"] if row["result"] == "done"} == {"billing-1", "billing-2"}
    (other,) = [row for row in answer["jobs"] if row["job_id"] == "other"]
    assert (other["result"], "is not in a scope" in other["detail"]) == ("refused", True)


async def test_a_caller_with_a_scope_has_to_select(parts: Parts) -> None:
    caller = await bearer(parts, "operator", {"ids": ["billing-*"]})
    async with client(parts) as api:
        problem = assert_problem(await api.post(f"{BULK}/pause", headers=caller), 422)
    assert [one["rule"] for one in problem["errors"]] == ["missing-selection"]


async def test_hundreds_of_jobs(api: httpx.AsyncClient, parts: Parts) -> None:
    parts.manifest("many.yaml", "---\n".join(f"job_id: job-{number}\n{MANIFEST}" for number in range(501)))
    await parts.sync()
    assert_problem(await api.post(f"{BULK}/pause", json={"ids": ["job-*"]}), 422)
    answer = await ok(api, "POST", f"{BULK}/pause", json={"ids": ["job-1*", "job-2*", "job-3*", "job-4*"]})
    assert answer["done"] == 444
    assert (await ok(api, "POST", f"{BULK}/resume", json={"q": "job-4", "catchup": "last"}))["done"] == 111
