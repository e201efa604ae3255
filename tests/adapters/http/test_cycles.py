"""A call leaves nothing behind that only the collector of cycles would find."""

import asyncio
import gc
from collections import Counter

import pytest

from myscheduler.adapters.http.sender import open_sender
from tests.support.calls import request
from tests.support.target import OK, Answer, HangUp, Raw, Reply, Silence, Target

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Answer(), id="answered"),
        pytest.param(Answer(500, body=b"x" * 100_000), id="an error of many bytes"),
        pytest.param(Answer(204, body=b""), id="no body"),
        pytest.param(Raw(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), id="chunks"),
        pytest.param(Raw(OK + b"Content-Length: 2\r\n\r\nabc"), id="too long"),
        pytest.param(Raw(OK + b"Content-Length: 9\r\n\r\nabc"), id="cut off"),
        pytest.param(Raw(b"SSH-2.0\r\n"), id="no HTTP"),
        pytest.param(Raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), id="flood"),
        pytest.param(HangUp(), id="no byte"),
        pytest.param(HangUp(reset=True), id="reset"),
        pytest.param(Silence(), id="late"),
        pytest.param(None, id="refused"),
    ],
)
async def test_a_call_leaves_no_cycles(target: Target, reply: Reply | None) -> None:
    """Those of old objects are looked for so rarely that they would be a leak."""
    url = "http://127.0.0.1:9/" if reply is None else target.url()
    target.default = reply or Answer()
    gc.collect()
    gc.disable()
    try:
        async with open_sender(connections=0, connections_per_host=0, max_age_sec=0.05) as sender:
            for _ in range(3):
                await sender.send(request(url, timeout_sec=0.2 if reply == Silence() else 5))
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = Counter(type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("myscheduler"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert kinds == {}
