"""Which pictures of a live stream are steps: the nearest ones, without waiting."""

from collections import deque
from dataclasses import dataclass, field

from model.errors import VideoLimitExceeded

_SMALLEST_S = 1e-6
_WINDOW_S = 2.0
_FEWEST = 30


@dataclass(frozen=True, slots=True)
class Chosen:
    """Times of steps, in seconds.

    Attributes:
        again: of those that show the picture before once more.
        now: of those that show this one.
        gap_from_s: time of the picture before, if it lies so far back that nothing
            is repeated; else None.
    """

    again: list[float] = field(default_factory=list)
    now: list[float] = field(default_factory=list)
    gap_from_s: float | None = None


class StepChooser:
    """Chooses for each k the picture nearest to k / fps, as it comes.

    Whether the next picture would be nearer is told by the usual distance of pictures,
    so none is waited for. A source that is slower than `fps` gives pictures twice.
    """

    def __init__(self, *, fps: float, gap_s: float) -> None:
        self._interval_s = 1 / fps
        self._gap_s = gap_s
        self._before_s: float | None = None
        self._next = 0
        self._last_s = float("-inf")

    def push(self, time_s: float, *, usual_s: float) -> Chosen:
        """Take the next picture.

        Args:
            time_s: its time, later than that of the one before.
            usual_s: the usual time between two pictures.
        """
        before_s, self._before_s = self._before_s, time_s
        if before_s is None or time_s - before_s > self._gap_s:
            self._next = round(time_s / self._interval_s) + 1
            return Chosen(now=[self._later(time_s)], gap_from_s=before_s)
        again: list[float] = []
        now: list[float] = []
        until_s = time_s + usual_s / 2
        while (wanted_s := self._next * self._interval_s) <= until_s:
            is_nearer = wanted_s < (before_s + time_s) / 2
            (again if is_nearer else now).append(wanted_s)
            self._next += 1
        if len(now) == 1:
            now = [time_s]
        return Chosen(
            again=[self._later(one) for one in again],
            now=[self._later(one) for one in now],
        )

    def _later(self, time_s: float) -> float:
        self._last_s = max(time_s, self._last_s + _SMALLEST_S)
        return self._last_s


class RateLimit:
    """Refuses sources that send pictures too fast."""

    def __init__(self, max_fps: float) -> None:
        self._max_fps = max_fps
        self._times_s: deque[float] = deque()

    def push(self, time_s: float) -> None:
        """Count a picture.

        Raises:
            VideoLimitExceeded: too many in the last two seconds of the stream.
        """
        times_s = self._times_s
        times_s.append(time_s)
        while times_s[0] <= time_s - _WINDOW_S:
            times_s.popleft()
        spanned_s = max(time_s - times_s[0], _SMALLEST_S)
        rate = (len(times_s) - 1) / spanned_s
        is_sure = spanned_s >= _WINDOW_S / 4 or len(times_s) > self._max_fps * _WINDOW_S
        if len(times_s) > _FEWEST and is_sure and rate > self._max_fps * 1.1:
            raise VideoLimitExceeded(
                f"The source sends about {rate:.0f} frames/s; at most "
                f"{self._max_fps:.0f} are allowed. Set the encoder to 25 to 60."
            )
