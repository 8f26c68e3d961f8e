"""The time of each frame: PTS minus the file's start, corrected where PTS are wrong.

A frame is given out once the one after it is known to be later. Where PTS disagree,
up to `LOOK_AHEAD` frames are held back, and those that most of them agree with decide.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median_low
from typing import Generic, TypeVar, cast

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

LOOK_AHEAD = 9
"""Frames looked at where PTS disagree."""

AGREE = 5
"""So many frames that agree with each other make a clock that was restarted."""

RESTART_S = 3600
"""No camera pauses that long: a step forward beyond it is another clock's."""

_GAPS = 7
_USUAL_GAP_S = Fraction(1, 30)
_STEADY = 8
"""A step of at most so many usual gaps raises no doubt."""

_DOUBT = 2 * LOOK_AHEAD
"""For so many frames after a wrong PTS decoding times are compared, too."""

_LONE_STEP_S = Fraction(10)
_LONE_STEP_TS_S = Fraction(1, 2)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Timed(Generic[Item]):
    """An item, its number, its PTS (estimated if the file has none) and its time."""

    index: int
    item: Item
    pts: int
    time_s: Fraction


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    pts: int | None
    raw_s: Fraction | None
    dts: int | None


class Clock(Generic[Item]):
    """Gives each frame a time that is later than that of the frame before it.

    No frame is dropped. A PTS that disagrees with those around it is replaced by a
    time between its neighbours'. A clock that was restarted, as where two recordings
    were joined, goes on from where it was once `AGREE` frames agree on it.

    Attributes:
        outliers: frames so far whose PTS disagree with those around them.
        restarts: times the clock began again.
    """

    def __init__(
        self,
        time_base: Fraction,
        start_s: Fraction,
        *,
        frame_s: Fraction | int = 0,
        is_ts: bool = False,
        is_own_start: bool = True,
    ) -> None:
        """Take what the file says of its clock.

        Args:
            time_base: seconds a tick.
            start_s: the file's start time.
            frame_s: how long a frame is shown, as far as the header knows; 0 if not.
            is_ts: MPEG-TS, where each PTS may be damaged by itself: then the last
                frame cannot be much later than the one before it.
            is_own_start: the file's start is that of this stream, so it may be
                wrong if the first PTS is.
        """
        self.outliers = 0
        self.restarts = 0
        self._time_base = time_base
        self._offset_s = -start_s
        self._is_own_start = is_own_start
        self._lone_step_s = _LONE_STEP_TS_S if is_ts else _LONE_STEP_S
        self._header_gap_s = Fraction(frame_s) or _USUAL_GAP_S
        self._gaps_s: deque[Fraction] = deque(maxlen=_GAPS)
        self._last_s: Fraction | None = None
        self._waiting: deque[_Waiting[Item]] = deque()
        self._given = 0
        self._last_dts: int | None = None
        self._doubt = 0

    def push(
        self, item: Item, pts: int | None, dts: int | None = None
    ) -> Iterator[Timed[Item]]:
        """Take the next frame in order of display; give those whose time is sure."""
        raw_s = None if pts is None else pts * self._time_base
        self._waiting.append(_Waiting(item, pts, raw_s, dts))
        while self._waiting and (given := self._next(is_end=False)):
            yield from given

    def close(self) -> Iterator[Timed[Item]]:
        """Give the frames that are left at the end of the stream."""
        while self._waiting:
            yield from self._next(is_end=True)

    @property
    def gap_s(self) -> Fraction:
        """The usual time from one frame to the next."""
        return median_low(self._gaps_s) if self._gaps_s else self._header_gap_s

    def _next(self, *, is_end: bool) -> list[Timed[Item]]:
        waiting = self._waiting
        is_plain = len(waiting) >= 2 and self._is_plain(waiting[0], waiting[1])
        if not is_plain and len(waiting) < LOOK_AHEAD and not is_end:
            return []
        by_dts_s = self._time_by_dts(waiting[0]) if self._doubt else None
        if by_dts_s is not None:
            return [self._give_at(by_dts_s)]
        return [self._give_own()] if is_plain else self._decide(is_end=is_end)

    def _is_plain(self, first: _Waiting[Item], second: _Waiting[Item]) -> bool:
        if first.raw_s is None or second.raw_s is None:
            return False
        if self._last_s is None or second.raw_s <= first.raw_s:
            return False
        step_s = first.raw_s + self._offset_s - self._last_s
        return step_s > 0 and (
            step_s <= self._lone_step_s or step_s <= self._steady_s()
        )

    def _time_by_dts(self, one: _Waiting[Item]) -> Fraction | None:
        """Return the time by decoding order if that is even and PTS are not."""
        if one.dts is None or one.raw_s is None or self._last_dts is None:
            return None
        own_step_s = one.raw_s + self._offset_s - self._latest_s()
        step_s = (one.dts - self._last_dts) * self._time_base
        if self._is_even(own_step_s) or not self._is_even(step_s):
            return None
        return self._latest_s() + step_s

    def _is_even(self, step_s: Fraction, *, frames: int = 1) -> bool:
        return abs(step_s - frames * self.gap_s) <= self.gap_s / 8

    def _steady_s(self) -> Fraction:
        return max(self._lone_step_s, _STEADY * self.gap_s)

    def _decide(self, *, is_end: bool) -> list[Timed[Item]]:
        """Give a time to one frame or more, by what those that wait agree on."""
        times = [
            None if one.raw_s is None else one.raw_s + self._offset_s
            for one in self._waiting
        ]
        if self._last_s is None:
            return self._begin(times)
        onward = self._chain(times, after_s=self._last_s)
        anew = self._chain(times, after_s=None)
        if len(anew) >= len(onward) + 2 and len(anew) >= AGREE:
            before = self._chain(times[: anew[0]], after_s=self._last_s)
            return self._give_until(before[0], times) if before else self._restart(anew)
        if not onward:
            return [self._give_at(self._last_s + self.gap_s)]
        step_s = cast("Fraction", times[onward[0]]) - self._last_s
        if step_s > RESTART_S and len(onward) >= AGREE:
            return self._restart(onward)
        if step_s > RESTART_S or (is_end and self._is_lone(onward, step_s)):
            return [self._give_at(self._last_s + self.gap_s)]
        return self._give_until(onward[0], times)

    def _begin(self, times: Sequence[Fraction | None]) -> list[Timed[Item]]:
        """Give the first frame's time; the file's start is wrong if its PTS is."""
        chain = self._chain(times, after_s=None)
        if not chain:
            return [self._give_at(Fraction(0))]
        at = chain[0]
        first_s = cast("Fraction", times[at]) - at * self.gap_s
        is_wrong = any(time_s is not None for time_s in times[:at])
        if first_s < 0 or (is_wrong and self._is_own_start):
            self._offset_s -= first_s
            first_s = Fraction(0)
        return [self._give_at(first_s)] if at else [self._give_own()]

    def _restart(self, anew: Sequence[int]) -> list[Timed[Item]]:
        given = []
        for _ in range(anew[0]):
            given.append(self._give_at(self._latest_s() + self.gap_s))
        raw_s = cast("Fraction", self._waiting[0].raw_s)
        self._offset_s = self._latest_s() + self.gap_s - raw_s
        self.restarts += 1
        return [*given, self._give_own()]

    def _give_until(
        self, index: int, times: Sequence[Fraction | None]
    ) -> list[Timed[Item]]:
        """Give the frame of that index its own time, those before it times between."""
        start_s, end_s = self._latest_s(), cast("Fraction", times[index])
        step_s = (end_s - start_s) / (index + 1)
        if all(time_s is None for time_s in times[:index]):
            step_s = min(step_s, self.gap_s)
        given = [self._give_at(start_s + step_s * (k + 1)) for k in range(index)]
        return [*given, self._give_own()]

    def _is_lone(self, chain: Sequence[int], step_s: Fraction) -> bool:
        """Tell if the file's last frames are too few to prove so large a step."""
        if len(chain) >= AGREE:
            return False
        limit_s = self._lone_step_s if len(chain) == 1 else _LONE_STEP_S
        return step_s > max(limit_s, _STEADY * self.gap_s)

    def _chain(
        self, times: Sequence[Fraction | None], *, after_s: Fraction | None
    ) -> list[int]:
        """Find the most frames whose times go forward steadily.

        A frame that comes as many usual gaps after the one before it in the chain as
        there are frames between counts twice; among equals the evenest chain is best.

        Returns:
            Their indices; with `after_s` all of them are later than that.
        """
        limit_s = self._steady_s()
        best: dict[int, tuple[int, Fraction, list[int]]] = {}
        for index, time_s in enumerate(times):
            if time_s is None or (after_s is not None and time_s <= after_s):
                continue
            found = (1, Fraction(0), [index])
            if after_s is not None:
                weight, ease = self._weigh(time_s - after_s, frames=index + 1)
                found = (weight, ease, [index])
            for before, (total, total_ease, chain) in best.items():
                step_s = time_s - cast("Fraction", times[before])
                if 0 < step_s <= (index - before) * limit_s:
                    weight, ease = self._weigh(step_s, frames=index - before)
                    longer = (total + weight, total_ease + ease, [*chain, index])
                    found = max(found, longer)
            best[index] = found
        return max(best.values())[2] if best else []

    def _weigh(self, step_s: Fraction, *, frames: int) -> tuple[int, Fraction]:
        bend_s = abs(step_s - frames * self.gap_s)
        return (2 if self._is_even(step_s, frames=frames) else 1), -bend_s

    def _latest_s(self) -> Fraction:
        return Fraction(0) if self._last_s is None else self._last_s

    def _give_own(self) -> Timed[Item]:
        one = self._waiting.popleft()
        time_s = cast("Fraction", one.raw_s) + self._offset_s
        if self._last_s is not None:
            self._gaps_s.append(time_s - self._last_s)
        return self._give(one, cast("int", one.pts), time_s)

    def _give_at(self, time_s: Fraction) -> Timed[Item]:
        one = self._waiting.popleft()
        if one.pts is None:
            pts = round((time_s - self._offset_s) / self._time_base)
            return self._give(one, pts, time_s)
        self.outliers += 1
        self._doubt = _DOUBT
        return self._give(one, one.pts, time_s)

    def _give(self, one: _Waiting[Item], pts: int, time_s: Fraction) -> Timed[Item]:
        self._last_s, self._last_dts = time_s, one.dts
        self._doubt = max(0, self._doubt - 1)
        self._given += 1
        return Timed(self._given - 1, one.item, pts, time_s)


def start_of(container: InputContainer, stream: VideoStream) -> Fraction:
    """Return the file's start: the earliest of its video and sound.

    Captions and data may begin before them, with the fragment they came in; no player
    counts from there.
    """
    starts = [own_start_of(stream), *map(own_start_of, container.streams.audio)]
    return min((start for start in starts if start is not None), default=Fraction(0))


def own_start_of(stream: VideoStream | AudioStream) -> Fraction | None:
    """Return a stream's own start time."""
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base
