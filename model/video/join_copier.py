"""Puts the packets of several files behind each other in one MP4; nothing is encoded.

Each frame keeps its time from its file's first one on, to a tick of the result; the
first frame of a part is shown when the last one of the part before it gives way.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import IO, Any, cast

import av
import av.error

from model.errors import PartsDiffer
from model.video.clip_job import Part
from model.video.copied_stream import add_copy
from model.video.join_parts import (
    JoinPart,
    Traits,
    can_copy_sound,
    look_at,
    opened,
    refuse_differences,
    sound_of,
)
from model.video.join_seams import Seam, check_seams
from model.video.join_sound import CopiedSound, EncodedSound, JoinedSound, NoSound
from model.video.limits import MediaLimits
from model.video.source import Tally, VideoSource

_BUFFER_BYTES = 1 << 20
_FINEST = 1_000_000
_COARSEST = 1000
_MOST_LATE = 16
"""Frames that a decoder holds back at most (H.264, `max_dec_frame_buffering`)."""

_LONGEST_STEP_S = 10
"""A longer one in an MPEG-TS is another clock's."""

_GAPS = 64  # frames by which it is told how long a part's last one is shown
_TELL_EVERY_BYTES = 4 << 20


class _TooLate(Exception):  # names the condition
    """Frames are out of order by more than was thought."""


def join_by_copy(
    target: IO[bytes],
    parts: Sequence[JoinPart],
    *,
    limits: MediaLimits,
    tally: Tally,
    tell: Callable[[int], None],
    note: Callable[[Sequence[Traits]], None],
) -> dict[str, Any]:
    """Write the file; returns the message.

    Args:
        target: is written from its beginning.
        parts: in their order.
        limits: what is allowed, of the result, too.
        tally: is kept up to date.
        tell: is told now and then how many bytes of the parts are done.
        note: is told what the parts are, before it is known whether they are alike.

    Raises:
        PartsDiffer: it cannot be done so; the message says why.
        ModelError: a part is no video that can be used.
        OSError: the target cannot be written.
    """
    traits = [look_at(part, limits=limits, tally=tally) for part in parts]
    note(traits)
    refuse_differences(parts, traits)
    late = max(one.late for one in traits)
    for held_back in sorted({late, _MOST_LATE}):
        joining = _Joining(target, parts, traits, held_back, limits, tally, tell)
        try:
            made = joining.all()
        except _TooLate:
            continue
        target.flush()
        check_seams(target.fileno(), joining.seams, limits=limits)
        return made
    raise PartsDiffer("the frames of a part are not in order")


class _Order:
    """Chooses when packets are decoded: each before it is shown, all in order."""

    def __init__(self, late: int) -> None:
        self._late, self._count = late, 0
        self._held: list[int] = []
        self._last: int | None = None

    def push(self, shown: int, *, frame: int) -> int:
        """Give the time of decoding of the next packet.

        Raises:
            _TooLate: more frames must be held back.
        """
        heapq.heappush(self._held, shown)
        self._count += 1
        early = self._late + 1 - self._count
        at = -early * frame if early > 0 else heapq.heappop(self._held)
        if self._last is not None and at <= self._last:
            raise _TooLate
        self._last = at
        return at


