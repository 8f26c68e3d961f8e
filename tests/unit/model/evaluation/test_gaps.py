"""Least gaps are those of the labels, match by match."""

from pathlib import Path

import pytest

from model.data.labels import Event, Match, MatchLabels
from model.data.matches import find_matches
from model.evaluation.gaps import Gap, least_gaps
from tests.shared_data import shared_dir

LABELS = ("PASS", "DRIVE", "SHOT")


def match(*events: tuple[str, float]) -> Match:
    found = tuple(Event(*event) for event in events)
    labels = MatchLabels("m", found, Path("Labels-ball.json"))
    return Match("m", Path("video.mp4"), labels)


def test_a_gap_is_the_least_time_to_another_label_on_either_side() -> None:
    one = match(("PASS", 1), ("DRIVE", 1.5), ("DRIVE", 3), ("PASS", 5), ("SHOT", 5.25))
    other = match(("DRIVE", 1), ("SHOT", 2.75), ("PASS", 3.5), ("DRIVE", 4.5))

    gaps = least_gaps([one, other], LABELS, fewest=1)

    assert gaps["DRIVE"] == Gap(before_s=0.5, after_s=1.75)
    assert gaps["PASS"] == Gap(before_s=0.75, after_s=0.25)
    assert gaps["SHOT"] == Gap(before_s=0.25, after_s=0.75)


def test_the_nearest_pair_of_all_is_not_inside_its_own_gap() -> None:
    # 14 frames of 30 a second are 0.4666... s: rounded, they would be 0.467.
    one = match(("PASS", 1), ("DRIVE", 1 + 14 / 30), ("PASS", 5))

    gaps = least_gaps([one], LABELS, fewest=1)

    assert gaps["DRIVE"].before_s == 0.466
    assert gaps["PASS"].after_s == 0.466


def test_a_label_that_the_network_does_not_know_is_passed_over() -> None:
    events = [("PASS", 1.0), ("OUT", 1.0), ("DRIVE", 1.5), ("OUT", 2.0), ("PASS", 3.0)]

    gaps = least_gaps([match(*events)], ("PASS", "DRIVE"), fewest=1)

    assert gaps["DRIVE"] == Gap(before_s=0.5, after_s=1.5)
    assert set(gaps) == {"PASS", "DRIVE"}


def test_two_labels_at_one_time_leave_no_gap() -> None:
    gaps = least_gaps([match(("PASS", 2), ("SHOT", 2))], LABELS, fewest=1)

    assert gaps == {"PASS": Gap(0, 0), "SHOT": Gap(0, 0)}


def test_a_label_with_few_gaps_is_left_out() -> None:
    events = [("PASS", 2.0 * k) for k in range(1, 5)]
    events += [("SHOT", 2.0 * k + 0.5) for k in range(1, 4)]
    several = match(*sorted(events, key=lambda event: event[1]))

    assert set(least_gaps([several], LABELS, fewest=3)) == {"PASS", "SHOT"}
    assert least_gaps([several], LABELS, fewest=4) == {}
    assert least_gaps([], LABELS, fewest=1) == {}


def test_the_arena_has_no_pass_soon_after_a_drive() -> None:
    shared = shared_dir()
    if shared is None:
        pytest.skip("the shared matches are not there")
    gaps = least_gaps(find_matches(shared / "data/arena/train"), LABELS)

    # The definition asks for a carry of 0.8 s at least.
    assert gaps["DRIVE"].after_s > 0.8
    assert set(gaps) == {"PASS", "DRIVE"}
