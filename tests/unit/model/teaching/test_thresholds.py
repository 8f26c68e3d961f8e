"""Thresholds of types that have few events on the hold-out."""

import numpy as np
import pytest

from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.data.labels import Event
from model.evaluation.timed import TimedMatch, spotted
from model.spotting.timeline import Timeline
from model.teaching.thresholds import USUAL_THRESHOLD, choose_thresholds

LABELS = ("A", "B")
FEW = 10


def holdout(events: int, *, score: float) -> list[TimedMatch]:
    """Four matches in which each event has one score, and noise a third of it."""
    found = []
    for number in range(4):
        scores = np.zeros((600, 3), np.float32)
        truth = []
        for index in range(events):
            column = index % 2
            step = 20 + index * 40
            scores[step, column + 1] = score
            scores[step + 20, column + 1] = score / 3
            truth.append(Event(LABELS[column], step / 10))
        scores[:, 0] = 1 - scores[:, 1:].sum(axis=1)
        steps = np.arange(600)
        timeline = Timeline(LABELS, scores, steps / 10, steps, steps)
        span = ((0.0, 60.0),)
        found.append(TimedMatch(f"m{number}", timeline, tuple(truth), span))
    return found


def chosen(
    timed: list[TimedMatch], before: dict[str, LabelOptions]
) -> tuple[SpottingOptions, tuple[str, ...]]:
    names = [match.name for match in timed]
    found, scarce = choose_thresholds(timed, names, before=before, overlap=0.5, few=FEW)
    return found.options, scarce


@pytest.mark.slow
def test_scarce_types_get_the_threshold_that_is_best_for_all_together() -> None:
    timed = holdout(4, score=0.3)

    options, scarce = chosen(timed, {})

    assert scarce == LABELS  # eight events each
    assert options.labels["A"] == options.labels["B"]
    for match, found in zip(
        timed, spotted(timed, options, min_score=None), strict=True
    ):
        told = sorted(
            (spot.time_s, label) for label, of in found.spots.items() for spot in of
        )
        assert told == [(event.time_s, event.label) for event in match.events]


@pytest.mark.costly
@pytest.mark.slow
def test_a_scarce_type_of_the_base_keeps_the_options_of_the_base() -> None:
    base = LabelOptions(0.77, 0.9)

    options, _ = chosen(holdout(4, score=0.3), {"A": base})

    assert options.labels["A"] == base
    assert options.labels["B"] != LabelOptions()


@pytest.mark.costly
@pytest.mark.slow
def test_with_too_few_events_of_all_types_nothing_is_chosen() -> None:
    options, scarce = chosen(holdout(2, score=0.3), {})

    assert scarce == LABELS
    assert options.labels["A"] == options.labels["B"] == LabelOptions()


@pytest.mark.costly
@pytest.mark.slow
def test_a_high_threshold_of_few_events_is_drawn_down() -> None:
    few, many = (chosen(holdout(n, score=0.9), {})[0] for n in (5, 14))

    assert few.labels["A"].threshold < many.labels["A"].threshold
    assert few.labels["A"].threshold >= USUAL_THRESHOLD
