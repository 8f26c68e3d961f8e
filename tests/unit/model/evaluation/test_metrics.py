"""Measures against hand-worked cases, E2E-Spot's loop and SoccerNet's own kit."""

import math

import numpy as np
import pytest

from model.evaluation.matching import Scored
from model.evaluation.metrics import (
    LOOSE_S,
    TIGHT_S,
    LabelledMatch,
    average_precision,
    best_f1,
    counts_at,
    mean_average_precision,
    mean_over_frames,
    soccernet_ap,
    soccernet_average_map,
)

pytestmark = pytest.mark.slow

LABELS = ("PASS", "DRIVE")
RATE = 25


def match_of(
    spots: list[tuple[float, float]], events: list[float], name: str = "m"
) -> LabelledMatch:
    """A match of one label."""
    return LabelledMatch(name, {"PASS": [Scored(*s) for s in spots]}, {"PASS": events})


def random_matches(seed: int, count: int = 3) -> list[LabelledMatch]:
    """Matches on a grid of 25 frames a second, no two spots of a label at once."""
    rng = np.random.default_rng(seed)
    matches = []
    for number in range(count):
        events = {
            label: sorted((rng.choice(1500, 20, replace=False) / RATE).tolist())
            for label in LABELS
        }
        spots: dict[str, list[Scored]] = {}
        for label in LABELS:
            near = np.array(events[label]) * RATE + rng.integers(-30, 31, 20)
            far = rng.integers(0, 1500, 20)
            frames = np.unique(np.clip(np.concatenate([near, far]), 0, 1499))
            spots[label] = [
                Scored(float(f) / RATE, float(rng.uniform(0.01, 0.99))) for f in frames
            ]
        matches.append(LabelledMatch(f"m{number}", spots, events))
    return matches


def e2espot_ap(
    matches: list[LabelledMatch], label: str, tolerance_frames: int
) -> float:
    """E2E-Spot's `compute_average_precision`, told slowly, in frames."""
    truth = {m.name: [round(t * RATE) for t in m.events[label]] for m in matches}
    flat = [
        (m.name, round(s.time_s * RATE), s.score)
        for m in matches
        for s in m.spots[label]
    ]
    flat.sort(key=lambda row: row[-1], reverse=True)
    recalled: set[tuple[str, int]] = set()
    precisions = []
    for rank, (video, frame, _) in enumerate(flat, 1):
        closest = None
        for event in truth[video]:
            if (video, event) in recalled:
                continue
            if closest is None or abs(frame - closest) > abs(frame - event):
                closest = event
        if closest is not None and abs(frame - closest) <= tolerance_frames:
            recalled.add((video, closest))
            precisions.append(len(recalled) / rank)
    total, highest = 0.0, 0.0
    for precision in reversed(precisions):
        highest = max(highest, precision)
        total += highest
    return total / sum(map(len, truth.values()))


def test_ap_of_a_hand_worked_case() -> None:
    spots = [(1.0, 0.9), (5.0, 0.8), (2.0, 0.7), (9.0, 0.6)]

    ap = average_precision([match_of(spots, [1.0, 2.0, 3.0])], "PASS", tolerance_s=0.5)

    # Hits at ranks 1 and 3: (1/1 + 2/3) / 3 events.
    assert ap == pytest.approx((1 + 2 / 3) / 3)


def test_precision_is_made_falling_from_the_right() -> None:
    spots = [(9.0, 0.9), (1.0, 0.8), (2.0, 0.7)]

    ap = average_precision([match_of(spots, [1.0, 2.0])], "PASS", tolerance_s=0.5)

    # 1/2 at the first hit is raised to the 2/3 of the second.
    assert ap == pytest.approx(2 / 3)


@pytest.mark.parametrize("tolerance_frames", [0, 1, 2, 4, 12])
def test_exact_ap_equals_e2espots_loop(tolerance_frames: int) -> None:
    matches = random_matches(5)

    ours = [
        average_precision(matches, label, tolerance_s=tolerance_frames / RATE)
        for label in LABELS
    ]

    theirs = [e2espot_ap(matches, label, tolerance_frames) for label in LABELS]
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_the_mean_over_frames_equals_e2espots_loop_with_events_between_frames() -> None:
    rng = np.random.default_rng(3)
    on_frames = random_matches(6)
    between = [
        LabelledMatch(
            match.name,
            match.spots,
            {
                label: [t + rng.uniform(-0.45, 0.45) / RATE for t in times]
                for label, times in match.events.items()
            },
        )
        for match in on_frames
    ]

    theirs = [e2espot_ap(on_frames, x, n) for n in (0, 1, 2, 4) for x in LABELS]
    assert mean_over_frames(on_frames, fps=RATE) == pytest.approx(np.mean(theirs))
    assert mean_over_frames(between, fps=RATE) == pytest.approx(
        np.mean(theirs), abs=0.02
    )


