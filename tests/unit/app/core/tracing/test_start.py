"""Tracing is off unless it is asked for, and then loads nothing of OpenTelemetry's."""

import subprocess
import sys

import pytest

from app.core.errors import StartFailed
from app.core.settings import Settings
from app.core.tracing import start

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
NAMES = (
    *("TOUCHLINE_OTEL", ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    *("OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_PROTOCOL"),
)
HERE = "http://127.0.0.1:4318"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "is_on"),
    [
        ({}, False),
        ({"TOUCHLINE_OTEL": "true"}, True),
        ({ENDPOINT: HERE}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{HERE}/v1/traces"}, True),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: HERE, "TOUCHLINE_OTEL": "false"}, False),
        ({ENDPOINT: HERE, "OTEL_SDK_DISABLED": "true"}, False),
        ({ENDPOINT: HERE, "OTEL_SDK_DISABLED": "anything"}, True),
        ({ENDPOINT: HERE, "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_it_is_switched_on_by_our_setting_or_the_standard_ones(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, is_on: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert Settings().is_traced is is_on


def test_without_the_extra_the_start_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start, "SDK", "opentelemetry.of_nobody.sdk")
    monkeypatch.setenv(ENDPOINT, HERE)

    with pytest.raises(StartFailed, match=r"pip install 'touchline\[otel\]'"):
        start.check_tracing(Settings())


def test_a_protocol_that_is_not_spoken_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ENDPOINT, HERE)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")

    with pytest.raises(StartFailed, match="http/protobuf"):
        start.check_tracing(Settings())


@pytest.mark.costly
@pytest.mark.parametrize("entry", ["app.main", "worker.background", "worker.pool"])
@pytest.mark.slow
def test_nothing_of_it_is_imported_unless_it_is_on(entry: str) -> None:
    # FastAPI needs OpenTelemetry's API by itself; the SDK is what the extra brings.
    program = (
        f"import sys, {entry}; from app.core.settings import Settings;"
        "from app.core.tracing.start import start_tracing;"
        "start_tracing(Settings(), process='test');"
        "found = [one for one in sys.modules if one.startswith(("
        "'opentelemetry.sdk', 'opentelemetry.exporter', 'google.protobuf',"
        "'app.core.tracing.opentelemetry'))]; sys.exit(str(found) if found else 0)"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
