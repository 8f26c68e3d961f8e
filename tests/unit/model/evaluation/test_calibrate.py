"""Thresholds, windows and temperature are the best of what was tried."""

from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
import pytest

from model.checkpoint.spotting_options import LabelOptions, NmsKind, SpottingOptions
from model.evaluation.calibrate import (
    WINDOWS_S,
    Goal,
    calibrate,
    choose_temperature,
    cross_validate,
)
from model.evaluation.metrics import (
    LabelledMatch,
    average_precision,
    best_f1,
    counts_at,
    labels_that_count,
)
from model.evaluation.timed import TimedMatch, spotted
from model.spotting.timeline import Timeline
from tests.unit.model.evaluation.cases import LABELS, noisy, timed

pytestmark = pytest.mark.slow

MATCHES = [noisy(1, name="a"), noisy(2, name="b")]
GOAL = Goal(tolerance_s=0.5)


def test_the_chosen_thresholds_reach_the_best_f1_of_their_window() -> None:
    options = calibrate(MATCHES, GOAL)

    curves = spotted(MATCHES, options)
    kept = spotted(MATCHES, options, min_score=None)
    for label in LABELS:
        best, _ = best_f1(curves, label, tolerance_s=0.5)
        at = counts_at(kept, label, tolerance_s=0.5, threshold=0.0)
        assert at.f1 == pytest.approx(best)


def test_the_window_is_long_enough_to_silence_echoes() -> None:
    options = calibrate(MATCHES, GOAL)

    for choice in options.labels.values():
        assert choice.window_s in WINDOWS_S
        assert choice.window_s >= 0.3


def test_each_label_has_the_kind_of_nms_and_the_window_that_suit_it() -> None:
    # Half a second after a PASS comes another one, or an echo that is stronger than
    # the faint PASSes: only scores that fall with the distance tell all of them apart.
    # A DRIVE is alone.
    first = [3 + 3.4 * k for k in range(16)]
    second = [t + 0.5 for t in first[1::2]]
    faint = [t + 2.0 for t in first]
    peaks = {
        "PASS": [(t, 0.9) for t in first]
        + [(t, 0.85) for t in second]
        + [(t + 0.5, 0.6) for t in first[::2]]
        + [(t, 0.5) for t in faint],
        "DRIVE": [(t + 1.2, 0.9) for t in first],
    }
    events = [("PASS", t) for t in first + second + faint]
    events += [("DRIVE", t + 1.2) for t in first]
    matches = [timed(peaks, events)]

    options = calibrate(matches, Goal(tolerance_s=0.1, ap_tolerance_s=0.05))

    assert [options.labels[name].nms for name in LABELS] == ["soft", "greedy"]
    for label, choice in options.labels.items():
        worth = {}
        for kind, window_s in product(get_args(NmsKind), WINDOWS_S):
            same = LabelOptions(window_s=window_s, nms=kind)
            tried = replace(options, labels=dict.fromkeys(LABELS, same))
            found = spotted(matches, tried)
            ap = average_precision(found, label, tolerance_s=0.05)
            worth[kind, window_s] = best_f1(found, label, tolerance_s=0.1)[0] + ap
        assert worth[choice.nms, choice.window_s] == pytest.approx(max(worth.values()))


def test_a_recall_that_is_asked_for_is_reached() -> None:
    options = calibrate(MATCHES, Goal(tolerance_s=0.5, recall=0.8))

    kept = spotted(MATCHES, options, min_score=None)
    for label in LABELS:
        at = counts_at(kept, label, tolerance_s=0.5, threshold=0.0)
        assert at.recall >= 0.8


def test_a_recall_out_of_reach_takes_all_there_is() -> None:
    matches = [timed({"PASS": [(5, 0.9)]}, [("PASS", 5.0), ("PASS", 9.0)])]

    options = calibrate(matches, Goal(recall=1.0))

    kept = spotted(matches, options, min_score=None)
    assert counts_at(kept, "PASS", tolerance_s=1, threshold=0).recall == 0.5


