"""Score curves of labelled matches, and worse ones of the same matches.

Spotting is done once; its curves are kept in a folder.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.checkpoint.library import find_checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import SpottingOptions
from model.data.matches import find_matches
from model.evaluation.calibrate import Goal, calibrate, leave_one_out
from model.evaluation.metrics import average_precision, labels_of
from model.evaluation.timed import TimedMatch, spotted
from model.spotting.predictor import load_predictor
from model.spotting.spot_file import spot_file
from model.spotting.timeline import Timeline

TOLERANCE_S = 0.5
SPREAD = 2.0  # of the mix, in logits: how much some moments are worse than others
REACH_S = 2.0  # over which the mix changes


def read_matches(
    folder: Path, curves: Path, *, model: str | None
) -> tuple[list[TimedMatch], Manifest]:
    """Read the curves of labelled matches; spot those that are not kept yet."""
    predictor = None
    path = find_checkpoint(model)
    curves.mkdir(parents=True, exist_ok=True)
    found = []
    for match in find_matches(folder):
        kept = curves / f"{path.stem}-{match.name.replace('/', '_')}.npz"
        if not kept.exists():
            predictor = predictor or load_predictor(path, engine="openvino")
            timeline = spot_file(match.video, predictor=predictor).timeline
            kept.write_bytes(timeline.to_bytes())
        timeline = Timeline.from_bytes(kept.read_bytes())
        found.append(TimedMatch(match.name, timeline, match.labels.events))
    predictor = predictor or load_predictor(path, engine="openvino")
    return found, predictor.manifest


def mean_ap(matches: Sequence[TimedMatch], options: SpottingOptions) -> float:
    """Give the mean over labels of E2E-Spot's AP within 0.5 s."""
    found = spotted(matches, options)
    each = [
        average_precision(found, label, tolerance_s=TOLERANCE_S)
        for label in labels_of(found)
    ]
    return float(np.mean(each))


def degrade(
    matches: Sequence[TimedMatch], options: SpottingOptions, *, ap: float, seed: int
) -> list[TimedMatch]:
    """Make curves of a worse model: those of the network, mixed with a decoy.

    The decoy is the match's own curve, turned round by half its length: peaks as the
    network makes them, where nothing is. A random share of it, which changes over
    some seconds, takes the place of the curve; at some moments events are lost, at
    others false ones come in, at most both are there with less certainty. How much of
    it is searched for by halving until the mean AP is what is asked for. A better
    model than the network is made in the same way, of the truth in place of the decoy.
    """
    is_worse = ap <= mean_ap(matches, options)
    others = [_turned(one.timeline) if is_worse else _ideal(one) for one in matches]
    low, high = -12.0, 12.0
    mixed = list(matches)
    for _ in range(9):
        middle = (low + high) / 2
        mixed = [
            _mix(match, other, middle, np.random.default_rng([seed, index]))
            for index, (match, other) in enumerate(zip(matches, others, strict=True))
        ]
        if (mean_ap(mixed, options) > ap) == is_worse:
            low = middle
        else:
            high = middle
    return mixed


def options_for_each(
    matches: Sequence[TimedMatch], *, overlap: float
) -> list[SpottingOptions]:
    """Choose each match's thresholds, NMS and temperature on all others."""
    return [
        replace(calibrate(others, Goal()), overlap=overlap)
        for _, others in leave_one_out(matches)
    ]


def _turned(timeline: Timeline) -> Timeline:
    """Turn a timeline round by half its length."""
    half = len(timeline) // 2
    return replace(
        timeline,
        scores=np.roll(timeline.scores, half, axis=0),
        outputs={
            name: np.roll(values, half, axis=0)
            for name, values in timeline.outputs.items()
        },
    )


def _ideal(match: TimedMatch) -> Timeline:
    """Make the timeline of a network that knows: a peak at each event."""
    timeline = match.timeline
    scores = np.full_like(timeline.scores, 0.005)
    for event in match.events:
        step = int(np.abs(timeline.time_s - event.time_s).argmin())
        column = timeline.labels.index(event.label) + 1
        scores[max(step - 1, 0) : step + 2, column] = 0.4
        scores[step, column] = 0.9
    scores[:, 0] = 1 - scores[:, 1:].sum(axis=1).clip(0, 1)
    still = {name: np.zeros_like(one) for name, one in timeline.outputs.items()}
    return replace(timeline, scores=scores, outputs=still)


def _mix(
    match: TimedMatch, other: Timeline, level: float, rng: np.random.Generator
) -> TimedMatch:
    timeline = match.timeline
    noise = _smooth(rng.normal(size=len(timeline)), timeline)
    share = 1 / (1 + np.exp(-(level + SPREAD * noise)))[:, None]
    scores = (1 - share) * timeline.scores + share * other.scores
    outputs = {
        name: np.where(share > 0.5, other.outputs[name], values)
        for name, values in timeline.outputs.items()
    }
    mixed = replace(timeline, scores=scores.astype(np.float32), outputs=outputs)
    return replace(match, timeline=mixed)


def _smooth(noise: NDArray[np.float64], timeline: Timeline) -> NDArray[np.float64]:
    """Let noise change slowly; its deviation is 1 again."""
    step_s = float(np.median(np.diff(timeline.time_s)))
    width = max(round(REACH_S / step_s), 1)
    window = np.hanning(width + 2)
    smooth = np.convolve(noise, window, mode="same")
    return np.asarray(smooth / smooth.std(), dtype=np.float64)
