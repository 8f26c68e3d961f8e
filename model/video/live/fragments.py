"""Segments of a recording: fragmented MP4 files that are complete by themselves.

Each holds its own `moov`, so a source that changes its size, or comes back with another
codec, spoils no other segment; HLS names that head with `EXT-X-MAP` and a byte range,
and MSE takes the files as they are. Times inside are those of the stream.
"""

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.video.frame import VideoFrame

from model.video.copied_stream import add_copy
from model.video.h264 import PPS, SPS

TICKS = 90_000
"""Units a second of all times here."""

COPIED_VIDEO = ("h264", "hevc", "av1")
COPIED_SOUND = ("aac", "mp3", "opus")

_AAC_LC = 2
_AAC_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000),
    *(24000, 22050, 16000, 12000, 11025, 8000, 7350),
)
_HEVC_SETS = (32, 33, 34)
_MUXER = {
    # The head is written once the sound's own header is known.
    "movflags": "frag_keyframe+delay_moov+default_base_moof+frag_discont+skip_trailer",
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
    "video_track_timescale": str(TICKS),
    "write_btrt": "0",  # Else each segment's head would differ by its bit rate.
}
_ENCODER = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "crf": "25",
    "maxrate": "4M",
    "bufsize": "8M",
}


def can_copy(stream: Any) -> bool:
    """Whether the stream's pictures can be recorded as they are."""
    return stream.codec_context.codec.canonical_name in COPIED_VIDEO


def sound_of(container: Any) -> Any:
    """Return the stream of sound that is recorded; None if no browser plays it."""
    for stream in container.streams.audio:
        if stream.codec_context.codec.canonical_name in COPIED_SOUND:
            return stream
    return None


@dataclass(frozen=True, slots=True)
class Track:
    """What a stream's packets are, as a file's head says it.

    Attributes:
        source: the stream they come from.
        head: the codec's extradata, if it is not that of `source` any more.
        width, height: of pictures, in pixels.
    """

    source: Any
    head: bytes = b""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A packet that is copied; times in `TICKS` of the stream."""

    data: bytes
    pts: int
    dts: int
    duration: int
    is_key: bool


class Fragments:
    """Writes one segment into memory.

    Attributes:
        size_bytes: written so far.
    """

    def __init__(self, video: Track, sound: Track | None, *, encode: bool) -> None:
        """Begin a segment.

        Args:
            video: of the pictures.
            sound: None without.
            encode: pictures are given as frames, and become H.264.
        """
        self._file = io.BytesIO()
        self._output = av.open(self._file, "w", format="mp4", options=_MUXER)
        self._last: dict[int, int] = {}
        self._video = self._encoder_of(video) if encode else self._copy_of(video)
        self._sound = None if sound is None else self._copy_of(sound)

    @property
    def size_bytes(self) -> int:
        """How much is written; some more waits for its fragment's end."""
        return self._file.tell()

    def picture(self, piece: Piece) -> None:
        """Write a packet of pictures."""
        self._mux(self._video, piece)

    def sound(self, piece: Piece) -> None:
        """Write a packet of sound."""
        if self._sound is not None:
            self._mux(self._sound, piece)

    def frame(self, frame: VideoFrame, *, pts: int) -> None:
        """Encode a picture."""
        frame.pts, frame.time_base = pts, Fraction(1, TICKS)
        self._output.mux(self._video.encode(frame))

    def finish(self, *, encode: bool) -> bytes:
        """End the segment and return the file."""
        if encode:
            self._output.mux(self._video.encode(None))
        self._output.close()
        return without_bit_rates(self._file.getvalue())

    def _copy_of(self, track: Track) -> Any:
        stream: Any = add_copy(self._output, track.source)
        stream.time_base = Fraction(1, TICKS)
        if track.head:
            stream.codec_context.extradata = track.head
        if track.width:
            stream.codec_context.width = track.width
            stream.codec_context.height = track.height
        return stream

    def _encoder_of(self, track: Track) -> Any:
        stream: Any = self._output.add_stream("libx264", rate=30)
        stream.width, stream.height = track.width, track.height
        stream.codec_context.time_base = stream.time_base = Fraction(1, TICKS)
        stream.codec_context.options = dict(_ENCODER)
        stream.codec_context.gop_size = 60
        stream.codec_context.thread_count = 1
        return stream

    def _mux(self, stream: Any, piece: Piece) -> None:
        # Times below zero, as of the first pictures where some are shown out of
        # order, cannot be written: those are decoded a tick apart.
        dts = max(piece.dts, self._last.get(stream.index, -1) + 1)
        self._last[stream.index] = dts
        packet: Any = Packet(piece.data)
        packet.time_base = Fraction(1, TICKS)
        packet.pts, packet.dts = max(piece.pts, dts), dts
        packet.duration = piece.duration
        packet.is_keyframe = piece.is_key
        packet.stream = stream
        self._output.mux(packet)


