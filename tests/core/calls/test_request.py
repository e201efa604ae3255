"""The request of each attempt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from myscheduler.core.calls.request import Request, build_request, filled, may_refer
from myscheduler.core.header_values import HeaderValue
from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.secrets.redaction import Secret

FORM = "application/x-www-form-urlencoded"
SPEC = JobSpec("日次", "a", DeclaredCron((("hour", "1"),)), "http://x/run", method="POST", timeout_sec=5)
SLOT = datetime(2026, 7, 1, 10, 30, tzinfo=timezone(timedelta(hours=9)))
EXECUTION = Execution("e-1", "日次", SLOT, Kind.SCHEDULED, Cause.TIMER, "d", None, datetime(2026, 7, 1, tzinfo=UTC))


def _request(attempt: int = 1, **fields: Any) -> Request:
    return build_request(
        replace(SPEC, **fields), EXECUTION.execution_id, EXECUTION.slot, attempt, user_agent="myscheduler/1"
    )


IDENTITY = {
    "X-MyScheduler-Job-Id": "%E6%97%A5%E6%AC%A1",
    "X-MyScheduler-Execution-Id": "e-1",
    "X-MyScheduler-Scheduled-At": "2026-07-01T01:30:00Z",
}


def test_request() -> None:
    ours = {"User-Agent": "myscheduler/1", "Idempotency-Key": "e-1"}
    for attempt in (1, 2):
        headers = ours | IDENTITY | {"X-MyScheduler-Attempt": str(attempt)}
        assert _request(attempt) == Request("POST", "http://x/run", headers, None, 5)


def test_where_an_execution_comes_from() -> None:
    def of(cause: str = "", revision: str = "") -> dict[str, HeaderValue]:
        own = {"x-myscheduler-cause": "mine", "X-MyScheduler-Revision": "mine"}
        request = build_request(
            replace(SPEC, headers=own), "e-1", SLOT, 1, user_agent="me", cause=cause, revision=revision
        )
        return {name: value for name, value in request.headers.items() if name.lower().endswith(("cause", "revision"))}

    assert of("timer", "3f2a") == {"X-MyScheduler-Cause": "timer", "X-MyScheduler-Revision": "3f2a"}
    assert of("api") == {"X-MyScheduler-Cause": "api"}
    assert of("api", "本番") == {"X-MyScheduler-Cause": "api", "X-MyScheduler-Revision": "%E6%9C%AC%E7%95%AA"}


OURS = {"User-Agent": "myscheduler/1", "Idempotency-Key": "e-1", "X-MyScheduler-Attempt": "1"} | IDENTITY


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        pytest.param({"x-myscheduler-ATTEMPT": "9"}, OURS, id="ours can't be overwritten"),
        pytest.param({"X-MyScheduler-Other": "9"}, OURS, id="nor any that looks like ours"),
        pytest.param({"User-Agent": "me"}, OURS | {"User-Agent": "me"}, id="User-Agent can"),
        pytest.param({"idempotency-KEY": "k"}, OURS | {"Idempotency-Key": "k"}, id="the key can, sent once"),
        pytest.param({"Authorization": "x"}, OURS | {"Authorization": "x"}, id="own header"),
        pytest.param({"X-Title": "日次 100%"}, OURS | {"X-Title": "日次 100%"}, id="as it is written"),
        pytest.param({"X-Tag": ("a", "b")}, OURS | {"X-Tag": ("a", "b")}, id="several values"),
    ],
)
def test_own_headers(own: dict[str, HeaderValue], sent: dict[str, HeaderValue]) -> None:
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
        pytest.param("x", "Application/JSON ;a=b", '"x"', "Application/JSON ;a=b", id="JSON in any case"),
        *(
            pytest.param('{"a":1}\n{"a":2}', kind, '{"a":1}\n{"a":2}', kind, id=kind)
            for kind in (
                "application/x-ndjson",
                "application/jsonl",
                "application/json-seq",
                "text/plain; profile=json",
                "multipart/form-data; boundary=json",
                "text/x-json-like",
            )
        ),
        pytest.param(
            {"a b": "x&y", "n": [1, 2.5, True, None], "日": "+"},
            FORM,
            "a+b=x%26y&n=1&n=2.5&n=true&n=&%E6%97%A5=%2B",
            FORM,
            id="a mapping is the fields of a form",
        ),
        pytest.param({"a": {"b": 1}}, FORM, '{"a":{"b":1}}', FORM, id="what no form can say"),
        pytest.param(["a"], FORM, '["a"]', FORM, id="a list is no form"),
    ],
)
def test_body(body: Any, content_type: str | None, sent: str | None, sent_type: str | None) -> None:
    request = _request(body=body, headers={"content-type": content_type} if content_type else {})
    assert request.body == (sent.encode() if sent is not None else None)
    types = [value for name, value in request.headers.items() if name.lower() == "content-type"]
    assert types == ([sent_type] if sent_type else [])


SECRET = Secret.of("KEY", 'a&"ü')


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        pytest.param(
            {"k": "x ${secret:KEY}", "$${": "$${y}"}, FORM, "k=x+a%26%22%C3%BC&%24%7B=%24%7By%7D", id="fields"
        ),
        pytest.param("k=${secret:KEY}", FORM, "k=a%26%22%C3%BC", id="a form as text"),
        pytest.param({"k": "${secret:KEY}"}, "text/json", '{"k":"a&\\"ü"}', id="JSON"),
        pytest.param("${secret:KEY}", "application/x-ndjson", 'a&"ü', id="text"),
        pytest.param("${secret:KEY}", "application/a+json", '"a&\\"ü"', id="text as JSON"),
    ],
)
def test_values_are_escaped_as_what_they_stand_in(body: Any, content_type: str, sent: str) -> None:
    spec = replace(SPEC, body=body, headers={"Content-Type": content_type})
    request = build_request(spec, EXECUTION.execution_id, EXECUTION.slot, 1, user_agent="me")
    assert may_refer(request)
    assert filled(request, spec, {"KEY": SECRET}).body == sent.encode()


def test_values_of_headers_are_filled_each() -> None:
    spec = replace(SPEC, headers={"X-A": ("a", "${secret:KEY}"), "X-B": "${secret:KEY}"})
    request = build_request(spec, EXECUTION.execution_id, EXECUTION.slot, 1, user_agent="me")
    assert may_refer(request)
    headers = filled(request, spec, {"KEY": SECRET}).headers
    assert (headers["X-A"], headers["X-B"]) == (("a", SECRET.value), SECRET.value)
    assert not may_refer(
        build_request(
            replace(SPEC, headers={"X-A": ("a", "b")}), EXECUTION.execution_id, EXECUTION.slot, 1, user_agent="me"
        )
    )
