"""Turns packets and pictures of a live stream into segments, one behind the other."""

import json
import os
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

_MAX_PENDING = 4096
_LONE = TICKS
_SAME = TICKS // 50
_FAR = 5 * TICKS
_MAX_SEGMENT_BYTES = 64 << 20
_LONGEST = 10
_FASTEST = TICKS // 35
_MAX_FAILURES = 20


@dataclass(slots=True)
class _Segment:
    """One that is being written; times in ticks of the stream."""

    fragments: Fragments
    start: int
    is_after_gap: bool
    size: tuple[int, int]
    end: int = 0


@dataclass(slots=True)
class SegmentWriter:
    """Writes segments to a pipe: a line of JSON each, and so many bytes.

    Attributes:
        descriptor: of the pipe.
        video, sound: streams that are recorded.
        segment_s: least length, in seconds.
        is_after_gap: of the first segment.
    """

    descriptor: int
    video: Any
    sound: Any
    segment_s: float
    is_after_gap: bool
    _offset: int | None = None
    _told: tuple[int, int | None] | None = None
    # What waits for its offset: a list for each run without a jump of the clock.
    _pending: list[list[tuple[bool, Piece]]] = field(default_factory=list)
    _segment: _Segment | None = None
    _expected: int | None = None
    _last_dts: int | None = None
    _last_frame: int = -TICKS
    _head: bytes = b""
    _sound_head: bytes = b""
    _picture: ProxyPicture | None = None
    _size: tuple[int, int] = (0, 0)
    _failures: int = 0

    def __post_init__(self) -> None:
        self._size = self.video.width, self.video.height
        if self.sound is not None:
            self._sound_head = sound_head(self.sound)

    @property
    def encodes(self) -> bool:
        """Whether pictures are encoded anew."""
        return not can_copy(self.video)

    def take(self, kind: str, value: Any) -> None:
        """Take what comes next; segments that cannot be written are left out.

        Args:
            kind: `picture` and its size, `sound`, `frame` and its time, `offset` of
                packets' times and the PTS of the picture that it was learned from,
                codec's `head`, or `lost`: something was left out.
            value: of that kind.

        Raises:
            OSError: the pipe takes no more, or nothing can be written any more.
        """
        try:
            self._take(kind, value)
        except av.error.FFmpegError:
            self._failures += 1
            self._segment, self._expected = None, -1
            if self._failures >= _MAX_FAILURES:
                raise

    def finish(self) -> None:
        """Write the segment that is under way."""
        self._finish()

    def _take(self, kind: str, value: Any) -> None:
        match kind:
            case "head":
                self._head = value
                self._break()
            case "offset":
                self._learn(*value)
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
                self._jump(piece)
        if self._offset is not None:
            self._place(is_picture, piece, self._offset)
            return
        if sum(map(len, self._pending)) >= _MAX_PENDING:
            self._pending.clear()
        if not self._pending:
            self._pending.append([])
        self._pending[-1].append((is_picture, piece))

    def _jump(self, piece: Piece) -> None:
        """Wait for what a jump means, unless its picture has been shown already."""
        self._break()
        offset, pts = self._told or (None, None)
        if pts is not None and abs(piece.pts - pts) <= _SAME:
            self._offset = offset
            self._pending.clear()
            return
        self._offset = None
        self._pending.append([])

    def _learn(self, offset: int, pts: int | None) -> None:
        """Take the offset at a picture, which may be of before the latest jump.

        Decoders that put pictures in order give some of before it afterwards.
        """
        self._told = offset, pts
        for number, run in enumerate(self._pending):
            if _is_in(run, pts):
                del self._pending[: number + 1]
                self._offset = None if self._pending else offset
                for is_picture, piece in run:
                    self._place(is_picture, piece, offset)
                return
        if not self._pending:
            self._offset = offset

    def _place(self, is_picture: bool, piece: Piece, offset: int) -> None:
        moved = replace(piece, pts=piece.pts + offset, dts=piece.dts + offset)
        (self._write_picture if is_picture else self._write_sound)(moved)

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
        if self._segment is None or piece.pts < 0:
            return
        if abs(piece.pts - self._segment.end) <= _FAR:  # Else of another clock.
            self._segment.fragments.sound(piece)

    def _encode(self, frame: VideoFrame, at: int) -> None:
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
        self._expected, self._failures = end, 0
        head = {
            "start_s": segment.start / TICKS,
            "duration_s": (end - segment.start) / TICKS,
            "is_after_gap": segment.is_after_gap,
            "bytes": len(data),
        }
        _write_all(self.descriptor, json.dumps(head).encode() + b"\n" + data)


def _is_in(run: list[tuple[bool, Piece]], pts: int | None) -> bool:
    """Whether a picture is of a run, or comes next in it."""
    times = [piece.pts for is_picture, piece in run if is_picture]
    if not times or pts is None:
        return not times
    return min(times) - _SAME <= pts <= max(times) + _LONE


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
