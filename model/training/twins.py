"""Whether two matches are one: by their files, or by when things happen in them.

The same match under two names, on both sides of a split, would be learnt and then
tested. Keeps away from torch.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.training.annotations import Match
from model.training.moments import ENOUGH_EVENTS, is_rounded

# Of two matches not so many events come within this of each other by chance.
SAME_SHARE = 0.9
SAME_S = 0.05

_HEAD_BYTES = 65536


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What a match is known by.

    Attributes:
        match: whose.
        file: size and first bytes of the video, None if it is not there.
        time_s: (E,) when its events are, in order.
        is_rounded: the times are whole seconds, so chance makes them agree.
    """

    match: Match
    file: tuple[int, bytes] | None
    time_s: NDArray[np.float64]
    is_rounded: bool

    @classmethod
    def of(cls, match: Match) -> Self:
        """Look at a match."""
        file = None
        if match.video.is_file():
            with match.video.open("rb") as video:
                file = (match.video.stat().st_size, video.read(_HEAD_BYTES))
        events = match.labels.events
        times = np.array([event.time_s for event in events], dtype=np.float64)
        return cls(match, file, times, is_rounded(events))

    def is_same(self, other: Self) -> bool:
        """Tell whether the other is this match, whole or cut short at its end.

        Labels need not agree: two people may have labelled it, each by other names.
        """
        if self.file is not None and self.file == other.file:
            return True
        if self.match.labels.events == other.match.labels.events:
            return len(self.time_s) >= ENOUGH_EVENTS
        if self.is_rounded or other.is_rounded:
            return False
        few, many = sorted((self.time_s, other.time_s), key=len)
        if len(few) < ENOUGH_EVENTS:
            return False
        return _share_met(few, many) >= SAME_SHARE


def _share_met(few: NDArray[np.float64], many: NDArray[np.float64]) -> float:
    """Say what share of some times is near one of the others, both in order."""
    right = np.searchsorted(many, few).clip(1, len(many) - 1)
    nearest = np.minimum(np.abs(many[right] - few), np.abs(many[right - 1] - few))
    return float((nearest <= SAME_S).mean())
