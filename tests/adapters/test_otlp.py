"""Spans of real executions, sent to a real OTLP receiver, which may also hang or be gone."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from myscheduler.adapters import otlp
from myscheduler.adapters.otlp import SpanExport
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.calls.trace import Sampling
from myscheduler.core.history import execution as history
from myscheduler.core.history.execution import Cause, Execution, Finish, Kind
from tests.support.collector import Collector, attributes
from tests.support.parts import Parts, client, is_over, job, started
from tests.support.patience import PATIENCE
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(autouse=True)
def _library_logs() -> Iterator[None]:
    library = logging.getLogger("opentelemetry")
    before = library.handlers, library.propagate
    yield
    library.handlers, library.propagate = before


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """No thread outlives its test: one that tries again takes random numbers, which others' tests may not stand."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name == "spans" or "Otel" in thread.name:
            thread.join(PATIENCE)
            assert not thread.is_alive(), thread.name


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield running


@pytest.fixture
async def parts(tmp_path: Path, collector: Collector) -> AsyncIterator[Parts]:
    """With spans exported to the collector."""
    assert collector.port
    async with started(tmp_path) as running:
        spans = SpanExport(Sampling(), version="1.2.3")
        running.dispatcher.on_end(spans.add)
        yield running
        await spans.close()


def _ended(number: int) -> tuple[Execution, Finish]:
    one = Execution(f"{number:032x}", "a", NOW, Kind.SCHEDULED, Cause.TIMER, "d", None, NOW)
    return one, Finish(one.execution_id, history.Status.COMPLETED, NOW, NOW, 1, Outcome(200))


def _by_kind(spans: list[Span]) -> tuple[list[Span], Span]:
    (own,) = [span for span in spans if span.kind == Span.SPAN_KIND_INTERNAL]
    calls = [span for span in spans if span.kind == Span.SPAN_KIND_CLIENT]
    return sorted(calls, key=lambda span: span.start_time_unix_nano), own


async def test_the_target_gets_the_ids_of_the_spans(parts: Parts, collector: Collector, target: Target) -> None:
    target.answers("/run", Answer(503), Answer(200))
    await parts.create("a", target_url=target.url("/run"), max_retries=1, retry_backoff_sec=0.02)
    triggered = await parts.dispatcher.trigger("a", by="me")
    calls, own = _by_kind(await asyncio.to_thread(collector.wait_for, 3))
    sent = [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in calls]
    assert [request.header("traceparent") for request in target.requests] == sent
    assert {span.trace_id for span in calls} == {own.trace_id}
    assert {span.parent_span_id for span in calls} == {own.span_id}
    assert (own.name, own.parent_span_id, own.status.code) == ("job a", b"", Status.STATUS_CODE_UNSET)
    assert own.start_time_unix_nano <= calls[0].start_time_unix_nano < calls[1].start_time_unix_nano
    assert calls[1].end_time_unix_nano <= own.end_time_unix_nano
    assert attributes(own.attributes)["myscheduler.execution.id"] == triggered.execution_id
    first, second = (attributes(span.attributes) for span in calls)
    assert (first["http.response.status_code"], first["error.type"]) == (503, "503")
    assert (second["http.response.status_code"], second["http.request.resend_count"]) == (200, 1)
    assert "error.type" not in second
    assert (collector.resource["service.name"], collector.resource["service.version"]) == ("myscheduler", "1.2.3")


async def test_the_span_of_a_triggered_run_is_below_that_of_its_caller(
    parts: Parts, collector: Collector, target: Target
) -> None:
    await parts.create("a", target_url=target.url())
    async with client(parts) as api:
        await api.post("/api/v1/jobs/a/trigger", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    _, own = _by_kind(await asyncio.to_thread(collector.wait_for, 2))
    assert (own.trace_id.hex(), own.parent_span_id.hex()) == (TRACE, SPAN)


async def test_what_a_caller_does_not_record_is_not_exported(
    parts: Parts, collector: Collector, target: Target
) -> None:
    await parts.create("a", target_url=target.url())
    async with client(parts) as api:
        await api.post("/api/v1/jobs/a/trigger", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})
    await parts.row_where("a", is_over)
    await parts.dispatcher.trigger("a", by="me")
    spans = await asyncio.to_thread(collector.wait_for, 2)
    assert TRACE not in {span.trace_id.hex() for span in spans}


async def test_no_secret_is_in_a_span(parts: Parts, collector: Collector, target: Target) -> None:
    parts.secret("key", "hunter2-hunter2")
    url = f"{target.url('/run')}?key=${{secret:key}}&password=literal-pw"
    parts.manifest("a.yaml", f"job_id: a\ninterval: {{hours: 1}}\ntarget_url: {url}\n")
    await parts.sync()
    target.answers("/run", Answer(500, b"hunter2-hunter2"))
    await parts.dispatcher.trigger("a", by="me")
    spans = await asyncio.to_thread(collector.wait_for, 2)
    assert target.requests[0].target.startswith("/run?key=hunter2-hunter2")
    assert "hunter2" not in str(spans)
    assert "literal-pw" not in str(spans)
    assert "${secret:key}" in str(spans)


async def test_a_collector_that_hangs_costs_spans_and_nothing_else(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither `add` nor `close` wait for it, and the queue does not grow."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
    monkeypatch.setattr(otlp, "CLOSE_SEC", 0.2)
    collector.hangs = True
    spans, one = SpanExport(Sampling(), version="1"), job("a", NOW)
    for number in range(100):
        spans.add(one, *_ended(number + 1))
    await asyncio.to_thread(collector.wait_for_requests, 1)
    for number in range(5_000):
        spans.add(one, *_ended(number + 1_000))
    assert len(spans._processor._batch_processor._queue) == 64
    assert collector.requests == 1
    await spans.close()
    assert "the collector did not take the last spans in time" in caplog.text


async def test_a_collector_that_is_gone_is_logged_once_until_it_is_back(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "myscheduler.adapters.otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter2")
    collector.status = 401
    spans, one = SpanExport(Sampling(), version="1"), job("a", NOW)

    async def export(number: int) -> None:
        before = collector.requests
        spans.add(one, *_ended(number))
        await asyncio.to_thread(collector.wait_for_requests, before + 1)

    await export(1)
    await export(2)
    collector.status = 200
    await export(3)
    await spans.close()
    failed, back = [record for record in caplog.records if record.name == otlp.log.name]
    assert failed.getMessage().startswith("the collector does not take spans, so they are lost: Failed to export")
    assert (failed.levelno, "401" in failed.getMessage()) == (logging.WARNING, True)
    assert back.getMessage() == "the collector takes spans again"
    assert "hunter2" not in caplog.text
