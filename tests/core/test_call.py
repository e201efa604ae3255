"""The request of each attempt, and which outcomes are tried again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from myscheduler.core.call import MAX_BACKOFF_SEC, build_request, final_status, retry_delay
from myscheduler.core.execution import Cause, Execution, Failure, Kind, Outcome, Request, Status
from myscheduler.core.job import DeclaredCron, JobSpec

SPEC = JobSpec("日次", "a", DeclaredCron((("hour", "1"),)), "http://x/run", method="POST", timeout_sec=5)
SLOT = datetime(2026, 7, 1, 10, 30, tzinfo=timezone(timedelta(hours=9)))
EXECUTION = Execution("e-1", "日次", SLOT, Kind.SCHEDULED, Cause.TIMER, "d", None, datetime(2026, 7, 1, tzinfo=UTC))


def _request(attempt: int = 1, **fields: Any) -> Request:
    return build_request(replace(SPEC, **fields), EXECUTION, attempt, user_agent="myscheduler/1")


IDENTITY = {
    "X-MyScheduler-Job-Id": "日次",  # the sender percent-encodes it
    "X-MyScheduler-Execution-Id": "e-1",
    "X-MyScheduler-Scheduled-At": "2026-07-01T01:30:00Z",
}


def test_request() -> None:
    ours = {"User-Agent": "myscheduler/1", "Idempotency-Key": "e-1"}
    for attempt in (1, 2):
        headers = ours | IDENTITY | {"X-MyScheduler-Attempt": str(attempt)}
        assert _request(attempt) == Request("POST", "http://x/run", headers, None, 5)


OURS = {"User-Agent": "myscheduler/1", "Idempotency-Key": "e-1", "X-MyScheduler-Attempt": "1"} | IDENTITY


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        pytest.param({"x-myscheduler-ATTEMPT": "9"}, OURS, id="ours can't be overwritten"),
        pytest.param({"X-MyScheduler-Other": "9"}, OURS, id="nor any that looks like ours"),
        pytest.param({"User-Agent": "me"}, OURS | {"User-Agent": "me"}, id="User-Agent can"),
        pytest.param({"idempotency-KEY": "k"}, OURS | {"Idempotency-Key": "k"}, id="the key can, sent once"),
        pytest.param({"Authorization": "x"}, OURS | {"Authorization": "x"}, id="own header"),
    ],
)
def test_own_headers(own: dict[str, str], sent: dict[str, str]) -> None:
    headers = _request(headers=own).headers
    assert len(headers) == len(sent)
    assert {name.lower(): value for name, value in headers.items()} == {name.lower(): sent[name] for name in sent}


@pytest.mark.parametrize(
    ("body", "content_type", "sent", "sent_type"),
    [
        pytest.param(None, None, None, None, id="none"),
        pytest.param({"a": [1, "日"]}, None, '{"a":[1,"日"]}', "application/json", id="JSON"),
        pytest.param("x", None, '"x"', "application/json", id="text is JSON too"),
        pytest.param(0, None, "0", "application/json", id="zero"),
        pytest.param(
            "", "application/json; charset=utf-8", '""', "application/json; charset=utf-8", id="own JSON type"
        ),
        pytest.param(
            "a=1&b=日", "application/x-www-form-urlencoded", "a=1&b=日", "application/x-www-form-urlencoded", id="form"
        ),
        pytest.param({"a": 1}, "application/vnd.x", '{"a":1}', "application/vnd.x", id="an object is always JSON"),
        pytest.param("x", "application/problem+json", '"x"', "application/problem+json", id="a kind of JSON"),
    ],
)
def test_body(body: Any, content_type: str | None, sent: str | None, sent_type: str | None) -> None:
    request = _request(body=body, headers={"content-type": content_type} if content_type else {})
    assert request.body == (sent.encode() if sent is not None else None)
    types = [value for name, value in request.headers.items() if name.lower() == "content-type"]
    assert types == ([sent_type] if sent_type else [])


def _http(status: int) -> Outcome:
    return Outcome(status, Failure.HTTP_ERROR if not 200 <= status < 300 else None)


@pytest.mark.parametrize(
    ("outcome", "retried", "status"),
    [
        pytest.param(_http(200), False, Status.COMPLETED, id="200"),
        pytest.param(_http(204), False, Status.COMPLETED, id="204"),
        pytest.param(_http(302), False, Status.FAILED, id="302"),
        pytest.param(_http(404), False, Status.FAILED, id="404"),
        pytest.param(_http(429), False, Status.FAILED, id="429"),
        pytest.param(_http(499), False, Status.FAILED, id="499"),
        pytest.param(_http(500), True, Status.FAILED, id="500"),
        pytest.param(_http(503), True, Status.FAILED, id="503"),
        pytest.param(Outcome(failure=Failure.TIMEOUT), True, Status.FAILED, id="timeout"),
        pytest.param(Outcome(failure=Failure.NO_FILE), True, Status.FAILED, id="no file"),
        pytest.param(Outcome(failure=Failure.CONNECTION), True, Status.FAILED, id="connection"),
        pytest.param(Outcome(failure=Failure.UNREADABLE_ANSWER), False, Status.FAILED, id="unreadable answer"),
        pytest.param(Outcome(failure=Failure.INVALID_REQUEST), False, Status.FAILED, id="invalid request"),
    ],
)
def test_outcome(outcome: Outcome, retried: bool, status: Status) -> None:
    spec = replace(SPEC, max_retries=1)
    assert retry_delay(spec, outcome, 1) == (1.0 if retried else None)
    assert retry_delay(spec, outcome, 2) is None
    assert retry_delay(SPEC, outcome, 1) is None
    assert final_status(outcome) == status


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [
        pytest.param(1.0, [1, 2, 4, 8, 16], id="doubled"),
        pytest.param(0.0, [0, 0, 0, 0, 0], id="at once"),
        pytest.param(1000.0, [1000, 2000, MAX_BACKOFF_SEC, MAX_BACKOFF_SEC, MAX_BACKOFF_SEC], id="up to an hour"),
    ],
)
def test_delays(backoff: float, delays: list[float]) -> None:
    spec = replace(SPEC, max_retries=100, retry_backoff_sec=backoff)
    assert [retry_delay(spec, _http(500), attempt) for attempt in range(1, 6)] == delays
    assert retry_delay(spec, _http(500), 100) == min(backoff * 2**99, MAX_BACKOFF_SEC)
    assert retry_delay(spec, _http(500), 101) is None
