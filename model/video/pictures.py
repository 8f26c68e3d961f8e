"""From packets to pictures: decoding that steps over damage and loses no frame.

PyAV stops draining a decoder at the first damaged frame, so those that wait behind it
would be lost: one for each thread. They are decoded again, from the last key frame on.
"""

from collections.abc import Iterator

import av
import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from model.video.limits import MediaLimits

_MAX_TAIL_BYTES = 16 << 20
"""Packets are kept from the last key frame on, but no more than this."""


class Pictures:
    """Decodes one stream's packets in order; counts those that were refused."""

    def __init__(self, stream: VideoStream, limits: MediaLimits) -> None:
        self.refused = 0
        self._limits = limits
        self._stream = stream
        self._tail: list[Packet[VideoStream]] | None = []
        self._tail_bytes = 0
        self._refused_in_tail = 0
        self._given: set[int | None] = set()

    def decode(self, packet: "Packet[VideoStream]") -> Iterator[VideoFrame]:
        """Decode one packet; pictures of earlier ones may come out.

        Raises:
            MemoryError: it takes too much.
            VideoLimitExceeded: the decoder refused it, and it is too large.
        """
        self._keep(packet)
        try:
            pictures = self._stream.decode(packet)
        except av.error.FFmpegError as exc:
            self._refuse(exc)
            return
        for picture in pictures:
            self._given.add(picture.pts)
            yield picture

    def flush(self) -> Iterator[VideoFrame]:
        """Give the pictures that are left in the decoder."""
        try:
            for picture in self._stream.decode(None):
                self._given.add(picture.pts)
                yield picture
        except av.error.EOFError:
            return
        except av.error.FFmpegError as exc:
            self._check(exc)
        missing = (
            one.pts is not None and not one.is_discard and one.pts not in self._given
            for one in self._tail or []
        )
        if self._tail and any(missing):
            yield from self._decode_tail(self._tail)

    def _keep(self, packet: "Packet[VideoStream]") -> None:
        if packet.is_keyframe:
            self._tail, self._tail_bytes = [], 0
            self._given.clear()
            self._refused_in_tail = 0
        if self._tail is None:
            return
        self._tail.append(packet)
        self._tail_bytes += packet.size
        if self._tail_bytes > _MAX_TAIL_BYTES:
            self._tail = None

    def _decode_tail(self, tail: "list[Packet[VideoStream]]") -> Iterator[VideoFrame]:
        decoder = _fresh_decoder(self._stream)
        refused = 0
        for packet in [*tail, None]:
            try:
                pictures = decoder.decode(packet)
            except av.error.FFmpegError as exc:
                self._check(exc)
                refused += 1
                continue
            for picture in pictures:
                if picture.pts not in self._given:
                    yield picture
        self.refused += max(0, refused - self._refused_in_tail)

    def _refuse(self, error: av.error.FFmpegError) -> None:
        self._check(error)
        self.refused += 1
        self._refused_in_tail += 1

    def _check(self, error: av.error.FFmpegError) -> None:
        context = self._stream.codec_context
        self._limits.check_size(context.width, context.height)
        if isinstance(error, MemoryError):
            raise error


def _fresh_decoder(stream: VideoStream) -> VideoCodecContext:
    used = stream.codec_context
    decoder = av.CodecContext.create(used.codec.name, "r")
    if not isinstance(decoder, VideoCodecContext):
        raise TypeError(f"{used.codec.name} is a decoder of video")
    decoder.extradata = used.extradata
    decoder.codec_tag = used.codec_tag
    decoder.options = used.options
    decoder.thread_count = 1
    return decoder
