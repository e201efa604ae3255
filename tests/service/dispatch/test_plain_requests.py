"""The prepared requests of plain jobs: the same bytes as those of all other requests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from myscheduler.adapters.http.message import message_of
from myscheduler.adapters.http.wire import head_of
from myscheduler.core.calls.request import build_request
from myscheduler.core.calls.trace import Sampling, trace_headers
from myscheduler.core.history.execution import Cause, Execution, Kind, Link
from myscheduler.core.job.job import Job, Owner, Source
from myscheduler.core.lifecycle import transitions as lifecycle
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.clock import Clock
from myscheduler.service.dispatch import plain_requests
from myscheduler.service.dispatch.plain_requests import PlainRequests
from tests.support.parts import job

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
AGENT = "myscheduler/test"

names = st.sampled_from(
    ["Accept", "accept-encoding", "Host", "X-A", "X-A%s", "User-Agent", "Idempotency-Key", "traceparent"]
) | st.sampled_from(
    ["tracestate", "X-MyScheduler-Attempt", "Content-Type", "Content-Length", "Cookie", "authorization"]
)
values = st.text(st.characters(min_codepoint=32, max_codepoint=0x3042, exclude_characters="\x7f$"), max_size=8)
bodies = st.none() | st.dictionaries(values, values | st.integers(), max_size=2) | values
declared = st.fixed_dictionaries(
    {
        "target_url": st.sampled_from(
            ["http://127.0.0.1:9/", "https://api.example.com/%7Erun?a=%s&b=%%", "http://me:pw@日本.example/報告?q=日"]
        ),
        "method": st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
        "headers": st.dictionaries(names, values, max_size=4),
    },
    optional={
        "body": bodies,
        "query": st.dictionaries(values.filter(bool), values, max_size=2),
        "timeout_sec": st.integers(1, 60),
        "expect": st.just({"status": [200, 304]}),
    },
)


def execution(of: Job, **fields: Any) -> Execution:
    made = Execution("019d1b2c-0000-7000-8000-000000000001", of.job_id, NOW, Kind.SCHEDULED, Cause.TIMER, "", None, NOW)
    return replace(made, **fields)


def general(one: Job, run: Execution, attempt: int) -> tuple[str, bytes | None]:
    trace = trace_headers(run.execution_id, attempt, Sampling(), run.parent)
    request = build_request(
        one.spec,
        run.execution_id,
        run.slot,
        attempt,
        user_agent=AGENT,
        trace=trace,
        cause=run.cause,
        revision=run.source.revision if run.source else "",
        of_api=one.owner is Owner.API,
        chain_id=run.link.chain_id if run.link else "",
        parent_id=(run.link.parent_id or "") if run.link else "",
    )
    message = message_of(request)
    return head_of(message), message.body


def prepared(requests: PlainRequests, one: Job, run: Execution, attempt: int) -> tuple[str, bytes | None] | None:
    traceparent = trace_headers(run.execution_id, attempt, Sampling(), None)["traceparent"]
    found = requests.ready(one, run, attempt, traceparent)
    if found is None:
        return None
    assert found[1].head is not None
    return found[1].head.decode(), found[1].body


executions = st.fixed_dictionaries(
    {
        "slot": st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001
            lambda moment: moment.replace(tzinfo=UTC)
        ),
        "cause": st.sampled_from(Cause),
        "link": st.sampled_from([None, Link("root", None, None), Link("root", "parent", NOW)]),
        "source": st.sampled_from([None, Source("a.yaml", 0, "r%s"), Source("a.yaml", 0, "改訂")]),
    }
)


@given(declared, executions, st.integers(1, 9), st.booleans())
def test_they_are_the_same_as_others(fields: dict[str, Any], of_run: dict[str, Any], attempt: int, twice: bool) -> None:
    made, _ = declare({"job_id": "請求-1", "interval": {"hours": 1}} | fields, zone="Asia/Tokyo")
    assume(made is not None)
    assert made is not None
    one = lifecycle.create(made, owner=Owner.API, source=None, clock=Clock(NOW, "Asia/Tokyo")).job
    run = execution(one, **of_run)
    requests = PlainRequests(AGENT)
    if twice:  # the second time, the head is filled in
        prepared(requests, one, replace(run, execution_id="other", link=None), attempt + 1)
    assert prepared(requests, one, run, attempt) == general(one, run, attempt)


def test_what_is_declared_anew_is_prepared_anew() -> None:
    requests = PlainRequests(AGENT)
    for path in ("a", "b"):
        one = job("a", NOW, target_url=f"http://127.0.0.1:9/{path}")
        assert prepared(requests, one, execution(one), 1) == general(one, execution(one), 1)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"headers": {"A": "${secret:a}"}}, id="secret"),
        pytest.param({"headers": {"A": "{{ execution_id }}"}}, id="template"),
        pytest.param({"auth": {"basic": {"username": "a", "password": "${secret:b}"}}}, id="credentials"),
        pytest.param({"follow_redirects": True}, id="redirects"),
        pytest.param({"proxy": "http://egress.example.com:8080"}, id="proxy"),
        pytest.param({"tls": {"ca": "${secret:ca}"}, "target_url": "https://api.example.com/"}, id="TLS of its own"),
        pytest.param({"headers": {"A": chr(0xF0000)}}, id="a mark"),
    ],
)
def test_others_are_not_plain(fields: dict[str, Any]) -> None:
    one = job("a", NOW, **fields)
    assert prepared(PlainRequests(AGENT), one, execution(one), 1) is None


def test_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_requests, "MOST_PREPARED", 2)
    requests = PlainRequests(AGENT)
    for job_id in ("a", "b", "c", "a"):
        one = job(job_id, NOW)
        assert prepared(requests, one, execution(one), 1) == general(one, execution(one), 1)
    assert list(requests._prepared) == ["c", "a"]
