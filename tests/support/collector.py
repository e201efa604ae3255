"""A real OTLP receiver: takes spans over HTTP, as a collector of OpenTelemetry does, and decodes them.

with Collector() as collector:
    … export to collector.endpoint …
    (span,) = collector.wait_for(1)
"""

import gzip
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.patience import PATIENCE


@dataclass
class Collector:
    status: int = 200
    """What it answers with."""
    hangs: bool = False
    """Whether it answers only when it is closed."""
    port: int = 0
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, str | int] = field(default_factory=dict)
    """The attributes of the newest resource."""
    requests: int = 0

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                status = collector._take(self.path, gzip.decompress(content) if _is_packed(self) else content)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not to stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _take(self, path: str, content: bytes) -> int:
        assert path == "/v1/traces", path
        with self._changed:
            self.requests += 1
            self._changed.notify_all()
        if self.hangs:
            self._closing.wait(PATIENCE)
        if self.status == 200:
            self._keep(ExportTraceServiceRequest.FromString(content))
        return self.status

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        with self._changed:
            for one in request.resource_spans:
                self.resource = attributes(one.resource.attributes)
                self.spans += [span for scope in one.scope_spans for span in scope.spans]
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Span]:
        """All spans, as soon as there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.spans) >= count, PATIENCE), f"{len(self.spans)} spans"
            return list(self.spans)

    def wait_for_requests(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.requests >= count, PATIENCE), f"{self.requests} requests"


def attributes(written: Iterable[KeyValue]) -> dict[str, str | int]:
    """The attributes of a span or a resource, by name."""
    found: dict[str, str | int] = {}
    for one in written:
        value = one.value
        found[one.key] = value.string_value if value.HasField("string_value") else value.int_value
    return found


def _is_packed(handler: BaseHTTPRequestHandler) -> bool:
    return handler.headers.get("Content-Encoding") == "gzip"
