"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP; needs the extra `otel`.

The SDK reads its own `OTEL_*` variables: endpoint, headers, sampler, resource. The
provider is ours alone and not the process's: FastAPI, which records spans of its own
through that one, would tell the addresses' queries.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from app.core.tracing.context import TraceContext
from app.core.tracing.spans import Attributes, Kind, Span

CLOSE_S = 3.0  # a collector that hangs keeps nobody from ending
KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}


class OpenTelemetryRecorder:
    """Records the spans of this process; see `Recorder`."""

    def __init__(self, *, process: str) -> None:
        self._provider = TracerProvider(
            resource=_resource(process), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("touchline", _version())

    @contextmanager
    def record(
        self,
        name: str,
        *,
        kind: Kind,
        parent: TraceContext | None,
        attributes: Attributes,
    ) -> Iterator[tuple[Span, TraceContext]]:
        """Record a span until the block ends; one that raises has failed."""
        begun = self._tracer.start_span(
            name,
            context=_context(parent),
            kind=KINDS[kind],
            attributes=dict(attributes),
        )
        recorded = RecordedSpan(begun, self._tracer)
        try:
            yield recorded, _trace_of(begun)
        except BaseException as exc:
            recorded.fail(type(exc).__name__)  # What it says may hold others' data.
            raise
        finally:
            begun.end()

    def close(self) -> None:
        """Send what is left, within a few seconds."""
        ending = Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(CLOSE_S)


class RecordedSpan:
    """A span under way; see `Span`."""

    def __init__(self, its: OtelSpan, tracer: Tracer) -> None:
        self._its, self._tracer = its, tracer

    def rename(self, name: str) -> None:
        """Name it anew, once more is known."""
        self._its.update_name(name)

    def note(self, attributes: Attributes) -> None:
        """Add facts to it."""
        self._its.set_attributes(dict(attributes))

    def fail(self, reason: str) -> None:
        """Say that it failed; `reason` is for people."""
        self._its.set_status(StatusCode.ERROR, reason)

    def add_part(self, name: str, *, begin_ns: int, end_ns: int) -> None:
        """Add a part of it that is over, by its times (ns since 1970)."""
        context = set_span_in_context(self._its, Context())
        part = self._tracer.start_span(name, context=context, start_time=begin_ns)
        part.end(end_ns)


def _context(parent: TraceContext | None) -> Context:
    """Make OpenTelemetry's context; an empty one begins a trace."""
    if parent is None:
        return Context()
    its = SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(parent.flags, 16)),
    )
    return set_span_in_context(NonRecordingSpan(its), Context())


def _trace_of(begun: OtelSpan) -> TraceContext:
    its = begun.get_span_context()
    return TraceContext(
        format_trace_id(its.trace_id),
        format_span_id(its.span_id),
        f"{its.trace_flags:02x}",
    )


def _resource(process: str) -> Resource:
    """Describe this process, with what OTEL_SERVICE_NAME and the like say."""
    found = Resource.create({SERVICE_VERSION: _version(), "touchline.process": process})
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        found = found.merge(Resource({SERVICE_NAME: f"touchline-{process}"}))
    return found


def _version() -> str:
    try:
        return version("touchline")
    except PackageNotFoundError:  # run from a folder of sources
        return "unknown"
