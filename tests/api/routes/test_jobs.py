"""The REST contract over the real parts: paths, fields, types, status words, and what bad input gets."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from myscheduler.core.history.execution import Status
from tests.support.parts import Clock, Parts, client, opened, soon, until
from tests.support.target import Answer, Raw, Silence, Target

pytestmark = pytest.mark.anyio

JOBS = "/api/v1/jobs"
JSON = {"Content-Type": "application/json"}
TOKYO = timedelta(hours=9)

SUMMARY = {
    "job_id": str,
    "id": str,
    "name": str,
    "next_run_time": str,
    "trigger": str,
    "status": str,
    "target_url": str,
    "method": str,
    "execution_count": int,
    "owner": str,
    "read_only": bool,
    "held": bool,
}
DETAIL = SUMMARY | {
    "func": str,
    "trigger_info": dict,
    "headers": dict,
    "timeout_sec": float,
    "max_retries": int,
    "retry_backoff_sec": float,
    "executions": list,
}
EXECUTION = {
    "execution_id": str,
    "job_id": str,
    "started_at": str,
    "completed_at": str,
    "status": str,
    "result": dict,
    "execution_time_ms": int,
    "http_status_code": int,
    "response_size": int,
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As in conftest, but of a scope that lets fixtures be shared."""
    return "asyncio"


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        yield running


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path, drain_sec=0) as running:
        running.dispatcher.start()
        yield running


