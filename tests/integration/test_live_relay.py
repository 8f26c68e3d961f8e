"""SRT by way of a side-car: what encoders are told, and what the worker reads."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.api_server import RunningApi, eventually
from tests.integration.test_live import (
    API_SETTINGS,
    Worker,
    begin,
    live_worker,
    refused,
)
from tests.integration.test_live_ends import change, is_over, look
from tests.live_fakes import Script
from tests.live_streams import FAST, RtspServer, check_times, needs_ffmpeg, watch
from worker.live_streams.parts import Parts, RelaySource

__all__ = ["API_SETTINGS", "live_worker"]

RELAY = {
    "live_relay": "rtsp://touchline:r@mediamtx:8554",
    "live_srt": "srt://192.0.2.7:8890?streamid=publish:{key}:encoder:p",
}


class RelayScript(Script):
    """Keeps what the worker reads from."""

    def __init__(self) -> None:
        super().__init__()
        self.read_from: list[str] = []

    @property
    def parts(self) -> Parts:
        return replace(super().parts, relay=self._relay)

    def _relay(self, url: str) -> Any:
        self.read_from.append(url)
        return SimpleNamespace(name=url)


@pytest.mark.usefixtures("live_worker")
def test_an_encoder_is_told_where_to_send_srt_to_and_keeps_its_key(
    api: RunningApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, api.service.settings, **RELAY)
    video = begin(api, source="srt")
    first, second = Worker(RelayScript()), Worker(RelayScript())
    with first.running(api, video["job"]["id"]) as script:
        eventually(lambda: look(api, video)["push"] is not None)
        push = look(api, video)["push"]
        first.leaving.set()
        eventually(lambda: is_over(first))
    with second.running(api, video["job"]["id"]) as again:
        script.step(0.0)
        eventually(lambda: bool(again.read_from))  # type: ignore[attr-defined] # noted by the test

    key = push["key"]
    assert push["url"] == f"srt://192.0.2.7:8890?streamid=publish:{key}:encoder:p"
    assert len(key) >= 24
    for one in (script, again):
        url = f"rtsp://touchline:r@mediamtx:8554/{key}"
        assert one.read_from == [url]  # type: ignore[attr-defined] # noted by the test
    assert "touchline:r" not in api.client.get(f"/live/{video['id']}").text


@pytest.mark.usefixtures("live_worker")
def test_without_a_side_car_srt_is_refused(api: RunningApi) -> None:
    detail = refused(api, 422, "source-refused", source="srt")

    assert "TOUCHLINE_LIVE_RELAY" in detail


@pytest.mark.costly
@needs_ffmpeg
@pytest.mark.slow
def test_the_side_car_is_asked_again_until_somebody_sends(tmp_path: Path) -> None:
    with RtspServer(tmp_path, refusals=2) as server:
        source = RelaySource(f"rtsp://127.0.0.1:{server.port}/key")
        seen = watch(source, FAST, most_steps=10)
        server.shutdown()

    check_times(seen.times_s, least=10)
    assert server.refusals == 0
