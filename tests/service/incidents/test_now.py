"""What open screens are told of incidents, and of channels that messages do not reach."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.service.incidents.conftest import Watch
from tests.support.api import ok
from tests.support.channels import CHAT
from tests.support.parts import client
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

HALF_A_MINUTE, MINUTE = timedelta(seconds=31), timedelta(minutes=1)
DECLARED = """\
channels:
  chat: {kind: slack, url: "${secret:slack}"}
default: {channels: [chat]}
"""


async def now(api: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = await ok(api, "GET", "/api/v1/now")
    return found


async def changed_jobs(api: httpx.AsyncClient, since: dict[str, Any]) -> list[str]:
    found = await ok(api, "GET", "/api/v1/changes", params={"since": since["seq"]})
    assert found["seq"] != since["seq"]
    return list(found["jobs"])


async def test_an_incident_from_its_beginning_to_its_end(watched: Watch) -> None:
    async with client(watched.parts) as api:
        await watched.create("a")
        assert (await now(api))["incidents"] == {"open": 0, "newest": []}
        await watched.run("a", status=500)
        before = await now(api)
        await watched.look()
        assert await changed_jobs(api, before) == ["a"]
        began = await now(api)
        (one,) = began["incidents"]["newest"]
        assert (began["incidents"]["open"], one["failures"], one["acknowledged"]) == (1, 1, None)
        await ok(api, "POST", f"/api/v1/incidents/{one['incident_id']}/acknowledge", json={"by": "ann"})
        assert await changed_jobs(api, began) == ["a"]
        assert (await now(api))["incidents"]["newest"][0]["acknowledged"]["by"] == "ann"
        await ok(api, "POST", f"/api/v1/incidents/{one['incident_id']}/unacknowledge")
        assert (await now(api))["incidents"]["newest"][0]["acknowledged"] is None
        await watched.run("a", status=500)
        goes_on = await now(api)
        await watched.look()
        assert await changed_jobs(api, goes_on) == ["a"]
        assert (await now(api))["incidents"]["newest"][0]["failures"] == 2
        await watched.run("a")
        await watched.look()
        assert (await now(api))["incidents"] == {"open": 0, "newest": []}


async def test_a_channel_that_messages_do_not_reach(watched: Watch, target: Target) -> None:
    watched.parts.manifest("notifications.yaml", DECLARED)
    await watched.parts.sync()
    async with client(watched.parts, troubles=watched.troubles) as api:

        async def failing() -> list[tuple[str, int, str, bool]]:
            found = (await now(api))["notifications"]
            assert found["channels"] == 1
            return [(one["channel"], one["failures"], one["error"], one["given_up"]) for one in found["failing"]]

        await watched.create("a", "b")
        assert await failing() == []
        target.answers(CHAT, Answer(503))
        await watched.run("a", status=500)
        await watched.look()
        before = await now(api)
        await watched.look(HALF_A_MINUTE)
        assert await changed_jobs(api, before) == []
        assert await failing() == [("chat", 1, "HTTP 503", False)]
        await watched.look(HALF_A_MINUTE)
        assert await failing() == [("chat", 2, "HTTP 503", False)]
        target.answers(CHAT, Answer(200))
        await watched.look(MINUTE)
        assert await failing() == []
        target.answers(CHAT, Answer(404))
        await watched.run("b", status=500)
        await watched.look()
        await watched.look(HALF_A_MINUTE)
        assert await failing() == [("chat", 1, "HTTP 404", True)]
        target.answers("/slack", Answer(200))
        watched.parts.secret("slack", target.url("/slack"))
        tested = await ok(api, "POST", "/api/v1/notifications/test", json={"channel": "chat"})
        assert tested["delivered"]
        assert await failing() == []


async def test_one_that_is_no_longer_declared_is_not_named(watched: Watch) -> None:
    async with client(watched.parts, troubles=watched.troubles) as api:
        watched.troubles.failed("chat", "HTTP 503", is_given_up=False, at=watched.parts.clock())
        assert (await now(api))["notifications"] == {"channels": 0, "failing": []}
