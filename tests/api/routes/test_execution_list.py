"""`GET /executions`: filters, pages and their links; and one execution with its attempts."""

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from myscheduler.core.history.execution import Status
from tests.support.api import JOBS, assert_problem, create, ok
from tests.support.parts import Parts, client, is_over, received, started
from tests.support.target import Answer, HangUp, Silence, Target

pytestmark = pytest.mark.anyio

EXECUTIONS = "/api/v1/executions"
NOBODY = "01a400f6-3600-7592-ac81-139a79b30fbb"


async def _runs(api: httpx.AsyncClient, parts: Parts, target: Target) -> list[str]:
    """Of job `a` three that completed, of job `b` two that failed; the ids, newest first."""
    target.answers("/down", Answer(500))
    await create(api, job_id="a", target_url=target.url("/run"), labels={"team": "billing"})
    await create(api, job_id="b", target_url=target.url("/down").replace("127.0.0.1", "localhost"))
    ids: list[str] = []
    for name in "aabba":
        done = await ok(api, "POST", f"{JOBS}/{name}/trigger", json={"overlap": "allow"})
        ids.insert(0, done["execution_id"])
    for name in "ab":
        await parts.rows_where(name, lambda rows: all(map(is_over, rows)))
    return ids


class TestList:
    async def test_all_jobs_newest_first_page_by_page(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        ids = await _runs(api, parts, target)
        whole = await api.get(EXECUTIONS)
        assert [one["execution_id"] for one in whole.json()["executions"]] == ids
        assert (whole.json()["count"], whole.json()["next_cursor"]) == (5, None)
        assert "link" not in whole.headers
        assert (await api.get(f"{EXECUTIONS}/")).json() == whole.json()
        assert whole.json()["executions"] == (await ok(api, "GET", f"{JOBS}/executions/recent"))["executions"]
        found, path = [], f"{EXECUTIONS}?limit=2&job_id=a&job_id=b"
        for count in (2, 2, 1):
            page = await api.get(path)
            found += [one["execution_id"] for one in page.json()["executions"]]
            assert page.json()["count"] == count
            if page.json()["next_cursor"] is None:
                break
            path = page.links["next"]["url"]
            fields = parse_qs(urlsplit(path).query)
            assert fields == {"limit": ["2"], "job_id": ["a", "b"], "cursor": [page.json()["next_cursor"]]}
        assert found == ids

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("job_id=a", 3),
            ("job_id=a&job_id=b", 5),
            ("job_id=none", 0),
            ("status=failed", 2),
            ("status=failed&status=completed", 5),
            ("status=running", 0),
            ("reason=overlap", 0),
            ("kind=manual", 5),
            ("kind=scheduled", 0),
            ("cause=api", 5),
            ("label=team%3Dbilling", 3),
            ("label=team%3Dbilling&status=failed", 0),
            ("label=team%3Dother", 0),
            ("until=2020-01-01T00:00:00Z", 0),
            ("from=2020-01-01T00:00:00Z", 5),
            ("min_duration_ms=60000", 0),
            ("min_duration_ms=0", 5),
            ("min_lateness_ms=60000", 0),
            ("min_lateness_ms=0&status=completed", 3),
        ],
    )
    async def test_filters(self, api: httpx.AsyncClient, parts: Parts, target: Target, query: str, count: int) -> None:
        await _runs(api, parts, target)
        assert (await ok(api, "GET", f"{EXECUTIONS}?{query}"))["count"] == count

    async def test_the_host_of_a_job(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await _runs(api, parts, target)
        assert (await ok(api, "GET", f"{EXECUTIONS}?host=LOCALHOST:{target.port}"))["count"] == 2
        assert (await ok(api, "GET", f"{EXECUTIONS}?host=localhost"))["count"] == 0

    async def test_a_deleted_job(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await _runs(api, parts, target)
        await ok(api, "DELETE", f"{JOBS}/a")
        assert (await ok(api, "GET", f"{EXECUTIONS}?job_id=a"))["count"] == 3
        assert (await ok(api, "GET", f"{EXECUTIONS}?label=team%3Dbilling"))["count"] == 0

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("cursor=abc", "cursor"),
            ("cursor=" + "A" * 101, "cursor"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("status=lost", "status.0"),
            ("reason=none", "reason"),
            ("kind=x", "kind"),
            ("cause=x", "cause"),
            ("label=team", "label"),
            ("label=team%3Da&label=team%3Db", "label"),
            ("from=yesterday", "from"),
            ("min_duration_ms=-1", "min_duration_ms"),
            ("min_lateness_ms=1.5", "min_lateness_ms"),
            ("&".join(f"job_id={number}" for number in range(101)), "job_id"),
            ("job=a", "job"),
            ("reason=overlap&reason=crash", "reason"),
        ],
    )
    async def test_what_can_not_be_asked(self, api: httpx.AsyncClient, query: str, field: str) -> None:
        problem = assert_problem(await api.get(f"{EXECUTIONS}?{query}"), 422)
        assert [one["field"] for one in problem["errors"]] == [field]

    async def test_ids_that_no_job_can_have(self, api: httpx.AsyncClient) -> None:
        assert (await ok(api, "GET", f"{EXECUTIONS}?job_id=a%00b"))["count"] == 0


class TestOne:
    async def test_attempts(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/run", Answer(503), HangUp(), Answer(200, b"at last"))
        fields = {"method": "POST", "max_retries": 5, "retry_backoff_sec": 0.02}
        await create(api, target_url=target.url("/run"), **fields)
        done = await ok(api, "POST", f"{JOBS}/a/trigger")
        row = await parts.row_where("a", is_over)
        found = await ok(api, "GET", f"{EXECUTIONS}/{done['execution_id']}")
        (listed,) = (await ok(api, "GET", EXECUTIONS))["executions"]
        attempts, trace_id, exchange = (found.pop(name) for name in ("attempts_detail", "trace_id", "exchange"))
        assert found == listed | {"extracted": None}
        assert {(one.header("traceparent") or "").split("-")[1] for one in target.requests} == {trace_id}
        assert [(one["number"], one["http_status_code"], one["failure"]) for one in attempts] == [
            (1, 503, "http_error"),
            (2, None, "reset"),
            (3, 200, None),
        ]
        assert attempts[0]["error"]
        assert attempts[1]["error"]
        assert attempts[2]["error"] is None
        assert all(one["duration_ms"] >= 0 for one in attempts)
        assert [one["exchange"]["reused"] for one in attempts] == [False, True, False]
        assert {one["exchange"]["address"] for one in attempts} == {f"127.0.0.1:{target.port}"}
        assert (attempts[1]["exchange"]["first_byte_ms"], attempts[2]["exchange"]) == (None, exchange)
        starts = [datetime.fromisoformat(one["started_at"]) for one in attempts]
        assert starts == sorted(starts)
        assert row.started_at is not None
        assert starts[0] - row.started_at < timedelta(seconds=1)

    @pytest.mark.parametrize(("status", "failure"), [(200, None), (404, "http_error")])
    async def test_a_single_attempt(
        self, api: httpx.AsyncClient, parts: Parts, target: Target, status: int, failure: str | None
    ) -> None:
        target.default = Answer(status)
        await create(api, target_url=target.url())
        done = await ok(api, "POST", f"{JOBS}/a/trigger")
        row = await parts.row_where("a", is_over)
        (attempt,) = (await ok(api, "GET", f"{EXECUTIONS}/{done['execution_id']}"))["attempts_detail"]
        assert (attempt["number"], attempt["http_status_code"], attempt["failure"]) == (1, status, failure)
        assert attempt["exchange"]["total_ms"] >= attempt["exchange"]["first_byte_ms"] >= 0
        assert (row.kept_attempts is None) == (status == 200)

    async def test_a_timeout_is_told_from_a_lost_connection(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.default = Silence()
        await create(api, target_url=target.url(), timeout_sec=0.1)
        done = await ok(api, "POST", f"{JOBS}/a/trigger")
        await parts.row_where("a", is_over)
        (attempt,) = (await ok(api, "GET", f"{EXECUTIONS}/{done['execution_id']}"))["attempts_detail"]
        assert (attempt["failure"], attempt["http_status_code"]) == ("timeout", None)
        assert attempt["error"]

    async def test_one_that_is_running_shows_its_attempts_so_far(self, api: httpx.AsyncClient, target: Target) -> None:
        target.answers("/run", Answer(503), Silence())
        await create(api, target_url=target.url("/run"), max_retries=1, retry_backoff_sec=0)
        done = await ok(api, "POST", f"{JOBS}/a/trigger")
        await received(target, 2)
        found = await ok(api, "GET", f"{EXECUTIONS}/{done['execution_id']}")
        first, second = found["attempts_detail"]
        assert (found["status"], first["http_status_code"], second["number"]) == ("running", 503, 2)
        assert (second["duration_ms"], second["failure"], second["error"]) == (None, None, None)
        assert (first["exchange"]["address"], second["exchange"], found["exchange"]) == (
            f"127.0.0.1:{target.port}",
            None,
            None,
        )

    @pytest.mark.parametrize("execution_id", [NOBODY, "x", "a%00b", NOBODY.upper()])
    async def test_one_that_is_not_there(self, api: httpx.AsyncClient, execution_id: str) -> None:
        assert_problem(await api.get(f"{EXECUTIONS}/{execution_id}"), 404)

    async def test_a_queued_run_is_not_there_yet(self, api: httpx.AsyncClient, target: Target) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        await ok(api, "POST", f"{JOBS}/a/trigger")
        queued = await ok(api, "POST", f"{JOBS}/a/trigger")
        problem = assert_problem(await api.get(f"{EXECUTIONS}/{queued['execution_id']}"), 404)
        assert "queued" in problem["detail"]

    async def test_rows_of_slots_that_did_not_run_have_no_attempts(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.default = Silence()
        await create(api, target_url=target.url())
        await ok(api, "POST", f"{JOBS}/a/trigger")
        queued = await ok(api, "POST", f"{JOBS}/a/trigger")
        await ok(api, "DELETE", f"{JOBS}/a")
        row = await parts.row_where("a", lambda row: row.status is Status.SKIPPED)
        assert row.execution_id == queued["execution_id"]
        assert (await ok(api, "GET", f"{EXECUTIONS}/{row.execution_id}"))["attempts_detail"] == []


async def test_an_exchange_survives_a_restart(tmp_path: Path, target: Target) -> None:
    async with started(tmp_path) as parts, client(parts) as api:
        await create(api, target_url=target.url())
        done = await ok(api, "POST", f"{JOBS}/a/trigger")
        await parts.row_where("a", is_over)
        before = await ok(api, "GET", f"{EXECUTIONS}/{done['execution_id']}")
    async with started(tmp_path) as parts, client(parts) as api:
        after = await ok(api, "GET", f"{EXECUTIONS}/{done['execution_id']}")
    assert after["exchange"] == before["exchange"] == after["attempts_detail"][0]["exchange"]
    assert after["exchange"]["address"] == f"127.0.0.1:{target.port}"
