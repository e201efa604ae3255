"""Sends the spans of executions to a collector, by the OpenTelemetry SDK (the extra `otel`), in its own thread.

Spans are made when an execution is over, of what is recorded about it, so nothing of it is in the way of a call. They
wait in a queue of a fixed length: a collector that hangs or is gone costs spans, but neither time nor memory.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from myscheduler.core.calls.trace import Sampling
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.findings.problem import printable
from myscheduler.core.history.execution import Execution, Finish
from myscheduler.core.history.spans import Span, spans_of
from myscheduler.core.job.job import Job

CLOSE_SEC = 3.0
"""How long a shutdown waits for the collector to take the last spans."""
_REASON = 300
"""The most characters of an error of the SDK that are logged."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_OK, _KINDS = Status(StatusCode.UNSET), {True: SpanKind.CLIENT, False: SpanKind.INTERNAL}

log = logging.getLogger(__name__)


class SpanExport:
    """Exports the spans of the executions that `sampling` keeps, as the variables `OTEL_…` say."""

    def __init__(self, sampling: Sampling, *, version: str, exporter: SpanExporter | None = None) -> None:
        """Raises `ValueError` for variables that contradict each other."""
        self._sampling = sampling
        named = {SERVICE_NAME: "myscheduler", SERVICE_VERSION: version}
        self._resource = Resource.create(named).merge(OTELResourceDetector().detect())  # what the user names wins
        self._scope = InstrumentationScope("myscheduler", version)
        self._exporter = _Told(exporter or OTLPSpanExporter())
        self._processor = BatchSpanProcessor(self._exporter)

    def add(self, job: Job, execution: Execution, finish: Finish) -> None:
        """Queue the spans of an execution that is over."""
        if not self._sampling.keeps(execution.trace_id, execution.parent):
            return
        trace_id, parent = int(execution.trace_id, 16), execution.parent
        state = TraceState.from_header([parent.state]) if parent and parent.state else None
        for span in spans_of(job, execution, finish):
            self._processor.on_end(self._readable(span, trace_id, state, is_remote=not span.is_call))

    def _readable(self, span: Span, trace_id: int, state: TraceState | None, *, is_remote: bool) -> ReadableSpan:
        parent_id = None if span.parent_id is None else int(span.parent_id, 16)
        return ReadableSpan(
            span.name,
            SpanContext(trace_id, int(span.span_id, 16), is_remote=False, trace_flags=_SAMPLED, trace_state=state),
            None if parent_id is None else SpanContext(trace_id, parent_id, is_remote, _SAMPLED, state),
            self._resource,
            span.attributes,
            kind=_KINDS[span.is_call],
            status=_OK if span.error is None else Status(StatusCode.ERROR, span.error or None),
            start_time=_nanoseconds(span.start),
            end_time=_nanoseconds(span.end),
            instrumentation_scope=self._scope,
        )

    async def close(self) -> None:
        """Export what is queued, but wait no longer than `CLOSE_SEC` for it."""
        closing = threading.Thread(target=self._processor.shutdown, name="spans", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SEC)
        if closing.is_alive():
            log.warning("the collector did not take the last spans in time")
            self._exporter.shutdown()  # else it would try again for half a minute


class _Told(SpanExporter):
    """An exporter that logs when the collector begins to fail, and when it works again, and nothing in between."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_failing = False
        self._said = _Said()
        library = logging.getLogger("opentelemetry")
        library.handlers, library.propagate = [self._said], False  # it logs each failure, and each span that it drops

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._said.why = None
        result = self._exporter.export(spans)
        is_failing = result is not SpanExportResult.SUCCESS
        if is_failing and not self._is_failing:
            log.warning("the collector does not take spans, so they are lost: %s", self._said.why)
        elif self._is_failing and not is_failing:
            log.info("the collector takes spans again")
        self._is_failing = is_failing
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Said(logging.Handler):
    """Keeps the first message about an export, which is the only place that says why it failed."""

    why: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.why is None and record.name.startswith("opentelemetry.exporter"):
            self.why = printable(masked_text(record.getMessage())[:_REASON])


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
