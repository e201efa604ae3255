"""How jobs have gone lately, and the calls to come."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from myscheduler.core.history.execution import Status
from tests.support.api import JOBS, assert_problem, create, ok
from tests.support.parts import Parts, soon
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

STRIPS, FORECAST = "/api/v1/strips", "/api/v1/forecast"


async def runs(api: httpx.AsyncClient, parts: Parts, target: Target, *statuses: int) -> list[str]:
    """Run the job `a` with these answers, one after another. Returns the ids of its executions."""
    found = []
    for status in statuses:
        target.answers("/run", Answer(status, b""))
        found.append((await ok(api, "POST", f"{JOBS}/a/trigger"))["execution_id"])
        await parts.row_where("a", lambda row: row.execution_id == found[-1] and row.completed_at is not None)
    return found


class TestStats:
    async def test_a_job(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, target_url=target.url("/run"), timezone="America/New_York")
        await runs(api, parts, target, 200, 500, 200, 200)
        found = await ok(api, "GET", f"{JOBS}/a/stats")
        assert (found["job_id"], found["timezone"]) == ("a", "America/New_York")
        assert (found["rows"], found["complete"], found["success_rate"]) == (4, True, 0.75)
        assert found["statuses"] == {
            "running": 0, "completed": 3, "failed": 1, "skipped": 0, "missed": 0, "interrupted": 0,
        }  # fmt: skip
        assert found["duration_ms"].keys() == {"count", "min", "mean", "max", "p50", "p90", "p95", "p99"}
        assert found["lateness_ms"] is None
        streaks = {name: streak and (streak["result"], streak["count"]) for name, streak in found["streaks"].items()}
        assert streaks == {
            "current": ("success", 2), "longest_success": ("success", 2), "longest_failure": ("failure", 1),
        }  # fmt: skip
        assert [day["success_rate"] for day in found["days"]] == [0.75]
        since = datetime.fromisoformat(found["since"])
        assert (since.hour, since.minute) == (0, 0)

    async def test_a_job_that_never_ran(self, api: httpx.AsyncClient) -> None:
        await create(api)
        found = await ok(api, "GET", f"{JOBS}/a/stats?days=1")
        assert (found["rows"], found["success_rate"], found["streaks"]["current"], found["days"]) == (0, None, None, [])

    async def test_an_objective(self, api: httpx.AsyncClient) -> None:
        await create(api, slo={"success": 99, "late_sec": 60, "window": "P7D"})
        job = await ok(api, "GET", f"{JOBS}/a")
        assert job["slo"] == {"success": 99, "late_sec": 60, "window": "P7D"}
        found = (await ok(api, "GET", f"{JOBS}/a/stats"))["slo"]
        assert found.pop("since").endswith("+09:00")
        assert found == {
            "success": 99, "late_sec": 60, "window": "P7D", "good": 0, "bad": 0, "achieved": None, "budget_left": 1,
            "burn": [
                {"window": window, "good": 0, "bad": 0, "rate": None} for window in ("PT14M", "PT84M", "PT1008M")
            ],
        }  # fmt: skip

    async def test_an_objective_of_runs_that_failed(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/run", Answer(500, b""))
        await create(api, target_url=target.url("/run"), slo={"success": 50}, **soon(every=1))
        await parts.row_where("a", lambda row: row.status is Status.FAILED)
        found = (await ok(api, "GET", f"{JOBS}/a/stats"))["slo"]
        assert (found["good"], found["achieved"], found["budget_left"]) == (0, 0, -1)
        assert found["bad"] >= 1
        assert [burn["rate"] for burn in found["burn"]] == [2, 2, 2]

    async def test_a_job_without_an_objective(self, api: httpx.AsyncClient) -> None:
        await create(api)
        assert (await ok(api, "GET", f"{JOBS}/a"))["slo"] is None
        assert (await ok(api, "GET", f"{JOBS}/a/stats"))["slo"] is None

    async def test_a_deleted_job(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, target_url=target.url("/run"))
        await runs(api, parts, target, 200)
        await ok(api, "DELETE", f"{JOBS}/a")
        assert (await ok(api, "GET", f"{JOBS}/a/stats"))["rows"] == 1

    async def test_a_job_that_never_existed(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.get(f"{JOBS}/a/stats"), 404)

    @pytest.mark.parametrize("days", [0, 401, "x"])
    async def test_days_are_bounded(self, api: httpx.AsyncClient, days: Any) -> None:
        assert_problem(await api.get(f"{JOBS}/a/stats", params={"days": days}), 422)


class TestStrips:
    async def test_the_last_results_are_oldest_first(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, target_url=target.url("/run"))
        _, second, third = await runs(api, parts, target, 200, 500, 200)
        found = await ok(api, "GET", STRIPS, params={"job_id": ["a", "none", "a"], "n": 2})
        assert found["count"] == 2
        strip, none = found["strips"]
        assert none == {"job_id": "none", "results": []}
        assert [(one["execution_id"], one["status"]) for one in strip["results"]] == [
            (second, Status.FAILED), (third, Status.COMPLETED),
        ]  # fmt: skip
        assert all(isinstance(one["duration_ms"], int) for one in strip["results"])

    @pytest.mark.parametrize(
        "params",
        [
            pytest.param({}, id="no job"),
            pytest.param({"job_id": "a", "n": 51}, id="too many results"),
            pytest.param({"job_id": "a", "n": 0}, id="no results"),
            pytest.param({"job_id": [str(number) for number in range(501)]}, id="too many jobs"),
            pytest.param({"job_id": "a" * 256}, id="an id that no job has"),
        ],
    )
    async def test_what_is_refused(self, api: httpx.AsyncClient, params: dict[str, Any]) -> None:
        assert_problem(await api.get(STRIPS, params=params), 422)

    async def test_an_id_with_a_nul(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.get(f"{STRIPS}?job_id=%00"), 422)


class TestForecast:
    async def test_it_counts_stored_jobs_that_are_not_paused(self, api: httpx.AsyncClient) -> None:
        await create(api, job_id="a", cron="0 * * * *")
        await create(api, job_id="b", cron="0 * * * *", target_url="https://other.example/")
        await create(api, job_id="c", cron="0 * * * *", paused=True)
        found = await ok(api, "GET", FORECAST, params={"days": 1})
        assert found["timezone"] == "Asia/Tokyo"
        assert [(host["host"], host["jobs"], host["starts"]) for host in found["hosts"]] == [
            ("example.com", 1, 24), ("other.example", 1, 24),
        ]  # fmt: skip
        assert len(found["hosts"][0]["days"][0]["peak_per_hour"]) == 24

    async def test_an_answer_is_kept_until_a_job_changes(self, api: httpx.AsyncClient) -> None:
        await create(api, cron="0 * * * *")
        assert await ok(api, "GET", FORECAST) == await ok(api, "GET", FORECAST)
        await ok(api, "POST", f"{JOBS}/a/pause")
        assert (await ok(api, "GET", FORECAST))["hosts"] == []

    async def test_few_answers_are_kept(self, api: httpx.AsyncClient) -> None:
        await create(api, cron="0 * * * *")
        found = [(await ok(api, "GET", FORECAST, params={"days": days})) for days in (1, 2, 3, 4, 5, 1)]
        assert [one["hosts"][0]["starts"] for one in found] == [24, 48, 72, 96, 120, 24]

    @pytest.mark.parametrize("days", [0, 32])
    async def test_days_are_bounded(self, api: httpx.AsyncClient, days: int) -> None:
        assert_problem(await api.get(FORECAST, params={"days": days}), 422)


class TestPoints:
    async def test_the_newest_executions_that_were_sent(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, target_url=target.url("/run"))
        ids = await runs(api, parts, target, 200, 500, 200)
        found = await ok(api, "GET", f"{JOBS}/a/stats?points=2")
        assert [(one["execution_id"], one["status"], one["kind"]) for one in found["points"]] == [
            (ids[1], "failed", "manual"), (ids[2], "completed", "manual"),
        ]  # fmt: skip
        assert all(one["lateness_ms"] is None and one["duration_ms"] >= 0 for one in found["points"])

    async def test_none_unless_asked_for(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, target_url=target.url("/run"))
        await runs(api, parts, target, 200)
        assert (await ok(api, "GET", f"{JOBS}/a/stats"))["points"] == []


class TestAhead:
    async def test_a_job(self, api: httpx.AsyncClient) -> None:
        await create(api, interval={"seconds": 10}, timezone="America/New_York")
        found = await ok(api, "GET", f"{JOBS}/a/ahead?days=3")
        assert (found["job_id"], found["timezone"], len(found["days"])) == ("a", "America/New_York", 3)
        assert found["days"][2].keys() == {"date", "runs", "times", "left_out"}
        assert (found["days"][1]["runs"], len(found["days"][1]["times"])) == (8_640, 5)

    async def test_a_job_that_does_not_exist(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.get(f"{JOBS}/nope/ahead"), 404)

    async def test_too_many_days(self, api: httpx.AsyncClient) -> None:
        assert (await api.get(f"{JOBS}/a/ahead?days=63")).status_code == 422


async def test_days_of_a_long_history_are_counted(
    api: httpx.AsyncClient, parts: Parts, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(api, target_url=target.url("/run"))
    await runs(api, parts, target, 200, 500, 200, 200)
    monkeypatch.setattr("myscheduler.api.routes.stats.MOST_ROWS", 2)
    found = await ok(api, "GET", f"{JOBS}/a/stats?days=3")
    assert (found["complete"], found["rows"], found["days_since"]) == (False, 2, found["since"][:10])
    (day,) = found["days"]
    assert (day["statuses"]["completed"], day["statuses"]["failed"], day["success_rate"]) == (3, 1, 0.75)
    assert day["duration_ms"]["count"] == 2
    monkeypatch.setattr("myscheduler.api.routes.stats.MOST_COUNTED", 4)
    found = await ok(api, "GET", f"{JOBS}/a/stats?days=3")
    assert found["days_since"] == day["date"]
