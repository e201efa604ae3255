"""Slow callers and floods of connections, where the API asks for a token: they keep nobody from it who has one."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from myscheduler.api.door import connections
from myscheduler.api.door.connections import Patience
from tests.support.callers import LONG, SHORT, Served, drip, serving
from tests.support.parts import Parts, client, until
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio

BRIEF = replace(SHORT, head_sec=1.0, body_sec=2.0)
"""Long enough for an answer of the application, which writes the refusal of a token into the audit log."""
RIGHT = b"Authorization: Bearer s3cret\r\n"
WRONG = b"Authorization: Bearer gu3ssed\r\n"
LIST = b"GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
HALF = b"GET /api/v1/jobs HTTP/1.1\r\nHost: loc"
CREATE = (
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%sContent-Length: 500\r\n\r\n{"
)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}  # as the service


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_SEC", 0.02)


@asynccontextmanager
async def guarded(parts: Parts, limit: int = 100, patience: Patience = LONG) -> AsyncIterator[Served]:
    async with client(parts, token="s3cret", requests_a_minute=100_000) as one:
        transport = one._transport
        assert isinstance(transport, httpx.ASGITransport)
        async with serving(limit, patience, api=transport.app) as served:
            yield served


@pytest.mark.parametrize(
    ("first", "then", "statuses"),
    [
        pytest.param(b"", b"", [], id="nothing"),
        pytest.param(HALF, b"", [408], id="half a head"),
        pytest.param(b"GET /api/v1/jobs HTTP/1.1\r\n" + RIGHT + b"X: ", b"x", [408], id="a head by the byte"),
        pytest.param(CREATE % RIGHT, b"", [408], id="half a body"),
        pytest.param(CREATE % RIGHT, b"x", [408], id="a body by the byte"),
        pytest.param(CREATE % WRONG, b"", [401], id="half a body with a wrong token"),
        pytest.param(CREATE % b"", b"x", [401], id="a body by the byte without one"),
        pytest.param(LIST % RIGHT, b"", [200], id="idle after an answer"),
        pytest.param(LIST % WRONG, b"", [401], id="idle after a refusal"),
        pytest.param(LIST % WRONG + HALF, b"", [401, 408], id="half a second head"),
    ],
)
async def test_who_keeps_us_waiting_is_cut_with_and_without_a_token(
    parts: Parts, first: bytes, then: bytes, statuses: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded(parts, patience=BRIEF) as served:
        caller = await served.connect(first)
        dripping = asyncio.create_task(drip(caller, then)) if then else None
        found = []
        try:
            async with asyncio.timeout(PATIENCE):
                while status := (await caller.answer())[0]:
                    found.append(status)
        finally:
            if dripping:
                dripping.cancel()
        assert found == statuses
        await until(served.open, lambda count: not count)
    assert await parts.jobs() == {}
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("sent", "flood"),
    [
        pytest.param(b"", 2_000, id="nothing"),
        pytest.param(HALF, 400, id="half a head"),
        pytest.param(CREATE % b"", 400, id="half a body"),
        pytest.param(CREATE % WRONG, 400, id="half a body with a wrong token"),
        pytest.param(CREATE % RIGHT, 400, id="half a body with the right one"),
        pytest.param(LIST % WRONG, 400, id="idle"),
    ],
)
async def test_a_flood_does_not_shut_out_who_has_a_token(parts: Parts, sent: bytes, flood: int) -> None:
    async with guarded(parts, limit=20) as served:
        for number in range(flood):
            await served.connect(sent)
            if number % 100 == 99:
                asker = await served.connect()
                await asyncio.sleep(0.02)
                asker.send(LIST % RIGHT)
                assert (await asker.answer())[0] == 200
                await (served.clients.pop()).close()
                for one in served.clients:
                    await one.close()
                served.clients.clear()
