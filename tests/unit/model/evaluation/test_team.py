"""Sides: SoccerNet's team AP against its own kit, and accuracy over hits."""

import math

import numpy as np
import pytest

from model.evaluation.matching import Scored
from model.evaluation.metrics import LabelledMatch
from model.evaluation.team import team_ap, team_hits

SIDES = ("left", "right")
RATE = 25


def draw_matches(seed: int) -> list[LabelledMatch]:
    """Matches on a grid of 25 frames a second whose spots err in time and side."""
    rng = np.random.default_rng(seed)
    matches = []
    for number in range(3):
        frames = np.sort(rng.choice(1400, 40, replace=False))
        teams = [SIDES[int(rng.random() < 0.3)] for _ in frames]
        spots = {}
        for frame, team in zip(frames, teams, strict=True):
            wrong = SIDES[1 - SIDES.index(team)]
            named = team if rng.random() < 0.8 else wrong
            at = int(frame + rng.integers(-15, 16)) % 1500
            spots[at] = Scored(at / RATE, float(rng.uniform(0.1, 0.9)), named)
        events = {"PASS": (frames / RATE).tolist()}
        found = {"PASS": list(spots.values())}
        matches.append(LabelledMatch(f"m{number}", found, events, {"PASS": teams}))
    return matches


@pytest.mark.parametrize("seed", [1, 2])
def test_team_ap_is_the_kits_ap_of_each_side_weighted_by_its_events(seed: int) -> None:
    kit = pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")
    matches = draw_matches(seed)
    targets, found = [], []
    for match in matches:
        target, guess = np.zeros((1500, 2)), np.full((1500, 2), -1.0)
        pairs = zip(match.events["PASS"], match.teams["PASS"], strict=True)
        for time_s, team in pairs:
            target[round(time_s * RATE), SIDES.index(str(team))] = 1
        for spot in match.spots["PASS"]:
            guess[round(spot.time_s * RATE), SIDES.index(str(spot.team))] = spot.score
        targets.append(target)
        found.append(guess)
    counts = sum(target.sum(axis=0) for target in targets)

    per_side = kit.average_mAP(
        targets,
        found,
        [np.ones_like(target) for target in targets],
        framerate=RATE,
        deltas=np.array([1]),
    )[1]

    expected = (np.array(per_side) * counts).sum() / counts.sum()
    assert team_ap(matches, "PASS") == pytest.approx(expected, abs=1e-9)


def test_the_right_side_counts_over_hits_whose_event_has_one() -> None:
    spots = [
        Scored(1.0, 0.9, "left"),
        Scored(2.0, 0.9, "left"),
        Scored(3.0, 0.9, "right"),
        Scored(9.0, 0.9, "left"),
    ]
    events, teams = [1.1, 2.1, 3.1, 5.0], ["left", "right", None, "left"]
    match = LabelledMatch("m", {"PASS": spots}, {"PASS": events}, {"PASS": teams})

    assert team_hits([match], "PASS", tolerance_s=0.5) == (2, 1)


def test_without_sides_there_is_no_figure() -> None:
    match = LabelledMatch("m", {"PASS": [Scored(1.0, 0.9)]}, {"PASS": [1.0]})

    assert math.isnan(team_ap([match], "PASS"))
    assert team_hits([match], "PASS", tolerance_s=0.5) == (0, 0)
