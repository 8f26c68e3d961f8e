"""Choose what turns scores into spots: windows, thresholds, NMS, temperature.

All of it is chosen on validation matches and travels in the checkpoint. Keeps away
from torch: it sees timelines, not networks.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
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
    counts_of,
    exact_ap,
    labels_that_count,
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


@dataclass(frozen=True, slots=True)
class LabelOutcome:
    """How good the options chosen for a label are.

    Attributes:
        events: of the label, on the matches that were chosen on.
        in_sample: F1 on those matches.
        out_of_fold: F1 where each match is spotted with what was chosen on all
            others; NaN with a single match.
        has_few: too few events for the choice to say much.
    """

    events: int
    in_sample: float
    out_of_fold: float
    has_few: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was chosen, and how good it is by label."""

    options: SpottingOptions
    labels: Mapping[str, LabelOutcome]


def calibrate(matches: Sequence[TimedMatch], goal: Goal) -> SpottingOptions:
    """Choose the temperature, and each label's NMS kind, window and threshold.

    Windows and kinds go by AP and F1 together (their mean), since thresholds must
    not be chosen on a window that hides good spots, or where a recall is asked for by
    how near they come to it and then by the precision there; ties go to greedy NMS
    and the shorter window. A label without a hit keeps the middling options.

    Raises:
        ValueError: no match, or timelines of different labels.
    """
    labels = labels_of_timelines(matches)
    temperature = choose_temperature(matches, tolerance_s=goal.tolerance_s)
    worth: dict[str, tuple[float, float]] = {}
    chosen = {label: LabelOptions() for label in labels}
    for kind, window_s in product(get_args(NmsKind), WINDOWS_S):
        tried = LabelOptions(window_s=window_s, nms=kind)
        same = SpottingOptions(dict.fromkeys(labels, tried), temperature=temperature)
        found = spotted(matches, same)
        for label in labels:
            value, threshold = _worth(found, label, goal)
            if value > worth.get(label, (0.0, 0.0)):
                worth[label] = value
                chosen[label] = replace(tried, threshold=threshold)
    return SpottingOptions(labels=chosen, temperature=temperature)


def cross_validate(matches: Sequence[TimedMatch], goal: Goal) -> Calibration:
    """Choose on all matches, and say what such a choice is worth on others.

    Leave one out: for each match the options are chosen on the rest, and its spots
    are counted with those of all other matches.

    Raises:
        ValueError: see `calibrate`.
    """
    options = calibrate(matches, goal)
    inside = spotted(matches, options, min_score=None)
    outside = [
        spotted([match], calibrate(others, goal), min_score=None)[0]
        for match, others in leave_one_out(matches)
    ]
    counting = labels_that_count(inside)
    outcomes = {
        label: LabelOutcome(
            events=sum(len(match.events.get(label, ())) for match in inside),
            in_sample=_f1(inside, label, goal),
            out_of_fold=_f1(outside, label, goal) if outside else float("nan"),
            has_few=label not in counting,
        )
        for label in options.labels
    }
    return Calibration(options, outcomes)


def leave_one_out(
    matches: Sequence[TimedMatch],
) -> Iterator[tuple[TimedMatch, list[TimedMatch]]]:
    """Give each match and the others; nothing of a single match."""
    for index, match in enumerate(matches):
        others = [*matches[:index], *matches[index + 1 :]]
        if others:
            yield match, others


def calibrate_checkpoint(
    path: Path,
    matches: Sequence[Match],
    goal: Goal,
    *,
    out: Path,
    overlap: float | None = None,
    on_corrupt: OnCorrupt = "stop",
    log: Log,
) -> Calibration:
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
        found = cross_validate(timed, goal)
        chosen = replace(found.options, overlap=predictor.manifest.spotting.overlap)
        with_changes(Checkpoint.open(path), out, spotting=chosen)
    return replace(found, options=chosen)


def choose_temperature(matches: Sequence[TimedMatch], *, tolerance_s: float) -> float:
    """Find the temperature at which a spot's score best tells whether it is a hit.

    By the likelihood of hits and false alarms over all labels; 1 without spots.
    """
    labels = labels_of_timelines(matches)
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


def labels_of_timelines(matches: Sequence[TimedMatch]) -> tuple[str, ...]:
    """Name the labels of the network, which must be the same for all matches."""
    kinds = {match.timeline.labels for match in matches}
    if len(kinds) != 1:
        raise ValueError(f"calibration needs timelines of the same labels, got {kinds}")
    return kinds.pop()


def _f1(matches: Sequence[LabelledMatch], label: str, goal: Goal) -> float:
    ranked = match_predictions(matches, label, tolerance_s=goal.tolerance_s)
    return counts_of(ranked, 0.0).f1
