"""An opened video file: its stream, its clock, and its frames in order of time.

How a file is opened: `opening`; which picture is a step: `decode`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.errors import UnreadableVideo, UnsupportedMedia
from model.video.clock import Clock, Timed, own_start_of, start_of
from model.video.decoding_times import DecodingTimes
from model.video.input_file import InputFile
from model.video.limits import CODECS, DECODER_SLACK, MediaLimits
from model.video.opening import find_video, open_container
from model.video.pictures import Pictures

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
        corrupt_packets: those that miss something, as the container shows.
        frames: decoded.
        corrupt_frames: those of them that the decoder calls corrupt.
        wrong_times: those whose PTS disagree with their neighbours'.
        restarts: times the file's clock began again.
        end_s: when the last frame begins, in seconds.
        until_s: when the last frame ends, as far as that can be known.
        hardware: the device that decoded; empty is software.
        refused_hardware: the device that was asked for and cannot be had.
    """

    packets: int = 0
    damaged_packets: int = 0
    corrupt_packets: int = 0
    frames: int = 0
    corrupt_frames: int = 0
    wrong_times: int = 0
    restarts: int = 0
    end_s: float = 0.0
    until_s: float = 0.0
    hardware: str = ""
    refused_hardware: str = ""


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
        key frame is missing are left out. No other frame is: where PTS are missing
        or wrong it is given a time between its neighbours' (see `Clock`).

        Raises:
            UnreadableVideo: not one frame could be decoded, or most are corrupt.
            VideoLimitExceeded: more frames, pixels or seconds than are allowed.
        """
        clock = self.clock()
        for picture, pts in self._pictures():
            if self.tally.frames == 0 and not self._can_begin_with(picture):
                continue
            self.limits.check_size(picture.width, picture.height)
            self.tally.frames += 1
            self.tally.corrupt_frames += picture.is_corrupt
            for timed in clock.push(picture, pts, picture.dts):
                yield self._checked(timed, clock)
        for timed in clock.close():
            yield self._checked(timed, clock)
        self._refuse_ruins()

    def clock(self) -> Clock[Any]:
        """Return a new clock for this stream."""
        rate = self.stream.average_rate
        return Clock(
            self.time_base,
            self.start_s,
            frame_s=1 / rate if rate else 0,
            is_ts="mpegts" in self.container.format.name,
            is_own_start=self.start_s == own_start_of(self.stream),
        )

    def _checked(self, timed: Timed[VideoFrame], clock: Clock[Any]) -> SourceFrame:
        tally, end_s = self.tally, float(timed.time_s)
        tally.wrong_times, tally.restarts = clock.outliers, clock.restarts
        tally.end_s, tally.until_s = end_s, float(timed.time_s + clock.gap_s)
        self.limits.check_frames(timed.index + 1, within_s=end_s)
        self.limits.check_duration(end_s)
        return SourceFrame(timed.index, timed.pts, timed.time_s, timed.item)

    def _refuse_ruins(self) -> None:
        tally = self.tally
        if tally.frames == 0:
            raise UnreadableVideo(
                "Not one frame of the video could be decoded. The file is damaged or "
                "cut off: play it to check, then upload it again."
            )
        bad = tally.corrupt_frames + tally.damaged_packets
        if 2 * bad > tally.frames + tally.damaged_packets:
            raise UnreadableVideo(
                f"Most of the video is corrupt ({bad} of {tally.packets} frames): it "
                "is damaged or encrypted. Play it to check, then upload it again."
            )

    def _can_begin_with(self, picture: VideoFrame) -> bool:
        # H.264 and its heirs may begin without a key frame (gradual refresh) and
        # flag what is not whole yet; these older ones show grey and do not say so.
        if self.stream.codec_context.codec.canonical_name in _GREY_BEFORE_KEY:
            return picture.key_frame
        return picture.key_frame or not picture.is_corrupt

    def _pictures(self) -> Iterator[tuple[VideoFrame, int | None]]:
        times = DecodingTimes() if self.has_decoding_times_only else None
        decoder = Pictures(self.stream, self.limits)
        for packet in self.packets():
            if packet is not None:
                self.check(packet)
                if times is not None:
                    times.enter(packet)
            refused = decoder.refused
            for picture in (
                decoder.flush() if packet is None else decoder.decode(packet)
            ):
                yield picture, times.leave(picture) if times else _time_of(picture)
            for _ in range(decoder.refused - refused):
                self.tally.damaged_packets += 1
                if times is not None:
                    times.lose()

    def check(self, packet: "Packet[VideoStream]") -> None:
        """Refuse encrypted packets; note those that the demuxer calls corrupt."""
        if packet.has_sidedata("encryption_info"):
            raise UnsupportedMedia(
                "The video is encrypted, so it cannot be decoded. Upload a copy "
                "without copy protection (DRM)."
            )
        if packet.is_corrupt:
            # A lost TS packet, or a counter that a muxer never moved. The decoder
            # would call the frame corrupt even if it is whole.
            self.tally.corrupt_packets += 1
            packet.is_corrupt = False

    @property
    def has_decoding_times_only(self) -> bool:
        """Whether the file does not say when frames are shown."""
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
                break
            except av.error.FFmpegError:
                break  # The rest of the file is gone; flush what was decoded.
            except IndexError:
                break  # PyAV's end of a file that has got more streams meanwhile.
            if packet.size == 0 and packet.dts is None:
                continue  # PyAV's own end mark.
            self.tally.packets += 1
            yield packet
        yield None


@contextmanager
def open_video(
    file: InputFile,
    *,
    limits: MediaLimits,
    tally: Tally | None = None,
    device: str | None = None,
) -> Iterator[VideoSource]:
    """Read a file as video, with only the formats and codecs that are accepted.

    Args:
        file: read by nobody else meanwhile.
        limits: what is allowed.
        tally: is kept up to date while frames are decoded.
        device: that decodes, as `hardware.find_device` found it; None is software.

    Raises:
        UnreadableVideo: empty, damaged, or no video at all.
        UnsupportedMedia: a playlist or script, or a codec that is not supported.
        NoVideoStream: sound only, or nothing but cover art.
        VideoLimitExceeded: the header already says that it is too much.
    """
    with open_container(file, device=device) as container:
        limits.check_streams(len(container.streams))
        stream = find_video(container)
        limits.check_size(stream.width, stream.height)
        stream.thread_type = "AUTO"
        stream.codec_context.options = {
            "codec_whitelist": CODECS,
            "max_pixels": str(limits.max_pixels * DECODER_SLACK),
        }
        tally = tally or Tally()
        if device is not None and stream.codec_context.is_hwaccel:
            tally.hardware = device
        yield VideoSource(
            container=container,
            stream=stream,
            time_base=stream.time_base or Fraction(1, av.time_base),
            start_s=start_of(container, stream),
            limits=limits,
            tally=tally,
        )


def _time_of(picture: VideoFrame) -> int | None:
    return picture.pts if picture.pts is not None else picture.dts
