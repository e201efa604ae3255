"""Each way to fail, with each rule for retries and each expectation, by servers that really misbehave."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from myscheduler.adapters.http.sender import Sender
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.retry import retry_delay
from myscheduler.core.job.expect import USUAL_EXPECT, At, Expect, Matcher
from myscheduler.core.job.retry import RETRY_ON, RetryOn
from tests.support.calls import request
from tests.support.parts import spec
from tests.support.patience import PATIENCE
from tests.support.target import Answer, HangUp, Silence, Target, closed_port

pytestmark = pytest.mark.anyio

USUAL = "usual"
EXPECTATIONS = {
    USUAL: USUAL_EXPECT,
    "503 is fine": Expect(statuses=((200, 299), (503, 503))),
    "only 204": Expect(statuses=((204, 204),)),
    "ok is true": Expect(json=(At("/ok", (Matcher("equals", True),)),)),
}
NO_ANSWER = {
    "dns": Failure.DNS,
    "refused": Failure.REFUSED,
    "tls": Failure.TLS,
    "silence": Failure.TIMEOUT,
    "hang up": Failure.RESET,
}
"""Whatever is expected of an answer."""
ANSWERED = {
    ("ok", USUAL): None,
    ("ok", "503 is fine"): None,
    ("ok", "only 204"): Failure.HTTP_ERROR,
    ("ok", "ok is true"): None,
    ("not ok", USUAL): None,
    ("not ok", "503 is fine"): None,
    ("not ok", "only 204"): Failure.HTTP_ERROR,
    ("not ok", "ok is true"): Failure.EXPECTATION,
    ("503", USUAL): Failure.HTTP_ERROR,
    ("503", "503 is fine"): None,
    ("503", "only 204"): Failure.HTTP_ERROR,
    ("503", "ok is true"): Failure.HTTP_ERROR,
    ("404", USUAL): Failure.HTTP_ERROR,
    ("404", "503 is fine"): Failure.HTTP_ERROR,
    ("404", "only 204"): Failure.HTTP_ERROR,
    ("404", "ok is true"): Failure.HTTP_ERROR,
}
RETRIED_BY: dict[str, RetryOn] = {
    "dns": "connect",
    "refused": "connect",
    "tls": "tls",
    "silence": "timeout",
    "hang up": "reset",
}
"""The word of `retry.on` that has such failures tried again."""
WORDS: tuple[RetryOn, ...] = ("connect", "timeout", "reset", "status", "tls", "expectation")


@pytest.fixture
def places(target: Target) -> Iterator[dict[str, str]]:
    """Where each way to fail is to be had."""
    target.answers("/ok", Answer(body=b'{"ok": true}'))
    target.answers("/not-ok", Answer(body=b'{"ok": false}'))
    target.answers("/503", Answer(503, b'{"ok": true}'))
    target.answers("/404", Answer(404, b'{"ok": true}'))
    target.answers("/silence", Silence())
    target.answers("/hang-up", HangUp())
    with Target(tls=True) as secure:
        yield {
            "dns": "http://nowhere.invalid/",
            "refused": f"http://127.0.0.1:{closed_port()}/",
            "tls": secure.url("/"),
            "silence": target.url("/silence"),
            "hang up": target.url("/hang-up"),
            "ok": target.url("/ok"),
            "not ok": target.url("/not-ok"),
            "503": target.url("/503"),
            "404": target.url("/404"),
        }


async def test_each_failure_has_its_class_whatever_is_expected(sender: Sender, places: dict[str, str]) -> None:
    outcomes = await _outcomes(sender, places)
    wanted = {(way, name): failure for way, failure in NO_ANSWER.items() for name in EXPECTATIONS} | ANSWERED
    assert {place: outcome.failure for place, outcome in outcomes.items()} == wanted


async def test_a_status_is_kept_beside_an_expectation_that_failed(sender: Sender, places: dict[str, str]) -> None:
    outcome = (await _outcomes(sender, places))["not ok", "ok is true"]
    assert (outcome.http_status, outcome.failure) == (200, Failure.EXPECTATION)


async def test_each_failure_is_tried_again_by_its_word_alone(sender: Sender, places: dict[str, str]) -> None:
    outcomes = await _outcomes(sender, places)
    for ((way, name), outcome), word in product(outcomes.items(), WORDS):
        assert _is_retried(outcome, on=(word,)) == (word == _word_of(way, outcome)), (way, name, word)
    for (way, name), outcome in outcomes.items():
        wanted = _word_of(way, outcome)
        assert _is_retried(outcome, on=RETRY_ON) == (wanted in RETRY_ON), (way, name)
        assert not _is_retried(outcome, on=WORDS, attempt=2), (way, name)


def _word_of(way: str, outcome: Outcome) -> RetryOn | None:
    match outcome.failure:
        case None:
            return None
        case Failure.EXPECTATION:
            return "expectation"
        case Failure.HTTP_ERROR:
            return "status" if way == "503" else None
        case _:
            return RETRIED_BY[way]


def _is_retried(outcome: Outcome, *, on: tuple[RetryOn, ...], attempt: int = 1) -> bool:
    job = spec("a", max_retries=1, retry={"on": list(on)})
    return retry_delay(job, outcome, attempt, elapsed_sec=0, now=datetime.now(UTC)) is not None


async def _outcomes(sender: Sender, places: dict[str, str]) -> dict[tuple[str, str], Outcome]:
    return {
        (way, name): await sender.send(
            replace(request(url, timeout_sec=0.5 if way == "silence" else PATIENCE), expect=expect)
        )
        for (way, url), (name, expect) in product(places.items(), EXPECTATIONS.items())
    }
