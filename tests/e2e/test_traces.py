"""Spans that the service exports, as its environment says, and what it does without the library."""

from pathlib import Path

import pytest

from tests.support.collector import Collector, attributes
from tests.support.service import Service, manifest
from tests.support.target import Target

SOON = "interval: {seconds: 1}"


@pytest.mark.usefixtures("senders")
def test_spans_are_exported_until_the_service_has_stopped(tmp_path: Path) -> None:
    """The delay is longer than any test: only the shutdown sends them."""
    settings = {"OTEL_BSP_SCHEDULE_DELAY": "900000", "OTEL_SERVICE_NAME": "night-jobs"}
    with Target() as target, Collector() as collector:
        with Service(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, **settings) as service:
            service.write("a.yaml", manifest("a", target.url(), SOON))
            service.wait_for_log(lambda line: line["message"] == "execution completed")
            assert collector.spans == []
            assert service.terminate() == 0
        spans = collector.spans
        sent = {(request.header("traceparent") or "")[3:52] for request in target.requests}
    calls = {f"{span.trace_id.hex()}-{span.span_id.hex()}" for span in spans if span.parent_span_id}
    assert calls
    assert calls == sent
    assert {attributes(span.attributes).get("myscheduler.job.id") for span in spans} == {"a", None}
    assert collector.resource["service.name"] == "night-jobs"


def test_a_collector_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    with Target() as target, Service(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as service:
        service.write("a.yaml", manifest("a", target.url(), SOON))
        service.wait_for_log(lambda line: line["message"] == "execution completed")
        assert service.terminate() == 0


def test_without_the_library_only_the_header_is_sent(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "opentelemetry" / "sdk"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not installed')")
    settings = {"PYTHONPATH": str(tmp_path / "hidden"), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with Target() as target, Service(tmp_path, **settings) as service:
        service.write("a.yaml", manifest("a", target.url(), SOON))
        service.wait_for_log(lambda line: line["message"] == "execution completed")
        assert (target.requests[0].header("traceparent") or "").endswith("-01")
        (line,) = [line for line in service.log if "no spans are exported" in line["message"]]
        assert "install the extra `otel`" in line["message"]


def test_a_sampler_that_is_not_known_is_reported(tmp_path: Path) -> None:
    with Service(tmp_path, OTEL_TRACES_SAMPLER="jaeger_remote") as service:
        service.wait_for_log(lambda line: line["message"].startswith("OTEL_TRACES_SAMPLER is 'jaeger_remote'"))
