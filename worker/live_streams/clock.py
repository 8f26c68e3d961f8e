"""The time of a stream over several runs, by its media and by the wall."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.live.items import Gap
from worker.live_streams.events import Moment
from worker.live_streams.parts import Step

STRETCHES = 64  # between gaps, of which the wall's clock is remembered


@dataclass(slots=True)
class StreamClock:
    """Keeps the time of a stream over several runs.

    Attributes:
        began_at: wall clock at 0 s; None: no picture has come.
        edge_s: up to where an earlier run has seen the stream.
        begins_anew: each run reads the source from its beginning, as with a file.
        offset_s: what is added to the source's times; known with the first picture.
    """

    began_at: datetime | None
    edge_s: float
    begins_anew: bool = False
    offset_s: float = 0.0
    _resumes: bool = False
    # Where each stretch without a gap begins, and the wall's clock at 0 s by it.
    _stretches: deque[tuple[float, datetime]] = field(
        default_factory=lambda: deque(maxlen=STRETCHES)
    )

    def __post_init__(self) -> None:
        self._resumes = self.begins_anew and self.began_at is not None

    def is_known(self, media_s: float) -> bool:
        """Tell whether an earlier run has seen a time of the source."""
        return self._resumes and media_s <= self.edge_s

    def begin(self, step: Step, *, least_s: float) -> Gap | None:
        """Take the first picture of a run; gives what is missing before it."""
        if self.began_at is None:
            self.began_at = step.wall - timedelta(seconds=step.media_s)
            return None
        from_wall = self.began_at + timedelta(seconds=self.edge_s)
        at_s = step.media_s
        if not self._resumes:
            by_wall_s = (step.wall - self.began_at).total_seconds()
            at_s = max(by_wall_s, self.edge_s + least_s)
        self.offset_s = at_s - step.media_s
        return Gap(self.edge_s, at_s, "worker changed", from_wall, step.wall)

    def note(self, now: Moment) -> None:
        """Take the wall's clock of a picture."""
        zero = now.wall_at(0.0)
        if self._stretches:
            from_s, _ = self._stretches.pop()
            self._stretches.append((from_s, zero))
        else:
            self._stretches.append((now.media_s, zero))

    def pass_gap(self, gap: Gap, now: Moment) -> Gap:
        """Take the first picture after a gap; gives the gap with the wall's clock."""
        passed = replace(
            gap, from_wall=self.wall_at(gap.from_s), to_wall=now.wall_at(gap.to_s)
        )
        self._stretches.append((gap.to_s, now.wall_at(0.0)))
        return passed

    def wall_at(self, media_s: float) -> datetime | None:
        """Tell the wall's clock at a time of the stream; None: no picture has come.

        May be asked by another thread.
        """
        stretches = list(self._stretches)
        if not stretches:
            return None
        zero = stretches[0][1]
        for from_s, own in stretches:
            if from_s <= media_s:
                zero = own
        return zero + timedelta(seconds=media_s)
