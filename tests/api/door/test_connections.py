"""Connections of callers: who waits too long is cut, who floods displaces only himself, and who asks is answered."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest
from starlette.types import Message, Receive, Scope, Send

from myscheduler.api.door import connections
from myscheduler.api.door.connections import HEAD_LIMIT, HEADERS_LIMIT, PIPELINE_LIMIT, Patience, Throttle
from tests.support.callers import GET, LARGE, POST, SHORT, drip, serving
from tests.support.parts import until
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}  # as the service


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SWEEP_SEC", 0.02)


# --- callers who keep us waiting ----------------------------------------------------------------------------------


SLOW = [
    pytest.param(b"", b"", SHORT, id="nothing"),
    pytest.param(b"GET / HT", b"", SHORT, id="half a head"),
    pytest.param(b"GET / HTTP/1.1\r\nX: ", b"x", SHORT, id="a head by the byte"),
    pytest.param(b"", b"\r\n", SHORT, id="line breaks by the line"),
    pytest.param(POST + b"12", b"", SHORT, id="half a body"),
    pytest.param(POST.replace(b"5", b"5000") + b"12", b"x", SHORT, id="a body by the byte"),
    pytest.param(POST.replace(b"/ ", b"/early "), b"", SHORT, id="no body after the answer"),
    pytest.param(POST.replace(b"/ ", b"/early ").replace(b"5", b"5000"), b"x", SHORT, id="a slow body after it"),
    pytest.param(GET, b"", SHORT, id="idle"),
    pytest.param(GET, b"\r\n", SHORT, id="line breaks after an answer"),
    pytest.param(GET + b"GET / HT", b"T", SHORT, id="half a second head"),
    pytest.param(GET + b"GET / HTTP/1.1\r\nX: ", b"x", SHORT, id="a second head by the byte"),
    pytest.param(GET + POST, b"x", SHORT, id="a second body by the byte"),
    pytest.param(GET + POST.replace(b"5", b"5000") + b"12", b"x", SHORT, id="a long second body by the byte"),
]


@pytest.mark.parametrize(("first", "then", "patience"), SLOW)
async def test_who_keeps_us_waiting_is_cut(
    first: bytes, then: bytes, patience: Patience, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(patience=patience) as served:
        caller = await served.connect(first)
        dripping = asyncio.create_task(drip(caller, then)) if then else None
        try:
            async with asyncio.timeout(PATIENCE):
                while (await caller.answer())[0]:
                    pass
                assert await caller.is_closed()
        finally:
            if dripping:
                dripping.cancel()
        await until(served.open, lambda count: not count)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("sent", "detail"),
    [(b"GET / HT", "the head of the request"), (POST + b"12", "the body of the request")],
    ids=["head", "body"],
)
async def test_who_sent_half_a_request_is_told(sent: bytes, detail: str) -> None:
    async with serving(patience=SHORT) as served:
        caller = await served.connect(sent)
        status, body = await caller.answer()
        assert (status, json.loads(body)["detail"]) == (408, f"{detail} was not received within 0.3 s")
        assert await caller.is_closed()
        assert served.disconnects == (sent != b"GET / HT")


async def test_who_does_not_read_is_cut() -> None:
    async with serving(patience=SHORT) as served:
        await served.connect(GET.replace(b"/ ", b"/large "))
        await until(served.open, bool)
        await until(served.open, lambda count: not count)


async def test_who_reads_slowly_but_steadily_gets_all() -> None:
    patience = replace(SHORT, answer_sec=1.0, answer_rate=LARGE // 60)  # it takes longer than the first of them
    async with serving(patience=patience) as served:
        caller = await served.connect(GET.replace(b"/ ", b"/large "))
        head = await caller.reader.readuntil(b"\r\n\r\n")
        size = 0
        while size < LARGE:
            size += len(await caller.reader.read(1024 * 1024))
            await asyncio.sleep(0.02)
        assert (head.split()[1], size) == (b"200", LARGE)


async def test_work_of_ours_has_no_time_limit() -> None:
    async with serving(patience=SHORT) as served:
        caller = await served.connect(GET.replace(b"/ ", b"/hold "))
        await asyncio.sleep(1.0)
        served.hold.set()
        assert await caller.answer() == (200, b"hello")


async def test_an_ordinary_connection_is_used_again_and_again() -> None:
    async with serving() as served:
        caller = await served.connect()
        for number in range(5):
            caller.send(POST[:20])
            await asyncio.sleep(0.02)
            caller.send(POST[20:] + b"12")
            await asyncio.sleep(0.02)
            caller.send(b"34%d" % number)
            assert await caller.answer() == (200, b"1234%d" % number)
        caller.send(3 * GET + POST + b"12345")
        assert [await caller.answer() for _ in range(4)] == [(200, b"hello")] * 3 + [(200, b"12345")]


# --- too much -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: " + HEAD_LIMIT * b"x" + b"\r\n\r\n", 431, id="a long header"),
        pytest.param(b"GET /" + HEAD_LIMIT * b"x" + b" HTTP/1.1\r\n\r\n", 431, id="a long path"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + 20 * HEAD_LIMIT * b"x", 431, id="a header without an end"),
        pytest.param(b"GET / HTTP/1.1\r\n" + (HEADERS_LIMIT + 1) * b"X: x\r\n" + b"\r\n", 431, id="many headers"),
        pytest.param(b"\x00\x01\x02", 400, id="no HTTP"),
        pytest.param(GET.replace(b"/ ", b"/hold ") + 10 * PIPELINE_LIMIT * GET, 429, id="many requests ahead"),
    ],
)
async def test_what_is_too_much_is_refused(sent: bytes, status: int) -> None:
    async with serving() as served:
        caller = await served.connect(sent)
        found, body = await caller.answer()
        assert (found, json.loads(body)["status"]) == (status, status)
        assert await caller.is_closed()


async def test_a_head_of_the_usual_size_passes() -> None:
    async with serving() as served:
        headers = b"".join(b"X-%d: %s\r\n" % (number, 400 * b"x") for number in range(50))
        caller = await served.connect(b"GET / HTTP/1.1\r\n" + headers + b"\r\n")
        assert (await caller.answer())[0] == 200


async def test_requests_beyond_what_is_worked_on_are_told_to_ask_again() -> None:
    async with serving(limit=8) as served:
        held = [await served.connect(GET.replace(b"/ ", b"/hold ")) for _ in range(4)]
        await until(served.worked_on, lambda count: count == 4)
        late = await served.connect(GET)
        status, body = await late.answer()
        assert (status, "try again" in json.loads(body)["detail"]) == (503, True)
        probe = await served.connect(GET.replace(b"/ ", b"/health/live "))
        assert (await probe.answer())[0] == 200
        served.hold.set()
        assert [await one.answer() for one in held] == [(200, b"hello")] * 4


# --- too many -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nX: ", id="half a head"),
        pytest.param(POST + b"1", id="half a body"),
        pytest.param(GET, id="idle"),
        pytest.param(GET + b"GET / HTTP/1.1\r\nX: ", id="half a second head"),
        pytest.param(GET.replace(b"/ ", b"/large "), id="an answer that is not read"),
    ],
)
async def test_a_flood_displaces_itself_and_whoever_asks_is_answered(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    limit, flood = 10, 100
    async with serving(limit=limit) as served:
        most = 0
        for number in range(flood):
            await served.connect(sent)
            if number % 10 == 0:
                asker = await served.connect()
                await asyncio.sleep(0.02)
                asker.send(GET.replace(b"/ ", b"/health/live "))
                assert await asker.answer() == (200, b"hello")
            most = max(most, len(served.callers._open))
        assert most == limit
    told = [one.getMessage() for one in caplog.records if "which is the limit" in one.getMessage()]
    assert len(told) == 1
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_a_request_that_is_worked_on_is_not_displaced() -> None:
    async with serving(limit=10) as served:
        held = [await served.connect(GET.replace(b"/ ", b"/hold ")) for _ in range(5)]
        await until(served.worked_on, lambda count: count == 5)
        for _ in range(50):
            await served.connect()
        served.hold.set()
        assert [await one.answer() for one in held] == [(200, b"hello")] * 5


@pytest.mark.parametrize("ahead", [0, 1, 3], ids=lambda count: f"{count} requests ahead")
async def test_an_answer_that_nobody_waits_for_any_more_is_dropped(
    ahead: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as served:
        caller = await served.connect(GET.replace(b"/ ", b"/hold ") + ahead * GET)
        await until(served.worked_on, lambda count: count == 1)
        await asyncio.sleep(0.05)  # until those sent ahead are here, too
        next(iter(served.callers._open)).transport.abort()
        await until(served.open, lambda count: count == 0)
        served.hold.set()
        assert await caller.is_closed()
        await asyncio.sleep(0.05)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_a_flood_of_refused_requests_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as served:
        for _ in range(50):
            assert (await (await served.connect(b"\x16\x03\x01")).answer())[0] == 400
    told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert told == [
        "refused a request from 127.0.0.1 with 400: the request is not valid HTTP (Invalid method encountered)"
    ]


async def test_strangers_who_are_slow_take_no_places_of_others() -> None:
    held, answered = asyncio.Event(), list[int]()

    async def slow(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/api/v1/session":
            await held.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(path: str) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])

        await throttle({"type": "http", "path": path}, never, note)

    async def never() -> Message:
        return {"type": "http.request", "body": b""}

    throttle = Throttle(slow, connections.STRANGERS * 4)
    async with asyncio.TaskGroup() as group:
        for _ in range(connections.STRANGERS):
            group.create_task(ask("/api/v1/session"))
        await asyncio.sleep(0)
        await ask("/docs")
        await ask("/api/v1/jobs")
        held.set()
    assert answered == [503, 200, *[200] * connections.STRANGERS]
