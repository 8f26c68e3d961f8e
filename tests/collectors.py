"""A collector of OpenTelemetry's on this machine: takes OTLP over HTTP, keeps spans."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class SpanSeen:
    """A span as it came in; ids are hexadecimal."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    is_error: bool
    attributes: dict[str, object]


@dataclass
class Collector:
    """Keeps what it is sent."""

    port: int = 0
    spans: list[SpanSeen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: bytes) -> None:
        """Read an export request."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(_facts(resource.resource.attributes)["service.name"])
            for scope in resource.scope_spans:
                self.spans += [_seen(service, one) for one in scope.spans]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, collector: Collector, *args: Any) -> None:
        self.collector = collector
        super().__init__(*args)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        is_traces = self.path == "/v1/traces"
        if is_traces:
            self.collector.take(body)
        self.send_response(200 if is_traces else 404)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Run a collector until the block ends."""
    found = Collector()
    handler = partial(_Handler, found)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _seen(service: str, its: Any) -> SpanSeen:
    return SpanSeen(
        service,
        its.name,
        its.trace_id.hex(),
        its.span_id.hex(),
        its.parent_span_id.hex(),
        is_error=its.status.code == 2,
        attributes=_facts(its.attributes),
    )


def _facts(attributes: Any) -> dict[str, object]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value")))
        for one in attributes
    }
