"""Choose what turns scores into spots: windows, thresholds, NMS, temperature.

All of it is chosen on validation matches and travels in the checkpoint. Keeps away
from torch: it sees timelines, not networks.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.spotting_options import LabelOptions, NmsKind, SpottingOptions
from model.data.labels import Match
from model.evaluation.metrics import (
    LabelledMatch,
    RankedPredictions,
    best_f1_of,
    exact_ap,
    match_predictions,
)
from model.evaluation.timed import Log, OnCorrupt, TimedMatch, spotted, timelines
from model.spotting.predictor import load_predictor

WINDOWS_S = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0)
FIT_WINDOW_S = 0.5
TEMPERATURES = tuple(float(t) for t in np.round(np.geomspace(0.5, 3.0, 19), 3))


@dataclass(frozen=True, slots=True)
class Goal:
    """What thresholds and windows are chosen for.

    Attributes:
        tolerance_s: how far a hit may lie to either side when F1 is counted.
        ap_tolerance_s: the same when windows are compared by AP.
        recall: reach at least this recall at the highest precision; None asks for
            the best F1.
    """

    tolerance_s: float = 1.0
    ap_tolerance_s: float = 0.5
    recall: float | None = None


def calibrate(matches: Sequence[TimedMatch], goal: Goal) -> SpottingOptions:
    """Choose the temperature, and each label's NMS kind, window and threshold.

    Windows and kinds go by AP and F1 together (their mean), since thresholds must
    not be chosen on a window that hides good spots, or where a recall is asked for by
    how near they come to it and then by the precision there; ties go to
    greedy NMS and the shorter window. A label without a hit keeps the middling
    options.

    Raises:
        ValueError: no match, or timelines of different labels.
    """
    labels = _labels(matches)
    temperature = choose_temperature(matches, tolerance_s=goal.tolerance_s)
    worth: dict[str, tuple[float, float]] = {}
    chosen = {label: LabelOptions() for label in labels}
    for kind, window_s in product(get_args(NmsKind), WINDOWS_S):
        tried = dict.fromkeys(labels, LabelOptions(window_s=window_s, nms=kind))
        found = spotted(matches, SpottingOptions(tried, temperature=temperature))
        for label in tried:
            value, threshold = _worth(found, label, goal)
            if value > worth.get(label, (0.0, 0.0)):
                worth[label] = value
                chosen[label] = replace(tried[label], threshold=threshold)
    return SpottingOptions(labels=chosen, temperature=temperature)


def calibrate_checkpoint(
    path: Path,
    matches: Sequence[Match],
    goal: Goal,
    *,
    out: Path,
    overlap: float | None = None,
    on_corrupt: OnCorrupt = "stop",
    log: Log,
) -> SpottingOptions:
    """Choose on these matches, through the path that serves, and write it down.

    Args:
        path: the checkpoint; its weights stay bit for bit.
        matches: validation, never training.
        goal: what to choose for.
        out: where to write; may be `path`.
        overlap: of the head's windows from now on; None leaves it.
        on_corrupt: what to do about a video that cannot be decoded.
        log: takes lines for the user.

    Raises:
        BadCheckpoint, EngineUnavailable: see `load_predictor`.
        BadAnnotations: see `timelines`.
    """
    before = Checkpoint.open(path).manifest
    with tempfile.TemporaryDirectory() as scratch:  # `out` is written once, at the end
        if overlap is not None:
            changed = Path(scratch) / path.name
            spotting = replace(before.spotting, overlap=overlap)
            path = with_changes(Checkpoint.open(path), changed, spotting=spotting).path
        predictor = load_predictor(path)
        timed = timelines(predictor, matches, on_corrupt=on_corrupt, log=log)
        chosen = calibrate(timed, goal)
        chosen = replace(chosen, overlap=predictor.manifest.spotting.overlap)
        with_changes(Checkpoint.open(path), out, spotting=chosen)
    return chosen


def choose_temperature(matches: Sequence[TimedMatch], *, tolerance_s: float) -> float:
    """Find the temperature at which a spot's score best tells whether it is a hit.

    By the likelihood of hits and false alarms over all labels; 1 without spots.
    """
    labels = _labels(matches)
    same = {label: LabelOptions(0.0, FIT_WINDOW_S) for label in labels}
    best, lowest = 1.0, np.inf
    for temperature in TEMPERATURES:
        options = SpottingOptions(labels=same, temperature=temperature)
        found = spotted(matches, options, min_score=0.0)
        ranked = [
            match_predictions(found, label, tolerance_s=tolerance_s) for label in labels
        ]
        scores = np.concatenate([one.scores for one in ranked]).clip(1e-6, 1 - 1e-6)
        hits = np.concatenate([one.hits for one in ranked])
        if not hits.any():
            return 1.0
        unlikely = -np.where(hits, np.log(scores), np.log1p(-scores)).mean()
        if unlikely < lowest:
            best, lowest = temperature, float(unlikely)
    return best


def _worth(
    found: Sequence[LabelledMatch], label: str, goal: Goal
) -> tuple[tuple[float, float], float]:
    """Say how good the spots of a label are, and which threshold is best.

    How good: the recall that is reached, as far as one is asked for, and then what is
    to be high there; to nine places, so that a tie is one.
    """
    ranked = match_predictions(found, label, tolerance_s=goal.tolerance_s)
    if not ranked.events or not ranked.hits.any():
        return (0.0, 0.0), 0.5
    if goal.recall is not None:
        threshold = threshold_for_recall(ranked, goal.recall)
        kept = ranked.hits[ranked.scores >= threshold]
        reached = min(float(kept.sum()) / ranked.events, goal.recall)
        worth = round(reached, 9), round(float(kept.mean()), 9)
        return worth, _between(ranked.scores, threshold)
    f1, threshold = best_f1_of(ranked)
    ap = exact_ap(match_predictions(found, label, tolerance_s=goal.ap_tolerance_s))
    return (0.0, round((f1 + ap) / 2, 9)), _between(ranked.scores, threshold)


def threshold_for_recall(ranked: RankedPredictions, recall: float) -> float:
    """Find the highest threshold that reaches a recall, or the best there is."""
    reached = np.cumsum(ranked.hits) / max(ranked.events, 1)
    enough = np.flatnonzero(reached >= min(recall, float(reached[-1])))
    return float(ranked.scores[enough[0]])


def _between(scores: NDArray[np.float64], threshold: float) -> float:
    """Move a threshold half-way to the next lower score: it need not cut a spot."""
    lower = scores[scores < threshold]
    below = float(lower.max()) if len(lower) else 0.0
    return min(round((threshold + below) / 2, 4), threshold)  # rounding may go up


def _labels(matches: Sequence[TimedMatch]) -> tuple[str, ...]:
    kinds = {match.timeline.labels for match in matches}
    if len(kinds) != 1:
        raise ValueError(f"calibration needs timelines of the same labels, got {kinds}")
    return kinds.pop()
