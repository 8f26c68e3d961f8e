"""Segments of one connection reach the sink after those of the one before it."""

import json
import os
import threading
from pathlib import Path

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


def sent(descriptor: int, data: bytes) -> None:
    head = {"bytes": len(data), "start_s": 0, "duration_s": 1, "is_after_gap": False}
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
