"""Pages of the list of jobs: filters, orders, cursors, fields; the list of all jobs stays as it was."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.job_queries import Place, Sort, read_cursor, write_cursor
from myscheduler.core.history.execution import Status
from tests.support.api import JOBS, SUMMARY, assert_has, assert_problem, body, create, ok
from tests.support.parts import ZONE, Parts
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


async def page(api: httpx.AsyncClient, **parameters: Any) -> list[str]:
    """The ids of a page that has to be the only one."""
    answer = await ok(api, "GET", JOBS, params={"limit": 1000} | parameters)
    ids = [row["job_id"] for row in answer["jobs"]]
    assert (answer["count"], answer["total"], answer["next_cursor"]) == (len(ids), len(ids), None)
    return ids


async def walk(api: httpx.AsyncClient, **parameters: Any) -> list[str]:
    """The ids of all pages, by the links of the answers."""
    url, ids = str(httpx.URL(JOBS, params=parameters)), []
    while True:
        response = await api.get(url)
        assert response.status_code == 200, response.text
        ids += [row["job_id"] for row in response.json()["jobs"]]
        if "link" not in response.headers:
            assert response.json()["next_cursor"] is None
            return ids
        assert response.links["next"]["url"].startswith(f"{JOBS}?")
        url = response.links["next"]["url"]


async def test_without_parameters_all_jobs_are_listed_as_before(api: httpx.AsyncClient) -> None:
    for number in range(120):
        await create(api, job_id=f"job-{number:03}")
    listed = await ok(api, "GET", JOBS)
    assert list(listed) == ["jobs"]
    assert len(listed["jobs"]) == 120
    assert_has(listed["jobs"][0], SUMMARY)


async def test_the_schedule_in_parts(api: httpx.AsyncClient) -> None:
    """In pages and in the detail; the list of all jobs is as short as before."""
    await create(api, job_id="a", cron="30 10 * * 1-5", timezone="Europe/London")
    assert "schedule_parts" not in (await ok(api, "GET", JOBS))["jobs"][0]
    expected = {
        "kind": "cron",
        "timezone": "Europe/London",
        "crons": [{"times": ["10:30"], "weekdays": [1, 2, 3, 4, 5]}],
    }
    assert (await ok(api, "GET", f"{JOBS}/a"))["schedule_parts"] == expected
    for _ in range(2):  # the second answer comes from a cache
        assert (await ok(api, "GET", JOBS, params={"limit": 5}))["jobs"][0]["schedule_parts"] == expected
    await ok(api, "PUT", f"{JOBS}/a", json=body(job_id="a", interval={"hours": 2}))
    [row] = (await ok(api, "GET", JOBS, params={"fields": "job_id,schedule_parts"}))["jobs"]
    assert row["schedule_parts"]["every"] == {"hours": 2}


async def test_the_schedule_in_words_and_its_zone(api: httpx.AsyncClient) -> None:
    await create(api, job_id="a", cron="30 10 * * 1-5", timezone="Europe/London")
    await create(api, job_id="b", interval={"hours": 2})
    first, second = (await ok(api, "GET", JOBS))["jobs"]
    assert (first["schedule_text"], first["timezone"]) == ("at 10:30, Monday through Friday", "Europe/London")
    assert second["schedule_text"] == "every 2 hours, counted from its first creation"
    assert second["timezone"] == "Asia/Tokyo"


class TestCursor:
    @pytest.mark.parametrize("sort", ["id", "-id", "next_run", "-next_run", "last_run", "-failing_since"])
    async def test_every_job_is_on_one_page(self, api: httpx.AsyncClient, sort: str) -> None:
        ids = [f"ジョブ {number % 4}/{number}".replace("/", "-") for number in range(7)]
        for number, job_id in enumerate(ids):
            await create(api, job_id=job_id, interval={"hours": number % 3 + 1})
        found = await walk(api, sort=sort, limit=2)
        assert sorted(found) == sorted(ids)
        assert found == await page(api, sort=sort)

    async def test_it_is_stable_while_jobs_come_and_go(self, api: httpx.AsyncClient) -> None:
        for job_id in "bdfhj":
            await create(api, job_id=job_id)
        first = await ok(api, "GET", JOBS, params={"limit": 2})
        assert [row["job_id"] for row in first["jobs"]] == ["b", "d"]
        assert (first["count"], first["total"]) == (2, 5)
        for job_id in "ace":
            await create(api, job_id=job_id)
        for job_id in "bdf":  # also the job at which the page ended
            await ok(api, "DELETE", f"{JOBS}/{job_id}")
        second = await ok(api, "GET", JOBS, params={"limit": 2, "cursor": first["next_cursor"]})
        assert [row["job_id"] for row in second["jobs"]] == ["e", "h"]

    async def test_a_page_has_a_hundred_rows_by_default(self, api: httpx.AsyncClient) -> None:
        for number in range(101):
            await create(api, job_id=f"job-{number:03}")
        answer = await ok(api, "GET", JOBS, params={"owner": "api"})
        assert (answer["count"], answer["total"], answer["next_cursor"] is None) == (100, 101, False)

    @pytest.mark.parametrize("cursor", ["", "x", "ÿ", "W10", "bnVsbA", "e30", "W1tbW1tb", "-_-_", "a" * 2000])
    async def test_another_text_is_refused(self, api: httpx.AsyncClient, cursor: str) -> None:
        problem = assert_problem(await api.get(JOBS, params={"cursor": cursor}), 422)
        assert problem["errors"][0]["field"] == "cursor"

    async def test_it_belongs_to_its_order(self, api: httpx.AsyncClient) -> None:
        cursor = write_cursor(Sort.ID, Place(False, 0, "a"))
        problem = assert_problem(await api.get(JOBS, params={"cursor": cursor, "sort": "-id"}), 422)
        assert "belongs to sort=id" in problem["detail"]

    @given(
        st.sampled_from(Sort), st.builds(Place, st.booleans(), st.integers(), st.text().filter(lambda s: "\0" not in s))
    )
    def test_what_is_written_can_be_read(self, sort: Sort, place: Place) -> None:
        assert read_cursor(write_cursor(sort, place), sort) == place

    @given(st.text(max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        with suppress(InvalidInputError):
            assert read_cursor(text, Sort.ID) is not None


class TestFilters:
    @pytest.fixture(autouse=True)
    async def jobs(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("jobs.yaml", "job_id: m\ntarget_url: https://b.example/\ninterval: {hours: 1}\npaused: true\n")
        await parts.sync()
        await create(api, job_id="billing-1", labels={"team": "billing", "tier": "1"}, cron="0 3 * * *")
        await create(api, job_id="billing-2", labels={"team": "billing"}, target_url="https://B.example:443/ＡＢＣ")
        await create(api, job_id="夜間", name="請求ﾊﾞｯﾁ", run_at="2099-01-01T00:00:00+09:00")
        await ok(api, "POST", f"{JOBS}/billing-2/pause")

    @pytest.mark.parametrize(
        ("parameters", "ids"),
        [
            pytest.param({"owner": "manifest"}, ["m"], id="owner"),
            pytest.param({"status": "paused"}, ["billing-2", "m"], id="status"),
            pytest.param({"status": "completed"}, [], id="completed"),
            pytest.param({"paused": "false"}, ["billing-1", "夜間"], id="not paused"),
            pytest.param({"label": "team"}, ["billing-1", "billing-2"], id="a label"),
            pytest.param({"label": ["team=billing", "tier=1"]}, ["billing-1"], id="two labels"),
            pytest.param({"label": "team="}, [], id="an empty label"),
            pytest.param({"schedule_type": "date"}, ["夜間"], id="kind of schedule"),
            pytest.param({"schedule_type": "interval"}, ["billing-2", "m"], id="interval"),
            pytest.param({"host": "B.example"}, ["billing-2", "m"], id="host"),
            pytest.param({"held": "true"}, [], id="held"),
            pytest.param({"failing": "false", "owner": "manifest"}, ["m"], id="not failing"),
            pytest.param({"last_result": "none", "owner": "manifest"}, ["m"], id="never ran"),
            pytest.param({"last_result": "failure"}, [], id="failure"),
            pytest.param({"q": "BILLING"}, ["billing-1", "billing-2"], id="text in the id"),
            pytest.param({"q": "tier=1"}, ["billing-1"], id="text in a label"),
            pytest.param({"q": "abc"}, ["billing-2"], id="text in the URL, wide"),
            pytest.param({"q": "バッチ"}, ["夜間"], id="Japanese, narrow"),
            pytest.param({"q": "間"}, ["夜間"], id="Japanese, id"),
            pytest.param({"q": "%"}, [], id="no wildcard"),
            pytest.param({"q": "billing", "paused": "true"}, ["billing-2"], id="two filters"),
        ],
    )
    async def test_a_filter(self, api: httpx.AsyncClient, parameters: dict[str, Any], ids: list[str]) -> None:
        assert await page(api, **parameters) == ids
        assert await page(api, sort="-id", **parameters) == ids[::-1]

    async def test_a_broken_manifest(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("jobs.yaml", "job_id: [\n")
        await parts.sync()
        assert await page(api, held="true") == ["m"]

    async def test_filters_see_every_change(self, api: httpx.AsyncClient) -> None:
        assert await page(api, q="新しい") == []
        await create(api, job_id="new", name="新しい")
        assert await page(api, q="新しい") == ["new"]
        await ok(api, "PUT", f"{JOBS}/new", json={"target_url": "https://b.example", "interval": {"hours": 1}})
        assert await page(api, q="新しい") == []
        await ok(api, "DELETE", f"{JOBS}/new")
        assert await page(api, host="b.example") == ["billing-2", "m"]


class TestResults:
    async def test_what_the_last_execution_gave(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/bad", Answer(500))
        target.answers("/mended", Answer(500), Answer(200))
        target.answers("/slow", Answer(delay=30))
        for name in ("bad", "good", "mended", "slow"):
            await create(api, job_id=name, target_url=target.url(f"/{name}"))
        await create(api, job_id="never")
        for name, rows in (("bad", 1), ("bad", 2), ("good", 1), ("mended", 1), ("mended", 2)):
            await ok(api, "POST", f"{JOBS}/{name}/trigger")
            await parts.rows_where(name, lambda found, rows=rows: len(found) == rows and _are_over(found))  # type: ignore[misc]
            assert await page(api, failing="true", q=name) == (
                [] if name == "good" or (rows == 2 and name != "bad") else [name]
            )
        await ok(api, "POST", f"{JOBS}/slow/trigger")
        assert await page(api, last_result="failure") == ["bad"]
        assert await page(api, last_result="success") == ["good", "mended"]
        assert await page(api, last_result="none") == ["never", "slow"]
        assert await page(api, failing="true") == ["bad"]
        assert await page(api, sort="-last_run") == ["slow", "mended", "good", "bad", "never"]
        assert await page(api, sort="last_run") == ["bad", "good", "mended", "slow", "never"]
        assert await page(api, sort="failing_since") == ["bad", "good", "mended", "never", "slow"]


def _are_over(rows: list[Any]) -> bool:
    return all(row.status is not Status.RUNNING for row in rows)


async def test_by_next_run(api: httpx.AsyncClient, parts: Parts) -> None:
    for hours in (3, 1, 2, 5):
        await create(api, job_id=f"every-{hours}", interval={"hours": hours})
    await ok(api, "POST", f"{JOBS}/every-1/pause")
    until = (parts.clock() + timedelta(hours=3.5)).isoformat()
    await ok(api, "POST", f"{JOBS}/every-2/pause", json={"until": until})
    for sort, ids in (
        ("next_run", ["every-3", "every-2", "every-5", "every-1"]),
        ("-next_run", ["every-5", "every-2", "every-3", "every-1"]),
    ):
        rows = (await ok(api, "GET", JOBS, params={"sort": sort}))["jobs"]
        assert [row["job_id"] for row in rows] == ids
        assert rows[-1]["next_run_time"] is None


class TestRows:
    async def test_fields(self, api: httpx.AsyncClient) -> None:
        await create(api, name="日次")
        answer = await ok(api, "GET", JOBS, params={"fields": "name, job_id,name"})
        assert answer["jobs"] == [{"name": "日次", "job_id": "a"}]

    async def test_compact(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, target_url=target.url("/"), labels={"team": "a"})
        await ok(api, "POST", f"{JOBS}/a/trigger")
        await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
        (row,) = (await ok(api, "GET", JOBS, params={"compact": "true"}))["jobs"]
        assert row.pop("next_run_time").endswith("+09:00")
        assert row.pop("schedule_text").startswith("every hour")
        assert row == {
            "job_id": "a", "name": "a", "owner": "api", "status": "running", "last_status": "completed",
            "labels": {"team": "a"}, "target_url": target.url("/"), "timezone": ZONE, "held": False, "failing": False,
        }  # fmt: skip

    async def test_compact_rows_of_failing_jobs(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/bad", Answer(500))
        for job_id, path in (("bad", "/bad"), ("good", "/")):
            await create(api, job_id=job_id, target_url=target.url(path))
            await ok(api, "POST", f"{JOBS}/{job_id}/trigger")
            await parts.row_where(job_id, lambda row: row.status is not Status.RUNNING)
        rows = (await ok(api, "GET", JOBS, params={"compact": "true"}))["jobs"]
        assert {row["job_id"]: row["failing"] for row in rows} == {"bad": True, "good": False}

    async def test_named_jobs(self, api: httpx.AsyncClient) -> None:
        for job_id in ("a", "b", "c"):
            await create(api, job_id=job_id)
        found = await ok(api, "GET", JOBS, params={"job_id": ["c", "a", "gone"], "compact": "true"})
        assert ([row["job_id"] for row in found["jobs"]], found["total"]) == (["a", "c"], 2)

    @pytest.mark.parametrize(
        ("parameters", "says"),
        [
            ({"fields": "nam"}, "did you mean 'name'?"),
            ({"fields": ""}, "no field"),
            ({"fields": "headers"}, "the fields are job_id"),
            ({"fields": "name", "compact": "true"}, "can't be sent with compact"),
            ({"label": "=x"}, "neither key=value nor a key"),
            ({"label": ["a"] * 21}, "at most 20"),
            ({"limit": "1001"}, "less than or equal to 1000"),
            ({"job_id": ["a"] * 201}, "at most 200"),
            ({"limit": "0"}, "greater than or equal to 1"),
            ({"sort": "name"}, "'name' is not one of 'id', "),
            ({"status": "active"}, "'active' is not one of 'running', "),
            ({"q": "x" * 201}, "at most 200"),
        ],
    )
    async def test_what_is_refused(self, api: httpx.AsyncClient, parameters: dict[str, Any], says: str) -> None:
        assert says in assert_problem(await api.get(JOBS, params=parameters), 422)["detail"]
