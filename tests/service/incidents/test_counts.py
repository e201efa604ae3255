"""Prometheus is told how messages to channels go."""

from datetime import timedelta

import pytest

from tests.service.incidents.conftest import Watch
from tests.support.channels import CHAT
from tests.support.metrics import scrape
from tests.support.parts import client
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

RESULTS = ("delivered", "retried", "failed")
HALF_A_MINUTE, MINUTE = timedelta(seconds=31), timedelta(minutes=1)
DECLARED = """\
channels:
  chat: {kind: slack, url: "${secret:slack}"}
default: {channels: [chat]}
"""


async def test_messages_are_counted_by_result(watched: Watch, target: Target) -> None:
    async with client(watched.parts, deliveries=watched.deliverer.counts) as api:

        async def counts() -> list[float | None]:
            found = await scrape(api)
            return [found.value("notifications_total", channel="chat", result=result) for result in RESULTS]

        assert await counts() == [None, None, None]
        watched.parts.manifest("notifications.yaml", DECLARED)
        await watched.parts.sync()
        assert await counts() == [0, 0, 0]
        await watched.create("a", "b")
        target.answers(CHAT, Answer(503))
        await watched.run("a", status=500)
        await watched.look()
        await watched.look(HALF_A_MINUTE)
        assert await counts() == [0, 1, 0]
        target.answers(CHAT, Answer(200))
        await watched.look(MINUTE)
        assert await counts() == [1, 1, 0]
        target.answers(CHAT, Answer(404))
        await watched.run("b", status=500)
        await watched.look()
        await watched.look(HALF_A_MINUTE)
        assert await counts() == [1, 1, 1]
