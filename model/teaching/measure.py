"""How good a network is on the hold-out, and whether one is better than another.

By stretches of the hold-out that are drawn anew again and again: events of one stretch
depend on each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model.checkpoint.spotting_options import SpottingOptions
from model.data.formats.provenance import cut_spans
from model.evaluation.metrics import (
    LabelledMatch,
    RankedPredictions,
    exact_ap,
    labels_of,
    match_predictions,
)
from model.evaluation.timed import TimedMatch, spotted

BLOCK_S = 20.0
DRAWS = 300
TOLERANCE_S = 0.5
SURE = 0.9
"""Share of the draws in which one must be better to be taken for better."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better one network is than another.

    Attributes:
        mean: difference of their mean AP.
        sure: share of the draws in which it is above zero.
    """

    mean: float
    sure: float

    @property
    def is_beyond_noise(self) -> bool:
        """Whether it is hardly by chance."""
        return self.mean > 0 and self.sure >= SURE


def blocks_of(matches: Sequence[TimedMatch]) -> list[TimedMatch]:
    """Cut matches into blocks, each measured by itself."""
    blocks = []
    for match in matches:
        for start_s, end_s in match.reviewed or ():
            end_s = min(end_s, float(match.timeline.time_s[-1]) + 1.0)
            count = max(1, round((end_s - start_s) / BLOCK_S))
            edges = np.linspace(start_s, end_s, count + 1)
            for number, (low, high) in enumerate(pairwise(edges)):
                blocks.append(_block(match, float(low), float(high), number))
    return blocks


def _block(match: TimedMatch, low: float, high: float, number: int) -> TimedMatch:
    times = match.timeline.time_s
    first, until = np.searchsorted(times, [low - BLOCK_S, high + BLOCK_S])
    return replace(
        match,
        name=f"{match.name} at {low:.1f} s ({number})",
        timeline=match.timeline[int(first) : int(until)],
        events=tuple(e for e in match.events if low <= e.time_s < high),
        reviewed=cut_spans(match.reviewed or (), [(low, high)]),
    )


def compare(
    one: Sequence[TimedMatch], other: Sequence[TimedMatch], options: SpottingOptions
) -> Gain:
    """Compare two networks on the same stretches: is `one` better than `other`?"""
    pairs = [_ranked(spotted(blocks_of(each), options)) for each in (one, other)]
    rng = np.random.default_rng(0)
    count = len(next(iter(pairs[0].values()), []))
    if not count:
        return Gain(0.0, 0.0)
    drawn = [rng.integers(0, count, count) for _ in range(DRAWS)]
    gains = [_mean_ap(pairs[0], at) - _mean_ap(pairs[1], at) for at in drawn]
    every = np.arange(count)
    mean = _mean_ap(pairs[0], every) - _mean_ap(pairs[1], every)
    return Gain(mean, float(np.mean(np.array(gains) > 0)))


def ap_draws(
    matches: Sequence[TimedMatch], labels: Sequence[str], options: SpottingOptions
) -> dict[str, Floats]:
    """Give each type's AP: on all stretches first, then on `DRAWS` draws of them.

    NaN where a draw has no event of the type.
    """
    ranked = _ranked(spotted(blocks_of(matches), options), labels)
    count = len(next(iter(ranked.values()), []))
    if not count:
        return {}
    rng = np.random.default_rng(0)
    drawn = [np.arange(count)]
    drawn += [rng.integers(0, count, count) for _ in range(DRAWS)]
    return {
        label: np.array([_ap(of, at) for at in drawn]) for label, of in ranked.items()
    }


def interval_of(draws: Floats) -> tuple[float, float]:
    """Give the middle 95% of draws; NaN if there is none."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def _ranked(
    blocks: Sequence[LabelledMatch], labels: Sequence[str] | None = None
) -> dict[str, list[RankedPredictions]]:
    return {
        label: [
            match_predictions([block], label, tolerance_s=TOLERANCE_S)
            for block in blocks
        ]
        for label in (labels_of(blocks) if labels is None else labels)
    }


def _ap(of: Sequence[RankedPredictions], at: NDArray[np.int64]) -> float:
    scores = np.concatenate([of[index].scores for index in at])
    hits = np.concatenate([of[index].hits for index in at])
    order = np.argsort(-scores, kind="stable")
    events = sum(of[index].events for index in at)
    return exact_ap(RankedPredictions(scores[order], hits[order], events))


def _mean_ap(
    ranked: Mapping[str, Sequence[RankedPredictions]], at: NDArray[np.int64]
) -> float:
    values = [_ap(of, at) for of in ranked.values()]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else 0.0
