"""The sound of cuts: exactly as many samples as their pictures are shown for."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from model.video.opening import find_video, rewind
from model.video.proxy_sound import (
    BLOCK,
    CHANNELS,
    RATE,
    Offsets,
    ProxySound,
    Samples,
)
from model.video.source import Tally

BEFORE_S = Fraction(1, 2)
"""Decoders of sound need a little of what comes before."""

_AHEAD_S = (0, 2, 10, 60)
"""How long before it a key frame is sought, where sound lies before its pictures."""

_FAR = 2000  # packets without sound: there is none


class CutSound:
    """Gives the sound of one file from any moment on, without gaps.

    What is missing, at the end too, is silence.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: AudioStream,
        *,
        can_seek: bool,
        reopen: Callable[[], tuple[InputContainer, AudioStream]],
        tally: Tally,
    ) -> None:
        """Use a container that nobody else reads.

        Args:
            container: stands at its beginning.
            stream: is decoded.
            can_seek: the file's clock is one; else all is decoded in order.
            reopen: gives both anew, from the beginning.
            tally: shows that it goes on while sound is passed over.
        """
        self._container, self._stream = container, stream
        self._can_seek, self._reopen, self._tally = can_seek, reopen, tally
        self._sound: ProxySound | None = None
        self._kept: Samples = _silence(0)
        self._at = 0  # the sample that comes next

    def begin(self, time_s: Fraction, offsets: Offsets) -> None:
        """Go to a moment of the video."""
        start = round(time_s * RATE)
        if self._can_seek:
            self._seek(time_s, offsets)
            self._sound = ProxySound(
                self._container, self._stream, offsets, start=start
            )
            self._kept, self._at = _silence(0), start
            return
        if self._sound is None or start < self._at:
            if self._sound is not None:
                self._container, self._stream = self._reopen()
            self._sound = ProxySound(self._container, self._stream, offsets)
            self._kept, self._at = _silence(0), 0
        while self._at < start:
            self.take(min(start - self._at, RATE))
            self._tally.packets += 1

    def take(self, count: int) -> Samples:
        """Return the next samples, (2, count)."""
        if self._sound is None:
            raise ValueError("begin first")
        parts, have = [self._kept], self._kept.shape[1]
        if have < count:
            until = self._at + count
            for block in self._sound.until(Fraction(until, RATE)):
                parts.append(block.to_ndarray().astype(np.float32, copy=False))
                have += block.samples
        if have < count:
            parts.append(_silence(count - have))
        joined = np.concatenate(parts, axis=1)
        self._kept = joined[:, count:]
        self._at += count
        return joined[:, :count]

    def _seek(self, time_s: Fraction, offsets: Offsets) -> None:
        wanted_s = max(Fraction(0), time_s - BEFORE_S) - offsets.first_s
        try:
            seek_sound(self._container, self._stream, wanted_s)
        except av.error.FFmpegError:
            rewind(self._container)


def seek_sound(container: InputContainer, stream: AudioStream, raw_s: Fraction) -> None:
    """Go to where a stream of sound has come to a moment, or not yet.

    Matroska has an index of its pictures alone: to find sound, FFmpeg would read all of
    a file up to there. So the key frame is sought whose sound is early enough.

    Args:
        container: of the stream.
        stream: of sound.
        raw_s: the moment, by the file's own clock.

    Raises:
        FFmpegError: it cannot be sought.
    """
    if "matroska" not in container.format.name:
        base = stream.time_base or Fraction(1, RATE)
        container.seek(round(raw_s / base), stream=stream)
        return
    video = find_video(container)
    base = video.time_base or Fraction(1, 1000)
    for ahead_s in _AHEAD_S:
        place = round((raw_s - ahead_s) / base)
        container.seek(place, stream=video)
        first_s = _first_sound_s(container, stream)
        container.seek(place, stream=video)
        if first_s is not None and first_s <= raw_s + BEFORE_S / 2:
            return


def _first_sound_s(container: InputContainer, stream: AudioStream) -> Fraction | None:
    """Tell when the next sound begins; None: there is none for long."""
    packets = container.demux(stream, find_video(container))
    try:
        for packet in islice(packets, _FAR):
            if packet.stream is stream and packet.pts is not None:
                return packet.pts * (stream.time_base or Fraction(1, RATE))
    except (IndexError, av.error.FFmpegError):
        pass  # The end; see `VideoSource.packets`.
    return None


class SoundBlocks:
    """Cuts samples into the encoder's blocks, one behind the other."""

    def __init__(self) -> None:
        self._kept: list[Samples] = []
        self._waiting = self._given = 0

    @property
    def count(self) -> int:
        """How many samples were added so far."""
        return self._given + self._waiting

    def add(self, samples: Samples) -> Iterator[AudioFrame]:
        """Take some more; gives the blocks that are full."""
        self._kept.append(samples)
        self._waiting += samples.shape[1]
        if self._waiting < BLOCK:
            return
        joined = np.concatenate(self._kept, axis=1)
        whole = joined.shape[1] // BLOCK * BLOCK
        self._kept = [joined[:, whole:]]
        for start in range(0, whole, BLOCK):
            yield self._frame(joined[:, start : start + BLOCK])

    def finish(self) -> Iterator[AudioFrame]:
        """Give what is left."""
        if self._waiting:
            yield self._frame(np.concatenate(self._kept, axis=1))
        self._kept = []

    def _frame(self, samples: Samples) -> AudioFrame:
        block = np.ascontiguousarray(samples)
        frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._given
        self._given += block.shape[1]
        self._waiting -= block.shape[1]
        return frame


def _silence(count: int) -> Samples:
    return np.zeros((CHANNELS, count), np.float32)
