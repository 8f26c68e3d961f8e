"""`touchline doctor` tells of traces: off, without the extra, without a collector."""

import pytest

from app.core.settings import Settings
from app.core.tracing import start
from app.doctor.findings import State
from app.doctor.traces import check_traces
from tests.collectors import running_collector
from tests.services import free_port

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_they_are_off_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)

    found = check_traces(Settings())

    assert (found.state, found.words[:4]) == (State.OK, "off;")


def test_a_collector_that_listens_is_well_and_one_that_does_not_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_collector() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        listening = check_traces(Settings())
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{free_port()}")
    away = check_traces(Settings())

    assert listening.state is State.OK
    assert away.state is State.WARNING
    assert "no collector answers on 127.0.0.1" in away.words


def test_without_the_extra_the_remedy_is_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(start, "SDK", "opentelemetry.of_nobody.sdk")
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:4318")

    found = check_traces(Settings())

    assert found.state is State.PROBLEM
    assert "pip install 'touchline[otel]'" in found.remedy
