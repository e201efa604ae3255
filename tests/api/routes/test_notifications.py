"""`/api/v1/notifications/test`: the real way to a channel, without an incident."""

import json
import logging

import httpx
import pytest

from myscheduler.api.door.authentication import Access, Credentials
from myscheduler.core.access.roles import Role
from tests.support.parts import Parts, client
from tests.support.target import Answer, Target

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("told")]

PATH = "/api/v1/notifications/test"
FILE = """\
channels:
  ops: {kind: slack, url: "${secret:ops-slack}", language: ja, quiet: {from: "00:00", to: "23:59"}}
  lost: {kind: slack, url: "${secret:nowhere}"}
default: {channels: [ops]}
"""


@pytest.fixture
async def told(parts: Parts, target: Target) -> Parts:
    parts.secret("ops-slack", target.url("/hunter2hunter2"))
    parts.manifest("notifications.yaml", FILE)
    await parts.sync()
    return parts


async def test_it_sends_now_also_in_quiet_hours(
    api: httpx.AsyncClient, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = await api.post(PATH, json={"channel": "ops", "by": "ann"})
    assert answer.json() == {
        "channel": "ops", "delivered": True, "error": None, "error_coded": None, "permanent": False,
    }  # fmt: skip
    (request,) = target.requests
    assert "テスト" in json.loads(request.body)["text"]
    (line,) = (one for one in caplog.records if one.message == "channel tried")
    assert (line.__dict__["channel"], line.__dict__["by"]) == ("ops", "ann")
    assert "hunter2" not in caplog.text


async def test_a_failure_is_in_the_answer(api: httpx.AsyncClient, target: Target) -> None:
    target.answers("/hunter2hunter2", Answer(404, b"no_service"))
    found = (await api.post(PATH, json={"channel": "ops"})).json()
    assert (found["delivered"], found["permanent"], "no_service" in found["error"]) == (False, True, True)
    assert found["error_coded"]["code"] == "channel-answered"
    lost = (await api.post(PATH, json={"channel": "lost"})).json()
    assert (lost["delivered"], lost["permanent"], "nowhere" in lost["error"]) == (False, False, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"channel": "opps"}, "did you mean 'ops'?"),
        ({}, "is missing"),
        ({"channel": 1}, "text"),
        ({"channel": "ops", "message": "x"}, "message"),
    ],
)
async def test_what_is_no_channel(api: httpx.AsyncClient, target: Target, body: object, words: str) -> None:
    answer = await api.post(PATH, json=body)
    assert (answer.status_code, words in answer.text, target.requests) == (422, True, [])


async def test_the_same_request_sends_once(api: httpx.AsyncClient, target: Target) -> None:
    for _ in range(2):
        answer = await api.post(PATH, json={"channel": "ops"}, headers={"Idempotency-Key": "once"})
        assert answer.json()["delivered"] is True
    assert len(target.requests) == 1


async def test_viewers_may_not(told: Parts, target: Target) -> None:
    async with client(told, access=Access(Credentials("s3cret", Role.VIEWER))) as viewer:
        answer = await viewer.post(PATH, json={"channel": "ops"}, headers={"Authorization": "Bearer s3cret"})
    assert (answer.status_code, target.requests) == (403, [])


async def test_a_job_of_the_api_may_name_known_channels(api: httpx.AsyncClient) -> None:
    job = {"job_id": "a", "cron": "0 9 * * *", "target_url": "http://127.0.0.1:9/"}
    refused = await api.post("/api/v1/jobs", json=job | {"notify": {"channels": ["opps"]}})
    assert (refused.status_code, "did you mean 'ops'?" in refused.text) == (422, True)
    made = await api.post("/api/v1/jobs", json=job | {"notify": {"channels": ["ops"], "remind": "PT12H"}})
    assert made.is_success, made.text
    shown = (await api.get("/api/v1/jobs/a")).json()
    assert shown["notify"] == {"channels": ["ops"], "remind": "PT12H"}
    off = await api.put("/api/v1/jobs/a", json=job | {"notify": False})
    assert off.is_success, off.text
    assert (await api.get("/api/v1/jobs/a")).json()["notify"] is False
