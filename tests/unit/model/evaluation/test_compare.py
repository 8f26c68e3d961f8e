"""Models side by side: figures in pairs, verdicts in words, moments that went wrong."""

from collections.abc import Sequence

import numpy as np
import pytest

from model.evaluation.compare import (
    ComparedMatch,
    Contender,
    ModelComparison,
    TrueEvent,
    compare_models,
)
from model.evaluation.intervals import Units
from model.evaluation.metrics import LabelledMatch, average_precision
from model.evaluation.moments import wrong_moments
from model.evaluation.verdicts import verdict_text
from model.spotting.spots import Spot

FPS = 25


def event(label: str, time_s: float) -> TrueEvent:
    return TrueEvent(label, time_s, round(time_s * FPS))


def spot(label: str, time_s: float, score: float = 0.9) -> Spot:
    return Spot(label, time_s, score, round(time_s * FPS), round(time_s * 1000))


def match(
    events: Sequence[TrueEvent], spans: Sequence[tuple[float, float]] = ((0.0, 600.0),)
) -> ComparedMatch:
    return ComparedMatch("m", spans, events)


def contender(
    name: str, *spots: Sequence[Spot], labels: Sequence[str] = ("PASS", "SHOT")
) -> Contender:
    return Contender(name, dict.fromkeys(labels, 0.5), spots)


def outcomes(found: ModelComparison) -> dict[str, str]:
    return {one.label: one.differences[0].outcome for one in found.types}


def test_one_that_finds_what_the_other_misses_is_better() -> None:
    times = np.arange(5, 595, 10).tolist()
    events = [event("PASS", time_s) for time_s in times]
    good = contender("hall@2", [spot("PASS", time_s) for time_s in times])
    poor = contender("hall@1", [spot("PASS", time_s) for time_s in times[::3]])

    found = compare_models([match(events)], [good, poor])

    (passes, shots) = found.types
    assert (passes.events, shots.events) == (59, 0)
    assert outcomes(found) == {"PASS": "better", "SHOT": "too_few"}
    (difference,) = passes.differences
    assert difference.ap.value == pytest.approx(1 - 20 / 59)
    assert 0 < difference.ap.interval.low < difference.ap.value
    assert outcomes(compare_models([match(events)], [poor, good]))["PASS"] == "worse"
    assert verdict_text(found, ["hall@2", "hall@1"]) == (
        "hall@2 against hall@1: better for PASS, too little to judge SHOT (0 events)."
    )


def test_the_same_model_twice_shows_no_difference_at_all() -> None:
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 600, 40)).tolist()
    events = [event("PASS", time_s) for time_s in times]
    spots = [
        spot("PASS", float(t), float(rng.uniform(0.2, 1)))
        for t in (*times[::2], *rng.uniform(0, 600, 20))
    ]

    found = compare_models(
        [match(events)], [contender("a", spots), contender("b", spots)]
    )

    (difference,) = found.types[0].differences
    assert difference.outcome == "no_difference"
    assert (difference.ap.value, *difference.ap.interval) == (0, 0, 0)
    assert (difference.f1.value, *difference.f1.interval) == (0, 0, 0)


def test_of_three_events_nothing_is_said() -> None:
    events = [event("SHOT", time_s) for time_s in (50, 250, 450)]
    good = contender("new", [spot("SHOT", one.time_s) for one in events])
    blind = contender("old", [])

    found = compare_models([match(events)], [good, blind])

    assert outcomes(found)["SHOT"] == "too_few"


def test_of_many_events_of_one_moment_nothing_is_said() -> None:
    """Of a single piece of time no draw differs from another."""
    events = [event("PASS", t) for t in (1, 2, 3, 4, 5, 6, 7)]
    good = contender("new", [spot("PASS", one.time_s) for one in events])

    found = compare_models([match(events, [(0.0, 8.0)])], [good, contender("old", [])])

    (difference,) = found.types[0].differences
    assert difference.outcome == "too_few"
    assert np.isnan(difference.both.interval).all()


def test_figures_are_those_of_the_measures_and_lie_in_their_intervals() -> None:
    rng = np.random.default_rng(3)
    times = np.sort(rng.uniform(0, 600, 60)).tolist()
    events = [event("PASS", time_s) for time_s in times]
    spots = sorted(
        (
            spot("PASS", float(t + rng.normal(0, 0.4)), float(rng.uniform(0, 1)))
            for t in times
        ),
        key=lambda one: one.time_s,
    )
    plain = LabelledMatch("m", {"PASS": spots}, {"PASS": times})  # type: ignore[dict-item] # a spot has what is read of a scored one

    found = compare_models([match(events)], [contender("a", spots), contender("b", [])])

    figures = found.types[0].models[0]
    assert figures.ap.value == average_precision([plain], "PASS", tolerance_s=0.5)
    assert figures.ap.interval.low < figures.ap.value < figures.ap.interval.high
    kept = [one for one in spots if one.score >= 0.5]
    assert figures.recall * 60 == pytest.approx(figures.precision * len(kept))


