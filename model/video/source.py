"""An opened video file: its stream, its clock, and its frames in order of time.

How a file is opened: `opening`; which picture is a step: `decode`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.errors import UnreadableVideo
from model.video.clock import Clock, DecodingTimes, start_of
from model.video.input_file import InputFile
from model.video.limits import CODECS, DECODER_SLACK, MediaLimits
from model.video.opening import find_video, open_container

_RATE_PACKETS = 500
_QUICKTIME_TAGS = ("avc1", "hvc1", "hev1", "mp4v")  # In Matroska made of QuickTime.
_GREY_BEFORE_KEY = ("mpeg4", "h263", "msmpeg4v3", "wmv2", "mpeg1video", "mpeg2video")


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
            VideoLimitExceeded: more frames, pixels or seconds than are allowed.
        """
        rate, tally = self.stream.average_rate, self.tally
        clock = Clock(self.time_base, self.start_s, frame_s=1 / rate if rate else 0)
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
        return (packet for packet in self.packets() if packet is not None)

    def _can_begin_with(self, picture: VideoFrame) -> bool:
        # H.264 and its heirs may begin without a key frame (gradual refresh) and
        # flag what is not whole yet; these older ones show grey and do not say so.
        if self.stream.codec_context.codec.canonical_name in _GREY_BEFORE_KEY:
            return picture.key_frame
        return picture.key_frame or not picture.is_corrupt

    def _pictures(self) -> Iterator[tuple[VideoFrame, int | None]]:
        times = DecodingTimes() if self._has_decoding_times_only() else None
        for packet in self.packets():
            if times is not None and packet is not None:
                times.enter(packet)
            try:
                pictures = self.stream.decode(packet)
            except av.error.FFmpegError as exc:
                context = self.stream.codec_context
                self.limits.check_size(context.width, context.height)
                if isinstance(exc, MemoryError):
                    raise
                self.tally.damaged_packets += 1
                if times is not None:
                    times.lose()
                continue
            for picture in pictures:
                yield picture, times.leave(picture) if times else _time_of(picture)

    def _has_decoding_times_only(self) -> bool:
        # So it is in AVI, and in Matroska made of it, which keeps AVI's tag. FFmpeg
        # guesses at presentation times there, and wrongly for H.264 with B-frames.
        names = self.container.format.name.split(",")
        tag = self.stream.codec_context.codec_tag.strip("\0")
        is_made_of_avi = "matroska" in names and tag not in ("", *_QUICKTIME_TAGS)
        return "avi" in names or is_made_of_avi

    def packets(self) -> "Iterator[Packet[VideoStream] | None]":
        """Read packets from where the file stands; None, the last, ends the stream."""
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
    file: InputFile, *, limits: MediaLimits, tally: Tally | None = None
) -> Iterator[VideoSource]:
    """Read a file as video, with only the formats and codecs that are accepted.

    Args:
        file: read by nobody else meanwhile.
        limits: what is allowed.
        tally: is kept up to date while frames are decoded.

    Raises:
        UnreadableVideo: empty, damaged, or no video at all.
        UnsupportedMedia: a playlist or script, or a codec that is not supported.
        NoVideoStream: sound only, or nothing but cover art.
        VideoLimitExceeded: the header already says that it is too much.
    """
    with open_container(file) as container:
        limits.check_streams(len(container.streams))
        stream = find_video(container)
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
            start_s=start_of(container, stream),
            limits=limits,
            tally=tally or Tally(),
        )


def _time_of(picture: VideoFrame) -> int | None:
    return picture.pts if picture.pts is not None else picture.dts
