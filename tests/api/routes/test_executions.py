"""The history of a job through the API: a run while it is under way, when it is over, and when its job is gone."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from myscheduler.core.history.execution import Status
from tests.support.api import EXECUTION, JOBS, TOKYO, assert_has, assert_problem, create, ok
from tests.support.parts import Parts
from tests.support.target import Answer, Raw, Silence, Target

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [200, 500])
async def test_the_history(api: httpx.AsyncClient, parts: Parts, target: Target, status: int) -> None:
    target.answers("/run", Answer(status, b"hello"))
    await create(api, target_url=target.url("/run"))
    triggered = await ok(api, "POST", f"{JOBS}/a/trigger", json={"by": "Ada"})
    await parts.row_where("a", lambda row: row.status is not Status.RUNNING)
    of_job = await ok(api, "GET", f"{JOBS}/a/executions")
    recent = await ok(api, "GET", f"{JOBS}/executions/recent")
    detail = await ok(api, "GET", f"{JOBS}/a")
    assert (of_job["job_id"], of_job["count"], recent["count"]) == ("a", 1, 1)
    assert of_job["executions"] == recent["executions"] == detail["executions"] == [detail["last_execution"]]
    (row,) = of_job["executions"]
    assert_has(row, EXECUTION)
    assert row["execution_id"] == triggered["execution_id"]
    assert row["status"] == ("completed" if status == 200 else "failed")
    assert row["result"] == {"success": status == 200, "status_code": status, "response_size": 5, "attempts": 1}
    assert (row["http_status_code"], row["response_size"], row["requested_by"]) == (status, 5, "Ada")
    assert (row["error_message"] is None) == (status == 200)
    for name in ("started_at", "completed_at", "scheduled_at"):
        assert datetime.fromisoformat(row[name]).utcoffset() == TOKYO
    assert detail["execution_count"] == 1


async def test_an_imperfect_answer_is_an_answer(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    target.answers("/run", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n0123456789abcdef"))
    await create(api, target_url=target.url("/run"), method="POST", max_retries=2, retry_backoff_sec=0)
    await ok(api, "POST", f"{JOBS}/a/trigger")
    await parts.row_where("a", lambda row: row.status is not Status.RUNNING)
    (row,) = (await ok(api, "GET", f"{JOBS}/a/executions"))["executions"]
    note = f"127.0.0.1:{target.port} sent more bytes than its Content-Length of 15"
    assert (row["status"], row["note"], row["error_message"]) == ("completed", note, None)
    assert (row["response"], row["result"]["success"], len(target.requests)) == ("0123456789abcde", True, 1)


async def test_limits(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    await create(api, target_url=target.url())
    for _ in range(3):
        await ok(api, "POST", f"{JOBS}/a/trigger", json={"overlap": "allow"})
    for path in (f"{JOBS}/a/executions", f"{JOBS}/executions/recent"):
        newest = await ok(api, "GET", f"{path}?limit=2")
        every = await ok(api, "GET", path)
        assert (newest["count"], every["count"]) == (2, 3)
        assert newest["executions"][0]["execution_id"] == every["executions"][0]["execution_id"]
    await parts.rows_where("a", lambda rows: all(row.status is not Status.RUNNING for row in rows))


async def test_a_one_off_stays_listed_as_completed(api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    await create(api, schedule_type="date", run_at=at.isoformat(), target_url=target.url())
    detail = await ok(api, "GET", f"{JOBS}/a")
    assert (detail["status"], detail["trigger_info"]["type"]) == ("running", "date")
    assert detail["trigger_info"]["run_at"] == at.isoformat()
    await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
    (job,) = (await ok(api, "GET", JOBS))["jobs"]
    assert (job["status"], job["next_run_time"], job["execution_count"]) == ("completed", None, 1)


async def test_a_removed_job_is_gone_and_its_history_stays(api: httpx.AsyncClient, target: Target) -> None:
    await create(api, target_url=target.url())
    await ok(api, "POST", f"{JOBS}/a/trigger")
    await ok(api, "DELETE", f"{JOBS}/a")
    assert_problem(await api.get(f"{JOBS}/a"), 404)
    assert (await ok(api, "GET", f"{JOBS}/a/executions"))["count"] == 1


async def test_a_running_execution_has_no_result_yet(api: httpx.AsyncClient, target: Target) -> None:
    target.answers("/never", Silence())
    await create(api, target_url=target.url("/never"))
    await ok(api, "POST", f"{JOBS}/a/trigger")
    (row,) = (await ok(api, "GET", f"{JOBS}/a/executions"))["executions"]
    assert (row["status"], row["result"], row["completed_at"]) == ("running", None, None)


async def test_the_history_of_a_job_without_one_is_empty(api: httpx.AsyncClient) -> None:
    await create(api)
    await ok(api, "DELETE", f"{JOBS}/a")
    assert await ok(api, "GET", f"{JOBS}/a/executions") == {"job_id": "a", "executions": [], "count": 0}
