"""Thresholds and windows, chosen on the hold-out and cross-validated over its folds.

A type with too few events there keeps what the base has for it; where the base does not
know it, it gets the threshold that is best for all types together: chance would choose.
As far as events are few, a high threshold is drawn down to a usual one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.evaluation.calibrate import (
    FIT_WINDOW_S,
    Calibration,
    Goal,
    cross_validate,
)
from model.evaluation.metrics import (
    RankedPredictions,
    best_f1_of,
    match_predictions,
)
from model.evaluation.timed import TimedMatch, spotted
from model.teaching.measure import blocks_of

# A higher threshold is drawn down to this one, as if so many events more had chosen it:
# few events choose high ones by chance, and what is not shown cannot be corrected. Of
# scores that are probabilities the best threshold for F1 is half of the F1 that is
# reached (Lipton et al., 2014); docs/teaching.md measures it.
USUAL_THRESHOLD = 0.4
USUAL_EVENTS = 40

FOLDS = 4
FEWEST_MATCHES = 3
APART_S = 100.0


def choose_thresholds(
    timed: Sequence[TimedMatch],
    owners: Sequence[str],
    *,
    before: Mapping[str, LabelOptions],
    overlap: float,
    few: int,
) -> tuple[Calibration, tuple[str, ...]]:
    """Choose options, and say which types had too few events for it.

    Args:
        timed: stretches of the hold-out with their scores.
        owners: the match of each.
        before: options of types that the base knows.
        overlap: of the head's windows, as it will serve.
        few: with fewer events a type is not chosen for.
    """
    found = cross_validate(folds_of(timed, owners), Goal())
    scarce = tuple(
        label
        for label, outcome in found.labels.items()
        if outcome.events < few or not outcome.in_sample > 0
    )
    common = _common_options(timed, found.options, few=few) if scarce else None
    labels = {
        label: before.get(label, common or LabelOptions())
        if label in scarce
        else _towards_usual(options, found.labels[label].events)
        for label, options in found.options.labels.items()
    }
    options = SpottingOptions(labels, found.options.temperature, overlap)
    return replace(found, options=options), scarce


def _common_options(
    timed: Sequence[TimedMatch], chosen: SpottingOptions, *, few: int
) -> LabelOptions | None:
    """Choose one threshold by the events of all types; None: of too few events."""
    names = tuple(chosen.labels)
    open_to_all = LabelOptions(0.0, FIT_WINDOW_S)
    options = SpottingOptions(dict.fromkeys(names, open_to_all), chosen.temperature)
    found = spotted(timed, options)
    each = [
        match_predictions(found, name, tolerance_s=Goal().tolerance_s) for name in names
    ]
    scores = np.concatenate([one.scores for one in each])
    hits = np.concatenate([one.hits for one in each])
    events = sum(one.events for one in each)
    if events < few or not hits.any():
        return None
    order = np.argsort(-scores, kind="stable")
    _, threshold = best_f1_of(RankedPredictions(scores[order], hits[order], events))
    return _towards_usual(LabelOptions(threshold, FIT_WINDOW_S), events)


def _towards_usual(options: LabelOptions, events: int) -> LabelOptions:
    if options.threshold <= USUAL_THRESHOLD:
        return options
    weighted = events * options.threshold + USUAL_EVENTS * USUAL_THRESHOLD
    return replace(options, threshold=round(weighted / (events + USUAL_EVENTS), 4))


def folds_of(timed: Sequence[TimedMatch], owners: Sequence[str]) -> list[TimedMatch]:
    """Divide the hold-out into a few folds: by match, of under three by time.

    Neighbours stay together, so that what is left out is far from what is chosen on.
    """
    names = dict.fromkeys(owners)
    units = [[block] for block in blocks_of(timed)]
    if len(names) >= FEWEST_MATCHES:
        pairs = list(zip(timed, owners, strict=True))
        units = [[one for one, owner in pairs if owner == name] for name in names]
    size = -(-len(units) // FOLDS)
    groups = [units[first : first + size] for first in range(0, len(units), size)]
    return [_joined([one for unit in group for one in unit]) for group in groups]


def _joined(matches: Sequence[TimedMatch]) -> TimedMatch:
    """Put stretches behind each other, so far apart that none touches another."""
    offset_s, events, spans, times = 0.0, [], [], []
    for match in matches:
        move_s = offset_s - float(match.timeline.time_s[0])
        times.append(match.timeline.time_s + move_s)
        offset_s = float(times[-1][-1]) + APART_S
        events += [replace(e, time_s=e.time_s + move_s) for e in match.events]
        spans += [(a + move_s, b + move_s) for a, b in match.reviewed or ()]
    lines = [match.timeline for match in matches]
    timeline = replace(
        lines[0],
        scores=np.concatenate([line.scores for line in lines]),
        time_s=np.concatenate(times),
        frame=np.concatenate([line.frame for line in lines]),
        pts=np.concatenate([line.pts for line in lines]),
        outputs={
            name: np.concatenate([line.outputs[name] for line in lines])
            for name in lines[0].outputs
        },
    )
    return TimedMatch(matches[0].name, timeline, tuple(events), tuple(spans))