def without_bit_rates(data: bytes) -> bytes:
    """Make the heads of segments of one source equal: rates measured in each go.

    Zero means unknown. Source: ISO/IEC 14496-1, 7.2.6.6 (DecoderConfigDescriptor).
    """
    at = data.find(b"esds", 0, data.find(b"moof"))
    if at < 0:
        return data
    at = _content_of_descriptor(data, at + 8)  # After name, version and flags.
    at = _content_of_descriptor(data, at + 3)  # After the stream's number and flags.
    at += 5  # After the kinds of object and stream, and the buffer's size.
    return data[:at] + bytes(8) + data[at + 8 :]


def _content_of_descriptor(data: bytes, at: int) -> int:
    """Return where the content of a descriptor begins: after its tag and length."""
    at += 1
    while data[at] & 0x80:
        at += 1
    return at + 1


def sound_head(stream: Any) -> bytes:
    """Return the codec header that AAC in MPEG-TS lacks, by what FFmpeg found out.

    Source: ISO/IEC 14496-3, 1.6.2.1 (AudioSpecificConfig), of AAC-LC.
    """
    context = stream.codec_context
    if context.codec.canonical_name != "aac" or context.extradata:
        return b""
    if context.sample_rate not in _AAC_RATES or not 0 < context.channels < 8:
        return b""
    rate = _AAC_RATES.index(context.sample_rate)
    channels: int = context.channels
    return (_AAC_LC << 11 | rate << 7 | channels << 3).to_bytes(2)


def without_adts(data: bytes) -> tuple[bytes, bytes] | None:
    """Split AAC as MPEG-TS has it into its codec header and the bare frame.

    Returns None if there is no ADTS header. Source: ISO/IEC 13818-7, 6.2.
    """
    if len(data) < 9 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return None
    profile, rate = (data[2] >> 6) + 1, data[2] >> 2 & 0xF
    channels = (data[2] & 1) << 2 | data[3] >> 6
    config = profile << 11 | rate << 7 | channels << 3
    return config.to_bytes(2), data[7 if data[1] & 1 else 9 :]


def parameter_sets(data: bytes, stream: Any) -> bytes:
    """Return the sets that a key picture carries, where packets have start codes.

    A source that changes its size sends new ones; so each segment has its own.
    """
    name = stream.codec_context.codec.canonical_name
    if name not in ("h264", "hevc") or not data.startswith((b"\0\0\1", b"\0\0\0\1")):
        return b""
    kinds = (SPS, PPS) if name == "h264" else _HEVC_SETS
    units = [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit]
    chosen = [
        unit
        for unit in units
        if unit and (unit[0] & 31 if name == "h264" else unit[0] >> 1 & 63) in kinds
    ]
    has_all = len(chosen) >= len(kinds)
    return b"".join(b"\0\0\0\1" + unit for unit in chosen) if has_all else b""
