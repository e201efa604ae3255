"""The limit of requests: whose they are, what every answer tells, and what is never limited."""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.api.door.authentication import TRIES, Access, Credentials
from tests.support.access import bearing, made
from tests.support.api import JOBS, assert_problem, body
from tests.support.parts import BEHIND_PROXY, Parts, client, opened

pytestmark = pytest.mark.anyio

MANY = 5
STATIC = {"Authorization": "Bearer s3cret"}
WRONG = {"Authorization": "Bearer gu3ssed"}


@pytest.fixture(scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    async with opened(tmp_path_factory.mktemp("rates"), drain_sec=0) as running:
        yield running


def left(answer: httpx.Response) -> int:
    assert answer.headers["ratelimit-policy"] == f'"default";q={MANY};w=60'
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert found
    assert int(found[2]) <= 60
    return int(found[1])


async def use_up(api: httpx.AsyncClient, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Sends requests until one is refused; returns that answer."""
    for _ in range(MANY + 1):
        answer = await api.get("/api/v1/now", headers=headers)
        if answer.status_code == 429:
            return answer
    raise AssertionError("none was refused")


async def test_the_answer_to_too_many(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    async with client(parts, requests_a_minute=MANY) as api:
        assert [left(await api.get("/api/v1/now")) for _ in range(MANY)] == [4, 3, 2, 1, 0]
        refused = await api.get("/api/v1/now")
    problem = assert_problem(refused, 429)
    assert problem["type"] == "urn:myscheduler:problem:too-many-requests"
    assert "more than 5 requests a minute (MYSCHEDULER_RATE_LIMIT): wait" in problem["detail"]
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert left(refused) == 0
    assert len(refused.headers.get_list("ratelimit")) == 1
    assert "from 127.0.0.1 with 429: more than 5 requests a minute of this address" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        pytest.param("GET", JOBS, {}, 200, id="fine"),
        pytest.param("HEAD", JOBS, {}, 200, id="head"),
        pytest.param("OPTIONS", JOBS, {}, 204, id="options"),
        pytest.param("GET", "/api/v1", {}, 404, id="base"),
        pytest.param("GET", "/api/v1/nothing", {}, 404, id="no route"),
        pytest.param("GET", f"{JOBS}/nothing", {}, 404, id="no job"),
        pytest.param("PATCH", JOBS, {}, 405, id="method"),
        pytest.param("POST", JOBS, {"content": b"{}"}, 415, id="content"),
        pytest.param("POST", JOBS, {"json": {}}, 422, id="input"),
        pytest.param("GET", JOBS, {"headers": {"Host": "evil.example"}}, 421, id="host"),
        pytest.param("POST", JOBS, {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, id="origin"),
        pytest.param("GET", "/api/v1/session", {}, 200, id="session"),
    ],
)
async def test_every_answer_below_the_base_is_counted(
    parts: Parts, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    async with client(parts, requests_a_minute=MANY) as api:
        answers = [await api.request(method, path, **more) for _ in range(MANY + 1)]
        assert [(answer.status_code, left(answer)) for answer in answers] == [
            *((status, number) for number in range(MANY - 1, -1, -1)), (429, 0)
        ]  # fmt: skip
    if method != "HEAD":
        assert_problem(answers[-1], 429)
    assert len(answers[-1].headers.get_list("x-request-id")) == 1
    assert answers[-1].headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/health", "/health/live", "/health/ready", "/docs", "/openapi.json", "/api/v12", "/x"]
)
async def test_other_paths_are_not_limited(parts: Parts, path: str) -> None:
    async with client(parts, requests_a_minute=1) as api:
        answers = [await api.get(path) for _ in range(5)]
    assert len({answer.status_code for answer in answers}) == 1
    assert not any("ratelimit" in answer.headers for answer in answers)


async def test_there_may_be_no_limit(parts: Parts) -> None:
    async with client(parts, requests_a_minute=0) as api:
        answer = await api.get(JOBS)
    assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)


async def test_answers_while_too_many_are_in_progress_have_the_headers(parts: Parts) -> None:
    async with client(parts, requests_at_once=0, requests_a_minute=MANY) as api:
        answer = await api.get(JOBS)
    assert (answer.status_code, left(answer)) == (503, MANY - 1)


async def test_addresses_behind_a_trusted_proxy_are_clients_of_their_own(parts: Parts) -> None:
    def of(address: str) -> dict[str, str]:
        return {"X-Forwarded-For": address}

    async with client(parts, access=BEHIND_PROXY, requests_a_minute=MANY) as api:
        await use_up(api, of("203.0.113.7"))
        assert (await api.get(JOBS, headers=of("198.51.100.1, 203.0.113.7"))).status_code == 429  # chosen by the caller
        assert (await api.get(JOBS, headers=of("203.0.113.8"))).status_code == 200
        await use_up(api, of("2001:db8::1"))
        assert (await api.get(JOBS, headers=of("2001:db8::ffff"))).status_code == 429
        assert (await api.get(JOBS, headers=of("2001:db8:0:1::1"))).status_code == 200


async def test_the_header_of_a_caller_without_a_proxy_does_not_count(parts: Parts) -> None:
    async with client(parts, requests_a_minute=MANY) as api:
        await use_up(api, {"X-Forwarded-For": "203.0.113.7"})
        assert (await api.get(JOBS, headers={"X-Forwarded-For": "203.0.113.8"})).status_code == 429


class TestCredentials:
    async def test_callers_at_one_address_have_quotas_of_their_own(self, tmp_path: Path) -> None:
        async with opened(tmp_path, drain_sec=0) as parts:
            ann, bob = bearing(await made(parts, "editor")), bearing(await made(parts, "viewer"))
            access = Access(Credentials("s3cret"))
            async with client(parts, access=access, requests_a_minute=MANY) as api:
                await use_up(api, ann)
                assert (await api.get(JOBS, headers=bob)).status_code == 200
                assert (await api.get(JOBS, headers=STATIC)).status_code == 200
                assert (await api.get(JOBS)).status_code == 401
                assert (await api.get(JOBS, headers=ann)).status_code == 429
                assert (await api.post(JOBS, json=body(), headers=ann)).status_code == 429
            assert await parts.jobs() == {}

    async def test_a_session_is_its_caller(self, tmp_path: Path) -> None:
        async with opened(tmp_path, drain_sec=0) as parts:
            ann = await made(parts, "viewer")
            async with client(parts, requests_a_minute=MANY) as api:
                begun = await api.post("/api/v1/session", json={"token": ann})
                cookie = begun.headers["set-cookie"].split(";")[0]
                await use_up(api, bearing(ann))
                assert (await api.get(JOBS, headers={"Cookie": cookie})).status_code == 429

    async def test_wrong_credentials_use_up_the_quota_of_the_address_only(self, tmp_path: Path) -> None:
        async with (
            opened(tmp_path, drain_sec=0) as parts,
            client(parts, access=Access(Credentials("s3cret")), requests_a_minute=MANY) as api,
        ):
            tries = [await api.get(JOBS, headers=WRONG) for _ in range(MANY + 1)]
            assert [answer.status_code for answer in tries] == [401] * MANY + [429]
            assert "www-authenticate" not in tries[-1].headers
            assert (await api.get(JOBS, headers=STATIC)).status_code == 200

    async def test_the_limit_of_tries_is_told_as_before(self, tmp_path: Path) -> None:
        async with (
            opened(tmp_path, drain_sec=0) as parts,
            client(parts, access=Access(Credentials("s3cret")), requests_a_minute=10_000) as api,
        ):
            tries = [await api.get(JOBS, headers=WRONG) for _ in range(TRIES + 20)]
        refused = next(answer for answer in tries if answer.status_code == 429)
        assert "right API token" in refused.json()["detail"]
        assert "ratelimit" in refused.headers
