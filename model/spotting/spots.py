"""From a timeline to spots: gaps, thresholds and temporal NMS, label by label."""

import bisect
import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.spotting.timeline import Timeline

# Times are sums of floats: a neighbour at the very end of the window is inside.
EDGE_S = 1e-6

FloatArray = npt.NDArray[np.floating]
IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Spot:
    """A label at a time, with the network's belief in it.

    Attributes:
        label: name of the class.
        time_s: PTS minus the file's start time.
        score: belief, in [0, 1].
        frame: index of the frame in the source, 0-based.
        pts: of the frame, in units of the stream's time base.
        team: name of the side that did it; None where the network does not tell.
    """

    label: str
    time_s: float
    score: float
    frame: int
    pts: int
    team: str | None = None


def find_spots(
    timeline: Timeline, options: SpottingOptions, *, min_score: float | None = None
) -> list[Spot]:
    """Find what happens in a video: every peak that survives NMS and threshold.

    A label with gaps has each score multiplied by one minus the highest score of
    another label inside them, before all else: where a PASS follows too soon, no
    DRIVE began.

    Args:
        timeline: scores of every step; not changed.
        options: temperature, and each label's gaps, NMS, window and threshold.
        min_score: takes the place of every label's threshold: each spot after NMS
            that scores at least this much.

    Returns:
        The spots, earliest first, labels in alphabetical order at equal times.

    Raises:
        ValueError: a label of the timeline has no options, or `min_score` is not
            in [0, 1].
    """
    if min_score is not None and not 0 <= min_score <= 1:
        raise ValueError(f"min_score must be in [0, 1], got {min_score}")
    missing = set(timeline.labels) - set(options.labels)
    if missing:
        raise ValueError(f"no spotting options for {', '.join(sorted(missing))}")

    scores = timeline.at_temperature(options.temperature)
    spots: list[Spot] = []
    for column, label in enumerate(timeline.labels, start=1):
        choice = options.labels[label]
        if min_score is not None:
            choice = replace(choice, threshold=min_score)
        curve = _apart(timeline.time_s, scores, column, choice)
        spots += _spots_of(timeline, label, curve, choice)
    return sorted(spots, key=_in_time)


def temporal_nms(spots: Iterable[Spot], *, window_s: float) -> list[Spot]:
    """Keep the best spot of each neighbourhood, label by label.

    Greedy: the highest score stays, its neighbours of the same label go, and so
    on down. At equal scores the earlier spot stays, so the answer never depends
    on the order of the input.

    Args:
        spots: candidates, in any order.
        window_s: how far a spot rules to each side, in seconds, the end included.

    Returns:
        The survivors, earliest first.

    Raises:
        ValueError: `window_s` is negative.

    Source: T-DEED (arXiv:2404.05392), util/eval.py. E2E-Spot's own NMS is not
    greedy: there a spot that was itself dropped still drops its neighbours.
    """
    if window_s < 0:
        raise ValueError(f"window_s must be >= 0, got {window_s}")

    kept: list[Spot] = []
    winners: dict[str, list[float]] = defaultdict(list)  # Times in order, by label.
    for spot in sorted(spots, key=lambda spot: (-spot.score, spot.time_s, spot.frame)):
        times = winners[spot.label]
        index = bisect.bisect_left(times, spot.time_s - window_s - EDGE_S)
        if index == len(times) or times[index] > spot.time_s + window_s + EDGE_S:
            bisect.insort(times, spot.time_s)
            kept.append(spot)
    return sorted(kept, key=_in_time)


def soft_nms(
    spots: Iterable[Spot], *, window_s: float, threshold: float = 0.0
) -> list[Spot]:
    """Lower the scores of a spot's neighbours instead of dropping them.

    From the best spot down, each neighbour of the same label has its score
    multiplied by `(distance / window) ** 2`; what falls below `threshold` is
    dropped. At equal scores the earlier spot goes first.

    Args:
        spots: candidates, in any order.
        window_s: how far a spot reaches to each side, in seconds.
        threshold: lowest score of a survivor.

    Returns:
        The survivors with their lowered scores, earliest first.

    Raises:
        ValueError: `window_s` is negative.

    Source: Soft-NMS (arXiv:1704.04503) with the quadratic decay of T-DEED.
    """
    if window_s < 0:
        raise ValueError(f"window_s must be >= 0, got {window_s}")

    by_label: dict[str, list[Spot]] = defaultdict(list)
    for spot in sorted(spots, key=lambda spot: (spot.time_s, spot.frame)):
        by_label[spot.label].append(spot)

    kept: list[Spot] = []
    for same in by_label.values():
        times = np.array([spot.time_s for spot in same])
        scores = np.array([spot.score for spot in same])
        indices, lowered = _soft(times, scores, window_s, threshold)
        kept += [
            replace(same[index], score=float(score))
            for index, score in zip(indices, lowered, strict=True)
        ]
    return sorted(kept, key=_in_time)