def test_a_label_that_never_happened_keeps_the_middling_options() -> None:
    matches = [timed({"PASS": [(5, 0.9)]}, [("PASS", 5.0)])]

    options = calibrate(matches, GOAL)

    assert options.labels["DRIVE"].threshold == 0.5


@pytest.mark.costly
def test_an_overconfident_network_is_cooled_and_a_true_one_left_alone() -> None:
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.05, 0.95, 1500)
    truth = rng.random(1500) < chance
    numbers = np.arange(1500, dtype=np.int64)
    # Steps two seconds apart: none is near another's event.
    events = [("PASS", float(2 * n)) for n in numbers[truth]]
    found = []
    for sharpness in (1.0, 2.0):
        odds = (chance / (1 - chance)) ** sharpness
        score = odds / (1 + odds)
        scores = np.stack([1 - score, score], axis=1).astype(np.float32)
        timeline = Timeline(
            ("PASS",), scores, (numbers * 2).astype(np.float64), numbers, numbers
        )
        base = timed({}, events)
        match = TimedMatch("m", timeline, base.events)
        found.append(choose_temperature([match], tolerance_s=0.5))

    assert found[0] == pytest.approx(1.0, abs=0.25)
    assert found[1] == pytest.approx(2.0, abs=0.4)


def test_matches_of_different_networks_are_refused() -> None:
    other = timed({}, [])
    renamed = Timeline(
        ("A", "B"),
        other.timeline.scores,
        other.timeline.time_s,
        other.timeline.frame,
        other.timeline.pts,
    )

    with pytest.raises(ValueError, match="same labels"):
        calibrate([MATCHES[0], TimedMatch("x", renamed, ())], GOAL)


def test_spots_keep_their_thresholds_unless_told_otherwise() -> None:
    match = timed({"PASS": [(5, 0.9), (9, 0.3)]}, [])
    options = SpottingOptions({label: LabelOptions(0.5, 1.0) for label in LABELS})

    kept = spotted([match], options, min_score=None)[0].spots["PASS"]
    every = spotted([match], options)[0].spots["PASS"]

    assert ([s.time_s for s in kept], [s.time_s for s in every]) == ([5], [5, 9])


@pytest.mark.costly
def test_the_out_of_fold_f1_is_that_of_options_chosen_on_the_other_matches() -> None:
    matches = [noisy(seed, name=f"m{seed}") for seed in range(1, 5)]

    found = cross_validate(matches, GOAL)

    assert found.options == calibrate(matches, GOAL)
    for label in LABELS:
        outside = [
            spotted([match], calibrate(others, GOAL), min_score=None)[0]
            for match, others in (
                (match, [other for other in matches if other is not match])
                for match in matches
            )
        ]
        inside = spotted(matches, found.options, min_score=None)
        counts = [
            counts_at(kept, label, tolerance_s=0.5, threshold=0.0)
            for kept in (inside, outside)
        ]
        outcome = found.labels[label]
        assert (outcome.in_sample, outcome.out_of_fold) == (counts[0].f1, counts[1].f1)
    assert any(x.out_of_fold < x.in_sample for x in found.labels.values())


def test_a_single_match_has_no_out_of_fold_figure() -> None:
    outcome = cross_validate([MATCHES[0]], GOAL).labels["PASS"]

    assert np.isnan(outcome.out_of_fold)
    assert outcome.in_sample > 0


def test_a_label_with_few_events_does_not_count_unless_all_have_few() -> None:
    many = {"PASS": [float(k) for k in range(60)], "DRIVE": [1.0] * 49}
    one = LabelledMatch("a", {}, many)
    two = LabelledMatch("b", {}, {"DRIVE": [1.0], "SHOT": [2.0] * 22, "GOAL": []})

    assert labels_that_count([one]) == ("PASS",)
    assert labels_that_count([one, two]) == ("DRIVE", "PASS")
    assert labels_that_count([two]) == ("DRIVE", "SHOT")
    assert labels_that_count([one, two], minimum=10) == ("DRIVE", "PASS", "SHOT")
    assert labels_that_count([]) == ()