@pytest.mark.costly
@pytest.mark.parametrize("seed", [1, 2])
def test_soccernets_ap_equals_its_own_kit(seed: int) -> None:
    kit = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    matches = random_matches(seed)
    targets, found, closest = [], [], []
    for match in matches:
        target, guess = np.zeros((1500, 2)), np.full((1500, 2), -1.0)
        for column, label in enumerate(LABELS):
            for time_s in match.events[label]:
                target[round(time_s * RATE), column] = 1
            for spot in match.spots[label]:
                guess[round(spot.time_s * RATE), column] = spot.score
        targets.append(target)
        found.append(guess)
        closest.append(np.ones_like(target))

    at_one = kit.average_mAP(
        targets, found, closest, framerate=RATE, deltas=np.array([1])
    )
    tight = kit.average_mAP(targets, found, closest, framerate=RATE)
    loose = kit.average_mAP(
        targets, found, closest, framerate=RATE, deltas=np.array(LOOSE_S)
    )

    ours = [soccernet_ap(matches, label, delta_s=1.0) for label in LABELS]
    assert ours == pytest.approx(list(at_one[1]), abs=1e-9)
    assert soccernet_average_map(matches, LABELS, deltas_s=TIGHT_S) == pytest.approx(
        tight[0], abs=1e-9
    )
    assert soccernet_average_map(matches, LABELS, deltas_s=LOOSE_S) == pytest.approx(
        loose[0], abs=1e-9
    )


def test_soccernets_ap_of_a_hand_worked_case() -> None:
    spots = [(1.0, 0.9), (5.0, 0.8)]

    ap = soccernet_ap([match_of(spots, [1.0, 2.0])], "PASS", delta_s=1.0)

    # Recall 0.5 at precision 1: the points 0, 0.1 ... 0.5 count, six of eleven.
    assert ap == pytest.approx(6 / 11)


def test_an_absent_label_is_zero_for_soccernet_and_left_out_by_e2espot() -> None:
    matches = [match_of([(1.0, 0.9)], [1.0])]

    assert soccernet_average_map(matches, LABELS, deltas_s=(1.0,)) == 0.5
    assert mean_average_precision(matches, tolerance_s=0.5) == 1.0
    assert math.isnan(average_precision(matches, "DRIVE", tolerance_s=0.5))


def test_counts_at_a_threshold_are_hits_false_alarms_and_misses() -> None:
    match = match_of([(1.0, 0.9), (2.1, 0.6), (7.0, 0.5), (3.0, 0.1)], [1.0, 2.0, 3.0])

    counts = counts_at([match], "PASS", tolerance_s=1.0, threshold=0.5)

    assert (counts.hits, counts.false_alarms, counts.misses) == (2, 1, 1)
    assert counts.precision == pytest.approx(2 / 3)
    assert counts.recall == pytest.approx(2 / 3)
    assert counts.f1 == pytest.approx(2 / 3)


def test_the_best_f1_is_the_best_over_all_thresholds() -> None:
    matches = random_matches(8)

    best, threshold = best_f1(matches, "PASS", tolerance_s=1.0)

    scores = {s.score for m in matches for s in m.spots["PASS"]}
    every = [
        counts_at(matches, "PASS", tolerance_s=1.0, threshold=score).f1
        for score in scores
    ]
    assert best == pytest.approx(max(every))
    at = counts_at(matches, "PASS", tolerance_s=1.0, threshold=threshold)
    assert at.f1 == pytest.approx(best)


def test_no_spot_gives_zeros_not_errors() -> None:
    match = match_of([], [1.0])

    assert average_precision([match], "PASS", tolerance_s=1.0) == 0.0
    assert best_f1([match], "PASS", tolerance_s=1.0) == (0.0, 1.0)
    assert counts_at([match], "PASS", tolerance_s=1.0, threshold=0.5).precision == 0.0
