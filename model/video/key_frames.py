"""Key frames of a video, found by seeking: a match of hours costs seconds.

Nothing else is decoded.
"""

from dataclasses import dataclass
from fractions import Fraction

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.video.source import VideoSource

_MAX_PACKETS = 5000
"""Read while looking for one key frame; more than any encoder puts between two."""


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A decoded key frame and its time in seconds from the file's start."""

    time_s: float
    picture: VideoFrame


class KeyFrames:
    """Finds key frames of a source that is used for nothing else."""

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        context = source.stream.codec_context
        context.thread_type = "SLICE"  # Frame threads only delay a single picture.
        context.skip_frame = "NONKEY"

    def near(self, time_s: float) -> KeyFrame | None:
        """Return the key frame at or before a time, else one soon after it.

        Returns:
            None where the file is damaged, cut off or has no key frame.

        Raises:
            VideoLimitExceeded: it has more pixels than are allowed.
        """
        source = self._source
        wanted = round((source.start_s + _exact(time_s)) / source.time_base)
        try:
            source.container.seek(wanted, stream=source.stream)
        except av.error.FFmpegError:
            return None
        for count, packet in enumerate(source.packets()):
            if packet is None or count >= _MAX_PACKETS:
                return None
            if packet.is_keyframe and (found := self._decoded(packet)) is not None:
                return found
        return None

    def _decoded(self, packet: "Packet[VideoStream]") -> KeyFrame | None:
        source = self._source
        at = packet.pts if packet.pts is not None else packet.dts
        picture = self._picture_of(packet)
        if picture is None or picture.is_corrupt or at is None:
            return None
        source.limits.check_size(picture.width, picture.height)
        source.tally.frames += 1
        time_s = float(at * source.time_base - source.start_s)
        return KeyFrame(max(0.0, time_s), picture)

    def _picture_of(self, packet: "Packet[VideoStream]") -> VideoFrame | None:
        """Decode one packet by itself: the decoder is drained and flushed."""
        stream = self._source.stream
        try:
            pictures = [*stream.decode(packet), *stream.decode(None)]
        except av.error.FFmpegError as exc:
            if isinstance(exc, MemoryError):
                raise
            context = stream.codec_context
            self._source.limits.check_size(context.width, context.height)
            self._source.tally.damaged_packets += 1
            pictures = []
        stream.codec_context.flush_buffers()
        return pictures[0] if pictures else None


def _exact(time_s: float) -> Fraction:
    return Fraction(time_s).limit_denominator(1_000_000)
