"""Writes a proxy: H.264 and AAC in MP4, each frame at the very time it is given."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from math import lcm
from typing import IO

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.video.proxy_sound import RATE

NO_OPTIONS: Mapping[str, str] = {}
_COARSEST, _FINEST = 1000, 1_000_000
_MAX_THREADS = 8  # each of the encoder's holds pictures of its own
_BUFFER_BYTES = 1 << 20
_X264 = {
    "preset": "veryfast",
    "crf": "23",
    "maxrate": "6M",
    "bufsize": "12M",
    # Without B-frames decoding times are those of display, and no edit is needed.
    "bf": "0",
}
AUDIO_BIT_RATE = 128_000

CLEARER: Mapping[str, str] = {"crf": "20", "maxrate": "10M", "bufsize": "20M"}
"""Options of the encoder for what is watched for itself, and up to 1920 wide."""


class ProxyWriter:
    """Encodes frames in order of time.

    Attributes:
        frames: written so far.
    """

    def __init__(
        self,
        container: OutputContainer,
        *,
        time_scale: int,
        has_sound: bool,
        options: Mapping[str, str],
    ) -> None:
        self.frames = 0
        self._container = container
        self._scale = time_scale
        self._picture: VideoStream | None = None
        self._sound: AudioStream | None = None
        self._has_sound = has_sound
        self._options = options
        self._last = -1
        self._lengths: dict[int, int] = {}  # of frames that the encoder holds

    def begin(self, first: VideoFrame, *, fps: float) -> None:
        """Set up the streams for frames like the first one."""
        rate = Fraction(fps or 25).limit_denominator(1001)
        stream = self._container.add_stream("libx264", rate=rate)
        stream.width, stream.height = first.width, first.height
        context = stream.codec_context
        context.pix_fmt = first.format.name
        stream.time_base = context.time_base = Fraction(1, self._scale)
        context.options = {**_X264, **self._options}
        context.gop_size = max(1, round(fps or 25))  # a second: seeking is quick
        context.thread_count = min(_MAX_THREADS, os.cpu_count() or 1)
        context.colorspace = first.colorspace
        context.color_range = first.color_range
        context.color_trc = first.color_trc
        context.color_primaries = first.color_primaries
        self._picture = stream
        if self._has_sound:
            sound = self._container.add_stream("aac", rate=RATE, layout="stereo")
            sound.bit_rate = AUDIO_BIT_RATE
            self._sound = sound

    def write(self, frame: VideoFrame, *, time_s: Fraction, end_s: Fraction) -> None:
        """Encode a frame that is shown from `time_s` on, until `end_s`."""
        if self._picture is None:
            raise ValueError("begin first")
        at = max(round(time_s * self._scale), self._last + 1)
        frame.pts, frame.time_base = at, Fraction(1, self._scale)
        self._lengths[at] = max(1, round(end_s * self._scale) - at)
        self._last = at
        self.frames += 1
        self._mux(self._picture.encode(frame))

    def write_sound(self, frame: AudioFrame) -> None:
        """Encode a block of sound, which has its time."""
        if self._sound is not None:
            self._container.mux(self._sound.encode(frame))

    def finish(self) -> None:
        """Write what the encoders still hold."""
        if self._picture is not None:
            self._mux(self._picture.encode(None))
        if self._sound is not None:
            self._container.mux(self._sound.encode(None))

    def _mux(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        """Write pictures with their lengths: else the last one's would be guessed."""
        for packet in packets:
            packet.duration = self._lengths.pop(packet.pts or 0, None)
            self._container.mux(packet)


@contextmanager
def open_proxy(
    file: IO[bytes],
    *,
    time_scale: int,
    has_sound: bool,
    encoder: Mapping[str, str] = NO_OPTIONS,
    metadata: Mapping[str, str] = NO_OPTIONS,
) -> Iterator[ProxyWriter]:
    """Write an MP4 into an open file; it is complete when the block ends well.

    Args:
        file: open for writing, at its beginning.
        time_scale: units a second of the frames' times.
        has_sound: whether sound will be written.
        encoder: options of its own, instead of those of a proxy.
        metadata: what the file says of itself.

    Raises:
        OSError: the file cannot be written, as where the disk is full.
    """
    muxer = {
        "video_track_timescale": str(time_scale),
        # Else the time before the first frame is kept in milliseconds.
        "movie_timescale": str(time_scale),
    }
    with av.open(
        file, "w", format="mp4", options=muxer, buffer_size=_BUFFER_BYTES
    ) as container:
        container.metadata.update(metadata)
        writer = ProxyWriter(
            container, time_scale=time_scale, has_sound=has_sound, options=encoder
        )
        yield writer
        writer.finish()


def choose_time_scale(time_base: Fraction, start_s: Fraction) -> int:
    """Choose units in which all times of a file, from its start, are whole numbers.

    A microsecond where those would be too small.
    """
    exact = lcm(time_base.denominator, start_s.denominator)
    if exact > _FINEST:
        return _FINEST
    return exact * -(-_COARSEST // exact)
