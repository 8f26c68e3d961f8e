"""Tracing is switched on here, by an entry; OpenTelemetry is imported only then."""

from importlib.util import find_spec

from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.tracing.spans import use_recorder

SDK, EXPORTER = "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"
PROTOCOL = "http/protobuf"


def start_tracing(settings: Settings, *, process: str) -> None:
    """Record the spans of this process, if the settings ask for it.

    Args:
        process: `api`, or the kind of a worker; part of the service's name.

    Raises:
        StartFailed: they do, and it cannot be.
    """
    check_tracing(settings)
    if not settings.is_traced:
        return
    from app.core.tracing.opentelemetry import OpenTelemetryRecorder

    use_recorder(OpenTelemetryRecorder(process=process))


def check_tracing(settings: Settings) -> None:
    """Refuse settings that ask for tracing where it cannot be.

    Raises:
        StartFailed: the extra is not installed, or another protocol is asked for.
    """
    if not settings.is_traced:
        return
    asked = "TOUCHLINE_OTEL" if settings.otel else "OTEL_EXPORTER_OTLP_ENDPOINT"
    if not (_is_installed(SDK) and _is_installed(EXPORTER)):
        raise StartFailed(
            f"{asked} asks for traces, but OpenTelemetry is not installed: "
            "pip install 'touchline[otel]', or set TOUCHLINE_OTEL=false"
        )
    if settings.otel_protocol != PROTOCOL:
        raise StartFailed(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={settings.otel_protocol} is not supported: "
            f"set it to {PROTOCOL} and name the collector's HTTP port (4318), or set "
            "TOUCHLINE_OTEL=false"
        )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # a package above it
        return False
