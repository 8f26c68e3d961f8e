"""Timelines with peaks where the test wants them."""

from collections.abc import Mapping, Sequence

import numpy as np

from model.data.labels import Event
from model.evaluation.timed import TimedMatch
from model.spotting.timeline import Timeline

LABELS = ("PASS", "DRIVE")
RATE = 10


def timed(
    peaks: Mapping[str, Sequence[tuple[float, float]]],
    events: Sequence[tuple[str, float]],
    *,
    name: str = "m",
    seconds: float = 60.0,
) -> TimedMatch:
    """A match whose curves are 0 but for peaks (time, score) of each label."""
    steps = round(seconds * RATE)
    scores = np.zeros((steps, len(LABELS) + 1), np.float32)
    for label, at in peaks.items():
        for time_s, score in at:
            scores[round(time_s * RATE), LABELS.index(label) + 1] = score
    scores[:, 0] = np.maximum(0, 1 - scores[:, 1:].sum(axis=1))
    numbers = np.arange(steps, dtype=np.int64)
    timeline = Timeline(LABELS, scores, numbers / RATE, numbers * 3, numbers * 3000)
    return TimedMatch(name, timeline, tuple(Event(*event) for event in events))


def noisy(seed: int, *, seconds: float = 120.0, name: str = "m") -> TimedMatch:
    """A match where most events have a peak of their label, and some peaks lie."""
    rng = np.random.default_rng(seed)
    events = [
        (LABELS[int(rng.random() < 0.3)], float(t))
        for t in np.arange(2, seconds - 2, 2.5) + rng.uniform(-0.5, 0.5)
    ]
    peaks: dict[str, list[tuple[float, float]]] = {label: [] for label in LABELS}
    for label, time_s in events:
        if rng.random() < 0.85:
            score = float(rng.uniform(0.3, 0.95))
            peaks[label].append((time_s, score))
            peaks[label].append((time_s + 0.3, score * 0.9))  # its own echo
    for _ in range(12):
        label = LABELS[int(rng.integers(2))]
        at_s = float(rng.uniform(1, seconds - 1))
        peaks[label].append((at_s, float(rng.uniform(0.05, 0.5))))
    return timed(peaks, events, name=name, seconds=seconds)
