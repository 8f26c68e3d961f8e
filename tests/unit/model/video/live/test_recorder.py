"""The recorder's queue between the decoding thread and a writer that cannot keep up."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import av
import pytest

from model.video.live import recorder as recorders
from model.video.live.recorder import Recorder
from model.video.live.segment_writer import SegmentWriter
from tests.live_streams import X264, encoded, needs_ffmpeg, pictures

pytestmark = [needs_ffmpeg, pytest.mark.slow]


class HeldUpWriter(SegmentWriter):
    """Takes nothing until it may."""

    may_go_on: threading.Event

    def take(self, kind: str, value: Any) -> None:
        self.may_go_on.wait()
        super().take(kind, value)


def told_in(pipe: Path) -> list[dict[str, Any]]:
    """Read what is told of each segment."""
    found, file = [], io.BytesIO(pipe.read_bytes())
    while line := file.readline():
        found.append(json.loads(line))
        assert len(file.read(found[-1]["bytes"])) == found[-1]["bytes"]
    return found


def test_the_segment_under_way_is_written_though_the_queue_is_full_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "_MAX_ITEMS", 60)
    stream = [*pictures(4, live=False), *X264, "-g", "25", "-bf", "0", "-f", "mpegts"]
    with (
        av.open(io.BytesIO(encoded(*stream)), "r") as container,
        (tmp_path / "pipe").open("wb") as pipe,
    ):
        video = container.streams.video[0]
        writer = HeldUpWriter(
            pipe.fileno(), video, None, segment_s=1.0, is_after_gap=False
        )
        writer.may_go_on = threading.Event()
        failures: list[str] = []
        recorder = Recorder(writer, told=failures.append)
        recorder.start()
        recorder.offset(0.0, None)
        for packet in container.demux(video):
            recorder.packet(packet)
        threading.Timer(0.2, writer.may_go_on.set).start()

        recorder.close()

    segments = told_in(tmp_path / "pipe")
    assert failures == []
    # 25 pictures, 25, and what else the queue had room for.
    assert [one["duration_s"] for one in segments[:2]] == [1.0, 1.0]
    assert 0.3 < segments[-1]["duration_s"] < 0.5
