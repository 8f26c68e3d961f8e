"""A student begins with its teacher's weights and learns its scores."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotter_io import save_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.data.frame_store import StoredMatch
from model.data.labels import MatchLabels
from model.errors import BadAnnotations
from model.export.live import uncut_outputs
from model.network.config import ModelConfig
from model.training.batches import Batches
from model.training.config import TrainConfig
from model.training.distillation import student_of, with_teacher
from model.training.outputs import DISTILLATION
from model.training.targets import TeacherTargets
from model.training.training_data import TrainingData
from tests.unit.model.engines.networks import noisy_spotter
from tests.unit.model.training.toys import toy_config

LABELS = ("PASS", "DRIVE")
STEPS = 12
STUDENT = {
    "feature_arch": "rny002_gsm",
    "temporal_arch": "causal_gru",
    "options": {"look_ahead": 1, "dropout": 0.0},
    "look_ahead_sites": 0,
    "clip_len": 16,
    "is_pretrained": False,
}


def config_of(root: Path) -> TrainConfig:
    return toy_config(root, network=STUDENT, loss={"terms": {"distillation": 2.0}})


def teacher_of(folder: Path, config: TrainConfig, **changes: Any) -> Checkpoint:
    spotter = noisy_spotter("rny002_gsm", "gru", outputs={"team": {}})
    manifest = Manifest(
        name="teacher",
        config=spotter.config,
        labels=LABELS,
        frame_spec=config.input,
        spotting=SpottingOptions.default(LABELS),
    )
    manifest = replace(manifest, **changes)
    return save_spotter(folder / "teacher.touchline", spotter, manifest)


def data_of(config: TrainConfig) -> TrainingData:
    spec = config.input
    rng = np.random.default_rng(0)
    match = StoredMatch(
        name="match",
        frames=rng.integers(0, 256, (STEPS, spec.height, spec.width, 3), np.uint8),
        time_s=np.arange(STEPS) / spec.fps,
        frame=np.arange(STEPS),
        pts=np.arange(STEPS),
        labels=MatchLabels("match", (), Path("none")),
    )
    return TrainingData(LABELS, (match,), ())


def test_a_student_has_the_backbone_and_the_forward_half_of_its_teacher(
    tmp_path: Path,
) -> None:
    teacher = teacher_of(tmp_path, config_of(tmp_path))
    wanted = ModelConfig(
        "rny002_gsm",
        "causal_gru",
        16,
        2,
        options={"look_ahead": 1},
        outputs={"team": {}},
        look_ahead_sites=0,
    )

    state = student_of(teacher, wanted).state_dict()

    theirs = teacher.read_weights()
    for key in state:
        if key.startswith("_features.") or "_gru." in key:
            assert np.array_equal(state[key].numpy(), theirs[key].astype(np.float32))
    hidden = state["_pred_fine._fc_out.weight"].shape[1]
    for mine, other in (
        ("_pred_fine._fc_out.weight", "_pred_fine._fc_out._fc_out.weight"),
        ("_output_heads.team.weight", "_output_heads.team.weight"),
    ):
        assert np.array_equal(state[mine].numpy(), theirs[other][:, :hidden])


@pytest.mark.costly
@pytest.mark.slow
def test_soft_targets_are_the_teachers_scores_and_are_kept(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    teacher = teacher_of(tmp_path, config)
    lines: list[str] = []

    data = with_teacher(data_of(config), config, teacher.path, report=lines.append)
    again = with_teacher(data_of(config), config, teacher.path, report=lines.append)

    (match,) = data.train
    frames = list(match.frames)
    expected = uncut_outputs(
        frames, noisy_spotter("rny002_gsm", "gru", outputs={"team": {}})
    )["scores"]
    assert data.curves is not None
    assert again.curves is not None
    found = data.curves["match"]
    np.testing.assert_allclose(found, expected, atol=2e-3)  # Weights are half.
    np.testing.assert_array_equal(found, again.curves["match"])
    assert lines == ["1/1  curves of match"]  # The second time they were there.


def test_a_step_of_the_teachers_belief_counts_more(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    data = data_of(config)
    curve = np.tile(np.array([[1, 0, 0]], np.float32), (STEPS, 1))
    curve[4] = (0.1, 0.7, 0.2)

    batches = Batches(data.train, LABELS, config, curves={"match": curve})
    made = batches.make(0).targets[DISTILLATION]
    targets = TeacherTargets({"match": curve}).of_match(data.train[0], LABELS)

    assert made.values.shape[-1] == 3
    assert targets.weight[4] == pytest.approx(9.1)
    assert targets.weight[3] == 1
    assert torch.isfinite(made.values).all()


def test_a_teacher_of_other_labels_or_pictures_is_refused(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    other = ("PASS", "SHOT")
    options = SpottingOptions.default(other)
    teacher = teacher_of(tmp_path, config, labels=other, spotting=options)

    with pytest.raises(BadAnnotations, match="PASS, SHOT"):
        with_teacher(data_of(config), config, teacher.path, report=print)
    larger = replace(config.input, fps=5.0)
    teacher = teacher_of(tmp_path, config, frame_spec=larger)
    with pytest.raises(BadAnnotations, match="must be the same"):
        with_teacher(data_of(config), config, teacher.path, report=print)
