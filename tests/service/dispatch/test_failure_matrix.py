"""Failure × retry rule × expectation: real servers that misbehave in each way, and how often they are asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from myscheduler.core.history.execution import Record, Status
from tests.support.parts import Parts, is_over
from tests.support.target import Answer, HangUp, Raw, Silence, Target, closed_port

pytestmark = pytest.mark.anyio

Server = Callable[[], Any]
EXPECTED: dict[str, Any] = {"body_contains": "done"}


@contextmanager
def _serving(*replies: Any, tls: bool = False) -> Iterator[str]:
    with Target(tls=tls) as target:
        target.answers("/", *replies)
        yield target.url("/")


@contextmanager
def _nobody() -> Iterator[str]:
    yield f"http://127.0.0.1:{closed_port()}/"


@contextmanager
def _no_name() -> Iterator[str]:
    yield "http://no-such-host.invalid/"


@contextmanager
def _plain() -> Iterator[str]:
    with Target(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as target:
        yield target.url("/").replace("http:", "https:")


SERVERS: dict[str, tuple[Server, str, str]] = {
    "an unknown host": (_no_name, "dns", "connect"),
    "a closed port": (_nobody, "refused", "connect"),
    "a certificate that nobody signed": (lambda: _serving(Answer(), tls=True), "tls", "tls"),
    "no TLS": (_plain, "tls", "tls"),
    "a reset": (lambda: _serving(HangUp(reset=True)), "reset", "reset"),
    "no answer": (lambda: _serving(HangUp()), "reset", "reset"),
    "silence": (lambda: _serving(Silence()), "timeout", "timeout"),
    "503": (lambda: _serving(Answer(503)), "http_error", "status"),
    "404": (lambda: _serving(Answer(404)), "http_error", ""),
    "no HTTP": (lambda: _serving(Raw(b"hello, who are you?\r\n\r\n")), "unreadable-answer", ""),
}
"""What happens, its class, and the word of `retry.on` by which it is retried; none for what never is."""

USUAL = ("connect", "timeout", "reset", "status")
RULES: dict[str, tuple[str, ...] | None] = {
    "usual": None,
    "connect": ("connect",),
    "tls": ("tls",),
    "expectation": ("expectation",),
    "all": (*USUAL, "expectation", "tls"),
}


@pytest.mark.parametrize("expect", [None, EXPECTED], ids=["without", "expecting"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("server", SERVERS)
async def test_failure(parts: Parts, server: str, rule: str, expect: dict[str, Any] | None) -> None:
    opened, failure, kind = SERVERS[server]
    on = RULES[rule]
    with opened() as url:
        row = await ended(parts, url, on, expect, 0.2 if failure == "timeout" else 30)
    is_retried = kind in (on or USUAL)
    assert row.status is Status.FAILED
    assert [one.failure for one in row.attempts_detail()] == [failure] * (2 if is_retried else 1)


@pytest.mark.parametrize("rule", RULES)
async def test_an_answer_that_lacks_what_is_expected(parts: Parts, rule: str) -> None:
    on = RULES[rule]
    with _serving(Answer(body=b"not yet")) as url:
        row = await ended(parts, url, on, EXPECTED)
    is_retried = "expectation" in (on or USUAL)
    assert [one.failure for one in row.attempts_detail()] == ["expectation"] * (2 if is_retried else 1)
    assert row.http_status == 200


async def ended(
    parts: Parts, url: str, on: tuple[str, ...] | None, expect: dict[str, Any] | None, timeout_sec: float = 30
) -> Record:
    """The only execution of a job with that policy, once it has ended."""
    retry = {"max_attempts": 2} | ({} if on is None else {"on": list(on)})
    fields: dict[str, Any] = {"target_url": url, "retry": retry, "retry_backoff_sec": 0, "timeout_sec": timeout_sec}
    if expect is not None:
        fields["expect"] = expect
    await parts.create("a", **fields)
    await parts.dispatcher.trigger("a", by="me")
    return await parts.row_where("a", is_over)
