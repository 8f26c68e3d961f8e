"""Pair spots with events: which spots are hits, by three different rules.

Spots and events here are of one label in one match. Keeps away from torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Times are sums of floats: a hit at the very end of the tolerance is a hit.
EDGE_S = 1e-6


class Scored(NamedTuple):
    """A spot as the measures see it: when, how sure, and which side it names."""

    time_s: float
    score: float
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which spot met which event.

    Attributes:
        event_of: (S,) for each spot the index of its event, -1 for none.
        spot_of: (E,) for each event the index of its spot, -1 for none.
    """

    event_of: NDArray[np.int64]
    spot_of: NDArray[np.int64]

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Say for each spot whether it met an event: (S,)."""
        return self.event_of >= 0


def pair_by_score(
    spots: Sequence[Scored], times_s: Sequence[float], *, tolerance_s: float
) -> Pairing:
    """Let the best spot choose first, each the nearest event still free.

    At equal scores the earlier spot in the sequence chooses first; at equal
    distances the earlier event in the sequence is taken. A spot whose nearest free
    event is too far off is a miss.

    Args:
        spots: of one label in one match.
        times_s: when the events are.
        tolerance_s: how far a hit may lie to either side, the end included.

    Source: E2E-Spot (Hong et al., ECCV 2022), util/score.py.
    """
    pairing = _empty(len(spots), len(times_s))
    events = np.asarray(times_s, dtype=np.float64)
    free = np.ones(len(events), dtype=bool)
    for index in sorted(range(len(spots)), key=lambda i: -spots[i].score):
        if not free.any():
            break
        distance = np.where(free, np.abs(events - spots[index].time_s), np.inf)
        nearest = int(distance.argmin())
        if distance[nearest] <= tolerance_s + EDGE_S:
            free[nearest] = False
            pairing.event_of[index], pairing.spot_of[nearest] = nearest, index
    return pairing


def pair_by_event(
    spots: Sequence[Scored], times_s: Sequence[float], *, delta_s: float
) -> Pairing:
    """Let the events choose in order of time, each the best spot still free.

    Args:
        spots: of one label in one match.
        times_s: when the events are.
        delta_s: twice the tolerance: a hit lies within delta / 2 to either side,
            the end included. At equal scores the earlier spot is taken.

    Source: SoccerNet's kit, Evaluation/ActionSpotting.py (`compute_class_scores`).
    """
    pairing = _empty(len(spots), len(times_s))
    order = sorted(range(len(spots)), key=lambda i: spots[i].time_s)
    at_s = np.array([spots[i].time_s for i in order])
    for event in sorted(range(len(times_s)), key=lambda i: times_s[i]):
        near = np.flatnonzero(np.abs(at_s - times_s[event]) <= delta_s / 2 + EDGE_S)
        free = [order[i] for i in near if pairing.event_of[order[i]] < 0]
        if free:
            best = max(free, key=lambda i: spots[i].score)
            pairing.event_of[best], pairing.spot_of[event] = event, best
    return pairing


def _empty(spots: int, events: int) -> Pairing:
    return Pairing(np.full(spots, -1, np.int64), np.full(events, -1, np.int64))