@pytest.fixture
async def api(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with client(parts) as one:
        yield one


def body(**fields: Any) -> dict[str, Any]:
    given = {"job_id": "a", "target_url": "https://example.com/run"} | fields
    if not {"cron", "interval", "run_at", "schedule_type"} & fields.keys():
        given["interval"] = {"hours": 1}
    return given


async def create(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await api.post(JOBS, json=body(**fields))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def ok(api: httpx.AsyncClient, method: str, path: str, **more: Any) -> Any:
    response = await api.request(method, path, **more)
    assert response.status_code == 200, response.text
    return response.json()


def assert_problem(response: httpx.Response, *statuses: int) -> dict[str, Any]:
    """The answer is a problem of RFC 9457 with one of these statuses."""
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    assert isinstance(problem["detail"], str)
    assert problem["detail"]
    assert isinstance(problem["title"], str)
    assert isinstance(problem["type"], str)
    return problem


def assert_has(view: dict[str, Any], shape: dict[str, type]) -> None:
    assert {name: type(view.get(name)) for name in shape} == shape


class TestContract:
    async def test_the_daily_report_of_the_readme(self, api: httpx.AsyncClient) -> None:
        fields: dict[str, Any] = {
            "job_id": "daily-report",
            "name": "日次レポート生成",
            "schedule_type": "cron",
            "cron": {"hour": "10", "minute": "30"},
            "target_url": "https://example.com/api/run-report",
            "method": "POST",
            "headers": {"Authorization": "Bearer XXX"},
            "body": {"report": "daily", "projectId": 123},
            "max_retries": 2,
            "retry_backoff_sec": 2.0,
        }
        response = await api.post(JOBS, json=fields)
        assert (response.status_code, response.json()) == (200, {"job_id": "daily-report", "status": "scheduled"})
        detail = await ok(api, "GET", f"{JOBS}/daily-report")
        assert_has(detail, DETAIL)
        same = ("job_id", "name", "target_url", "method", "headers", "body", "max_retries", "retry_backoff_sec")
        assert {name: detail[name] for name in same} == {name: fields[name] for name in same}
        assert detail["trigger"] == "cron[hour='10', minute='30']"
        assert detail["trigger_info"] == {"type": "cron", "cron": {"hour": "10", "minute": "30"}}
        assert (detail["func"], detail["status"], detail["execution_count"]) == ("execute_http_job", "running", 0)
        assert (detail["timeout_sec"], detail["executions"]) == (30.0, [])
        assert detail["next_run_time"].endswith("T10:30:00+09:00")

    async def test_an_interval_without_an_id_gets_one(self, api: httpx.AsyncClient) -> None:
        fields = {
            "name": "ヘルスチェック",
            "schedule_type": "interval",
            "interval": {"minutes": 10},
            "target_url": "https://example.com/health/check",
            "method": "GET",
        }
        created = await ok(api, "POST", JOBS, json=fields)
        detail = await ok(api, "GET", f"{JOBS}/{created['job_id']}")
        assert detail["trigger_info"] == {"type": "interval", "interval": {"minutes": 10}, "interval_seconds": 600.0}
        assert detail["name"] == "ヘルスチェック"

    async def test_a_list_of_cron_schedules_is_shown_as_one(self, api: httpx.AsyncClient) -> None:
        await create(api, cron=[{"hour": "10", "minute": "30"}, "0 12 * * sat"])
        detail = await ok(api, "GET", f"{JOBS}/a")
        assert_has(detail, DETAIL)
        saturdays = {"minute": "0", "hour": "12", "day": "*", "month": "*", "day_of_week": "sat"}
        assert detail["trigger_info"] == {"type": "cron", "cron": [{"hour": "10", "minute": "30"}, saturdays]}
        assert detail["trigger"].startswith("cron[hour='10', minute='30'] or cron[minute='0', hour='12'")

    async def test_an_interval_by_the_calendar_says_what_it_keeps(self, api: httpx.AsyncClient) -> None:
        fields = {"interval": "P1Y6M", "anchor": "2026-01-31T09:00", "clock": "wall", "dst": {"gap": "skip"}}
        await create(api, cron=None, **fields)
        detail = await ok(api, "GET", f"{JOBS}/a")
        assert_has(detail, DETAIL)
        assert detail["trigger"] == "interval[1 years, 6 months]"
        assert detail["trigger_info"] == {
            "type": "interval",
            "interval": {"years": 1, "months": 6},
            "interval_seconds": 18 * 365.2425 / 12 * 86_400,
            "anchor": "2026-01-31T09:00:00+09:00",
            "clock": "wall",
            "dst": {"gap": "skip"},
        }

    @pytest.mark.parametrize(
        ("fields", "place", "words"),
        [
            pytest.param({"cron": ["0 9 * * *", "0 9 *"]}, "cron.1", "has 3 fields", id="an item"),
            pytest.param({"cron": ["0 9 * * *", 7]}, "cron.1", "can't be 7: write a crontab line", id="a number"),
            pytest.param({"cron": ["0 9 * * *", {"hour": 24}]}, "cron.1.hour", "takes 0-23", id="a field of an item"),
            pytest.param({"cron": []}, "cron", "is an empty list", id="nothing"),
            pytest.param({"cron": ["0 9 * * *"] * 21}, "cron", "more than 20", id="too many"),
            pytest.param({"cron": None, "interval": "P1M"}, "interval", "write `clock: wall`", id="real month"),
            pytest.param({"cron": None, "interval": "P1M", "clock": "wall"}, "anchor", "is needed", id="no anchor"),
            pytest.param(
                {"cron": None, "interval": "P1DT1H", "clock": "wall", "anchor": "2026-01-31T09:00"},
                "interval", "not hours", id="hours of the calendar",
            ),
            pytest.param(
                {"cron": None, "interval": {"months": 10**9}, "clock": "wall", "anchor": "2026-01-31T09:00"},
                "interval.months", "less than or equal to 1200", id="months without end",
            ),
            pytest.param(
                {"cron": None, "interval": "P100Y1D", "clock": "wall", "anchor": "2026-01-31T09:00"},
                "interval", "at most a hundred years", id="more than a century",
            ),
            pytest.param(
                {"cron": None, "interval": "P1Y", "clock": "wall", "anchor": "9999-01-31T09:00"},
                "anchor", "after the year 9999", id="no slot",
            ),
            pytest.param({"clock": "wall"}, "clock", "belongs to interval", id="clock of a cron schedule"),
        ],
    )  # fmt: skip
    async def test_what_is_wrong_with_them_is_named(
        self, api: httpx.AsyncClient, fields: dict[str, Any], place: str, words: str
    ) -> None:
        body = {"job_id": "a", "target_url": "https://example.com", "cron": "0 9 * * *"} | fields
        response = await api.post(JOBS, json=body)
        assert response.status_code == 422
        found = {problem["field"]: problem["message"] for problem in response.json()["errors"]}
        assert words in found[place]

    async def test_defaults(self, api: httpx.AsyncClient) -> None:
        await create(api)
        detail = await ok(api, "GET", f"{JOBS}/a")
        wanted = {"name": "a", "method": "GET", "timeout_sec": 30.0, "max_retries": 0, "retry_backoff_sec": 1.0}
        assert {name: detail[name] for name in wanted} == wanted
        assert (detail["headers"], detail["body"], detail["owner"], detail["read_only"]) == ({}, None, "api", False)
        assert (detail["source"], detail["paused_by"], detail["last_execution"]) == (None, None, None)

    async def test_the_list(self, api: httpx.AsyncClient) -> None:
        for name in ("b", "a"):
            await create(api, job_id=name)
        listed = await ok(api, "GET", JOBS)
        assert list(listed) == ["jobs"]
        assert [job["job_id"] for job in listed["jobs"]] == ["a", "b"]
        for job in listed["jobs"]:
            assert_has(job, SUMMARY)
            assert job["id"] == job["job_id"]

    @pytest.mark.parametrize("path", [JOBS, f"{JOBS}/"])
    async def test_with_and_without_a_slash(self, api: httpx.AsyncClient, path: str) -> None:
        assert (await api.post(path, json=body())).status_code == 200
        assert len((await ok(api, "GET", path))["jobs"]) == 1

    @pytest.mark.parametrize("path", ["/health", "/health/"])
    async def test_health(self, api: httpx.AsyncClient, path: str) -> None:
        assert (await ok(api, "GET", path))["timezone"] == "Asia/Tokyo"
        assert await ok(api, "GET", "/health/live")
        assert await ok(api, "GET", "/health/ready")

    async def test_docs(self, api: httpx.AsyncClient) -> None:
        assert (await api.get("/docs")).status_code == 200
        paths = (await ok(api, "GET", "/openapi.json"))["paths"]
        names = ("", "/{job_id}", "/executions/recent", "/{job_id}/pause", "/{job_id}/resume", "/{job_id}/trigger")
        assert {f"{JOBS}{name}" for name in (*names, "/{job_id}/executions")} <= paths.keys()

    async def test_resume_takes_a_wish_to_catch_up(self, api: httpx.AsyncClient) -> None:
        await create(api)
        for wish in ("none", "last", "all"):
            await ok(api, "POST", f"{JOBS}/a/pause")
            await ok(api, "POST", f"{JOBS}/a/resume", json={"catchup": wish, "by": "me"})
        problem = assert_problem(await api.post(f"{JOBS}/a/resume", json={"catchup": "some"}), 422)
        assert "not one of 'none', 'last' or 'all'" in problem["errors"][0]["message"]

    async def test_control(self, api: httpx.AsyncClient, target: Target) -> None:
        await create(api, target_url=target.url())
        assert await ok(api, "POST", f"{JOBS}/a/pause") == {"job_id": "a", "status": "paused"}
        paused = await ok(api, "GET", f"{JOBS}/a")
        assert (paused["status"], paused["next_run_time"], paused["paused_by"]) == ("paused", None, "api")
        assert (await ok(api, "POST", f"{JOBS}/a/trigger"))["status"] == "triggered"
        assert await ok(api, "POST", f"{JOBS}/a/resume") == {"job_id": "a", "status": "resumed"}
        assert (await ok(api, "GET", f"{JOBS}/a"))["status"] == "running"
        assert await ok(api, "DELETE", f"{JOBS}/a") == {"job_id": "a", "status": "deleted"}
        assert (await ok(api, "GET", JOBS))["jobs"] == []

    @pytest.mark.parametrize("status", [200, 500])
    async def test_the_history(self, api: httpx.AsyncClient, parts: Parts, target: Target, status: int) -> None:
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

    async def test_an_imperfect_answer_is_an_answer(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/run", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n0123456789abcdef"))
        await create(api, target_url=target.url("/run"), method="POST", max_retries=2, retry_backoff_sec=0)
        await ok(api, "POST", f"{JOBS}/a/trigger")
        await parts.row_where("a", lambda row: row.status is not Status.RUNNING)
        (row,) = (await ok(api, "GET", f"{JOBS}/a/executions"))["executions"]
        note = f"127.0.0.1:{target.port} sent more bytes than its Content-Length of 15"
        assert (row["status"], row["note"], row["error_message"]) == ("completed", note, None)
        assert (row["response"], row["result"]["success"], len(target.requests)) == ("0123456789abcde", True, 1)

    async def test_several_values_of_a_header(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        headers = {"X-Tag": ["日", "b"], "X-A": "c"}
        await create(api, target_url=target.url("/run"), headers=headers)
        assert (await ok(api, "GET", f"{JOBS}/a"))["headers"] == headers
        await ok(api, "POST", f"{JOBS}/a/trigger")
        await parts.row_where("a", lambda row: row.status is not Status.RUNNING)
        sent = [value.encode("latin-1").decode() for name, value in target.requests[0].headers if name == "X-Tag"]
        assert sent == ["日", "b"]

    async def test_limits(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, target_url=target.url())
        for _ in range(3):
            await ok(api, "POST", f"{JOBS}/a/trigger", json={"overlap": "allow"})
        for path in (f"{JOBS}/a/executions", f"{JOBS}/executions/recent"):
            newest = await ok(api, "GET", f"{path}?limit=2")
            every = await ok(api, "GET", path)
            assert (newest["count"], every["count"]) == (2, 3)
            assert newest["executions"][0]["execution_id"] == every["executions"][0]["execution_id"]
        await parts.rows_where("a", lambda rows: all(row.status is not Status.RUNNING for row in rows))

    async def test_times_are_shown_in_the_zone_of_the_service(self, api: httpx.AsyncClient) -> None:
        await create(api, cron={"hour": "10"}, timezone="America/New_York")
        detail = await ok(api, "GET", f"{JOBS}/a")
        moment = datetime.fromisoformat(detail["next_run_time"])
        assert moment.utcoffset() == TOKYO
        assert moment.astimezone(UTC).hour in {14, 15}

    async def test_a_one_off_stays_listed_as_completed(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        at = datetime.now(UTC) + timedelta(seconds=1.5)
        await create(api, schedule_type="date", run_at=at.isoformat(), target_url=target.url())
        detail = await ok(api, "GET", f"{JOBS}/a")
        assert (detail["status"], detail["trigger_info"]["type"]) == ("running", "date")
        assert detail["trigger_info"]["run_at"] == at.isoformat()
        await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        (job,) = (await ok(api, "GET", JOBS))["jobs"]
        assert (job["status"], job["next_run_time"], job["execution_count"]) == ("completed", None, 1)

    async def test_a_removed_job_is_gone_and_its_history_stays(self, api: httpx.AsyncClient, target: Target) -> None:
        await create(api, target_url=target.url())
        await ok(api, "POST", f"{JOBS}/a/trigger")
        await ok(api, "DELETE", f"{JOBS}/a")
        assert_problem(await api.get(f"{JOBS}/a"), 404)
        assert (await ok(api, "GET", f"{JOBS}/a/executions"))["count"] == 1

    async def test_a_running_execution_has_no_result_yet(self, api: httpx.AsyncClient, target: Target) -> None:
        target.answers("/never", Silence())
        await create(api, target_url=target.url("/never"))
        await ok(api, "POST", f"{JOBS}/a/trigger")
        (row,) = (await ok(api, "GET", f"{JOBS}/a/executions"))["executions"]
        assert (row["status"], row["result"], row["completed_at"]) == ("running", None, None)

    @pytest.mark.parametrize(
        "job_id", ["日次レポート", "with space", "a&b=c", "x" * 255, "executions", "recent", "it's;+,@:$"]
    )
    async def test_ids_of_all_kinds(self, api: httpx.AsyncClient, target: Target, job_id: str) -> None:
        await create(api, job_id=job_id, target_url=target.url())
        assert (await ok(api, "GET", f"{JOBS}/{job_id}"))["job_id"] == job_id
        for action in ("pause", "resume", "trigger"):
            assert (await ok(api, "POST", f"{JOBS}/{job_id}/{action}"))["job_id"] == job_id
        assert (await ok(api, "GET", f"{JOBS}/{job_id}/executions"))["count"] == 1
        await ok(api, "DELETE", f"{JOBS}/{job_id}")


class TestReplacing:
    async def test_a_taken_id_is_a_conflict(self, api: httpx.AsyncClient) -> None:
        await create(api)
        assert "replace_existing" in assert_problem(await api.post(JOBS, json=body()), 409)["detail"]
        await create(api, method="POST", replace_existing=True)
        assert (await ok(api, "GET", f"{JOBS}/a"))["method"] == "POST"

    async def test_put_replaces(self, api: httpx.AsyncClient) -> None:
        await create(api)
        before = await ok(api, "GET", f"{JOBS}/a")
        changed = body(method="POST", name="new")
        assert await ok(api, "PUT", f"{JOBS}/a", json=changed) == {"job_id": "a", "status": "scheduled"}
        after = await ok(api, "GET", f"{JOBS}/a")
        assert (after["method"], after["name"], after["next_run_time"]) == ("POST", "new", before["next_run_time"])

    @pytest.mark.parametrize("given", [{}, {"job_id": None}, {"job_id": "a"}])
    async def test_put_takes_the_id_of_the_url(self, api: httpx.AsyncClient, given: dict[str, Any]) -> None:
        await create(api)
        fields = {"target_url": "https://example.com/b", "interval": {"hours": 1}} | given
        await ok(api, "PUT", f"{JOBS}/a", json=fields)

    async def test_put_with_another_id(self, api: httpx.AsyncClient) -> None:
        await create(api)
        assert_problem(await api.put(f"{JOBS}/a", json=body(job_id="b")), 422)

    async def test_put_of_an_unknown_job(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.put(f"{JOBS}/a", json=body()), 404)


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


class TestCommonUi:
    """Its exact requests."""

    @pytest.mark.parametrize(
        ("cron", "trigger"),
        [
            ({"second": "0", "minute": "30", "hour": "10"}, {"minute": "30", "hour": "10"}),
            ({"second": "0", "minute": "0", "hour": "9", "day_of_week": "1-5"}, {"day_of_week": "1-5"}),
            ({"second": "0"}, {}),
        ],
    )
    async def test_cron(self, api: httpx.AsyncClient, cron: dict[str, str], trigger: dict[str, str]) -> None:
        fields = {
            "name": "t",
            "schedule_type": "cron",
            "cron": cron,
            "target_url": "https://example.com",
            "method": "GET",
            "headers": {},
            "body": None,
            "timeout_sec": 30.0,
            "max_retries": 0,
            "retry_backoff_sec": 1.0,
        }
        created = await ok(api, "POST", f"{JOBS}/", json=fields)
        detail = await ok(api, "GET", f"{JOBS}/{created['job_id']}")
        assert trigger.items() <= detail["trigger_info"]["cron"].items()
        assert all(isinstance(detail[name], str) for name in ("name", "target_url", "method", "status"))

    async def test_weekdays_are_those_of_crontab(self, api: httpx.AsyncClient) -> None:
        await create(api, cron={"second": "0", "minute": "0", "hour": "9", "day_of_week": "0"})
        moment = datetime.fromisoformat((await ok(api, "GET", f"{JOBS}/a"))["next_run_time"])
        assert moment.isoweekday() == 7

    async def test_a_forgotten_target(self, api: httpx.AsyncClient) -> None:
        problem = assert_problem(await api.post(JOBS, json=body(target_url="", body=None)), 422)
        assert "target_url: is empty" in problem["detail"]
        assert problem["errors"][0]["field"] == "target_url"

    async def test_empty_bodies_of_actions(self, api: httpx.AsyncClient) -> None:
        await create(api)
        await ok(api, "POST", f"{JOBS}/a/pause", content=b"")
        await ok(api, "POST", f"{JOBS}/a/resume", json={})
        await ok(api, "POST", f"{JOBS}/a/pause", content=b"null", headers=JSON)


def raw(text: str, **fields: Any) -> bytes:
    """A good body with `text` put in as a further field."""
    return f"{json.dumps(body(**fields))[:-1]}, {text}}}".encode()


DEEP = 100_000


class TestBadJobs:
    """One service for all, since none of them leaves a trace."""

    @pytest.fixture(scope="class")
    async def parts(self, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
        async with opened(tmp_path_factory.mktemp("service"), drain_sec=0) as running:
            running.dispatcher.start()
            yield running

    @pytest.fixture(scope="class")
    async def api(self, parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
        async with client(parts) as one:
            yield one

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            pytest.param(body(interval={"seconds": -1}), "interval.seconds", id="negative interval"),
            pytest.param(body(interval={"seconds": 0}), "interval", id="no interval"),
            pytest.param(body(interval={}), "interval", id="empty interval"),
            pytest.param(body(interval={"seconds": 0.5}), "interval.seconds", id="fraction"),
            pytest.param(body(interval={"seconds": 10**30}), "interval.seconds", id="huge interval"),
            pytest.param(body(interval={"fortnights": 1}), "fortnights", id="unknown unit"),
            pytest.param(body(interval=10), "interval", id="interval is a number"),
            pytest.param(body(cron={"hour": "25"}), "cron.hour", id="hour 25"),
            pytest.param(body(cron={"day": "30", "month": "2"}), "cron", id="Feb 30"),
            pytest.param(body(cron={"houre": "1"}), "houre", id="unknown cron field"),
            pytest.param(body(cron={}), "cron", id="empty cron"),
            pytest.param(body(cron="* * *"), "cron", id="short crontab"),
            pytest.param(body(cron="0 0 30 2 *"), "cron", id="Feb 30 as crontab"),
            pytest.param(body(run_at="2027-02-30T00:00:00Z"), "run_at", id="Feb 30 as date"),
            pytest.param(body(run_at="2020-01-01T00:00:00Z"), "run_at: is in the past", id="past"),
            pytest.param(body(run_at="0001-01-01T00:00:00+09:00"), "run_at", id="before time began"),
            pytest.param(body(run_at="soon"), "run_at", id="not a date"),
            pytest.param(body(run_at=1), "run_at", id="date is a number"),
            pytest.param(body(schedule_type="cron"), "cron", id="schedule missing"),
            pytest.param(body(schedule_type="date", interval={"hours": 1}), "run_at", id="another schedule"),
            pytest.param(body(cron="* * * * *", interval={"hours": 1}), "exclude", id="two schedules"),
            pytest.param(body(timezone="Mars/Base"), "timezone", id="zone"),
            pytest.param(body(timezone="../../etc/passwd"), "timezone", id="zone is a path"),
            pytest.param({"interval": {"hours": 1}}, "target_url", id="no target"),
            pytest.param(body(target_url="example.com"), "target_url", id="no scheme"),
            pytest.param(body(target_url="ftp://example.com"), "target_url", id="ftp"),
            pytest.param(body(target_url="file:///etc/passwd"), "target_url", id="file"),
            pytest.param(body(target_url="http://"), "target_url", id="no host"),
            pytest.param(body(target_url="http://x:99999/"), "target_url", id="port"),
            pytest.param(body(target_url="http://[::1/"), "target_url", id="brackets"),
            pytest.param(body(target_url="http://x/\r\nHost: y"), "target_url", id="line break in target"),
            pytest.param(body(method="BREW"), "method", id="method"),
            pytest.param(body(headers={"a b": "c"}), "headers", id="header name"),
            pytest.param(body(headers={"a": "b\r\nc: d"}), "headers", id="header injection"),
            pytest.param(body(headers={"a": 1}), "headers", id="header is a number"),
            pytest.param(body(timeout_sec=0), "timeout_sec", id="no timeout"),
            pytest.param(body(timeout_sec=-1), "timeout_sec", id="negative timeout"),
            pytest.param(body(max_retries=10**100), "max_retries", id="huge retries"),
            pytest.param(body(max_retries=True), "max_retries", id="true is no number"),
            pytest.param(body(retry_backoff_sec=-0.1), "retry_backoff_sec", id="negative backoff"),
            pytest.param(body(max_instances=0), "max_instances", id="no instances"),
            pytest.param(body(misfire_grace_time=-1), "misfire_grace_time", id="negative grace"),
            pytest.param(body(shedule="x", nme="y"), "shedule", id="unknown keys"),
            pytest.param(body(replace_existing="yes"), "replace_existing", id="flag is text"),
            pytest.param(body(job_id=""), "job_id", id="empty id"),
            pytest.param(body(job_id="a/b"), "job_id", id="slash in id"),
            pytest.param(body(job_id=".."), "job_id", id="dots"),
            pytest.param(body(job_id="a?b"), "job_id", id="question mark in id"),
            pytest.param(body(job_id="a\nb"), "job_id", id="line break in id"),
            pytest.param(body(job_id="x" * 256), "job_id", id="long id"),
            pytest.param(body(job_id=1), "job_id", id="id is a number"),
            pytest.param(body(job_id="\ud800"), "job_id", id="surrogate in id"),
            pytest.param(body(name="\ud800"), "name", id="surrogate in name"),
            pytest.param(body(body={"x": "\udfff"}), "body", id="surrogate in body"),
            pytest.param(body(body={"\udfff": 1}), "body", id="surrogate in a key of the body"),
            pytest.param(body(headers={"\ud800": "x"}), "headers", id="surrogate in a header's name"),
            pytest.param(body(headers={"x": "\ud800"}), "headers", id="surrogate in a header"),
            pytest.param(body(timezone="\ud800"), "timezone", id="surrogate in zone"),
            pytest.param(body(cron={"\ud800": "1"}), "cron", id="surrogate in a cron field's name"),
            pytest.param(body(cron={"hour": "\ud800"}), "cron", id="surrogate in a cron field"),
            pytest.param(body(run_at="\ud800"), "run_at", id="surrogate in date"),
            pytest.param(body(target_url="http://\ud800/"), "target_url", id="surrogate in target"),
            pytest.param(body(**{"\ud800": 1}), "unicode", id="surrogate as key"),
            pytest.param(body(interval={"\ud800": 1}), "interval", id="surrogate as unit"),
            pytest.param(raw('"timeout_sec": NaN'), "NaN", id="NaN"),
            pytest.param(raw('"timeout_sec": 1e999'), "timeout_sec", id="infinite"),
            pytest.param(raw('"body": {"x": -Infinity}'), "Infinity", id="infinite in body"),
            pytest.param(raw('"body": 1e999'), "body", id="overflow in body"),
            pytest.param(raw('"max_retries": 1' + "0" * 5000), "max_retries", id="more digits than Python takes"),
            pytest.param(raw('"name": "x", "name": "y"'), "'name' appears twice", id="key twice"),
            pytest.param(raw('"body": {"x": 1, "x": 2}'), "'x' appears twice", id="key twice in body"),
            pytest.param(raw('"body": ' + "[" * DEEP + "]" * DEEP), "", id="deep"),
            pytest.param(raw('"name": ' + '{"a":' * 900 + "1" + "}" * 900), "nested", id="deep name"),
            pytest.param(b"[]", "object", id="list"),
            pytest.param(b'"a"', "object", id="text"),
            pytest.param(b"1", "object", id="number"),
            pytest.param(b"{", "not JSON", id="cut off"),
            pytest.param(b"\xff\xfe", "not JSON", id="no text"),
            pytest.param(b"", "target_url", id="nothing"),
            pytest.param(b"x" * 5_000_000, "MiB", id="too large"),
        ],
    )
    async def test_a_job(self, api: httpx.AsyncClient, content: Any, says: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        assert says in assert_problem(await api.post(JOBS, content=data, headers=JSON), 400, 413, 422)["detail"]
        assert (await ok(api, "GET", JOBS))["jobs"] == []

    @pytest.mark.parametrize("depth", [10, 100, 300, 500, 700, 900, 940, 960, 980, 990])
    async def test_nesting_is_stored_and_shown_or_refused(self, api: httpx.AsyncClient, depth: int) -> None:
        nested = raw('"body": ' + "[" * depth + "]" * depth)
        response = await api.post(JOBS, content=nested, headers=JSON)
        if response.status_code != 200:
            assert depth > 100
            assert_problem(response, 400, 422)
            return
        assert (await api.get(f"{JOBS}/a")).status_code == 200
        await ok(api, "DELETE", f"{JOBS}/a")

    async def test_all_mistakes_are_told_at_once(self, api: httpx.AsyncClient) -> None:
        response = await api.post(JOBS, json=body(methd="GET", timeout_sec=-1, max_retries="x"))
        problem = assert_problem(response, 422)
        assert {error["field"] for error in problem["errors"]} == {"methd", "timeout_sec", "max_retries"}
        assert "did you mean 'method'" in problem["detail"]


class TestBadInput:
    @pytest.mark.parametrize("path", ["/a/executions", "/executions/recent"])
    async def test_limit(self, api: httpx.AsyncClient, path: str) -> None:
        await create(api)
        for limit in ("0", "-1", str(10**30), "9" * 5000, "x", "1.5", "", "nan"):
            problem = assert_problem(await api.get(f"{JOBS}{path}", params={"limit": limit}), 422)
            assert "limit" in problem["detail"]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/nobody"),
            ("PUT", "/nobody"),
            ("DELETE", "/nobody"),
            ("POST", "/nobody/pause"),
            ("POST", "/nobody/resume"),
            ("POST", "/nobody/trigger"),
            ("GET", "/no/body"),
            ("GET", "/a/b/c"),
            ("GET", "/%00"),
            ("DELETE", "/a%2Fb"),
        ],
    )
    async def test_unknown_is_404(self, api: httpx.AsyncClient, method: str, path: str) -> None:
        content = json.dumps(body(job_id=None)).encode() if method == "PUT" else None
        assert_problem(await api.request(method, f"{JOBS}{path}", content=content, headers=JSON), 404)

    @pytest.mark.parametrize("path", ["", "/executions"])
    async def test_an_id_with_a_nul_is_404(self, api: httpx.AsyncClient, path: str) -> None:
        """PostgreSQL would call it bad data."""
        assert (await api.get(f"{JOBS}/a%00b{path}")).status_code == 404

    async def test_a_method_that_does_not_exist(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.patch(f"{JOBS}/a"), 405)

    @pytest.mark.parametrize("path", [f"{JOBS}/a/pause", f"{JOBS}/a/resume", f"{JOBS}/a/trigger", "/api/v1/sync"])
    async def test_bodies_of_actions(self, api: httpx.AsyncClient, path: str) -> None:
        await create(api)
        key = b"approve" if path.endswith("sync") else b"by"
        twice = b'{"%s": "x", "%s": "y"}' % (key, key)
        for content in (b"[]", b"{", b'{"%s": 1}' % key, b'{"who": "me"}', b'{"\\ud800": 1}', b"[" * DEEP, twice):
            assert_problem(await api.post(path, content=content, headers=JSON), 400, 422)
        assert (await ok(api, "GET", f"{JOBS}/a/executions"))["count"] == 0

    async def test_an_actor_of_any_kind_is_text(self, api: httpx.AsyncClient) -> None:
        await create(api)
        await ok(
            api, "POST", f"{JOBS}/a/pause", content=json.dumps({"by": "\ud800\n" + "x" * 999}).encode(), headers=JSON
        )
        by = (await ok(api, "GET", f"{JOBS}/a"))["paused_by"]
        assert by.isprintable()
        assert len(by) == 255


class TestAudit:
    async def test_who_changed_what_through_the_api(self, api: httpx.AsyncClient) -> None:
        ada = {"X-Forwarded-User": "Ada"}
        await ok(api, "POST", JOBS, json=body(job_id="a", headers={"Authorization": "Bearer s3cret"}), headers=ada)
        edited = body(headers={"Authorization": "Bearer 0ther"}, method="POST")
        await ok(api, "PUT", f"{JOBS}/a", json=edited)
        await ok(api, "PUT", f"{JOBS}/a", json=edited)
        await ok(api, "POST", f"{JOBS}/a/pause", json={"by": "Bob", "reason": "保守"})
        await ok(api, "POST", f"{JOBS}/a/pause", json={"by": "Bob"})
        await ok(api, "POST", f"{JOBS}/a/resume", json={"by": "Cy"})
        await ok(api, "POST", f"{JOBS}/a/resume", json={"by": "Cy"})
        await ok(api, "DELETE", f"{JOBS}/a", headers=ada)
        await create(api, job_id="other")
        entries = (await ok(api, "GET", "/api/v1/audit?job_id=a"))["entries"]
        assert [(one["actor"], one["action"]) for one in reversed(entries)] == [
            ("Ada", "created"), ("api", "updated"), ("Bob", "paused"), ("Cy", "resumed"), ("Ada", "deleted"),
        ]  # fmt: skip
        deleted, resumed, paused, updated, created = entries
        assert updated["detail"]["fields"] == [
            {"field": "method", "before": "GET", "after": "POST"},
            {"field": "headers.Authorization", "before": "Bearer ••••", "after": "Bearer ••••"},
        ]
        assert paused["detail"]["reason"] == resumed["detail"]["reason"] == "保守"
        told = {one["field"]: one["after"] for one in created["detail"]["fields"]}
        assert told["target_url"] == body()["target_url"]
        assert {one["field"] for one in deleted["detail"]["fields"]} >= {"target_url", "method"}
        text = json.dumps(entries)
        assert "s3cret" not in text
        assert "0ther" not in text
        every = await ok(api, "GET", "/api/v1/audit/?limit=2")
        assert ([one["job_id"] for one in every["entries"]], every["count"]) == (["other", "a"], 2)
        assert datetime.fromisoformat(created["at"]).utcoffset() == TOKYO

    async def test_what_manifests_changed(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await create(api, job_id="taken")
        text = "target_url: https://example.com\ninterval: {hours: 1}\n"
        parts.manifest("a.yaml", f"job_id: a\nprotect: true\n{text}---\njob_id: taken\nadopt: true\n{text}")
        first = (await ok(api, "POST", "/api/v1/sync"))["last_applied_revision"]
        parts.manifest("a.yaml", f"job_id: a\nprotect: true\nmethod: POST\n{text}---\njob_id: taken\n{text}")
        second = (await ok(api, "POST", "/api/v1/sync"))["last_applied_revision"]
        parts.manifest("a.yaml", f"job_id: taken\n{text}")
        blocked = (await ok(api, "POST", "/api/v1/sync"))["blocked_deletion"]
        third = await ok(api, "POST", "/api/v1/sync", json={"approve": blocked["digest"], "by": "Ada"})
        entries = (await ok(api, "GET", "/api/v1/audit"))["entries"]
        told = {(one["actor"], one["action"], one["job_id"]): one["detail"] for one in entries}
        assert told.keys() == {
            ("api", "created", "taken"), ("manifest", "created", "a"), ("manifest", "adopted", "taken"),
            ("manifest", "updated", "a"), ("manifest", "deleted", "a"), ("Ada", "approved", None),
        }  # fmt: skip
        assert told["manifest", "created", "a"]["source"] == {"file": "a.yaml", "line": 1, "revision": first}
        assert told["manifest", "updated", "a"]["source"]["revision"] == second
        assert told["manifest", "updated", "a"]["fields"] == [{"field": "method", "before": "GET", "after": "POST"}]
        assert told["manifest", "deleted", "a"]["removed_in"] == third["last_applied_revision"]
        approved = (await ok(api, "GET", "/api/v1/audit?action=approved"))["entries"]
        assert [one["actor"] for one in approved] == ["Ada"]
        assert (await api.get("/api/v1/audit?action=eaten")).status_code == 422
        assert told["Ada", "approved", None] == {
            "digest": blocked["digest"], "job_ids": ["a"], "job_count": 1, "revision": third["last_applied_revision"],
        }  # fmt: skip

    async def test_a_pause_that_ends_by_itself(self, parts: Parts, api: httpx.AsyncClient) -> None:
        await create(api)
        await parts.catalog.pause("a", by="Ada", until=parts.clock() + timedelta(seconds=0.1))
        await asyncio.sleep(0.15)
        await parts.catalog.end_pauses()
        entry = (await ok(api, "GET", "/api/v1/audit"))["entries"][0]
        assert (entry["actor"], entry["action"], entry["detail"]["by"]) == ("clock", "pause-ended", "Ada")
        assert (await ok(api, "GET", f"{JOBS}/a"))["pause"] is None

    async def test_what_is_refused_leaves_no_entry(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("a.yaml", "job_id: a\ntarget_url: https://example.com\ninterval: {hours: 1}\npaused: true\n")
        await ok(api, "POST", "/api/v1/sync")
        for response in (
            await api.post("/api/v1/sync", json={"approve": "0123456789abcdef", "by": "Ada"}),
            await api.post(JOBS, json=body(job_id="a")),
            await api.delete(f"{JOBS}/a"),
            await api.post(f"{JOBS}/a/resume"),
            await api.put(f"{JOBS}/nobody", json=body(job_id="nobody")),
        ):
            assert response.status_code in {404, 409}
        assert (await ok(api, "GET", "/api/v1/audit"))["count"] == 1


class TestToken:
    async def test_everything_but_health_wants_it(self, parts: Parts) -> None:
        async with client(parts, token="s3cret") as api:
            for path in (
                JOBS,
                f"{JOBS}/",
                f"{JOBS}/a",
                f"{JOBS}/executions/recent",
                "/api/v1/sync",
                "/api/v1/audit",
                "/api/v1/specs",
            ):
                response = await api.get(path)
                assert_problem(response, 401)
                assert response.headers["www-authenticate"] == "Bearer"
            assert_problem(await api.post(JOBS, json=body()), 401)
            assert_problem(await api.post(JOBS, content=b"{", headers=JSON), 401)
            for path in ("/health", "/health/"):
                await ok(api, "GET", path)

    @pytest.mark.parametrize("value", ["s3cret", "Bearer", "Bearer ", "Bearer s3cre", "Basic s3cret", "Bearer s3cret2"])
    async def test_a_wrong_one(self, parts: Parts, value: str) -> None:
        async with client(parts, token="s3cret") as api:
            assert_problem(await api.get(JOBS, headers={"Authorization": value}), 401)

    @pytest.mark.parametrize("value", ["Bearer s3cret", "bearer s3cret"])
    async def test_the_right_one(self, parts: Parts, value: str) -> None:
        async with client(parts, token="s3cret") as api:
            await ok(api, "GET", JOBS, headers={"Authorization": value})


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


class TestEndOfTime:
    async def test_a_job_at_the_end_of_time_is_listed(self, api: httpx.AsyncClient) -> None:
        await create(api, run_at="9999-12-31T23:59:59Z")
        (job,) = (await ok(api, "GET", JOBS))["jobs"]
        assert job["next_run_time"] == "9999-12-31T23:59:59+00:00"

    async def test_a_cron_schedule_whose_years_are_over_is_refused(self, api: httpx.AsyncClient) -> None:
        answer = assert_problem(await api.post(JOBS, json=body(cron={"year": 2000})), 422)
        assert "past" in answer["detail"]

    async def test_the_history_of_a_job_without_one_is_empty(self, api: httpx.AsyncClient) -> None:
        await create(api)
        await ok(api, "DELETE", f"{JOBS}/a")
        assert await ok(api, "GET", f"{JOBS}/a/executions") == {"job_id": "a", "executions": [], "count": 0}


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
        async with opened(tmp_path, clock=Clock()) as parts, client(parts) as api:
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
