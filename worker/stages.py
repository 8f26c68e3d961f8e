"""How long a job has spent in each stage, as its handler reports them."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

FIRST_STAGE = "start"  # until the handler reports one: a checkpoint is loaded, say
MOST_PARTS = 100  # told one by one of a run


class Part(NamedTuple):
    """A stretch of a run in one stage; times are ns since 1970."""

    stage: str
    begin_ns: int
    end_ns: int


class StageClock:
    """Adds up the time of each stage, over all runs of a job.

    One thread enters stages, another may read. A stage that is entered again goes on.
    """

    def __init__(
        self,
        earlier: Mapping[str, float] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the first stage.

        Args:
            earlier: seconds by stage, of the runs before this one.
        """
        self._lock = threading.Lock()
        self._seconds = dict(earlier or {})
        self._clock = clock
        self._stage, self._since = FIRST_STAGE, clock()
        self._parts: list[Part] = []
        self._begin_ns = time.time_ns()

    def enter(self, stage: str) -> None:
        """Count from now on for another stage; nothing happens if it is the same."""
        with self._lock:
            if stage != self._stage:
                self._count()
                self._end_part()
                self._stage = stage

    def seconds(self) -> dict[str, float]:
        """Tell the seconds by stage until now, to the millisecond."""
        with self._lock:
            self._count()
            return {stage: round(s, 3) for stage, s in self._seconds.items()}

    def parts(self) -> list[Part]:
        """Tell this run's stretches in order, the one under way until now."""
        with self._lock:
            last = Part(self._stage, self._begin_ns, time.time_ns())
            return [*self._parts, last][:MOST_PARTS]

    def _end_part(self) -> None:
        now_ns = time.time_ns()
        if len(self._parts) < MOST_PARTS:
            self._parts.append(Part(self._stage, self._begin_ns, now_ns))
        self._begin_ns = now_ns

    def _count(self) -> None:
        now = self._clock()
        before = self._seconds.get(self._stage, 0.0)
        self._seconds[self._stage] = before + (now - self._since)
        self._since = now
