"""How far a figure may be off: bootstrap intervals over stretches of match.

Events of one stretch depend on each other, and matches are few; so whole minutes
are drawn with replacement, not events. Keeps away from torch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.data.formats.provenance import Span
from model.evaluation.matching import pair_by_score
from model.evaluation.metrics import Floats, LabelledMatch, RankedPredictions

STRETCH_S = 60.0
SHORTEST_STRETCH_S = 10.0
STRETCHES = 20  # at least, where the shortest stretch allows
MANY_MATCHES = 10  # from here on, whole matches are drawn
DRAWS = 500

Ints = NDArray[np.int64]


class Interval(NamedTuple):
    """The middle 95% of what other draws of the same minutes give."""

    low: float
    high: float


NO_INTERVAL = Interval(float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Units:
    """The pieces of measured time that are drawn: stretches, or whole matches.

    Attributes:
        starts: of each match's pieces, in seconds, rising.
        first: the number of each match's first piece.
        count: of all pieces.
        are_matches: the pieces are whole matches.
    """

    starts: Sequence[Floats]
    first: Sequence[int]
    count: int
    are_matches: bool = False

    @classmethod
    def of_spans(cls, spans: Sequence[Sequence[Span]]) -> "Units":
        """Cut what is measured of each match into pieces.

        Pieces are minutes; shorter where there would be few, and matches where there
        are many.
        """
        if len(spans) >= MANY_MATCHES:
            zeros = [np.array([-np.inf])] * len(spans)
            return cls(zeros, range(len(spans)), len(spans), are_matches=True)
        total_s = sum(end - start for of_match in spans for start, end in of_match)
        length_s = min(STRETCH_S, max(SHORTEST_STRETCH_S, total_s / STRETCHES))
        starts = [_cut(of_match, length_s) for of_match in spans]
        counts = [len(of_match) for of_match in starts]
        first = [sum(counts[:index]) for index in range(len(counts))]
        return cls(starts, first, sum(counts))

    @classmethod
    def of_lengths(cls, lengths_s: Sequence[float]) -> "Units":
        """Cut whole matches of these lengths into minutes."""
        starts = [
            np.arange(max(1, round(length_s / STRETCH_S)), dtype=np.float64) * STRETCH_S
            for length_s in lengths_s
        ]
        counts = [len(of_match) for of_match in starts]
        first = [sum(counts[:index]) for index in range(len(counts))]
        return cls(starts, first, sum(counts))

    def at(self, match: int, time_s: float) -> int:
        """Say in which piece a moment of a match is."""
        found = int(np.searchsorted(self.starts[match], time_s, side="right")) - 1
        return self.first[match] + max(found, 0)

    def draws(self, *, seed: int = 0, draws: int = DRAWS) -> Iterator[Ints]:
        """Draw pieces with replacement: how often each is taken, (count,)."""
        rng = np.random.default_rng(seed)
        for _ in range(draws):
            taken = rng.integers(0, self.count, self.count)
            yield np.bincount(taken, minlength=self.count)


@dataclass(frozen=True, slots=True)
class Placed:
    """Pooled spots and events of a label, and the piece that each is in.

    Attributes:
        scores: (S,) falling.
        hits: (S,) whether the spot met an event.
        spot_at: (S,) piece; of a hit that of its event, so that no pair is torn.
        event_at: (E,) piece.
    """

    scores: Floats
    hits: NDArray[np.bool_]
    spot_at: Ints
    event_at: Ints

    @classmethod
    def of(
        cls,
        matches: Sequence[LabelledMatch],
        label: str,
        units: Units,
        *,
        tolerance_s: float,
    ) -> "Placed":
        """Pair spots and events once, and place them."""
        scores: list[float] = []
        hits: list[bool] = []
        spot_at: list[int] = []
        event_at: list[int] = []
        for index, match in enumerate(matches):
            spots, events = match.spots.get(label, ()), match.events.get(label, ())
            pairing = pair_by_score(spots, events, tolerance_s=tolerance_s)
            for spot, event in zip(spots, pairing.event_of.tolist(), strict=True):
                at_s = events[event] if event >= 0 else spot.time_s
                scores.append(spot.score)
                hits.append(event >= 0)
                spot_at.append(units.at(index, at_s))
            event_at += [units.at(index, time_s) for time_s in events]
        order = np.argsort(-np.array(scores, dtype=np.float64), kind="stable")
        return cls(
            np.array(scores, dtype=np.float64)[order],
            np.array(hits, dtype=np.bool_)[order],
            np.array(spot_at, dtype=np.int64)[order],
            np.array(event_at, dtype=np.int64),
        )

    def drawn(self, times: Ints | None = None) -> RankedPredictions:
        """Give the spots of a draw, which takes each piece `times`; None: all once."""
        if times is None:
            return RankedPredictions(self.scores, self.hits, len(self.event_at))
        taken = times[self.spot_at]
        return RankedPredictions(
            scores=np.repeat(self.scores, taken),
            hits=np.repeat(self.hits, taken),
            events=int(times[self.event_at].sum()),
        )


def middle(values: Sequence[float]) -> Interval:
    """Give the middle 95% of some values; NaN at both ends without any."""
    if not values:
        return NO_INTERVAL
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(float(low), float(high))


def interval(
    matches: Sequence[LabelledMatch],
    label: str,
    spans_s: Sequence[float],
    figure: Callable[[RankedPredictions], float],
    *,
    tolerance_s: float,
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """Bootstrap a figure of one label.

    Args:
        matches: spots and events.
        label: the class.
        spans_s: length of each match.
        figure: of pooled spots: `exact_ap` and the like.
        tolerance_s: how far a hit may lie.
        seed: of the draws.
        draws: how many.

    Returns:
        The interval; NaN at both ends if the label has no event.
    """
    units = Units.of_lengths(spans_s)
    placed = Placed.of(matches, label, units, tolerance_s=tolerance_s)
    if not len(placed.event_at):
        return NO_INTERVAL
    drawn = (placed.drawn(times) for times in units.draws(seed=seed, draws=draws))
    return middle([figure(ranked) for ranked in drawn if ranked.events])


def _cut(spans: Sequence[Span], length_s: float) -> Floats:
    """Cut spans into pieces of about equal length; gives where each begins."""
    starts: list[float] = []
    for start, end in sorted(spans):
        pieces = max(1, round((end - start) / length_s))
        starts += np.linspace(start, end, pieces, endpoint=False).tolist()
    return np.array(starts or [0.0], dtype=np.float64)
