"""The estimate of a timeline's quality, against truth that is known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from app.annotations.calibration import Verdict, draw_calibrations, logit
from app.annotations.estimate import (
    Estimate,
    Range,
    Tally,
    TypeTally,
    decisions_to_target,
    estimate_quality,
)

pytestmark = pytest.mark.slow

THRESHOLD = 0.4
DURATION_S = 3600.0
WORLDS = 80  # in each of which an interval holds the truth or not


@dataclass(frozen=True)
class World:
    """A video whose truth is known, partly reviewed."""

    tally: Tally
    precision: float
    recall: float


def draw_world(
    rng: np.random.Generator, *, scores: str, order: str, decided: float, events: int
) -> World:
    """Draw suggestions and ghosts of two types, and decide a share of them.

    Scores are off by a shift and a slope that differ from world to world, or say
    something else than a probability altogether.
    """
    shift, slope = rng.normal(0, 1), max(rng.normal(1, 0.3), 0.3)
    label = rng.choice(["PASS", "DRIVE"], events)
    score = rng.beta(0.6, 0.6, events).clip(0.1, 0.999)
    own = np.where(label == "PASS", rng.normal(0, 0.5), rng.normal(0, 0.5))
    chance = {
        "shifted": 1 / (1 + np.exp(-(shift + own + slope * logit(score)))),
        "squared": score**2,
        "nearly flat": 0.3 + 0.2 * score,
    }[scores]
    is_event = rng.random(events) < chance
    time_s = rng.uniform(0, DURATION_S, events)
    first = {
        "by time": np.argsort(time_s),
        "at random": rng.permutation(events),
        "doubtful first": np.argsort(np.abs(score - THRESHOLD)),
    }[order]
    is_decided = np.zeros(events, dtype=bool)
    is_decided[first[: int(decided * events)]] = True
    if order == "doubtful first":  # with the samples that the order has
        is_decided |= rng.random(events) < decided / 5
    shown = np.where(is_decided, is_event, score >= THRESHOLD)
    types = {
        name: TypeTally(
            right=int((is_decided & is_event & (label == name)).sum()),
            undecided=score[~is_decided & shown & (label == name)].tolist(),
            ghosts=score[~is_decided & ~shown & (label == name)].tolist(),
        )
        for name in ("PASS", "DRIVE")
    }
    silent = rng.poisson(rng.uniform(0, 0.12) * is_event.sum())
    silent_s = rng.uniform(0, DURATION_S, silent)
    reviewed_s = decided * DURATION_S if order == "by time" else 0.0
    found = int((silent_s < reviewed_s).sum())
    types["PASS"].added = found
    types["PASS"].right += found
    verdicts = [
        Verdict(str(name), float(s), bool(y))
        for name, s, y in zip(
            label[is_decided], score[is_decided], is_event[is_decided], strict=True
        )
    ]
    right = int((shown & is_event).sum()) + found
    missing = int((~shown & is_event).sum()) + len(silent_s) - found
    return World(
        Tally(types, verdicts, reviewed_s, DURATION_S),
        precision=right / (int(shown.sum()) + found),
        recall=right / (right + missing),
    )


def test_before_anything_is_decided_the_interval_is_wide_and_round_the_scores() -> None:
    tally = Tally({"PASS": TypeTally(undecided=[0.8] * 500)}, [], 0.0, DURATION_S)

    precision = _precision(estimate_quality(tally))

    assert precision.low < 0.5
    assert precision.high > 0.93
    assert precision.value == pytest.approx(0.8, abs=0.06)


@pytest.mark.costly
@pytest.mark.parametrize("order", ["by time", "at random", "doubtful first"])
@pytest.mark.parametrize("scores", ["shifted", "squared", "nearly flat"])
@pytest.mark.parametrize(("events", "decided"), [(200, 0.2), (1000, 0.1)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(
    scores: str, order: str, events: int, decided: float
) -> None:
    rng = np.random.default_rng(7)
    held, widths = [], []

    for _ in range(WORLDS):
        world = draw_world(
            rng, scores=scores, order=order, decided=decided, events=events
        )
        found = estimate_quality(world.tally, draws=500).overall
        assert found.precision is not None
        assert found.recall is not None
        held.append(
            (
                _holds(found.precision, world.precision),
                _holds(found.recall, world.recall),
            )
        )
        widths.append(found.precision.high - found.precision.low)

    # 95% is meant. Where scores say next to nothing and the doubtful ones were decided
    # first, little is known of the sure ones: that is the worst case.
    is_hard = (scores, order) == ("nearly flat", "doubtful first")
    assert np.mean(held, axis=0).min() >= (0.7 if is_hard else 0.86)
    assert np.mean(widths) < 0.5


def test_more_decisions_make_a_narrower_interval() -> None:
    widths = []
    for decided in (0.0, 0.02, 0.1, 0.5, 1.0):
        rng = np.random.default_rng(3)
        world = draw_world(
            rng, scores="shifted", order="by time", decided=decided, events=1000
        )
        precision = _precision(estimate_quality(world.tally))
        widths.append(precision.high - precision.low)

    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.5
    assert widths[-1] == 0


def test_a_network_that_is_sure_and_wrong_is_found_out_by_some_verdicts() -> None:
    verdicts = [Verdict("PASS", 0.95, index % 5 == 0) for index in range(50)]
    tally = Tally({"PASS": TypeTally(undecided=[0.95] * 300)}, verdicts, 0.0, 600.0)

    precision = _precision(estimate_quality(tally))

    assert precision.high < 0.4
    assert _holds(precision, 0.2)


def test_what_is_seen_of_one_type_is_thought_of_the_others_with_less_certainty() -> (
    None
):
    verdicts = [Verdict("PASS", 0.9, index % 4 == 0) for index in range(80)]
    types = {
        "PASS": TypeTally(undecided=[0.9] * 300),
        "SHOT": TypeTally(undecided=[0.9] * 300),
    }

    found = estimate_quality(Tally(types, verdicts, 0.0, 600.0)).types

    own, other = found["PASS"].precision, found["SHOT"].precision
    assert own is not None
    assert other is not None
    assert other.value < 0.6
    assert other.high - other.low > 2 * (own.high - own.low)


def test_events_added_in_reviewed_stretches_tell_of_those_that_are_missing() -> None:
    types = {"PASS": TypeTally(right=100, added=50)}
    half = Tally(types, [], DURATION_S / 2, DURATION_S)

    after_half = estimate_quality(half).overall.recall
    after_all = estimate_quality(replace(half, reviewed_s=DURATION_S)).overall.recall

    assert after_half is not None
    assert after_half.value == pytest.approx(100 / 150, abs=0.03)
    assert after_all == Range(1.0, 1.0, 1.0)


def test_without_ghosts_less_is_known_of_what_is_missing() -> None:
    tally = Tally({"PASS": TypeTally(right=200)}, [], 0.0, DURATION_S)

    known = estimate_quality(tally).overall.recall
    unknown = estimate_quality(replace(tally, has_ghosts=False)).overall.recall

    assert known is not None
    assert unknown is not None
    assert unknown.low < known.low


def test_a_video_without_any_event_has_no_precision() -> None:
    nothing = estimate_quality(Tally({}, [], 0.0, 0.0)).overall

    assert (nothing.precision, nothing.recall, nothing.events) == (None, None, 0)


def test_the_same_tally_has_the_same_estimate() -> None:
    world = draw_world(
        np.random.default_rng(0),
        scores="shifted",
        order="by time",
        decided=0.1,
        events=100,
    )

    first, second = estimate_quality(world.tally), estimate_quality(world.tally)

    assert (first.overall, first.types) == (second.overall, second.types)


@pytest.mark.parametrize("target", [0.8, 0.9, 0.95, 1.0])
def test_the_decisions_to_a_target_are_those_it_takes(target: float) -> None:
    """Scores that are known to be right: the expectation can be counted out."""
    scores = np.linspace(0.4, 0.99, 200)
    rng = np.random.default_rng(1)
    sure = [
        Verdict("PASS", float(s), bool(rng.random() < s))
        for s in rng.uniform(0.05, 0.99, 20_000)
    ]
    tally = Tally({"PASS": TypeTally(undecided=scores.tolist())}, sure, 0.0, 600.0)
    draws = estimate_quality(tally).draws
    order = [("PASS", float(s), False) for s in scores]

    found = decisions_to_target(tally, order, draws, target=target)

    expected = next(
        done
        for done in range(len(scores) + 1)
        if scores.sum() >= target * (scores[:done].sum() + len(scores) - done) - 1e-9
    )
    assert found is not None
    assert found.value == pytest.approx(expected, abs=6)
    assert found.low <= found.value <= found.high


def test_a_target_that_is_reached_takes_no_decision() -> None:
    tally = Tally({"PASS": TypeTally(right=50)}, [], 0.0, 600.0)
    draws = estimate_quality(tally).draws

    assert decisions_to_target(tally, [], draws, target=0.95) == Range(0, 0, 0)


def test_a_target_beyond_what_the_order_decides_is_not_promised() -> None:
    tally = Tally({"PASS": TypeTally(undecided=[0.5] * 50)}, [], 0.0, 600.0)
    draws = estimate_quality(tally).draws

    assert decisions_to_target(tally, [("PASS", 0.5, False)], draws, target=1.0) is None


def test_calibrations_follow_many_verdicts_closely() -> None:
    rng = np.random.default_rng(2)
    score = rng.uniform(0.02, 0.98, 5000)
    chance = 1 / (1 + np.exp(-(-1.0 + 0.7 * logit(score))))
    verdicts = [
        Verdict("PASS", float(s), bool(y))
        for s, y in zip(score, rng.random(5000) < chance, strict=True)
    ]

    draws = draw_calibrations(verdicts, ["PASS"], draws=500, rng=rng)

    places = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    expected = 1 / (1 + np.exp(-(-1.0 + 0.7 * logit(places))))
    np.testing.assert_allclose(
        draws.mean_probability("PASS", places), expected, atol=0.03
    )
    np.testing.assert_allclose(
        draws.probabilities("PASS", places).mean(axis=0),
        draws.mean_probability("PASS", places),
        atol=0.003,
    )


def _precision(estimate: Estimate) -> Range:
    assert estimate.overall.precision is not None
    return estimate.overall.precision


def _holds(interval: Range, truth: float) -> bool:
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9