def _in_time(spot: Spot) -> tuple[float, str, int]:
    return spot.time_s, spot.label, spot.frame


def _apart(
    times: FloatArray, scores: FloatArray, column: int, choice: LabelOptions
) -> FloatArray:
    """Lower a label's curve where another label is nearer than its gaps let be."""
    curve: FloatArray = scores[:, column]
    if not len(times) or not (choice.gap_before_s or choice.gap_after_s):
        return curve
    others = np.delete(scores, (0, column), axis=1).max(axis=1, initial=0.0)
    # An event just as far off as the gap is outside; one at the same time is inside.
    before, after = (
        max(gap - EDGE_S, 0.0) for gap in (choice.gap_before_s, choice.gap_after_s)
    )
    first = np.searchsorted(times, times - before, side="left")
    end = np.searchsorted(times, times + after, side="right")
    # Every second slice of these is one step's; `end` may be the length, hence the 0.
    ends = np.stack([first, end], axis=1).ravel()
    highest = np.maximum.reduceat(np.append(others, np.float32(0)), ends)[::2]
    lowered: FloatArray = curve * (1 - highest)
    return lowered


def _spots_of(
    timeline: Timeline, label: str, curve: FloatArray, choice: LabelOptions
) -> list[Spot]:
    # NMS never raises a score, so what is below the threshold may go before it.
    steps = np.flatnonzero(curve >= np.float32(choice.threshold))
    times, scores = timeline.time_s[steps], curve[steps].astype(np.float64)
    if choice.nms == "greedy":
        indices = _greedy(times, scores, choice.window_s)
        survivors: FloatArray = scores[indices]
    else:
        indices, survivors = _soft(times, scores, choice.window_s, choice.threshold)
    return [
        Spot(
            label=label,
            time_s=float(timeline.time_s[step]),
            score=float(score),
            frame=int(timeline.frame[step]),
            pts=int(timeline.pts[step]),
        )
        for step, score in zip(steps[indices], survivors, strict=True)
    ]


def _greedy(times: FloatArray, scores: FloatArray, window_s: float) -> IndexArray:
    """`temporal_nms` on arrays in time order: indices of the survivors."""
    first, end = _reach(times, window_s)
    open_ = np.ones(len(times), dtype=bool)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if open_[index]:
            kept.append(index)
            open_[first[index] : end[index]] = False
    return np.array(sorted(kept), dtype=np.intp)


def _soft(
    times: FloatArray, scores: FloatArray, window_s: float, threshold: float
) -> tuple[IndexArray, FloatArray]:
    """`soft_nms` on arrays in time order: survivors and their scores."""
    first, end = _reach(times, window_s)
    current = scores.astype(np.float64)
    done = np.zeros(len(times), dtype=bool)
    # Scores only fall, so an entry that has gone stale is put back when it is met.
    heap = [(-score, index) for index, score in enumerate(current.tolist())]
    heapq.heapify(heap)
    while heap:
        listed, index = heapq.heappop(heap)
        score = current[index]
        if score < threshold:
            continue
        if score < -listed:
            heapq.heappush(heap, (-float(score), index))
            continue
        done[index] = True
        near = slice(int(first[index]), int(end[index]))
        distance = np.abs(times[near] - times[index])
        decay = np.minimum((distance / max(window_s, EDGE_S)) ** 2, 1.0)
        current[near] *= np.where(done[near], 1.0, decay)
    kept = np.flatnonzero(done)
    return kept, current[kept]


def _reach(times: FloatArray, window_s: float) -> tuple[IndexArray, IndexArray]:
    first = np.searchsorted(times, times - window_s - EDGE_S, side="left")
    end = np.searchsorted(times, times + window_s + EDGE_S, side="right")
    return first, end
