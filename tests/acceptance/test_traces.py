"""One trace goes from the upload through the worker to the webhook, at a collector."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import SECRET, Receiver
from tests.acceptance.running import RunningService
from tests.collectors import SpanSeen, running_collector
from tests.services import open_folder

pytestmark = pytest.mark.nightly  # a service of their own

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAGES = {f"spot {stage}" for stage in ("start", "probe", "decode", "spot", "store")}


@pytest.fixture(scope="module")
def traced(
    checkpoint: Path, match: Path, receiver: Receiver
) -> Iterator[tuple[list[SpanSeen], list[dict[str, str]], list[dict[str, object]]]]:
    """Spans, headers of webhooks and lines of the log, of an upload to its end."""
    before = len(receiver.received)
    with open_folder() as folder, running_collector() as collector:
        data_dir = folder / "data"
        (data_dir / "models").mkdir(parents=True)
        (data_dir / "models" / checkpoint.name).symlink_to(checkpoint)
        service = RunningService(
            data_dir,
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "TOUCHLINE_ENGINE": "openvino",
                "TOUCHLINE_MODEL": "tiny",
                "TOUCHLINE_LOG_FORMAT": "json",
                "TOUCHLINE_WEBHOOK_SECRET": SECRET,
                "TOUCHLINE_WEBHOOK_ALLOW_NETS": "127.0.0.0/8",
            },
        )
        try:
            service.start()
            service.client.headers["traceparent"] = f"00-{TRACE}-{CALLER}-01"
            sent = service.upload(match, callback_url=receiver.url)
            del service.client.headers["traceparent"]
            service.wait_for_end(sent["id"])
            service.wait_until(
                lambda: len(receiver.received) > before, "the webhook came"
            )
            service.wait_until(
                lambda: any(one.name == "POST webhook" for one in collector.spans),
                "the webhook's span came",
            )
        finally:
            service.stop()
        logs = [
            json.loads(line)
            for path in (data_dir / "logs").glob("*.log")
            for line in path.read_text().splitlines()
            if line.startswith("{")
        ]
        headers = [one for one, _ in receiver.received[before:]]
        yield collector.spans, headers, logs


def _of_the_trace(spans: list[SpanSeen]) -> dict[str, SpanSeen]:
    return {one.name: one for one in spans if one.trace_id == TRACE}


def test_request_job_stages_and_webhook_are_spans_of_the_callers_trace(
    traced: tuple[list[SpanSeen], object, object],
) -> None:
    found = _of_the_trace(traced[0])

    request, job = found["POST /videos"], found["job spot"]
    webhook = found["POST webhook"]
    assert request.parent_id == CALLER
    assert job.parent_id == request.span_id
    assert webhook.parent_id == job.span_id
    assert {one for one in found if one.startswith("spot ")} == STAGES
    assert {found[stage].parent_id for stage in STAGES} == {job.span_id}
    services = [one.service for one in (request, job, webhook)]
    assert services == ["touchline-api", "touchline-gpu", "touchline-background"]
    assert request.attributes["http.response.status_code"] == 202
    assert webhook.attributes["http.response.status_code"] == 204
    assert job.attributes["touchline.job.status"] == "succeeded"
    assert not any(one.is_error for one in found.values())


def test_jobs_that_follow_belong_to_it_too(
    traced: tuple[list[SpanSeen], object, object],
) -> None:
    found = _of_the_trace(traced[0])

    assert found["job thumbnails"].service == "touchline-media"


def test_the_webhook_carries_it(
    traced: tuple[list[SpanSeen], list[dict[str, str]], object],
) -> None:
    spans, headers, _ = traced
    webhook = _of_the_trace(spans)["POST webhook"]

    sent = [one["traceparent"] for one in headers]
    assert sent == [f"00-{TRACE}-{webhook.span_id}-01"]


def test_probes_are_no_spans_and_other_requests_have_traces_of_their_own(
    traced: tuple[list[SpanSeen], object, object],
) -> None:
    names = {one.name for one in traced[0]}

    assert not any("readyz" in name or "healthz" in name for name in names)
    looks = [one for one in traced[0] if one.name == "GET /videos/{video_id}"]
    assert looks
    assert TRACE not in {one.trace_id for one in looks}


def test_lines_of_the_log_name_it(
    traced: tuple[object, object, list[dict[str, object]]],
) -> None:
    events = {line["event"] for line in traced[2] if line.get("trace_id") == TRACE}

    assert {"video_accepted", "job_requested", "job_started", "job_ended"} <= events
    assert "webhook_attempt" in events
