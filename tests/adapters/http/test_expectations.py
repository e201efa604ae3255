"""Answers that are judged by what the job expects of them."""

import gzip
from dataclasses import replace
from typing import Any

import pytest

from myscheduler.adapters.http.expectations import CHECKED_BYTES
from myscheduler.adapters.http.sender import Sender
from myscheduler.core.calls.outcome import EXCERPT_BYTES, Failure, Outcome
from myscheduler.core.job.expect import expect_from_json
from myscheduler.core.secrets.redaction import Secret
from tests.support.calls import request
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


async def told(sender: Sender, target: Target, answer: Answer, expect: Any, secret: str = "") -> Outcome:
    target.answers("/", answer)
    secrets = (Secret.of("KEY", secret),) if secret else ()
    return await sender.send(replace(request(target.url("/")), expect=expect_from_json(expect), secrets=secrets))


@pytest.mark.parametrize(
    ("answer", "expect", "failure", "error"),
    [
        pytest.param(Answer(304, b""), {"status": ["200-299", 304]}, None, None, id="304 that is expected"),
        pytest.param(Answer(404), {"status": [404]}, None, None, id="404 that is expected"),
        pytest.param(
            Answer(200), {"status": [304]}, Failure.HTTP_ERROR,
            "answered 200, which is not a status that the job expects", id="200 that is not",
        ),
        pytest.param(Answer(500), {"status": [304]}, Failure.HTTP_ERROR, "answered 500", id="500 that is not"),
        pytest.param(Answer(body=b'{"ok": true}'), {"json": {"/ok": True}}, None, None, id="as expected"),
        pytest.param(
            Answer(body=b'{"count": 0}'), {"json": {"/count": {"gt": 0}}}, Failure.EXPECTATION,
            "/count was 0, wanted > 0", id="another value",
        ),
        pytest.param(
            Answer(body=b"[1]"), {"json": {"": {"length": 2}}}, Failure.EXPECTATION,
            '"" was [1], wanted length = 2', id="the whole answer",
        ),
        pytest.param(
            Answer(body=b"{}"), {"json": {"/ok": True}}, Failure.EXPECTATION,
            "the answer has nothing at /ok, wanted = true", id="no value",
        ),
        pytest.param(
            Answer(body=b"<html>"), {"json": {"/ok": True}}, Failure.EXPECTATION,
            "the answer is not JSON, so what the job expects at /ok can't be found", id="no JSON",
        ),
        pytest.param(
            Answer(body=b""), {"json": {"/ok": True}}, Failure.EXPECTATION,
            "the answer is not JSON, so what the job expects at /ok can't be found", id="empty",
        ),
        pytest.param(
            Answer(body=b"[" * 5_000 + b"]" * 5_000), {"json": {"/0": {"exists": True}}}, Failure.EXPECTATION,
            "the answer is not JSON, so what the job expects at /0 can't be found", id="too deep",
        ),
        pytest.param(
            Answer(body=b"[" * 300 + b"]" * 300), {"json": {"/0": 1}}, Failure.EXPECTATION,
            "/0 was […], wanted = 1", id="too deep to be shown",
        ),
        pytest.param(Answer(body="処理終了".encode()), {"body_contains": "終了"}, None, None, id="text"),
        pytest.param(
            Answer(body="終了".encode("shift_jis"), headers=(("Content-Type", "text/plain; charset=Shift_JIS"),)),
            {"body_contains": "終了"}, None, None, id="text in another charset",
        ),
        pytest.param(
            Answer(body=gzip.compress(b'{"ok": true}'), headers=(("Content-Encoding", "gzip"),)),
            {"json": {"/ok": True}}, None, None, id="compressed",
        ),
        pytest.param(
            Answer(body=b"failed"), {"body_contains": ["fail", "done"]}, Failure.EXPECTATION,
            'the answer does not contain "done"', id="one of two texts",
        ),
        pytest.param(Answer(delay=0.05), {"max_duration_ms": 60_000}, None, None, id="soon enough"),
    ],
)  # fmt: skip
async def test_expectations(
    sender: Sender, target: Target, answer: Answer, expect: Any, failure: Failure | None, error: str | None
) -> None:
    outcome = await told(sender, target, answer, expect)
    assert (outcome.http_status, outcome.failure, outcome.error) == (answer.status, failure, error)


async def test_a_slow_answer(sender: Sender, target: Target) -> None:
    outcome = await told(sender, target, Answer(delay=0.1), {"max_duration_ms": 50})
    assert (outcome.http_status, outcome.failure) == (200, Failure.EXPECTATION)
    assert outcome.error is not None
    assert outcome.error.endswith(" ms, wanted at most 50")


async def test_a_body_beyond_the_excerpt_is_checked_and_the_excerpt_stays_short(sender: Sender, target: Target) -> None:
    body = b'{"pad": "' + b"x" * 100_000 + b'", "ok": true}'
    outcome = await told(sender, target, Answer(body=body), {"json": {"/ok": True}})
    assert (outcome.failure, outcome.response_size, outcome.excerpt) == (None, len(body), body[:EXCERPT_BYTES].decode())


async def test_a_body_that_is_too_long_to_be_checked(sender: Sender, target: Target) -> None:
    long = Answer(body=b" " * (CHECKED_BYTES + 1))
    outcome = await told(sender, target, long, {"json": {"": {"exists": True}}})
    assert (outcome.failure, outcome.error) == (
        Failure.EXPECTATION,
        "the answer was not read to its end (1048576 bytes), so what the job expects can't be found",
    )
    assert (await told(sender, target, Answer(body=b"ok" + long.body), {"body_contains": "ok"})).failure is None


async def test_no_secret_is_shown(sender: Sender, target: Target) -> None:
    answer = Answer(body=b'{"token": "hush-hush-hush"}')
    outcome = await told(sender, target, answer, {"json": {"/token": "x"}}, secret="hush-hush-hush")
    assert outcome.error == '/token was "[redacted]", wanted = "x"'
    assert "hush" not in (outcome.excerpt or "")
