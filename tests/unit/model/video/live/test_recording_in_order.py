"""Segments of one connection reach the sink after those of the one before it."""

import json
import os
import threading
from pathlib import Path

import pytest

from model.video.live.recording import Recording

END_S = 10.0


class _SlowSink:
    """Takes the first segment only once it may; notes which it has taken."""

    def __init__(self) -> None:
        self.may_go_on, self.has_begun = threading.Event(), threading.Event()
        self.taken: list[tuple[int, bytes]] = []
        self.failures: list[str] = []

    def segment(
        self,
        number: int,
        path: Path,
        start_s: float,
        duration_s: float,
        is_after_gap: bool,
    ) -> None:
        self.has_begun.set()
        data = path.read_bytes()
        if data == b"first":
            assert self.may_go_on.wait(END_S)
        self.taken.append((number, data))

    def failed(self, why: str) -> None:
        self.failures.append(why)


def sent(
    descriptor: int, data: bytes, *, start_s: float = 0, duration_s: float = 1
) -> None:
    told = {"start_s": start_s, "duration_s": duration_s, "is_after_gap": False}
    head = {"bytes": len(data), **told}
    os.write(descriptor, json.dumps(head).encode() + b"\n" + data)
    os.close(descriptor)


def test_a_slow_storage_takes_segments_of_a_new_connection_after_the_old_ones(
    tmp_path: Path,
) -> None:
    sink = _SlowSink()
    recording = Recording(sink, tmp_path)
    sent(recording.open(), b"first")
    assert sink.has_begun.wait(END_S)
    recording.drain(0.1)

    sent(recording.open(), b"second")
    recording.drain(0.5)
    sink.may_go_on.set()
    recording.close()

    assert sink.taken == [(0, b"first"), (1, b"second")]
    assert sink.failures == []


@pytest.mark.parametrize(
    ("start_s", "duration_s"),
    [(float("inf"), 1.0), (0.0, float("inf")), (1e15, 1.0), (float("nan"), 1.0)],
)
def test_a_segment_that_no_stream_can_reach_is_refused(
    tmp_path: Path, start_s: float, duration_s: float
) -> None:
    sink = _SlowSink()
    sink.may_go_on.set()
    recording = Recording(sink, tmp_path)

    sent(recording.open(), b"first", start_s=start_s, duration_s=duration_s)
    recording.close()

    assert sink.taken == []
    assert sink.failures == ["The decoding process sent an invalid segment."]
    assert list(tmp_path.iterdir()) == []