class _Joining:
    def __init__(
        self,
        target: IO[bytes],
        parts: Sequence[JoinPart],
        traits: Sequence[Traits],
        late: int,
        limits: MediaLimits,
        tally: Tally,
        tell: Callable[[int], None],
    ) -> None:
        self._target, self._parts, self._traits = target, parts, traits
        self._limits, self._tally, self._tell = limits, tally, tell
        bases = {one.time_base.denominator for one in traits}
        self._scale = _time_scale(bases)
        self._order = _Order(late)
        self._told = self._read = 0
        self._end = 0  # of the last part, in ticks
        self._made: list[dict[str, Any]] = []
        self.seams: list[Seam] = []

    def all(self) -> dict[str, Any]:
        part = Part(self._target, 0)
        muxer = {
            "video_track_timescale": str(self._scale),
            "movie_timescale": str(self._scale),
        }
        with av.open(
            cast("IO[bytes]", part),
            "w",
            format="mp4",
            options=muxer,
            buffer_size=_BUFFER_BYTES,
        ) as output:
            for number, one in enumerate(self._parts):
                with opened(one, limits=self._limits, tally=self._tally) as source:
                    if number == 0:
                        self._set_up(output, source)
                    self._copy(output, one, source)
            self._sound.finish()
        return {
            "size_bytes": part.size,
            "parts": self._made,
            "sound": self._kind_of_sound,
        }

    def _set_up(self, output: Any, source: VideoSource) -> None:
        self._pictures = add_copy(output, source.stream)
        self._sound: JoinedSound = NoSound()
        self._kind_of_sound: str | None = None
        if can_copy_sound(self._traits):
            self._sound = CopiedSound(output, sound_of(source.container))
            self._kind_of_sound = "copied"
        elif any(one.sound for one in self._traits):
            self._sound = EncodedSound(output, self._tally)
            self._kind_of_sound = "encoded"

    def _copy(self, output: Any, part: JoinPart, source: VideoSource) -> None:
        self._sound.begin(part, source)
        base, begin = source.time_base, self._end
        seam = Seam(begin)
        first: int | None = None
        recent: deque[int] = deque(maxlen=_GAPS)
        last, length, frames = begin, 0, 0
        for packet in self._packets(source):
            if packet.stream is self._sound.stream:
                self._sound.put(packet)
                continue
            source.check(packet)
            self._refuse(packet, part)
            if first is None:
                if not packet.is_keyframe:
                    continue
                first = packet.pts
                self._sound.place(first * base, Fraction(begin, self._scale))
            if packet.pts < first:
                continue  # It refers to what lies before the part.
            at = begin + round((packet.pts - first) * base * self._scale)
            self._refuse_jump(at, last, source, part)
            recent.append(at)
            if at >= last:
                last = at
                length = round((packet.duration or 0) * base * self._scale)
            self._write(output, packet, at, source)
            seam.note(at, is_key=packet.is_keyframe)
            frames += 1
            self._sound.until(Fraction(last, self._scale))
        if first is None:
            raise PartsDiffer(f"{part.name} has no key frame")
        self._end = last + self._shown_for(length, recent, source)
        self._sound.end(Fraction(self._end, self._scale))
        self._limits.check_duration(self._end / self._scale)
        self.seams.append(seam)
        first_s = first * base - source.start_s
        self._made.append(
            {
                "start_s": begin / self._scale,
                "end_s": self._end / self._scale,
                "offset_s": float(Fraction(begin, self._scale) - first_s),
                "frames": frames,
            }
        )

    def _write(self, output: Any, packet: Any, at: int, source: VideoSource) -> None:
        length = round((packet.duration or 0) * source.time_base * self._scale)
        packet.pts = at
        packet.dts = self._order.push(at, frame=self._frame(source))
        packet.time_base = Fraction(1, self._scale)
        packet.duration = length or self._frame(source)
        packet.stream = self._pictures
        output.mux(packet)

    def _packets(self, source: VideoSource) -> Iterator[Any]:
        streams = [source.stream]
        if self._sound.stream is not None:
            streams.append(self._sound.stream)
        packets = source.container.demux(streams)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError, av.error.FFmpegError):
                return  # The end, or the rest of the file is gone; see `VideoSource`.
            if packet.size == 0:
                continue
            self._tally.packets += 1
            self._read += packet.size
            if self._read - self._told > _TELL_EVERY_BYTES:
                self._told = self._read
                self._tell(self._read)
            yield packet

    def _refuse(self, packet: Any, part: JoinPart) -> None:
        if packet.pts is None:
            raise PartsDiffer(f"{part.name} does not tell when all frames are shown")
        if packet.is_discard:
            raise PartsDiffer(f"{part.name} begins between two key frames")

    def _refuse_jump(
        self, at: int, last: int, source: VideoSource, part: JoinPart
    ) -> None:
        is_ts = "mpegts" in source.container.format.name
        if is_ts and abs(at - last) > _LONGEST_STEP_S * self._scale:
            raise PartsDiffer(f"the clock of {part.name} jumps")

    def _frame(self, source: VideoSource) -> int:
        """Tell how long a frame is shown as a rule, in ticks."""
        rate = source.stream.average_rate
        return max(1, round(self._scale / rate)) if rate else self._scale // 25

    def _shown_for(self, length: int, recent: deque[int], source: VideoSource) -> int:
        """Tell how long a part's last frame is shown: as it says, if that may be."""
        times = sorted(recent)
        gaps = sorted(later - one for one, later in pairwise(times))
        usual = gaps[len(gaps) // 2] if gaps else self._frame(source)
        return length if usual / 2 <= length <= 2 * usual else usual


def _time_scale(denominators: set[int]) -> int:
    exact = lcm(*denominators)
    if exact > _FINEST:
        return _FINEST
    return exact * -(-_COARSEST // exact)
