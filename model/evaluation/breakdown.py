"""What went wrong, by kind: missed, wrong class, early or late, duplicate, background.

Keeps away from torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.matching import EDGE_S, pair_by_score
from model.evaluation.metrics import Floats, LabelledMatch

# A spot or event this many tolerances away is early or late, not another one.
NEAR = 3.0
BINS = 10


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Every spot and event of a label, counted once by what became of it.

    Attributes:
        hits: spots that met an event within the tolerance.
        offsets_s: of each hit, spot minus event: negative is early.
        duplicate: false alarms next to an event that another spot has.
        off_time: false alarms near an event that nothing met: early or late.
        wrong_class: false alarms within the tolerance of another label's event.
        background: false alarms with no event near.
        missed: events that no spot met and none of which is off time or of another
            class; `misclassified` and `mistimed` are the rest of the unmet.
        misclassified: unmet events where a spot of another label is within tolerance.
        mistimed: unmet events with an off-time spot of their label near.
    """

    hits: int
    offsets_s: tuple[float, ...]
    duplicate: int
    off_time: int
    wrong_class: int
    background: int
    missed: int
    misclassified: int
    mistimed: int


def break_down(
    matches: Sequence[LabelledMatch], label: str, *, tolerance_s: float
) -> Breakdown:
    """Sort the spots and events of a label by what became of them."""
    tally = dict.fromkeys(
        (
            "duplicate",
            "off_time",
            "wrong_class",
            "background",
            "missed",
            "misclassified",
            "mistimed",
        ),
        0,
    )
    offsets: list[float] = []
    for match in matches:
        spots = match.spots.get(label, ())
        events = np.array(match.events.get(label, ()), dtype=np.float64)
        pairing = pair_by_score(spots, events.tolist(), tolerance_s=tolerance_s)
        met = pairing.spot_of >= 0
        other_events = _others(match.events, label)
        other_predictions = np.array(
            [
                spot.time_s
                for name in match.spots
                if name != label
                for spot in match.spots[name]
            ]
        )
        for spot, event in zip(spots, pairing.event_of.tolist(), strict=True):
            if event >= 0:
                offsets.append(spot.time_s - float(events[event]))
                continue
            kind = _false_alarm(spot.time_s, events, met, other_events, tolerance_s)
            tally[kind] += 1
        false_s = np.array(
            [s.time_s for s, e in zip(spots, pairing.event_of, strict=True) if e < 0]
        )
        for time_s in events[~met].tolist():
            if _near(other_predictions, time_s, tolerance_s):
                tally["misclassified"] += 1
            elif _near(false_s, time_s, NEAR * tolerance_s):
                tally["mistimed"] += 1
            else:
                tally["missed"] += 1
    return Breakdown(hits=len(offsets), offsets_s=tuple(offsets), **tally)


def reliability(
    matches: Sequence[LabelledMatch],
    labels: Sequence[str],
    *,
    tolerance_s: float,
    bins: int = BINS,
) -> tuple[tuple[float, float, int], ...]:
    """Hold scores against truth: (mean score, share of hits, count) a bin.

    Over all labels. A trustworthy score of 0.7 is a hit 7 times in 10.
    """
    scores: list[float] = []
    hits: list[bool] = []
    for match in matches:
        for label in labels:
            spots = match.spots.get(label, ())
            events = match.events.get(label, ())
            pairing = pair_by_score(spots, events, tolerance_s=tolerance_s)
            scores += [spot.score for spot in spots]
            hits += pairing.hits.tolist()
    bin_of = np.minimum((np.array(scores) * bins).astype(int), bins - 1)
    out = []
    for index in range(bins):
        is_in_bin = bin_of == index
        if is_in_bin.any():
            mean = float(np.array(scores)[is_in_bin].mean())
            share = float(np.array(hits)[is_in_bin].mean())
            out.append((mean, share, int(is_in_bin.sum())))
    return tuple(out)


def _false_alarm(
    time_s: float,
    events: Floats,
    met: NDArray[np.bool_],
    other_events: Floats,
    tolerance_s: float,
) -> str:
    if _near(events[met], time_s, tolerance_s):
        return "duplicate"
    if _near(other_events, time_s, tolerance_s):
        return "wrong_class"
    if _near(events[~met], time_s, NEAR * tolerance_s):
        return "off_time"
    return "background"


def _others(events: Mapping[str, Sequence[float]], label: str) -> Floats:
    times = [t for name, at in events.items() if name != label for t in at]
    return np.array(times, dtype=np.float64)


def _near(times: Floats, at_s: float, within_s: float) -> bool:
    return bool(len(times) and np.abs(times - at_s).min() <= within_s + EDGE_S)
