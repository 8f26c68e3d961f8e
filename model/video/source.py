"""An opened video file: its stream, its clock, and its frames in order of time.

Everything FFmpeg is told or answers passes here; errors leave as our own.
"""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import cast

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.errors import NoVideoStream, UnreadableVideo, UnsupportedMedia
from model.video.limits import (
    CODECS,
    DECODER_SLACK,
    FORMATS,
    PROTOCOLS,
    MediaLimits,
)

JUMP_BACK_S = 1
"""A clock that falls back this far was restarted: two recordings joined in one."""

_RATE_PACKETS = 500
_GREY_BEFORE_KEY = ("mpeg4", "h263", "msmpeg4v3", "wmv2", "mpeg1video", "mpeg2video")
_SCRIPT_HEADS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"[playlist]", b"file ")


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A decoded frame and where it stands.

    Attributes:
        frame: index in the source, 0-based, in order of time.
        pts: as the file says, in units of the stream's time base.
        time_s: exact PTS minus the file's start time, in seconds.
        picture: the decoder's own frame, in whatever pixel format it has.
    """

    frame: int
    pts: int
    time_s: Fraction
    picture: VideoFrame


@dataclass(slots=True)
class Tally:
    """What has come out of a file so far; at the end, what was in it.

    Attributes:
        packets: read from the video stream, damaged ones too.
        damaged_packets: those that the decoder refused.
        frames: decoded.
        end_s: when the last frame begins, in seconds.
    """

    packets: int = 0
    damaged_packets: int = 0
    frames: int = 0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class VideoSource:
    """An open file and the stream in it that is the video."""

    container: InputContainer
    stream: VideoStream
    time_base: Fraction
    start_s: Fraction
    limits: MediaLimits
    tally: Tally

    def frames(self) -> Iterator[SourceFrame]:
        """Decode frame by frame, in order of time.

        Damaged packets are stepped over. Frames that cannot be shown since their
        key frame is missing are left out. A frame without a time of its own is given
        its decoding time. A clock that falls back by a second or more goes on from
        where it was; frames that go back by less are left out.

        Raises:
            UnreadableVideo: not one frame could be decoded.
            VideoLimitExceeded: more frames, pixels or seconds than are let in.
        """
        clock, tally = _Clock(self.time_base, self.start_s), self.tally
        for picture, pts in self._pictures():
            if tally.frames == 0 and not self._can_begin_with(picture):
                continue
            tally.frames += 1
            self.limits.check_size(picture.width, picture.height)
            time_s = clock.read(pts)
            self.limits.check_frames(
                tally.frames, within_s=float(time_s or tally.end_s)
            )
            if time_s is not None:
                tally.end_s = float(time_s)
                self.limits.check_duration(tally.end_s)
                yield SourceFrame(tally.frames - 1, clock.pts, time_s, picture)
        if tally.frames == 0:
            raise UnreadableVideo(
                "Not one frame of the video could be decoded. The file is damaged or "
                "cut off: play it to check, then upload it again."
            )

    def scan_duration(self) -> float:
        """Return the end of the last packet in seconds, by reading the file through.

        For recordings whose header was never completed. Nothing is decoded.
        """
        end_s = Fraction(0)
        for packet in self._packets_again():
            if packet.pts is not None:
                until = packet.pts + (packet.duration or 0)
                end_s = max(end_s, until * self.time_base - self.start_s)
        return float(end_s)

    def measure_rate(self) -> float:
        """Return frames a second over the first packets; 0 if there is but one.

        For headers whose rate is that of their clock. Nothing is decoded.
        """
        packets = islice(self._packets_again(), _RATE_PACKETS)
        times = [packet.dts for packet in packets if packet.dts is not None]
        if len(times) < 2 or times[-1] <= times[0]:
            return 0.0
        return float((len(times) - 1) / ((times[-1] - times[0]) * self.time_base))

    def _packets_again(self) -> "Iterator[Packet[VideoStream]]":
        self.container.seek(0)
        return (packet for packet in self._packets() if packet is not None)

    def _can_begin_with(self, picture: VideoFrame) -> bool:
        # H.264 and its heirs may begin without a key frame (gradual refresh) and
        # flag what is not whole yet; these older ones show grey and do not say so.
        if self.stream.codec_context.codec.canonical_name in _GREY_BEFORE_KEY:
            return picture.key_frame
        return picture.key_frame or not picture.is_corrupt

    def _pictures(self) -> Iterator[tuple[VideoFrame, int | None]]:
        # AVI knows decoding times only. Frames leave the decoder in order of
        # time, so the next to leave takes the earliest time still waiting.
        waiting: list[int] | None = [] if self.container.format.name == "avi" else None
        for packet in self._packets():
            if waiting is not None and packet is not None and packet.dts is not None:
                heapq.heappush(waiting, packet.dts)
            try:
                pictures = self.stream.decode(packet)
            except av.error.FFmpegError as exc:
                context = self.stream.codec_context
                self.limits.check_size(context.width, context.height)
                if isinstance(exc, MemoryError):
                    raise
                self.tally.damaged_packets += 1
                if waiting:
                    heapq.heappop(waiting)
                continue
            for picture in pictures:
                if waiting is None:
                    yield picture, _time_of(picture)
                else:
                    yield picture, heapq.heappop(waiting) if waiting else None

    def _packets(self) -> "Iterator[Packet[VideoStream] | None]":
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                break  # The rest of the file is gone; flush what was decoded.
            self.tally.packets += 1
            yield packet
        yield None


@contextmanager
def open_video(
    path: Path, *, limits: MediaLimits, tally: Tally | None = None
) -> Iterator[VideoSource]:
    """Open a file as video, with only the formats and codecs that are let in.

    Args:
        path: of the file.
        limits: what is let in.
        tally: is kept up to date while frames are decoded.

    Raises:
        UnreadableVideo: not there, empty, damaged, or no video at all.
        UnsupportedMedia: a playlist or script, or a codec that is not let in.
        NoVideoStream: sound only, or nothing but cover art.
        VideoLimitExceeded: the header already says that it is too much.
    """
    _refuse_scripts(path)
    with _open_container(path) as container:
        limits.check_streams(len(container.streams))
        stream = _find_video(container)
        limits.check_size(stream.width, stream.height)
        stream.thread_type = "AUTO"
        stream.codec_context.options = {
            "codec_whitelist": CODECS,
            "max_pixels": str(limits.max_pixels * DECODER_SLACK),
        }
        yield VideoSource(
            container=container,
            stream=stream,
            time_base=stream.time_base or Fraction(1, av.time_base),
            start_s=_start_of(container, stream),
            limits=limits,
            tally=tally or Tally(),
        )


def _refuse_scripts(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as exc:
        raise UnreadableVideo(f"The file cannot be opened: {exc.strerror}.") from exc
    if not head:
        raise UnreadableVideo("The file is empty (0 bytes). Upload it again.")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_SCRIPT_HEADS):
        raise UnsupportedMedia(
            "The file is a playlist or script that names other files, not a video. "
            "Upload the video itself."
        )


def _open_container(path: Path) -> InputContainer:
    options = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": PROTOCOLS,
        "codec_whitelist": CODECS,
    }
    try:
        return av.open(
            f"file:{path.absolute()}", "r", options=options, metadata_errors="replace"
        )
    except (av.error.FFmpegError, ValueError) as exc:
        raise UnreadableVideo(_why_unreadable(path)) from exc


def _why_unreadable(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return (
            "The MP4 file has no index (moov box): it was cut off or is still being "
            "written. Upload the complete file."
        )
    return (
        "The file is not a video that can be read. MP4, MOV, MKV, WebM, MPEG-TS and "
        "AVI are let in; it may also be damaged or cut off."
    )


def _find_video(container: InputContainer) -> VideoStream:
    art = Disposition.attached_pic | Disposition.timed_thumbnails
    videos = [s for s in container.streams.video if not s.disposition & art]
    if not videos:
        held = sorted({stream.type for stream in container.streams})
        raise NoVideoStream(
            f"The file holds no moving picture (only: {', '.join(held) or 'nothing'}). "
            "Upload a file with a video stream."
        )
    stream = max(videos, key=lambda s: (s.disposition & Disposition.default, -s.index))
    name = stream.codec_context.name if stream.codec_context else "unknown"
    if name not in CODECS.split(","):
        raise UnsupportedMedia(
            f"The video's codec ({name}) is not let in. Convert it to H.264."
        )
    return stream


def _start_of(container: InputContainer, stream: VideoStream) -> Fraction:
    """Return the file's start time: what a player calls zero."""
    own = None
    if stream.start_time is not None and stream.time_base is not None:
        own = stream.start_time * stream.time_base
    stated = cast("int | None", container.start_time)
    if stated is None:
        return own or Fraction(0)
    start = Fraction(stated, av.time_base)
    # The container's start is rounded to a microsecond; the stream's is exact.
    if own is not None and abs(own - start) <= Fraction(1, av.time_base):
        return own
    return start


