"""What is done through the API is a line of the log each, with who did it."""

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.support.parts import BEHIND_PROXY, client, opened

pytestmark = pytest.mark.anyio

JOB = {"target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}}
USER = {"X-Forwarded-User": "a\x1b[2Jda"}


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, ...]]:
    """The lines since the last look, as message, job and who."""
    lines: list[dict[str, Any]] = [vars(one) for one in caplog.records if one.levelno == logging.INFO]
    caplog.clear()
    return [(one["message"], one.get("job_id", ""), one["by"]) for one in lines if "by" in one]


async def test_each_action_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "myscheduler")
    steps = [
        ("POST", "jobs", JOB | {"job_id": "a"}, ("job created", "a", "a [2Jda")),
        (
            "POST",
            "jobs",
            JOB | {"job_id": "a", "replace_existing": True, "name": "b"},
            ("job replaced", "a", "a [2Jda"),
        ),
        ("POST", "jobs", JOB | {"job_id": "c", "replace_existing": True}, ("job created", "c", "a [2Jda")),
        ("PUT", "jobs/a", JOB | {"name": "c"}, ("job replaced", "a", "a [2Jda")),
        ("POST", "jobs/a/pause", {"by": "bob\n"}, ("job paused", "a", "bob ")),
        ("POST", "jobs/a/resume", None, ("job resumed", "a", "a [2Jda")),
        ("POST", "jobs/a/trigger", None, ("job triggered", "a", "a [2Jda")),
        ("DELETE", "jobs/a", None, ("job deleted", "a", "a [2Jda")),
        ("POST", "sync", None, ("sync asked for", "", "a [2Jda")),
    ]
    async with opened(tmp_path) as parts, client(parts, access=BEHIND_PROXY) as api:
        parts.dispatcher.start()
        for method, path, body, line in steps:
            answer = await api.request(method, f"/api/v1/{path}", json=body, headers=USER)
            assert answer.status_code == 200, answer.text
            assert told(caplog) == [line]


@pytest.mark.parametrize("name", ["manifest", "Clock", "cli:root"])
async def test_nobody_claims_to_be_the_service(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path) as parts, client(parts, access=BEHIND_PROXY) as api:
        claim = {"X-Forwarded-User": name}
        for method, path, body in (("POST", "jobs", JOB | {"job_id": "a"}), ("POST", "jobs/a/pause", {"by": name})):
            assert (await api.request(method, f"/api/v1/{path}", json=body, headers=claim)).status_code == 200
        entries = (await api.get("/api/v1/audit")).json()["entries"]
        assert [one["actor"] for one in entries] == [f"api:{name}"] * 2


async def test_what_is_refused_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "myscheduler")
    async with opened(tmp_path) as parts, client(parts) as api:
        for method, path in (("DELETE", "jobs/a"), ("POST", "jobs/a/pause"), ("POST", "jobs/a/trigger")):
            assert (await api.request(method, f"/api/v1/{path}")).status_code == 404
    assert told(caplog) == []


async def test_requests_are_lines_at_debug_without_what_may_be_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "myscheduler")
    async with opened(tmp_path) as parts, client(parts, token="s3cret") as api:
        await api.get("/api/v1/jobs?token=s3cret", headers={"Authorization": "Bearer s3cret"})
        await api.get("/api/v1/jobs/none?x=s3cret")
    lines = [vars(one) for one in caplog.records if one.message == "request"]
    assert [(one["method"], one["path"], one["status"]) for one in lines] == [
        ("GET", "/api/v1/jobs", 422),  # there is no such parameter
        ("GET", "/api/v1/jobs/none", 401),
    ]
    assert "s3cret" not in "".join(str(vars(one)) for one in caplog.records)
