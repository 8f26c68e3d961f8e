"""A match that is pushed by RTMP while it is played, through `touchline serve`."""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app.videos.sample_match import FILE
from model.video.probe import probe_in_child
from tests.acceptance.own_service import own_service
from tests.acceptance.running import RunningService
from tests.live_streams import encoder, needs_ffmpeg
from tests.services import free_port

pytestmark = [
    needs_ffmpeg,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.costly,
]

TOLD = {"provisional", "final", "retracted"}


@pytest.fixture
def service() -> Iterator[RunningService]:
    """A service with a live worker."""
    port = free_port()
    settings = {
        "TOUCHLINE_LIVE_STREAMS": "1",
        "TOUCHLINE_LIVE_PORTS": f"{port}-{port}",
    }
    with own_service(settings) as found:
        found.start()
        yield found


class Listener:
    """What the events of a stream are told as."""

    def __init__(self, service: RunningService, path: str) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._url = str(service.client.base_url.join(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def kinds(self) -> set[str]:
        """Name the kinds that have come."""
        return {kind for kind, _ in self.events}

    def _listen(self) -> None:
        kind = ""
        with httpx.stream("GET", self._url, timeout=None, trust_env=False) as answer:
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((kind, json.loads(line.removeprefix("data: "))))


def pushed(service: RunningService, address: str) -> AbstractContextManager[object]:
    """Send the sample match to whoever listens, as a camera does, at its own pace."""
    service.wait_until(lambda: service.get(address)["push"], "it listens")
    push = service.get(address)["push"]
    sample = ["-re", "-i", str(FILE), "-an", "-c", "copy"]
    return encoder(*sample, "-f", "flv", f"{push['url']}/{push['key']}")


def test_events_come_while_the_match_is_played_and_a_dead_worker_costs_a_gap(
    service: RunningService, tmp_path: Path
) -> None:
    begun = service.client.post("/live", json={"source": "listen", "name": "Cup final"})
    assert begun.status_code == 202, begun.text
    video_id = begun.json()["id"]
    address = f"/live/{video_id}"
    heard = Listener(service, f"{address}/events/stream")

    with pushed(service, address):
        service.wait_until(lambda: "final" in heard.kinds(), "an event is final")
        stream = service.get(address)
        assert stream["state"] == "live"
        assert stream["model"].startswith("arena-rny002-live")
        assert stream["look_ahead_s"] > 0
        assert stream["latency"]["sent"]["count"] > 0
        assert service.get(f"/videos/{video_id}/events")["items"]
        service.wait_until(
            lambda: ".mp4" in playlist_of(service, address), "a segment can be played"
        )
        edge_s = service.get(address)["edge_s"]
        worker = service.wait_for_child("worker.live")
        for process in [*worker.children(recursive=True), worker]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        service.wait_until(
            lambda: service.get(address)["state"] in ("interrupted", "connecting"),
            "the worker is missed",
        )
    service.wait_until(
        lambda: service.get(address)["state"] == "connecting", "another one listens"
    )
    with pushed(service, address):
        service.wait_until(
            lambda: service.get(address)["edge_s"] > edge_s + 8, "the stream goes on"
        )
    gaps = service.get(address)["gaps"]
    assert any(gap["reason"] == "worker changed" for gap in gaps), gaps

    service.client.post(f"{address}/stop").raise_for_status()
    service.wait_until(lambda: service.get(address)["state"] == "ended", "it has ended")
    service.wait_until(lambda: "end" in heard.kinds(), "its end is told")
    assert heard.kinds() & TOLD
    kept = service.get(f"/videos/{video_id}/events")["items"]
    assert kept
    assert not any(event.get("is_provisional") for event in kept)
    file = tmp_path / "match.mp4"
    file.write_bytes(service.client.get(f"/videos/{video_id}/file").content)
    recorded_s = service.get(address)["recorded_s"]
    assert probe_in_child(file).duration_s == pytest.approx(recorded_s, abs=1)


def playlist_of(service: RunningService, address: str) -> str:
    """Read the playlist as it stands; empty where there is none yet."""
    answer = service.client.get(f"{address}/hls/index.m3u8")
    return answer.text if answer.is_success else ""
