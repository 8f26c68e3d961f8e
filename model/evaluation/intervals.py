"""How far a figure may be off: bootstrap intervals over stretches of match.

Events of one stretch depend on each other, and matches are few; so whole minutes
are drawn with replacement, not events. Keeps away from torch.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.evaluation.matching import pair_by_score
from model.evaluation.metrics import Floats, LabelledMatch, RankedPredictions

STRETCH_S = 60.0
DRAWS = 500


class Interval(NamedTuple):
    """The middle 95% of what other draws of the same minutes give."""

    low: float
    high: float


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
    scores, hits, spot_at, event_at, stretches = _by_stretch(
        matches, label, spans_s, tolerance_s
    )
    if not len(event_at):
        return Interval(float("nan"), float("nan"))
    order = np.argsort(-scores, kind="stable")
    scores, hits, spot_at = scores[order], hits[order], spot_at[order]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        times = np.bincount(rng.integers(0, stretches, stretches), minlength=stretches)
        taken = times[spot_at]
        ranked = RankedPredictions(
            scores=np.repeat(scores, taken),
            hits=np.repeat(hits, taken),
            events=int(times[event_at].sum()),
        )
        if ranked.events:
            values.append(figure(ranked))
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(float(low), float(high))


def _by_stretch(
    matches: Sequence[LabelledMatch],
    label: str,
    spans_s: Sequence[float],
    tolerance_s: float,
) -> tuple[
    Floats,
    NDArray[np.bool_],
    NDArray[np.int64],
    NDArray[np.int64],
    int,
]:
    """Pair once, then note the stretch of each spot and event.

    A hit belongs to the stretch of its event, so that a pair is never torn.
    """
    scores: list[float] = []
    hits: list[bool] = []
    spot_at: list[int] = []
    event_at: list[int] = []
    first = 0
    for match, span_s in zip(matches, spans_s, strict=True):
        count = max(1, round(span_s / STRETCH_S))
        spots, events = match.spots.get(label, ()), match.events.get(label, ())
        pairing = pair_by_score(spots, events, tolerance_s=tolerance_s)
        for spot, event in zip(spots, pairing.event_of.tolist(), strict=True):
            at_s = events[event] if event >= 0 else spot.time_s
            scores.append(spot.score)
            hits.append(event >= 0)
            spot_at.append(first + min(count - 1, int(at_s / STRETCH_S)))
        event_at += [first + min(count - 1, int(s / STRETCH_S)) for s in events]
        first += count
    return (
        np.array(scores, dtype=np.float64),
        np.array(hits, dtype=np.bool_),
        np.array(spot_at, dtype=np.int64),
        np.array(event_at, dtype=np.int64),
        first,
    )
