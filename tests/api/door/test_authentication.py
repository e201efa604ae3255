"""The token: the right one always comes in, wrong ones are slowed down, and the log stays small."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from myscheduler.api.door.authentication import CALLERS, TRIES, _neighbourhood
from myscheduler.api.door.trickle import Bucket, Buckets, Trickle
from tests.support.api import JOBS, JSON, assert_problem, body, ok
from tests.support.parts import Parts, client, opened

pytestmark = pytest.mark.anyio

RIGHT = {"Authorization": "Bearer s3cret"}
WRONG = {"Authorization": "Bearer gu3ssed"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(tmp_path, drain_sec=0) as parts, client(parts, token="s3cret") as one:
        yield one


async def test_guessing_is_slowed_down_and_the_right_token_is_not(
    api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [await api.get(JOBS, headers=WRONG) for _ in range(TRIES + 40)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:TRIES] == [401] * TRIES
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await api.get(JOBS, headers=RIGHT)).status_code == 200
    lines = [record for record in caplog.records if record.name == "myscheduler.api.door.authentication"]
    assert 0 < len(lines) < 40
    first = lines[0].getMessage()
    assert (lines[0].levelno, first) == (
        logging.WARNING, f"refused GET {JOBS} from 127.0.0.1 with 401: a wrong API token"
    )  # fmt: skip
    assert "3cret" not in caplog.text
    assert "gu3ssed" not in caplog.text


async def test_a_missing_token_is_said_so(api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    assert (await api.delete(f"{JOBS}/a")).status_code == 401
    assert f"refused DELETE {JOBS}/a from 127.0.0.1 with 401: no API token" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        pytest.param("GET", f"{JOBS}?limt=1", {}, id="parameter"),
        pytest.param("GET", f"{JOBS}/executions/recent?limit=x", {}, id="value"),
        pytest.param("POST", JOBS, {"json": []}, id="body"),
        pytest.param("GET", f"{JOBS}/TYPO/executions", {}, id="job"),
    ],
)
async def test_nothing_is_judged_without_it(
    api: httpx.AsyncClient, method: str, path: str, more: dict[str, object]
) -> None:
    assert (await api.request(method, path, **more)).status_code == 401  # type: ignore[arg-type]


async def test_methods_are_told_without_it(api: httpx.AsyncClient) -> None:
    assert (await api.options(JOBS)).status_code == 204
    assert (await api.patch(JOBS)).status_code == 405
    assert (await api.head(JOBS)).status_code == 401


def test_a_bucket_fills_again() -> None:
    bucket = Bucket(2, 10.0, 0.0)
    assert [bucket.take(0), bucket.take(0), bucket.take(0)] == [0, 0, 10]
    assert bucket.take(4) == pytest.approx(6)
    assert (bucket.take(10), bucket.take(10)) == (0, 10)
    assert [bucket.take(1000), bucket.take(1000), bucket.take(1000)] == [0, 0, 10]


def test_callers_have_buckets_of_their_own_and_are_forgotten() -> None:
    now = [0.0]
    buckets = Buckets(1, 1.0, most=CALLERS, clock=lambda: now[0])
    assert [buckets.take("a"), buckets.take("a"), buckets.take("b")] == [0, 1, 0]
    for number in range(2 * CALLERS):
        buckets.take(str(number))
    assert len(buckets) == CALLERS


@pytest.mark.parametrize(
    ("peer", "neighbourhood"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("an unknown address", "an unknown address"),
    ],
)
def test_a_network_is_one_caller(peer: str, neighbourhood: str) -> None:
    assert _neighbourhood(peer) == neighbourhood


def test_the_log_tells_what_it_left_out(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    told = Trickle(2, 10.0, clock=lambda: now[0])
    for number in range(5):
        told.warn(logging.getLogger("t"), "number %d%s", number)
    now[0] = 10
    told.warn(logging.getLogger("t"), "number %d%s", 5)
    assert [record.getMessage() for record in caplog.records] == [
        "number 0", "number 1", "number 5 (and 3 more such requests since the last line)",
    ]  # fmt: skip


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
