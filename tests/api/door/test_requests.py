"""The access log: one line for each request, also for those that the door refuses."""

import logging
from typing import Any

import httpx
import pytest

from myscheduler.api.door import requests
from tests.support.parts import Parts, client, opened

pytestmark = pytest.mark.anyio

AUTH = {"Authorization": "Bearer right"}


@pytest.fixture
async def parts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    async with opened(tmp_path_factory.mktemp("service")) as running:
        yield running


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name == requests.log.name]


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        pytest.param("GET", "/api/v1/jobs?q=s3cret", AUTH, ("/api/v1/jobs", 200, "api"), id="an answer"),
        pytest.param("GET", "/api/v1/jobs", {}, ("/api/v1/jobs", 401, None), id="no credentials"),
        pytest.param("GET", "/nowhere", AUTH, ("/nowhere", 404, None), id="no route"),
        pytest.param("GET", "/api/v1/jobs", AUTH | {"Host": "evil"}, ("/api/v1/jobs", 421, None), id="another host"),
        pytest.param("HEAD", "/api/v1/jobs", AUTH, ("/api/v1/jobs", 200, "api"), id="HEAD"),
    ],
)
async def test_a_line_for_each_request(
    parts: Parts,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    headers: dict[str, str],
    expected: tuple[str, int, str | None],
) -> None:
    caplog.set_level(logging.INFO)
    async with client(parts, token="right", is_access_logged=True) as api:
        answer: httpx.Response = await api.request(method, path, headers=headers)
    (line,) = logged(caplog)
    assert (line["path"], line["status"], line["by"]) == expected
    assert (line["method"], line["client"], line["levelno"]) == (method, "127.0.0.1", logging.INFO)
    assert answer.status_code == expected[1]
    assert "s3cret" not in str(line)


async def test_checks_of_health_are_left_out(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with client(parts, is_access_logged=True) as api:
        await api.get("/health/ready")
    assert logged(caplog) == []


async def test_it_is_off_by_default(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with client(parts) as api:
        await api.get("/api/v1/jobs")
    assert logged(caplog) == []