def _time_of(picture: VideoFrame) -> int | None:
    return picture.pts if picture.pts is not None else picture.dts


class _Clock:
    """Reads each frame's time, and mends clocks that are missing or restarted."""

    def __init__(self, time_base: Fraction, start_s: Fraction) -> None:
        self.pts = 0
        self._time_base = time_base
        self._offset_s = -start_s
        self._last_s: Fraction | None = None
        self._gap_s = Fraction(0)

    def read(self, pts: int | None) -> Fraction | None:
        """Return a frame's time in seconds; None if it does not go forward."""
        if pts is None:
            return self._follow()
        time_s = pts * self._time_base + self._offset_s
        if self._last_s is not None and time_s <= self._last_s:
            if self._last_s - time_s < JUMP_BACK_S:
                return None
            restarted_s = self._last_s + self._gap_s
            self._offset_s += restarted_s - time_s
            time_s = restarted_s
        if self._last_s is not None:
            self._gap_s = time_s - self._last_s
        self.pts, self._last_s = pts, time_s
        return time_s

    def _follow(self) -> Fraction | None:
        if self._last_s is None:
            self._last_s = Fraction(0)
            return self._last_s
        if not self._gap_s:
            return None
        self._last_s += self._gap_s
        self.pts += round(self._gap_s / self._time_base)
        return self._last_s
