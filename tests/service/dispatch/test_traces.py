"""Which trace the requests of an execution belong to, and what is told about it."""

import asyncio
import logging

import pytest

from myscheduler.core.calls.trace import span_id_of, trace_id_of
from tests.support.parts import Parts, client, is_over, received
from tests.support.target import Answer, Received, Target

pytestmark = pytest.mark.anyio

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "vendor=1"}
TRIGGER = "/api/v1/jobs/a/trigger"


def told(request: Received) -> str:
    return request.header("traceparent") or ""


async def shown(parts: Parts, execution_id: str) -> str:
    async with client(parts) as api:
        return str((await api.get(f"/api/v1/executions/{execution_id}")).json()["trace_id"])


async def test_the_attempts_of_an_execution_are_spans_of_one_trace(
    parts: Parts, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "myscheduler.service.dispatch")
    target.answers("/", Answer(503), Answer(200))
    await parts.create("a", target_url=target.url(), max_retries=1, retry_backoff_sec=0.02)
    execution_id = (await parts.dispatcher.trigger("a", by="me")).execution_id
    await parts.row_where("a", is_over)
    trace_id = trace_id_of(execution_id)
    spans = [span_id_of(execution_id, attempt) for attempt in (1, 2)]
    assert list(map(told, target.requests)) == [f"00-{trace_id}-{span}-01" for span in spans]
    assert await shown(parts, execution_id) == trace_id
    lines = [record.__dict__ for record in caplog.records if record.__dict__.get("execution_id") == execution_id]
    assert {line["trace_id"] for line in lines} == {trace_id}
    assert [line["span_id"] for line in lines if line["message"] == "attempt ended"] == spans


async def test_a_trigger_goes_on_in_the_trace_of_its_caller(parts: Parts, target: Target) -> None:
    """Also if it has to wait for an execution in progress."""
    target.answers("/", Answer(delay=0.3))
    await parts.create("a", target_url=target.url())
    async with client(parts) as api:
        answers = [(await api.post(TRIGGER, headers=PARENT)).json() for _ in range(2)]
    assert [one["status"] for one in answers] == ["triggered", "queued"]
    first, second = await received(target, 2)
    ids = [one["execution_id"] for one in answers]
    assert [told(first), told(second)] == [f"00-{TRACE}-{span_id_of(one, 1)}-00" for one in ids]
    assert first.header("tracestate") == "vendor=1"
    assert await shown(parts, ids[1]) == TRACE  # while it is in progress
    await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) == 2)
    assert [await shown(parts, one) for one in ids] == [TRACE, TRACE]


async def test_reruns_and_bulk_operations_too(parts: Parts, target: Target) -> None:
    await parts.create("a", target_url=target.url())
    async with client(parts) as api:
        await api.post("/api/v1/jobs/bulk/trigger", headers=PARENT, json={"ids": ["a"]})
        row = await parts.row_where("a", is_over)
        await api.post(f"/api/v1/executions/{row.execution_id}/rerun", headers=PARENT)
    for request in await received(target, 2):
        assert told(request).startswith(f"00-{TRACE}-")


async def test_a_header_that_is_none_is_no_error(parts: Parts, target: Target) -> None:
    await parts.create("a", target_url=target.url())
    async with client(parts) as api:
        answer = await api.post(TRIGGER, headers={"traceparent": "00-nothing", "tracestate": "vendor=1"})
    (request,) = await received(target, 1)
    assert told(request).startswith(f"00-{trace_id_of(answer.json()['execution_id'])}-")
    assert request.header("tracestate") is None


async def test_the_headers_of_a_job_win(parts: Parts, target: Target) -> None:
    own = f"00-{TRACE}-{SPAN}-01"
    await parts.create("a", target_url=target.url(), headers={"Traceparent": own})
    async with client(parts) as api:
        await api.post(TRIGGER, headers=PARENT)
    (request,) = await received(target, 1)
    assert [value for name, value in request.headers if name.lower() == "traceparent"] == [own]
    assert request.header("tracestate") is None  # it belongs to another trace


async def test_slots_that_did_not_run_have_no_trace(parts: Parts) -> None:
    await parts.create("a", target_url="http://127.0.0.1:9/", interval={"seconds": 1})
    async with client(parts) as api:
        await api.post("/api/v1/jobs/a/pause")
    await asyncio.sleep(1.2)
    async with client(parts) as api:
        await api.post("/api/v1/jobs/a/resume")
        row = await parts.row_where("a", lambda row: row.started_at is None)
        assert (await api.get(f"/api/v1/executions/{row.execution_id}")).json()["trace_id"] is None