@pytest.mark.costly
@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Two models of equal skill differ by chance alone: 95% of intervals hold 0."""
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        times = np.arange(3, 900, 6.0)
        events = [event("PASS", float(t)) for t in times]
        spots = [
            [spot("PASS", float(t)) for t in times if rng.random() < 0.6]
            for _ in range(2)
        ]
        found = compare_models(
            [match(events, [(0.0, 900.0)])],
            [contender("a", spots[0]), contender("b", spots[1])],
        )
        low, high = found.types[0].differences[0].both.interval
        held += low <= 0 <= high

    assert 50 <= held <= 60


def test_types_that_only_one_model_knows_are_told_and_not_compared() -> None:
    events = [event("PASS", t) for t in (10, 20, 30, 40, 50, 60)]
    events += [event("DRIBBLE", t) for t in (15, 25)] + [event("CORNER", 99.0)]
    new = contender("new", [], labels=("PASS", "DRIBBLE"))
    old = contender("old", [], labels=("PASS", "SHOT"))

    found = compare_models([match(events)], [new, old])

    assert [one.label for one in found.types] == ["PASS", "DRIBBLE"]
    assert [one.model for one in found.types[1].models] == ["new"]
    assert found.types[1].differences == []
    assert found.left_out == {"new": [], "old": ["DRIBBLE"]}
    assert found.unknown == {"CORNER": 1}


def test_models_with_nothing_in_common_are_said_to_have_nothing() -> None:
    events = [event("PASS", 10), event("GOAL", 20)]
    new, old = contender("a", [], labels=["PASS"]), contender("b", [], labels=["GOAL"])

    found = compare_models([match(events)], [new, old])

    assert "no type in common" in verdict_text(found, ["a", "b"])


def test_the_first_of_three_is_compared_with_each_other() -> None:
    events = [event("PASS", t) for t in range(5, 595, 10)]
    spots = [spot("PASS", one.time_s) for one in events]

    found = compare_models(
        [match(events)],
        [contender("c", spots), contender("b", spots), contender("a", spots[::4])],
    )

    against = {one.against: one.outcome for one in found.types[0].differences}
    assert against == {"b": "no_difference", "a": "better"}


def test_pieces_are_cut_from_what_is_measured_and_not_from_between() -> None:
    units = Units.of_spans([[(100.0, 160.0), (1000.0, 1060.0)], [(0.0, 120.0)]])

    assert units.count == 20  # of 12 s each
    assert units.at(0, 100.0) == 0
    assert units.at(0, 159.9) < units.at(0, 1000.0) == 5
    assert units.at(1, 0.0) == 10
    many = Units.of_spans([[(0.0, 60.0)]] * 12)
    assert (many.count, many.are_matches, many.at(7, 33.0)) == (12, True, 7)


def test_each_kind_of_mistake_is_listed_once_beside_what_the_other_said() -> None:
    events = [
        *(event("PASS", 10), event("PASS", 20), event("PASS", 30)),
        *(event("PASS", 40), event("SHOT", 50)),
    ]
    new = contender(
        "new",
        [
            *(spot("PASS", 10.2), spot("SHOT", 20.3), spot("PASS", 32.5, 0.8)),
            *(spot("PASS", 40.1, 0.3), spot("SHOT", 50), spot("SHOT", 70, 0.7)),
        ],
    )
    old = contender(
        "old", [*(spot("PASS", t) for t in (10, 20, 30, 40)), spot("SHOT", 70.4, 0.6)]
    )

    found = wrong_moments([match(events)], [new, old], ["PASS", "SHOT"])

    told = [
        (one.label, one.time_s, one.said["new"].kind, one.said["old"].kind)
        for one in found
    ]
    assert told == [
        ("PASS", 20, "wrong_type", "hit"),
        ("PASS", 30, "mistimed", "hit"),
        ("PASS", 40, "missed", "hit"),
        ("SHOT", 50, "hit", "missed"),
        ("SHOT", 70, "false_alarm", "false_alarm"),
    ]
    assert found[0].said["new"].label == "SHOT"
    assert found[2].said["new"].score == 0.3
    assert found[2].frame == 40 * FPS


def test_two_false_alarms_of_one_model_are_two_moments() -> None:
    noisy = contender("new", [spot("PASS", 10), spot("PASS", 10.8)])
    quiet = contender("old", [], labels=["SHOT"])

    found = wrong_moments([match([])], [noisy, quiet], ["PASS"])

    assert [one.time_s for one in found] == [10, 10.8]
    assert [one.said["old"].kind for one in found] == ["unknown_type"] * 2
