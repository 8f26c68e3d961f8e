"""How near the labels of a sport come to each other, read from labelled matches."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.labels import Match

FEWEST = 100  # Of fewer, the least is longer than what new matches will hold.


@dataclass(frozen=True, slots=True)
class Gap:
    """The least time between a label's events and those of other labels.

    Attributes:
        before_s: from another label's event to the next one of this label, seconds.
        after_s: from this label's event to the next one of another label.
    """

    before_s: float
    after_s: float


def least_gaps(
    matches: Iterable[Match], labels: Collection[str], *, fewest: int = FEWEST
) -> dict[str, Gap]:
    """Measure each label's least gaps, over whole matches.

    Args:
        matches: those of training: the more events, the truer a least gap.
        labels: the network's; events of others are passed over.
        fewest: a label with fewer gaps than this on either side is left out.

    Returns:
        Gaps by label, to the millisecond below.
    """
    before: dict[str, list[float]] = {label: [] for label in labels}
    after: dict[str, list[float]] = {label: [] for label in labels}
    for match in matches:
        events = [event for event in match.labels.events if event.label in before]
        names = np.array([event.label for event in events])
        times = np.array([event.time_s for event in events])
        for label in set(names.tolist()):
            own, others = times[names == label], times[names != label]
            before[label] += _to_last(own, others)
            after[label] += _to_last(-own[::-1], -others[::-1])
    return {
        label: Gap(_least(before[label]), _least(after[label]))
        for label in labels
        if min(len(before[label]), len(after[label])) >= fewest
    }


def _to_last(times: NDArray[np.float64], others: NDArray[np.float64]) -> list[float]:
    """Say how long before each time the last of the others was, where one was."""
    place = np.searchsorted(others, times, side="right")
    gaps: list[float] = (times[place > 0] - others[place[place > 0] - 1]).tolist()
    return gaps


def _least(gaps: list[float]) -> float:
    # Down: rounded up, the pair that is nearest of all would lie inside the gap.
    return math.floor(min(gaps) * 1000 + 1e-6) / 1000
