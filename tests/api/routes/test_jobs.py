"""Jobs of the API: what is made, shown, replaced, controlled and removed, in the fields and types of the contract."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from myscheduler.core.history.execution import Status
from tests.support.api import DETAIL, JOBS, JSON, TOKYO, assert_has, assert_problem, body, create, ok
from tests.support.parts import Parts
from tests.support.target import Target

pytestmark = pytest.mark.anyio


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

    @pytest.mark.parametrize("path", [JOBS, f"{JOBS}/"])
    async def test_with_and_without_a_slash(self, api: httpx.AsyncClient, path: str) -> None:
        assert (await api.post(path, json=body())).status_code == 200
        assert len((await ok(api, "GET", path))["jobs"]) == 1

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

    async def test_several_values_of_a_header(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        headers = {"X-Tag": ["日", "b"], "X-A": "c"}
        await create(api, target_url=target.url("/run"), headers=headers)
        assert (await ok(api, "GET", f"{JOBS}/a"))["headers"] == headers
        await ok(api, "POST", f"{JOBS}/a/trigger")
        await parts.row_where("a", lambda row: row.status is not Status.RUNNING)
        sent = [value.encode("latin-1").decode() for name, value in target.requests[0].headers if name == "X-Tag"]
        assert sent == ["日", "b"]

    async def test_times_are_shown_in_the_zone_of_the_service(self, api: httpx.AsyncClient) -> None:
        await create(api, cron={"hour": "10"}, timezone="America/New_York")
        detail = await ok(api, "GET", f"{JOBS}/a")
        moment = datetime.fromisoformat(detail["next_run_time"])
        assert moment.utcoffset() == TOKYO
        assert moment.astimezone(UTC).hour in {14, 15}

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


class TestEndOfTime:
    async def test_a_job_at_the_end_of_time_is_listed(self, api: httpx.AsyncClient) -> None:
        await create(api, run_at="9999-12-31T23:59:59Z")
        (job,) = (await ok(api, "GET", JOBS))["jobs"]
        assert job["next_run_time"] == "9999-12-31T23:59:59+00:00"

    async def test_a_cron_schedule_whose_years_are_over_is_refused(self, api: httpx.AsyncClient) -> None:
        answer = assert_problem(await api.post(JOBS, json=body(cron={"year": 2000})), 422)
        assert "past" in answer["detail"]
