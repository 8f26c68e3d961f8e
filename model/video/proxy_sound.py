"""The sound of a proxy: stereo at 48 kHz, each sample where its picture is.

Read from the file by itself, beside the pictures, so that neither waits for the other.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

RATE = 48_000
CHANNELS = 2
BLOCK = 1024  # samples of AAC's frames

CODECS = (
    "aac,aac_latm,ac3,alac,dca,eac3,flac,libopus,mp1,mp1float,mp2,mp2float,mp3,mp3float,"
    "opus,pcm_alaw,pcm_bluray,pcm_f32be,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_s16be,"
    "pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_u8,vorbis,wmav1,wmav2"
)
"""FFmpeg's decoders of sound that may run; a video with another has a silent proxy."""

_TOLERANCE = RATE // 100
_LONGEST_GAP = 3600 * RATE
"""As for pictures: no camera pauses longer, a larger step is another clock's."""

_DOUBTED = RATE
_OVERLAP = RATE
_AGREE = 5

Samples = NDArray[np.float32]


class Offsets:
    """What is added to a file's own times: more than one where its clock restarts."""

    def __init__(self, start_s: Fraction) -> None:
        self.first_s = -start_s  # where no clock has begun again yet
        self._known: deque[Fraction] = deque([-start_s], maxlen=4)
        self._new, self._agreed = -start_s, 0

    def note(self, raw_s: Fraction, time_s: Fraction) -> None:
        """Note a picture's own time and the one it was given."""
        offset = time_s - raw_s
        if abs(offset - self._new) > Fraction(1, 1000):
            self._new, self._agreed = offset, 0
        self._agreed += 1
        is_known = any(abs(offset - one) <= Fraction(1, 1000) for one in self._known)
        if self._agreed == _AGREE and not is_known:
            self._known.append(offset)

    def place(self, raw_s: Fraction, *, near: int) -> int:
        """Return the sample at which a time lies: of all offsets the nearest one."""
        places = [round((raw_s + offset) * RATE) for offset in self._known]
        return min(places, key=lambda place: abs(place - near))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Decoded samples (2, N) and when they begin by the file's clock."""

    samples: Samples
    raw_s: Fraction | None


class ProxySound:
    """Gives the sound of a file in blocks, up to any moment."""

    def __init__(
        self,
        container: InputContainer,
        stream: AudioStream,
        offsets: Offsets,
        *,
        start: int = 0,
    ) -> None:
        """Read from where the file stands.

        Args:
            container: stands at its beginning, or before `start`.
            stream: is decoded.
            offsets: turn the file's times into the video's.
            start: the first sample that is wanted.
        """
        stream.codec_context.options = {"codec_whitelist": CODECS}
        self._offsets = offsets
        pieces = _decoded(container, stream)
        if start:
            pieces = self._from(start, pieces)
        self._pieces = _confirmed(pieces)
        self._buffer: list[Samples] = []
        self._given, self._buffered = start, 0  # samples
        self._blocks = self._place_all()

    def until(self, time_s: Fraction) -> Iterator[AudioFrame]:
        """Give the blocks that begin before a moment and were not given yet."""
        while self._given < time_s * RATE:
            block = next(self._blocks, None)
            if block is None:
                return
            frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = self._given
            self._given += block.shape[1]
            yield frame

    def _from(self, start: int, pieces: Iterator[_Piece]) -> Iterator[_Piece]:
        """Leave out what lies before a sample, to the sample."""
        for piece in pieces:
            raw_s = piece.raw_s
            if raw_s is None:
                continue
            ahead = start - self._offsets.place(raw_s, near=start)
            if ahead >= piece.samples.shape[1]:
                continue
            if ahead > 0:
                raw_s += Fraction(ahead, RATE)
                piece = _Piece(piece.samples[:, ahead:], raw_s)
            elif -ahead <= _TOLERANCE:
                quiet = np.zeros((CHANNELS, -ahead), np.float32)
                samples = np.concatenate([quiet, piece.samples], axis=1)
                raw_s += Fraction(ahead, RATE)
                piece = _Piece(samples, raw_s)
            yield piece
            break
        yield from pieces

    def _place_all(self) -> Iterator[Samples]:
        """Put pieces behind each other; fill gaps with silence, cut what overlaps."""
        for piece, is_confirmed in self._pieces:
            samples, at = piece.samples, self._given + self._buffered
            step = 0
            if piece.raw_s is not None:
                step = self._offsets.place(piece.raw_s, near=at) - at
            if _TOLERANCE < step <= _LONGEST_GAP and (is_confirmed or step < _DOUBTED):
                yield from self._add_silence(step)
            elif -_OVERLAP <= step < -_TOLERANCE:
                samples = samples[:, -step:]
            yield from self._add(samples)
        if self._buffered:
            yield np.concatenate(self._buffer, axis=1)

    def _add_silence(self, count: int) -> Iterator[Samples]:
        while count > 0:
            part = min(count, BLOCK)
            yield from self._add(np.zeros((CHANNELS, part), np.float32))
            count -= part

    def _add(self, samples: Samples) -> Iterator[Samples]:
        self._buffer.append(samples)
        self._buffered += samples.shape[1]
        if self._buffered < BLOCK:
            return
        joined = np.concatenate(self._buffer, axis=1)
        whole = joined.shape[1] // BLOCK * BLOCK
        self._buffer = [joined[:, whole:]]
        for start in range(0, whole, BLOCK):
            self._buffered -= BLOCK
            yield np.ascontiguousarray(joined[:, start : start + BLOCK])


def find_sound(container: InputContainer) -> AudioStream | None:
    """Return the stream that is played: the default one, else the first."""
    streams = [
        stream
        for stream in container.streams.audio
        if stream.codec_context and stream.codec_context.name in CODECS.split(",")
    ]
    if not streams:
        return None
    return max(streams, key=lambda s: (s.disposition & Disposition.default, -s.index))


def _confirmed(pieces: Iterator[_Piece]) -> Iterator[tuple[_Piece, bool]]:
    """Tell of each piece whether the next goes on from it: then its time is right."""
    held: _Piece | None = None
    for piece in pieces:
        if held is not None:
            yield held, _goes_on(held, piece)
        held = piece
    if held is not None:
        yield held, False


def _goes_on(one: _Piece, other: _Piece) -> bool:
    if one.raw_s is None or other.raw_s is None:
        return False
    length_s = Fraction(one.samples.shape[1], RATE)
    return abs(one.raw_s + length_s - other.raw_s) < Fraction(1, 10)


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[_Piece]:
    """Decode to stereo at 48 kHz; what is damaged is left out."""
    resampler: AudioResampler | None = None
    kind: tuple[Any, ...] = ()
    for frame in _frames(container, stream):
        own = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or own != kind:
            kind = own
            resampler = AudioResampler("fltp", "stereo", RATE)
        raw_s = None
        if frame.pts is not None and frame.time_base:
            raw_s = frame.pts * frame.time_base
        frame.pts = None
        try:
            parts = [one.to_ndarray() for one in resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError):
            resampler = None
            continue
        if parts:
            samples = np.concatenate(parts, axis=1).astype(np.float32, copy=False)
            yield _Piece(np.nan_to_num(samples), raw_s)


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, IndexError, av.error.FFmpegError):
            return  # The end, or the rest of the file is gone; see `VideoSource`.
        if packet.has_sidedata("encryption_info"):
            return
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            continue
