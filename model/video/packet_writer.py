"""Writes packets of pictures into an MP4, with sound that is encoded as they come."""

from fractions import Fraction
from typing import Any, NamedTuple

from av.packet import Packet
from av.video.stream import VideoStream

from model.video.clip_job import ClipJob, DecodingTimes
from model.video.cut_sound import CutSound, SoundBlocks
from model.video.cuts import Cut
from model.video.packet_reader import CannotCopy
from model.video.proxy_sound import RATE, Offsets
from model.video.proxy_writer import AUDIO_BIT_RATE


class Written(NamedTuple):
    """A packet to be written."""

    data: bytes
    number: int
    is_key: bool


class WrittenFile:
    """An MP4 that packets and sound are written to, one cut behind the other."""

    def __init__(
        self,
        output: Any,
        pictures: VideoStream,
        sound: CutSound | None,
        job: ClipJob,
        scale: int,
        *,
        late: int,
    ) -> None:
        frame = round(scale / (job.times.fps or 25))
        self._decoding = DecodingTimes(late, frame=frame)
        self._output, self._pictures, self._sound = output, pictures, sound
        self._job, self._scale = job, scale
        self._begin, self._cut, self._in_cut = 0, Cut(0, 0), 0
        self._blocks = SoundBlocks()
        if sound is not None:
            self._voice = output.add_stream("aac", rate=RATE, layout="stereo")
            self._voice.bit_rate = AUDIO_BIT_RATE

    def begin(self, cut: Cut, offsets: Offsets) -> None:
        """Go on with a cut."""
        self._cut, self._in_cut = cut, 0
        self._from = round(self._job.times.time_of(cut.first) * self._scale)
        if self._sound is not None:
            self._sound.begin(Fraction(self._from, self._scale), offsets)

    def put(self, one: Written) -> None:
        """Write a packet of the cut, in order of decoding."""
        times = self._job.times
        shown = self._at(times.time_of(self._cut.first + self._in_cut))
        self._in_cut += 1
        packet: Any = Packet(one.data)
        packet.pts = self._at(times.time_of(one.number))
        packet.dts = self._decoding.next(shown)
        if packet.dts > packet.pts:
            raise CannotCopy
        packet.time_base = Fraction(1, self._scale)
        packet.duration = self._at(times.end_of(one.number)) - packet.pts
        packet.is_keyframe = one.is_key
        packet.stream = self._pictures
        self._output.mux(packet)
        self._hear(shown)

    def end(self) -> None:
        """End the cut where its last frame gives way."""
        if self._in_cut != self._cut.frames:
            raise CannotCopy
        end = self._at(self._job.times.end_of(self._cut.until - 1))
        self._hear(end)
        self._begin = end

    def finish(self) -> None:
        """Write the sound that is left."""
        if self._sound is None:
            return
        for block in self._blocks.finish():
            self._output.mux(self._voice.encode(block))
        self._output.mux(self._voice.encode(None))

    def _at(self, time_s: float) -> int:
        return self._begin + round(time_s * self._scale) - self._from

    def _hear(self, until: int) -> None:
        if self._sound is None:
            return
        missing = round(Fraction(until * RATE, self._scale)) - self._blocks.count
        for block in self._blocks.add(self._sound.take(max(0, missing))):
            self._output.mux(self._voice.encode(block))
