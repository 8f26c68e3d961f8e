"""How long to wait before something that ended is started again."""

import time
from dataclasses import dataclass

STEADY_S = 60.0  # what ran so long has started well


@dataclass(slots=True)
class Backoff:
    """Counts deaths in a row; each doubles the pause up to a limit.

    Attributes:
        longest_s: the limit of a pause.
        deaths: how often it ended in a row, each time before it ran steadily.
        next_start: when to start it again, on the monotonic clock.
        first_death: when the first of them was, on the monotonic clock.
    """

    longest_s: float
    deaths: int = 0
    next_start: float = 0.0
    first_death: float = 0.0

    @property
    def row_s(self) -> float:
        """How long ago the first of the deaths in a row was, in seconds."""
        return time.monotonic() - self.first_death if self.deaths else 0.0

    @property
    def is_due(self) -> bool:
        """Whether the pause is over."""
        return time.monotonic() >= self.next_start

    def note_death(self, *, lived_s: float) -> float:
        """Count a death; returns the pause before the next start, in seconds."""
        self.deaths = 1 if lived_s > STEADY_S else self.deaths + 1
        if self.deaths == 1:
            self.first_death = time.monotonic()
        # The exponent is bounded: what dies for days must not overflow a float.
        pause_s: float = min(2.0 ** min(self.deaths - 1, 30), self.longest_s)
        self.next_start = time.monotonic() + pause_s
        return pause_s

    def forget(self) -> None:
        """It runs steadily: the next death is the first."""
        self.deaths = 0
