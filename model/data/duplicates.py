"""Whether two matches are one: by their files, or by when things happen in them.

The same match under two names, on both sides of a split, would be trained on and then
tested. Keeps away from torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.data.label_checks import ENOUGH_EVENTS, is_rounded
from model.data.labels import Match

# Of two matches not so many events come within this of each other by chance.
SAME_SHARE = 0.9
SAME_S = 0.05

_HEAD_BYTES = 65536
_NONE = np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What identifies a match.

    Attributes:
        match: whose.
        file: size and first bytes of the video, None if it is not there.
        times_s: (E,) for each label, when its events are, in order.
        is_rounded: the times are whole seconds, so chance makes them agree.
    """

    match: Match
    file: tuple[int, bytes] | None
    times_s: Mapping[str, NDArray[np.float64]]
    is_rounded: bool

    @classmethod
    def of(cls, match: Match) -> Self:
        """Take the fingerprint of a match."""
        file = None
        if match.video.is_file():
            with match.video.open("rb") as video:
                file = (match.video.stat().st_size, video.read(_HEAD_BYTES))
        times: dict[str, list[float]] = {}
        for event in match.labels.events:
            times.setdefault(event.label, []).append(event.time_s)
        arrays = {label: np.array(at, np.float64) for label, at in times.items()}
        return cls(match, file, arrays, is_rounded(match.labels.events))

    def is_same(self, other: Self) -> bool:
        """Return whether the other is this match, whole or cut short at its end."""
        if self.file is not None and self.file == other.file:
            return True
        few, many = sorted((self, other), key=lambda one: len(one.match.labels.events))
        if len(few.match.labels.events) < ENOUGH_EVENTS:
            return False
        if few.is_rounded or many.is_rounded:
            return few._rows == many._rows
        return few._matched_share(many) >= SAME_SHARE

    @property
    def _rows(self) -> list[tuple[str, float]]:
        return [(event.label, event.time_s) for event in self.match.labels.events]

    def _matched_share(self, other: Self) -> float:
        """Return the share of the events that the other has nearby, by label."""
        matched = 0
        for label, ours in self.times_s.items():
            theirs = other.times_s.get(label, _NONE)
            low = np.searchsorted(theirs, ours - SAME_S)
            matched += int((np.searchsorted(theirs, ours + SAME_S) > low).sum())
        return matched / len(self.match.labels.events)
