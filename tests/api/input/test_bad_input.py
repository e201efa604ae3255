"""What bad jobs, ids, parameters and bodies get: a problem that says what is wrong, and no trace is left."""

import json
import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import httpx
import pytest

from myscheduler.api.openapi.document import operations
from tests.support.api import JOBS, JSON, assert_problem, body, create, ok
from tests.support.openapi_document import kept
from tests.support.parts import Parts, client, opened

pytestmark = pytest.mark.anyio


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
            pytest.param(body(method="B REW"), "method", id="method"),
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


WRONG = ("nonsense", "-1", "9" * 30, "1.5", "x" * 5_000, "")


async def test_what_is_wrong_with_a_parameter_has_a_code_with_what_is_allowed(api: httpx.AsyncClient) -> None:
    """So a dashboard can say it in any language: the sentences of the library that checks parameters are English."""
    codes, unsaid = set(), []
    for method, path, operation in operations(kept()):
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        for name, written in product(names if method == "get" else (), WRONG):
            answer = await api.get(re.sub(r"\{\w+\}", "a", path), params={name: written})
            for error in answer.json().get("errors", ()):
                coded = error["message_coded"]
                codes.add(coded["code"])
                if coded["code"] == "parameter-invalid" and coded["params"]["limit"] is None:
                    unsaid.append((path, name, written[:20], error["message"]))
    assert unsaid == []
    assert {"not-one-of", "has-to-be-boolean", "has-to-be-number", "parameter-invalid"} <= codes


@pytest.mark.parametrize(
    ("parameters", "code", "params"),
    [
        pytest.param({"status": "runing"}, "not-one-of", {"value": "'runing'", "hint": "running"}, id="a misspelling"),
        pytest.param({"limit": "1001"}, "parameter-invalid", {"limit": 1000, "rule": "less_than_equal"}, id="a limit"),
    ],
)
async def test_its_parts(api: httpx.AsyncClient, parameters: dict[str, str], code: str, params: dict[str, Any]) -> None:
    (error,) = assert_problem(await api.get(JOBS, params=parameters), 422)["errors"]
    found = error["message_coded"]
    assert found["code"] == code
    for name, value in params.items():
        part = found["params"][name]
        assert value == (part["params"]["word"] if isinstance(part, dict) else part)
