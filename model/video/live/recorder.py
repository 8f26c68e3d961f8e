"""Records a live stream by copying its packets, in a thread that holds nothing up.

What cannot be written in time is left out, and told: spotting never waits for it.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from av.video.frame import VideoFrame

from model.video.live.fragments import TICKS, Piece
from model.video.live.segment_writer import SegmentWriter

_MAX_ITEMS = 2048
_MAX_FRAMES = 16
_END_S = 5.0


@dataclass(slots=True)
class Recorder:
    """Takes packets and pictures from the decoding thread.

    Attributes:
        writer: makes segments of them, in a thread of its own.
        told: called once if recording ends early, with the reason.
    """

    writer: SegmentWriter
    told: Callable[[str], None]
    _items: "queue.Queue[Any]" = field(default_factory=lambda: queue.Queue(_MAX_ITEMS))
    _frames: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(_MAX_FRAMES)
    )
    _is_over: bool = False
    _has_lost: bool = False
    _read_dts: int | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def packet(self, packet: Any) -> None:
        """Take a packet that was read; it is copied."""
        is_video = packet.stream.index == self.writer.video.index
        if packet.pts is None or (is_video and self.writer.encodes):
            return
        if is_video and packet.has_sidedata("new_extradata"):
            self._put(("head", bytes(packet.get_sidedata("new_extradata"))))
        ticks = TICKS * packet.time_base
        context = self.writer.video.codec_context
        size = context.width, context.height
        pts = round(packet.pts * ticks)
        dts = None if packet.dts is None else round(packet.dts * ticks)
        if dts is None and is_video and self._read_dts is not None:
            # Matroska does not tell it; any that goes forward will do.
            dts = max(self._read_dts + 1, pts - TICKS // 2)
        if is_video:
            self._read_dts = pts if dts is None else dts
        piece = Piece(
            bytes(packet),
            pts=pts,
            dts=pts if dts is None else dts,
            duration=round((packet.duration or 0) * ticks),
            is_key=packet.is_keyframe,
        )
        self._put(("picture", (piece, size)) if is_video else ("sound", piece))

    def frame(self, frame: VideoFrame, time_s: float) -> None:
        """Take a decoded picture and its time in the stream."""
        if not self.writer.encodes or not self._frames.acquire(blocking=False):
            return
        if not self._put(("frame", (frame, round(time_s * TICKS)))):
            self._frames.release()

    def offset(self, offset_s: float, raw_s: float | None) -> None:
        """Learn what is added to packets' times, from a picture of the PTS `raw_s`."""
        pts = None if raw_s is None else round(raw_s * TICKS)
        self._put(("offset", (round(offset_s * TICKS), pts)))

    def close(self) -> None:
        """Write what is there; wait a few seconds at the most."""
        if self._thread is None or self._is_over:
            return
        deadline = monotonic() + _END_S
        ends = [("lost", None)] if self._has_lost else []
        with suppress(queue.Full):
            for item in (*ends, ("end", None)):  # There may be room only later.
                self._items.put(item, timeout=max(0.0, deadline - monotonic()))
        self._thread.join(max(0.0, deadline - monotonic()))

    def _put(self, item: tuple[str, Any]) -> bool:
        if self._is_over:
            return False
        try:
            if self._has_lost:
                self._items.put_nowait(("lost", None))
                self._has_lost = False
            self._items.put_nowait(item)
        except queue.Full:
            self._has_lost = True
            return False
        return True

    def _run(self) -> None:
        try:
            while True:
                kind, value = self._items.get()
                if kind == "end":
                    self.writer.finish()
                    return
                if kind == "frame":
                    self._frames.release()
                self.writer.take(kind, value)
        except BrokenPipeError:
            self._is_over = True  # The other side records no more, and knows why.
        except (OSError, ValueError) as exc:  # FFmpeg's errors are among them.
            self._is_over = True
            self.told(f"The recording failed: {exc}.")
