"""The recording's other end: takes segments from the decoding process, writes files.

A full disk ends the recording and nothing else.
"""

import errno
import json
import logging
import os
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from model.video.live.messages import LATEST_S
from model.video.live.settings import SegmentSink

MAX_SEGMENT_BYTES = 256 << 20
_END_S = 10.0
_log = logging.getLogger(__name__)


class Recording:
    """All segments of one stream, over however many connections.

    Attributes:
        count: segments that the sink has taken.
        is_over: recording has ended early, and the sink was told.
    """

    def __init__(self, sink: SegmentSink, folder: Path | None = None) -> None:
        """Begin.

        Args:
            sink: takes the segments.
            folder: where files are written; None is the system's for scratch.
        """
        self.count = 0
        self.is_over = False
        self._sink = sink
        self._folder = folder
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def open(self) -> int:
        """Return a descriptor that the next decoding process writes to."""
        near, far = os.pipe()
        self._thread = threading.Thread(
            target=self._read,
            args=(near, self._thread),
            name="live-recording",
            daemon=True,
        )
        self._thread.start()
        return far

    def drain(self, within_s: float) -> None:
        """Wait until the decoding process has closed its end, or for so long."""
        if self._thread is not None:
            self._thread.join(within_s)

    def close(self) -> None:
        """Wait for what is on its way; a disk that hangs is not waited for long."""
        if self._thread is not None:
            self._thread.join(_END_S)
            if self._thread.is_alive():
                self.fail("The disk does not answer; the last segments are missing.")

    def fail(self, why: str) -> None:
        """End the recording and tell the sink, once."""
        with self._lock:
            if self.is_over:
                return
            self.is_over = True
        self._sink.failed(why)

    def _read(self, descriptor: int, before: threading.Thread | None) -> None:
        with os.fdopen(descriptor, "rb") as pipe:  # Closing it ends the child's part.
            if before is not None:  # A slow storage still takes what that has read.
                before.join()
            try:
                while not self.is_over and (line := pipe.readline(4096)):
                    self._take(json.loads(line), pipe)
            except OSError as exc:
                self.fail(_why(exc))
            except (KeyError, TypeError, ValueError) as exc:
                self.fail("The decoding process sent an invalid segment.")
                _log.warning("invalid segment: %s", exc)
            except Exception as exc:  # noqa: BLE001 - the sink is the caller's.
                self.fail(f"The recording failed: {exc}.")
                _log.exception("a segment was not taken")

    def _take(self, head: dict[str, Any], pipe: IO[bytes]) -> None:
        size, start_s = int(head["bytes"]), float(head["start_s"])
        duration_s = float(head["duration_s"])
        is_in_stream = start_s >= 0 and duration_s >= 0
        is_in_stream = is_in_stream and start_s + duration_s < LATEST_S
        if not (0 < size <= MAX_SEGMENT_BYTES and is_in_stream):
            raise ValueError(f"a segment of {size} bytes at {start_s} s")
        data = pipe.read(size)
        if len(data) < size:
            return  # The process was ended in the middle of it.
        path = self._write(data)
        self._sink.segment(
            self.count, path, start_s, duration_s, bool(head["is_after_gap"])
        )
        self.count += 1

    def _write(self, data: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(
            prefix="live-", suffix=".mp4", dir=self._folder
        )
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path


def _why(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            "The disk is full: recording has stopped, spotting goes on. Free some "
            "room before the next stream."
        )
    return f"The recording cannot be written: {error.strerror or error}."
