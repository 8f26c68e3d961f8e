"""Targets of each output: values where something is known, weights elsewhere zero."""

from pathlib import Path

import numpy as np
import pytest

from model.data.labels import Event
from model.network.outputs import OUTPUTS
from model.training.outputs import TRAINED, loss_terms, target_makers
from model.training.targets import (
    DisplacementTargets,
    PhaseTargets,
    ScoreTargets,
    TeamTargets,
)
from tests.unit.model.training.test_dataset import LABELS, stored
from tests.unit.model.training.toys import toy_config


def test_every_output_that_a_network_can_have_can_be_trained() -> None:
    assert set(TRAINED) == set(OUTPUTS)


def test_a_displacement_is_how_much_later_the_event_is_in_steps() -> None:
    match = stored(Event("PASS", 1.03), Event("SHOT", 1.2))  # SHOT is not learnt

    made = DisplacementTargets(radius=2, fps=10).of_match(match, LABELS)

    assert np.flatnonzero(made.weight).tolist() == [8, 9, 10, 11, 12]
    assert made.values[8:13, 0] == pytest.approx([2.3, 1.3, 0.3, -0.7, -1.7])
    assert not made.values[made.weight == 0].any()


def test_between_two_events_the_nearer_one_is_meant() -> None:
    match = stored(Event("PASS", 1.0), Event("DRIVE", 1.3))

    made = DisplacementTargets(radius=2, fps=10).of_match(match, LABELS)

    assert made.values[10:14, 0] == pytest.approx([0, -1, 1, 0], abs=1e-5)


def test_at_double_speed_an_event_is_half_as_many_steps_away() -> None:
    maker = DisplacementTargets(radius=2, fps=10)
    made = maker.of_match(stored(Event("PASS", 1.0)), LABELS)

    fast = maker.of_clip(made.at(np.array([8, 10, 12])), speed=2.0)

    assert fast.values[:, 0].tolist() == pytest.approx([1, 0, -1])


def test_a_team_is_trained_near_events_that_name_a_side() -> None:
    match = stored(
        Event("PASS", 1.0, "left"),
        Event("PASS", 3.0, "right"),
        Event("PASS", 5.0),
        Event("PASS", 7.0, "referee"),
        Event("SHOT", 9.0, "left"),  # is not learnt
    )

    maker = TeamTargets(("left", "right"), radius=1, fps=10)
    made = maker.of_match(match, LABELS)

    assert np.flatnonzero(made.weight).tolist() == [9, 10, 11, 29, 30, 31]
    assert made.values[9:12].tolist() == [[1, 0]] * 3
    assert made.values[29:32].tolist() == [[0, 1]] * 3
    assert maker.mirrored(made.values)[10].tolist() == [0, 1]


def test_a_match_without_teams_or_events_trains_no_team() -> None:
    maker = TeamTargets(("left", "right"), radius=1, fps=10)

    for match in (stored(Event("PASS", 1.0)), stored()):
        assert not maker.of_match(match, LABELS).weight.any()


def test_two_labels_share_a_frame_where_they_do_not_exclude_each_other() -> None:
    match = stored(Event("PASS", 1.0), Event("DRIVE", 1.1))

    shared = ScoreTargets(1, is_exclusive=False).of_match(match, LABELS).values
    alone = ScoreTargets(1).of_match(match, LABELS).values

    assert shared[8:13, 1:].tolist() == [[0, 0], [1, 0], [1, 1], [1, 1], [0, 1]]
    assert alone[8:13].argmax(1).tolist() == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("is_exclusive", [True, False])
def test_outside_the_match_is_background_that_counts(is_exclusive: bool) -> None:
    maker = ScoreTargets(1, is_exclusive=is_exclusive)
    made = maker.of_match(stored(Event("PASS", 0.0)), LABELS)

    clip = maker.of_clip(made.at(np.array([-2, -1, 0, 99, 100])), speed=1.0)

    assert clip.weight.tolist() == [1] * 5
    assert not clip.values[[0, 1, 4], 1:].any()
    assert clip.values[2, 1] == 1


def test_a_phase_has_no_weight_before_the_first_event() -> None:
    made = PhaseTargets().of_match(
        stored(Event("PASS", 0.2), Event("DRIVE", 0.5), steps=8), LABELS
    )

    assert made.weight.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert made.values.argmax(1)[2:].tolist() == [0, 0, 0, 1, 1, 1]


def test_a_run_trains_what_its_network_gives_and_what_its_loss_names() -> None:
    network = {
        "feature_arch": "rny002",
        "temporal_arch": "gru",
        "clip_len": 16,
        "outputs": {"displacement": {"radius": 3}, "team": {"sides": ["home", "away"]}},
    }
    config = toy_config(
        Path("nowhere"), network=network, loss={"terms": {"phase": 0.4}}
    )

    makers, terms = target_makers(config), loss_terms(config, LABELS)

    assert list(makers) == list(terms) == ["scores", "displacement", "team", "phase"]
    assert makers["displacement"] == DisplacementTargets(radius=3, fps=10)
    assert makers["team"] == TeamTargets(("home", "away"), radius=2, fps=10)
