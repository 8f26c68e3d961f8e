"""Records a live stream by copying its packets, in a thread that holds nothing up.

What cannot be written in time is left out, and told: spotting never waits for it.
"""

import json
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import av.error
from av.video.frame import VideoFrame

from model.video.live.fragments import (
    TICKS,
    Fragments,
    Piece,
    Track,
    can_copy,
    parameter_sets,
    sound_head,
    without_adts,
)
from model.video.proxy_picture import ProxyPicture

_MAX_ITEMS = 2048
_MAX_FRAMES = 16
_MAX_PENDING = 4096
_LONE = TICKS
_MAX_SEGMENT_BYTES = 64 << 20
_LONGEST = 10
_FASTEST = TICKS // 35
_END_S = 5.0


@dataclass(slots=True)
class _Segment:
    """One that is being written; times in ticks of the stream."""

    fragments: Fragments
    start: int
    is_after_gap: bool
    size: tuple[int, int]
    end: int = 0


@dataclass(slots=True)
class Recorder:
    """Takes packets and pictures from the decoding thread; writes segments to a pipe.

    Attributes:
        descriptor: of the pipe. A segment is a line of JSON and so many bytes.
        video, sound: streams that are recorded.
        segment_s: least length, in seconds.
        is_after_gap: of the first segment.
        told: called once if recording ends early, with the reason.
    """

    descriptor: int
    video: Any
    sound: Any
    segment_s: float
    is_after_gap: bool
    told: Callable[[str], None]
    _items: "queue.Queue[Any]" = field(default_factory=lambda: queue.Queue(_MAX_ITEMS))
    _frames: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(_MAX_FRAMES)
    )
    _is_over: bool = False
    _has_lost: bool = False
    _offset: int | None = None
    _pending: list[tuple[bool, Piece]] = field(default_factory=list)
    _segment: _Segment | None = None
    _expected: int | None = None
    _read_dts: int | None = None
    _last_dts: int | None = None
    _last_frame: int = -TICKS
    _head: bytes = b""
    _sound_head: bytes = b""
    _picture: ProxyPicture | None = None
    _size: tuple[int, int] = (0, 0)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._size = self.video.width, self.video.height
        if self.sound is not None:
            self._sound_head = sound_head(self.sound)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def encodes(self) -> bool:
        """Whether pictures are encoded anew."""
        return not can_copy(self.video)

    def packet(self, packet: Any) -> None:
        """Take a packet that was read; it is copied."""
        is_video = packet.stream.index == self.video.index
        if packet.pts is None or (is_video and self.encodes):
            return
        if is_video and packet.has_sidedata("new_extradata"):
            self._put(("head", bytes(packet.get_sidedata("new_extradata"))))
        ticks = TICKS * packet.time_base
        context = self.video.codec_context
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
        if self.encodes and self._frames.acquire(blocking=False):
            self._put(("frame", (frame, round(time_s * TICKS))))

    def offset(self, offset_s: float) -> None:
        """Learn what is added to packets' times."""
        self._put(("offset", round(offset_s * TICKS)))

    def close(self) -> None:
        """Write what is there; wait a few seconds at the most."""
        self._put(("end", None))
        if self._thread is not None:
            self._thread.join(_END_S)

    def _put(self, item: tuple[str, Any]) -> None:
        if self._is_over:
            return
        try:
            if self._has_lost:
                self._items.put_nowait(("lost", None))
                self._has_lost = False
            self._items.put_nowait(item)
        except queue.Full:
            self._has_lost = True

    def _run(self) -> None:
        try:
            while True:
                kind, value = self._items.get()
                if kind == "end":
                    self._finish()
                    return
                self._take(kind, value)
        except BrokenPipeError:
            self._is_over = True  # The other side records no more, and knows why.
        except (OSError, ValueError, av.error.FFmpegError) as exc:
            self._is_over = True
            self.told(f"The recording failed: {exc}.")

    def _take(self, kind: str, value: Any) -> None:
        match kind:
            case "head":
                self._head = value
                self._break()
            case "offset":
                self._offset = value
                self._flush()
            case "lost":
                self._break()
            case "frame":
                self._encode(*value)
            case "picture":
                piece, self._size = value
                self._piece(True, piece)
            case "sound":
                self._piece(False, value)

    def _piece(self, is_picture: bool, piece: Piece) -> None:
        if is_picture:
            step = piece.dts - (piece.dts if self._last_dts is None else self._last_dts)
            self._last_dts = piece.dts
            if not -_LONE < step <= _LONE:
                self._break()
                self._offset = None  # Until it is known what the jump means.
        if self._offset is None:
            self._pending.append((is_picture, piece))
            if len(self._pending) > _MAX_PENDING:
                self._pending.clear()
            return
        self._place(is_picture, piece)

    def _place(self, is_picture: bool, piece: Piece) -> None:
        offset = self._offset or 0
        moved = replace(piece, pts=piece.pts + offset, dts=piece.dts + offset)
        (self._write_picture if is_picture else self._write_sound)(moved)

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        for is_picture, piece in pending:
            self._place(is_picture, piece)

    def _write_picture(self, piece: Piece) -> None:
        if piece.is_key:
            self._head = parameter_sets(piece.data, self.video) or self._head
        lasts = 0 if self._segment is None else piece.pts - self._segment.start
        is_other = self._segment is not None and self._segment.size != self._size
        is_due = piece.is_key and (lasts >= self.segment_s * TICKS or is_other)
        is_too_long = lasts > _LONGEST * self.segment_s * TICKS
        if self._segment is not None and (is_due or is_too_long or self._is_too_large):
            self._finish(until=piece.pts)
        if self._segment is None:
            if not (piece.is_key or is_too_long):
                return
            self._begin(max(0, piece.pts))
        if self._segment is not None:
            self._segment.fragments.picture(piece)
            self._segment.end = max(self._segment.end, piece.pts + piece.duration)

    def _write_sound(self, piece: Piece) -> None:
        bare = without_adts(piece.data)
        if bare is not None:
            self._sound_head, data = bare
            piece = replace(piece, data=data)
        if self._segment is not None and piece.pts >= 0:
            self._segment.fragments.sound(piece)

    def _encode(self, frame: VideoFrame, at: int) -> None:
        self._frames.release()
        if at - self._last_frame < _FASTEST:
            return
        if at - self._last_frame > _LONE:
            self._break()
        self._last_frame = at
        size = frame.width, frame.height
        if self._picture is None or size != self._size:
            self._break()
            self._size = size
            self._picture = ProxyPicture(frame, self.video)
        if self._segment and at - self._segment.start >= self.segment_s * TICKS:
            self._finish(until=at)
        if self._segment is None:
            self._begin(at)
        if self._segment is not None:
            picture = self._picture.convert(frame)
            self._segment.fragments.frame(picture, pts=at)
            self._segment.end = at + round(TICKS / 25)

    @property
    def _is_too_large(self) -> bool:
        segment = self._segment
        return segment is not None and segment.fragments.size_bytes > _MAX_SEGMENT_BYTES

    def _begin(self, start: int) -> None:
        width, height = self._size
        if self._picture is not None:
            width, height = self._picture.width, self._picture.height
        sound = None if self.sound is None else Track(self.sound, self._sound_head)
        fragments = Fragments(
            Track(self.video, self._head, width, height), sound, encode=self.encodes
        )
        is_first = self._expected is None
        is_after_gap = self.is_after_gap if is_first else self._expected != start
        self._segment = _Segment(fragments, start, is_after_gap, self._size, end=start)

    def _break(self) -> None:
        """End the segment where the stream does not go on."""
        if self._segment is not None:
            self._finish()
            self._expected = -1

    def _finish(self, *, until: int | None = None) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        data = segment.fragments.finish(encode=self.encodes)
        end = segment.end if until is None else until
        self._expected = end
        head = {
            "start_s": segment.start / TICKS,
            "duration_s": (end - segment.start) / TICKS,
            "is_after_gap": segment.is_after_gap,
            "bytes": len(data),
        }
        _write_all(self.descriptor, json.dumps(head).encode() + b"\n" + data)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
