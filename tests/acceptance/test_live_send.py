"""MPEG-TS from a pipe to a live stream of a running service."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.videos.sample_match import FILE
from model.video.probe import probe_in_child
from tests.acceptance.running import RunningService
from tests.acceptance.test_live import service
from tests.live_streams import encoder, needs_ffmpeg

__all__ = ["service"]

pytestmark = [needs_ffmpeg, pytest.mark.slow, pytest.mark.timeout(600)]

SECONDS = 12


@pytest.mark.nightly
def test_what_comes_by_a_pipe_is_spotted_to_its_end(
    service: RunningService, tmp_path: Path
) -> None:
    sample = ["-i", str(FILE), "-t", str(SECONDS), "-an", "-c", "copy"]
    sending = [sys.executable, "-m", "touchline", "live", "send"]
    named = ["--name", "Cup final", "--url", str(service.client.base_url)]
    with encoder(*sample, "-f", "mpegts", "-", pipe=True) as source:
        done = subprocess.run(
            [*sending, *named],
            stdin=source.stdout,
            capture_output=True,
            text=True,
            timeout=300,
            env=dict(os.environ),
            check=False,
        )

    assert done.returncode == 0, done.stderr
    video_id = done.stdout.strip()
    address = f"/live/{video_id}"
    service.wait_until(lambda: service.get(address)["state"] == "ended", "its end")
    stream = service.get(address)
    assert stream["edge_s"] == pytest.approx(SECONDS, abs=0.3)
    assert stream["gaps"] == []
    assert stream["changes"] > 0
    file = tmp_path / "match.mp4"
    file.write_bytes(service.client.get(f"/videos/{video_id}/file").content)
    assert probe_in_child(file).duration_s == pytest.approx(SECONDS, abs=0.3)
