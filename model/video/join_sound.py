"""The sound of a video that is joined of parts: its packets, or encoded anew."""

from collections import deque
from contextlib import ExitStack
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from av.packet import Packet

from model.errors import PartsDiffer
from model.video.clip_sources import open_sound
from model.video.copied_stream import add_copy
from model.video.cut_sound import CutSound, SoundBlocks
from model.video.join_parts import JoinPart, sound_of
from model.video.proxy_sound import CHANNELS, RATE, Offsets, Samples
from model.video.proxy_writer import AUDIO_BIT_RATE
from model.video.source import Tally, VideoSource

_MOST_WAITING = 20_000
"""Packets of sound that lie before the pictures they belong to; more is not copied."""


class JoinedSound(Protocol):
    """Writes the sound of one part after the other."""

    @property
    def stream(self) -> Any:
        """What is demuxed beside the pictures; None: nothing."""

    def begin(self, part: JoinPart, source: VideoSource) -> None:
        """Go on with a part."""

    def put(self, packet: "Packet[Any]") -> None:
        """Take a packet of `stream`."""

    def place(self, first_s: Fraction, at_s: Fraction) -> None:
        """Say when the part's first frame is shown: in its file, in the result."""

    def until(self, end_s: Fraction) -> None:
        """Write what is heard before a moment of the result."""

    def end(self, end_s: Fraction) -> None:
        """End a part where its last frame gives way."""

    def finish(self) -> None:
        """Write what is left."""


class NoSound:
    """No part has any."""

    stream = None

    def begin(self, part: JoinPart, source: VideoSource) -> None:
        """Do nothing, as all that follow."""

    def put(self, packet: "Packet[Any]") -> None: ...

    def place(self, first_s: Fraction, at_s: Fraction) -> None: ...

    def until(self, end_s: Fraction) -> None: ...

    def end(self, end_s: Fraction) -> None: ...

    def finish(self) -> None: ...


class CopiedSound:
    """Packets of sound, each at its own time beside its pictures.

    At a seam packets do not fit each other to the sample: the first of a part is the
    one that begins nearest to where the part before it ended, so that neither gap nor
    overlap is longer than half a packet, and none is heard at another time.
    """

    def __init__(self, output: Any, template: Any) -> None:
        self._output = output
        self._voice = add_copy(output, template)
        self._waiting: deque[tuple[Fraction, Fraction, Any]] = deque()
        self._offset_s: Fraction | None = None
        self._heard_s: Fraction | None = None  # until when, in the result
        self._first_s = self._length_s = Fraction(0)
        self.stream: Any = None

    def begin(self, part: JoinPart, source: VideoSource) -> None:  # noqa: ARG002  # goes on
        """Go on with a part."""
        self.stream = sound_of(source.container)
        self._offset_s = None
        self._waiting.clear()

    def put(self, packet: "Packet[Any]") -> None:
        """Keep a packet until the pictures beside it have come."""
        if packet.pts is None or packet.time_base is None:
            return
        if len(self._waiting) >= _MOST_WAITING:
            raise PartsDiffer("the sound of a part lies too far from its pictures")
        length = packet.duration or 0
        base = packet.time_base
        self._waiting.append((packet.pts * base, length * base, packet))

    def place(self, first_s: Fraction, at_s: Fraction) -> None:
        """Say when the part's first frame is shown: in its file, in the result."""
        self._offset_s = at_s - first_s
        self._from_s = at_s

    def until(self, end_s: Fraction) -> None:
        """Write the packets that end before a moment of the result."""
        while self._waiting and self._offset_s is not None:
            at_s, length_s, packet = self._waiting[0]
            at_s += self._offset_s
            if at_s + length_s > end_s:
                return
            self._waiting.popleft()
            self._write(at_s, length_s, packet)

    def end(self, end_s: Fraction) -> None:
        """Write what belongs to the part by more than its half."""
        while self._waiting and self._offset_s is not None:
            at_s, length_s, packet = self._waiting.popleft()
            at_s += self._offset_s
            if at_s + length_s / 2 <= end_s:
                self._write(at_s, length_s, packet)
        self._waiting.clear()

    def finish(self) -> None:
        """Do nothing: all is written."""

    def _write(self, at_s: Fraction, length_s: Fraction, packet: Any) -> None:
        earliest_s = Fraction(0)
        if self._heard_s is not None:
            earliest_s = max(self._heard_s, self._from_s) - length_s / 2
        if at_s < earliest_s:
            return
        self._heard_s = at_s + length_s
        packet.pts = packet.dts = round(at_s / packet.time_base)
        packet.stream = self._voice
        self._output.mux(packet)


class EncodedSound:
    """Sound of parts that differ in it, or that MP4 does not take: AAC, to the sample.

    A part without any is silent.
    """

    stream = None

    def __init__(self, output: Any, tally: Tally) -> None:
        self._output, self._tally = output, tally
        self._voice = output.add_stream("aac", rate=RATE, layout="stereo")
        self._voice.bit_rate = AUDIO_BIT_RATE
        self._blocks = SoundBlocks()
        self._sound: CutSound | None = None
        self._open = ExitStack()

    def begin(self, part: JoinPart, source: VideoSource) -> None:
        """Go on with a part."""
        self._open.close()
        self._start_s = source.start_s
        self._sound = open_sound(part.again, self._open, self._tally, can_seek=True)

    def put(self, packet: "Packet[Any]") -> None:
        """Do nothing: sound is read by itself."""

    def place(self, first_s: Fraction, at_s: Fraction) -> None:  # noqa: ARG002  # goes on
        """Say when the part's first frame is shown in its file."""
        if self._sound is not None:
            self._sound.begin(first_s - self._start_s, Offsets(self._start_s))

    def until(self, end_s: Fraction) -> None:
        """Write the samples before a moment of the result."""
        missing = max(0, round(end_s * RATE) - self._blocks.count)
        for block in self._blocks.add(self._take(missing)):
            self._output.mux(self._voice.encode(block))

    def end(self, end_s: Fraction) -> None:
        """End a part to the sample."""
        self.until(end_s)

    def finish(self) -> None:
        """Write what the encoder holds."""
        for block in self._blocks.finish():
            self._output.mux(self._voice.encode(block))
        self._output.mux(self._voice.encode(None))
        self._open.close()

    def _take(self, count: int) -> Samples:
        if self._sound is None:
            return np.zeros((CHANNELS, count), np.float32)
        return self._sound.take(count)
