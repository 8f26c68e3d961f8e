"""Times of live pictures: the source's own while it is steady, else the wall's.

Unlike `model.video.clock` no picture is held back: what the next one would tell comes
too late for a live stream.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median_low

_GAPS = 9
_USUAL_GAP_S = 0.04
_LONE_S = 1.0
_STEADY = 8
_SMALLEST_S = 0.001
_LONGEST_HOLE_S = 600.0
_LONGEST_HELD_S = 2.5
_BUCKET_S = 10.0
_BUCKETS = 4


@dataclass(frozen=True, slots=True)
class FrameTime:
    """A picture's time.

    Attributes:
        time_s: seconds since the stream's first picture.
        jumped_from_s: where the source's clock began anew: time of the last picture
            of the old one; else None.
    """

    time_s: float
    jumped_from_s: float | None = None


class LiveClock:
    """Gives each picture a time that is later than that of the one before.

    A single PTS that disagrees is replaced. Where two in a row agree on another clock,
    that one is taken; how much time had passed meanwhile is then told by the wall,
    unless bytes come in bursts.

    Attributes:
        offset_s: what is added to the source's times.
    """

    def __init__(
        self,
        *,
        begin_s: float = 0.0,
        is_bursty: bool = False,
        is_paced: bool = False,
    ) -> None:
        """Begin.

        Args:
            begin_s: time of the first picture.
            is_bursty: when bytes come says nothing about when they were made.
            is_paced: they may come faster than they were made, so a step forward is
                believed without the wall.
        """
        self.offset_s = 0.0
        self._begin_s = begin_s
        self._is_bursty, self._is_paced = is_bursty, is_paced or is_bursty
        self._gaps_s: deque[float] = deque(maxlen=_GAPS)
        self._last_s: float | None = None
        self._good_s = self._good_at = 0.0
        self._suspect_s: float | None = None
        self._wall = WallClock()

    @property
    def is_sure(self) -> bool:
        """Whether the last picture agreed with the clock: `offset_s` is of it, too."""
        return self._suspect_s is None

    @property
    def gap_s(self) -> float:
        """The usual time from one picture to the next, in seconds."""
        return median_low(self._gaps_s) if self._gaps_s else _USUAL_GAP_S

    def push(self, raw_s: float | None, at: float) -> FrameTime:
        """Take the next picture in order of display.

        Args:
            raw_s: its PTS in seconds, if it has one.
            at: when it came, by a clock that only goes forward, in seconds.
        """
        if self._last_s is None:
            return self._begin(raw_s, at)
        if raw_s is None:
            return self._estimate()
        step_s = raw_s + self.offset_s - self._last_s
        if 0 < step_s <= max(_LONE_S, _STEADY * self.gap_s):
            return self._accept(step_s, at)
        if -2 * self.gap_s < step_s <= 0:
            return self._give(self._last_s + _SMALLEST_S)
        elapsed_s = at - self._good_at
        passed_s = raw_s + self.offset_s - self._good_s
        slack_s = _LONGEST_HOLE_S if self._is_paced else max(_LONE_S, elapsed_s / 4)
        late_s = elapsed_s - passed_s
        # MPEG-TS ends a picture only where the next one begins.
        held_back_s = min(step_s, _LONGEST_HELD_S)
        if step_s > 0 and -slack_s <= late_s <= slack_s + held_back_s:
            return self._accept(step_s, at)  # A pause: the wall says so, too.
        if self._suspect_s is not None and 0 < raw_s - self._suspect_s <= _LONE_S:
            return self._begin_anew(raw_s, at, elapsed_s)
        self._suspect_s = raw_s
        return self._estimate()

    def _begin(self, raw_s: float | None, at: float) -> FrameTime:
        self.offset_s = self._begin_s - (raw_s or 0.0)
        self._note_good(self._begin_s, at)
        return self._give(self._begin_s)

    def _begin_anew(self, raw_s: float, at: float, elapsed_s: float) -> FrameTime:
        last_s, from_s = self._last_s or 0.0, self._good_s
        time_s = last_s + self.gap_s
        if not self._is_bursty:
            time_s = max(time_s, from_s + elapsed_s)
        self.offset_s = time_s - raw_s
        self._suspect_s = None
        self._wall = WallClock()
        self._note_good(time_s, at)
        self._give(time_s)
        return FrameTime(time_s, jumped_from_s=from_s)

    def _accept(self, step_s: float, at: float) -> FrameTime:
        time_s = (self._last_s or 0.0) + step_s
        if step_s <= _LONE_S:
            self._gaps_s.append(step_s)
        self._suspect_s = None
        self._note_good(time_s, at)
        return self._give(time_s)

    def _note_good(self, time_s: float, at: float) -> None:
        # Some pictures come late: MPEG-TS ends one only where the next begins.
        self._good_s, self._good_at = time_s, self._wall.push(time_s, at)

    def _estimate(self) -> FrameTime:
        return self._give((self._last_s or 0.0) + self.gap_s)

    def _give(self, time_s: float) -> FrameTime:
        self._last_s = time_s
        return FrameTime(time_s)


class WallClock:
    """Tells the wall's time of pictures by the ones that were delayed the least."""

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque(maxlen=_BUCKETS)
        self._last = 0.0

    def push(self, time_s: float, wall: float) -> float:
        """Return when a picture was sent, at the latest, in seconds since 1970.

        Args:
            time_s: the picture's time in the stream.
            wall: when it came, in seconds since 1970.
        """
        delay = wall - time_s
        if not self._least or time_s - self._least[-1][0] > _BUCKET_S:
            self._least.append((time_s, delay))
        elif delay < self._least[-1][1]:
            self._least[-1] = self._least[-1][0], delay
        sent = time_s + min(least for _, least in self._least)
        self._last = max(self._last, sent)
        return self._last
