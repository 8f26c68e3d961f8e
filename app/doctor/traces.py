"""Traces: whether they are on, can be recorded, and whether the collector answers."""

import socket
from urllib.parse import urlsplit

from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.tracing.start import check_tracing
from app.doctor.findings import Finding, ok, problem, warning

PART = "traces"
USUAL = "http://localhost:4318"  # of OpenTelemetry's exporter
ANSWERS_WITHIN_S = 3.0


def check_traces(settings: Settings) -> Finding:
    """Say where spans go; a collector that is away costs spans and nothing else."""
    if not settings.is_traced:
        return ok(PART, "off; OTEL_EXPORTER_OTLP_ENDPOINT switches them on")
    try:
        check_tracing(settings)
    except StartFailed as exc:
        words, _, remedy = str(exc).partition(": ")
        return problem(PART, words, remedy)
    address = settings.otel_endpoint or USUAL
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), ANSWERS_WITHIN_S):
            return ok(PART, f"sent to {parts.hostname} port {port}")
    except OSError as exc:
        return warning(
            PART,
            f"no collector answers on {parts.hostname} port {port} "
            f"({exc.strerror or exc}), so spans are lost",
            "start it, or mend OTEL_EXPORTER_OTLP_ENDPOINT",
        )
