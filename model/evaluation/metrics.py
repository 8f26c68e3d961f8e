"""How good spots are: AP both ways, and precision, recall and F1 at a tolerance.

Every function takes spots and events by match and label. Keeps away from torch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.evaluation.matching import Scored, pair_by_event, pair_by_score

SOCCERNET_THRESHOLDS = 200
E2ESPOT_FRAMES = (0, 1, 2, 4)
TIGHT_S = (1.0, 2.0, 3.0, 4.0, 5.0)
LOOSE_S = tuple(float(delta) for delta in range(5, 61, 5))

# With fewer events a label takes no part in choosing weights, windows or a precision.
FEW_EVENTS = 50

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledMatch:
    """What was spotted and what happened in one match.

    Attributes:
        name: of the match.
        spots: by label, any order.
        events: by label, times in seconds.
        teams: by label, the side of each event; of a label that is not there, and of
            events with None, no side is known.
    """

    name: str
    spots: Mapping[str, Sequence[Scored]]
    events: Mapping[str, Sequence[float]]
    teams: Mapping[str, Sequence[str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """Hits, false alarms and misses, and what follows from them."""

    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> float:
        """Share of the spots that are hits; 0 without spots."""
        return _ratio(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of the events that are hit; 0 without events."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)


@dataclass(frozen=True, slots=True)
class RankedPredictions:
    """All spots of a label over all matches, best first, each a hit or not.

    Attributes:
        scores: (S,) falling.
        hits: (S,) whether the spot met an event.
        events: how many events there are.
    """

    scores: Floats
    hits: NDArray[np.bool_]
    events: int


def labels_of(matches: Iterable[LabelledMatch]) -> tuple[str, ...]:
    """Name the labels that occur among the events, in alphabetical order."""
    return tuple(
        sorted({label for m in matches for label in m.events if m.events[label]})
    )


def labels_that_count(
    matches: Iterable[LabelledMatch], *, minimum: int = FEW_EVENTS
) -> tuple[str, ...]:
    """Name the labels that weights, windows and precisions may be chosen by.

    Those with at least `minimum` events; with fewer, chance chooses. Where no label
    has as many (a small data set), all that occur, since something must decide.
    """
    counts: dict[str, int] = {}
    for match in matches:
        for label, events in match.events.items():
            counts[label] = counts.get(label, 0) + len(events)
    occurring = sorted(label for label, count in counts.items() if count)
    enough = [label for label in occurring if counts[label] >= minimum]
    return tuple(enough or occurring)


def match_predictions(
    matches: Sequence[LabelledMatch], label: str, *, tolerance_s: float
) -> RankedPredictions:
    """Pair each match's spots (`pair_by_score`) and pool them, best first.

    At equal scores the order of the matches, then of the spots, decides.
    """
    scores: list[float] = []
    hits: list[bool] = []
    for match in matches:
        spots = match.spots.get(label, ())
        events = match.events.get(label, ())
        pairing = pair_by_score(spots, events, tolerance_s=tolerance_s)
        scores += [spot.score for spot in spots]
        hits += pairing.hits.tolist()
    order = np.argsort(-np.array(scores, dtype=np.float64), kind="stable")
    return RankedPredictions(
        scores=np.array(scores, dtype=np.float64)[order],
        hits=np.array(hits, dtype=bool)[order],
        events=sum(len(match.events.get(label, ())) for match in matches),
    )


def average_precision(
    matches: Sequence[LabelledMatch], label: str, *, tolerance_s: float
) -> float:
    """Give E2E-Spot's exact AP of a label: 0 to 1, NaN where nothing happened.

    Precision at each hit, made falling from the right, summed and divided by the
    number of events. The end of the tolerance is inside.

    Source: E2E-Spot, util/score.py (`compute_average_precision`).
    """
    return exact_ap(match_predictions(matches, label, tolerance_s=tolerance_s))


def exact_ap(ranked: RankedPredictions) -> float:
    """Give the AP of pooled spots; see `average_precision`."""
    if not ranked.events:
        return float("nan")
    ranks = np.flatnonzero(ranked.hits) + 1
    precision = np.arange(1, len(ranks) + 1) / ranks
    falling = np.maximum.accumulate(precision[::-1])
    return float(falling.sum() / ranked.events)


def mean_average_precision(
    matches: Sequence[LabelledMatch], *, tolerance_s: float
) -> float:
    """Average the exact AP over the labels that occur in the truth."""
    labels = labels_of(matches)
    if not labels:
        return float("nan")
    return float(
        np.mean(
            [
                average_precision(matches, name, tolerance_s=tolerance_s)
                for name in labels
            ]
        )
    )


def mean_over_frames(matches: Sequence[LabelledMatch], *, fps: float) -> float:
    """Average the mAP over 0, 1, 2 and 4 frames, as E2E-Spot reports it.

    Spots lie on steps of a clock of `fps`; E2E-Spot lays events on it too, each on its
    nearest step. So "within n frames" is here within n and a half of a frame.
    """
    return float(
        np.mean(
            [
                mean_average_precision(matches, tolerance_s=(frames + 0.5) / fps)
                for frames in E2ESPOT_FRAMES
            ]
        )
    )


def soccernet_ap(
    matches: Sequence[LabelledMatch], label: str, *, delta_s: float
) -> float:
    """Give SoccerNet's AP of a label: 200 thresholds, 11 points; 0 without events.

    Its "@1" is delta 1 s: a hit lies within half a second. The kit lays events on a
    grid of its frame rate first; here times are taken as they are.

    Source: SoccerNet's kit, Evaluation/ActionSpotting.py (`compute_mAP`).
    """
    scores: list[float] = []
    hits: list[bool] = []
    events = 0
    for match in matches:
        spots = match.spots.get(label, ())
        times = match.events.get(label, ())
        scores += [spot.score for spot in spots]
        hits += pair_by_event(spots, times, delta_s=delta_s).hits.tolist()
        events += len(times)
    if not events or not scores:
        return 0.0
    thresholds = np.linspace(0, 1, SOCCERNET_THRESHOLDS)
    taken = np.array(scores)[None, :] >= thresholds[:, None]
    true = (taken & np.array(hits)[None, :]).sum(axis=1)
    precision = true / np.maximum(taken.sum(axis=1), 1)
    recall = true / events
    points = np.arange(11) / 10
    best = [precision[recall >= point].max(initial=0.0) for point in points]
    return float(np.mean(best))


def soccernet_average_map(
    matches: Sequence[LabelledMatch],
    labels: Sequence[str],
    *,
    deltas_s: Sequence[float] = TIGHT_S,
) -> float:
    """Average SoccerNet's mAP over tolerances by the trapezoid rule.

    Labels without an event count as zero, as in the kit. One delta gives its mAP.

    Source: SoccerNet's kit, Evaluation/ActionSpotting.py (`average_mAP`).
    """
    means = [
        float(np.mean([soccernet_ap(matches, name, delta_s=delta) for name in labels]))
        for delta in deltas_s
    ]
    if len(means) == 1:
        return means[0]
    return float(np.mean((np.array(means[1:]) + np.array(means[:-1])) / 2))


def counts_at(
    matches: Sequence[LabelledMatch],
    label: str,
    *,
    tolerance_s: float,
    threshold: float,
) -> Counts:
    """Count hits of the spots that score at least `threshold`."""
    return counts_of(
        match_predictions(matches, label, tolerance_s=tolerance_s), threshold
    )


def best_f1(
    matches: Sequence[LabelledMatch], label: str, *, tolerance_s: float
) -> tuple[float, float]:
    """Find the threshold with the highest F1: (F1, threshold); (0, 1) without hits.

    At equal F1 the higher threshold wins.
    """
    return best_f1_of(match_predictions(matches, label, tolerance_s=tolerance_s))


def best_f1_of(ranked: RankedPredictions) -> tuple[float, float]:
    """Find the best F1 of pooled spots; see `best_f1`."""
    if not ranked.hits.any():
        return 0.0, 1.0
    true = np.cumsum(ranked.hits)
    taken = np.arange(1, len(true) + 1)
    f1 = 2 * true / (taken + ranked.events)
    # Spots of equal score stand or fall together.
    is_last = np.append(ranked.scores[1:] < ranked.scores[:-1], True)
    best = int(np.argmax(np.where(is_last, f1, -1)))
    return float(f1[best]), float(ranked.scores[best])


def precision_recall(ranked: RankedPredictions) -> tuple[Floats, Floats]:
    """Give the curve of pooled spots: precision and recall after each, best first."""
    true = np.cumsum(ranked.hits)
    taken = np.arange(1, len(true) + 1)
    recall = true / max(ranked.events, 1)
    return (true / taken).astype(np.float64), recall.astype(np.float64)


def counts_of(ranked: RankedPredictions, threshold: float) -> Counts:
    """Count pooled spots that score at least `threshold`; see `counts_at`."""
    taken = ranked.scores >= threshold
    hits = int((taken & ranked.hits).sum())
    return Counts(hits, int(taken.sum()) - hits, ranked.events - hits)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
