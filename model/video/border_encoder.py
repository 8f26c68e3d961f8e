"""Encodes the borders of a cut so that its inner pictures can be copied between them.

One H.264 stream, two encoders: each has parameter sets of its own, under numbers of
their own, and both are told in the file's head. A picture says to which it belongs.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, cast

import av
from av.codec.context import Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from model.video.h264 import (
    PLAIN,
    Framing,
    ParameterSets,
    UnsupportedStream,
    id_of,
    read_extradata,
    sets_among,
    with_lengths,
)

FORMATS = ("yuv420p", "yuvj420p")
_X264 = {"preset": "veryfast", "crf": "18", "bf": "0"}


class BorderEncoder:
    """Encodes stretches of frames, each from a key frame on, like those of a stream.

    Attributes:
        sets: its parameter sets.
    """

    def __init__(
        self, stream: VideoStream, source: ParameterSets, *, time_scale: int
    ) -> None:
        """Prepare for a stream.

        Args:
            stream: whose pictures are copied beside.
            source: its parameter sets.
            time_scale: units a second of the frames' times.

        Raises:
            UnsupportedStream: x264 cannot write such pictures.
        """
        self._stream, self._scale = stream, time_scale
        context = stream.codec_context
        profiles = source.profiles
        if context.pix_fmt not in FORMATS or not profiles <= set(PLAIN):
            raise UnsupportedStream("pictures of another kind")
        self._profile = PLAIN[max(profiles)]
        self._number = source.free_id()
        self._format, self._size = context.pix_fmt, (context.width, context.height)
        self.sets = self._sets_of(self._opened())
        if {id_of(one) for one in self.sets.sequence} != {self._number}:
            raise UnsupportedStream("x264 chose another number")

    def encode(
        self, frames: Iterable[tuple[VideoFrame, int]]
    ) -> Iterator[tuple[bytes, int, bool]]:
        """Encode frames in order of time.

        Args:
            frames: with the moment from which each is shown, in units.

        Yields:
            What a file holds of a frame, its moment, and whether it is a key frame.

        Raises:
            UnsupportedStream: a frame is not like those of the stream.
        """
        encoder = self._opened()
        if self._sets_of(encoder) != self.sets:
            raise UnsupportedStream("x264 chose other parameter sets")
        for frame, at in frames:
            self._check(frame)
            frame.pict_type = PictureType.NONE
            frame.pts, frame.time_base = at, Fraction(1, self._scale)
            yield from self._written(encoder.encode(frame))
        yield from self._written(encoder.encode(None))

    def _written(self, packets: "Iterable[Packet[VideoStream]]") -> Any:
        for packet in packets:
            units = Framing(0).units(bytes(packet))
            data = with_lengths(units, self.sets)
            yield data, packet.pts or 0, packet.is_keyframe

    def _check(self, frame: VideoFrame) -> None:
        is_alike = (frame.width, frame.height) == self._size
        if (
            not is_alike
            or frame.format.name != self._format
            or frame.interlaced_frame
            or frame.is_corrupt
        ):
            raise UnsupportedStream("pictures of another kind")

    def _opened(self) -> VideoCodecContext:
        like: Any = self._stream.codec_context
        encoder: Any = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height = self._size
        encoder.pix_fmt = self._format
        encoder.time_base = Fraction(1, self._scale)
        rate = self._stream.average_rate or Fraction(25)
        encoder.framerate = rate
        encoder.gop_size = max(1, round(rate))
        aspect = self._stream.sample_aspect_ratio
        if aspect:
            encoder.sample_aspect_ratio = aspect
        encoder.colorspace, encoder.color_range = like.colorspace, like.color_range
        encoder.color_trc = like.color_trc
        encoder.color_primaries = like.color_primaries
        encoder.flags |= Flags.global_header
        encoder.thread_count = 2
        encoder.options = {
            **_X264,
            "profile": self._profile,
            "x264-params": f"sps-id={self._number}",
        }
        encoder.open()
        return cast("VideoCodecContext", encoder)

    @staticmethod
    def _sets_of(encoder: VideoCodecContext) -> ParameterSets:
        framing, _ = read_extradata(encoder.extradata or b"")
        return sets_among(framing.units(encoder.extradata or b""))
