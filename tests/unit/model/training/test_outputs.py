"""Runs with all outputs, with sigmoid scores, and from networks with fewer outputs."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.errors import BadAnnotations
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.training.batches import Batches
from model.training.ema import averaged_spotter, load_averaged
from model.training.settings import Stage
from model.training.train import train
from model.training.training_data import load_data
from tests.unit.model.training.toys import toy_config, toy_data, with_teams

pytestmark = pytest.mark.slow

OUTPUTS = {"displacement": {"radius": 2}, "team": {"sides": ["left", "right"]}}


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy matches of which one has no teams."""
    root = toy_data(tmp_path_factory.mktemp("toys"), seconds=6)
    with_teams(root, ("train/match_1", "val/match_3"))
    return root


def network(**outputs: object) -> dict[str, object]:
    """The toys' network, with outputs."""
    return {
        "feature_arch": "rny002_gsm",
        "temporal_arch": "gru",
        "clip_len": 16,
        "is_pretrained": False,
        "outputs": outputs,
    }


class Logged(lightning.Callback):
    """Notes what training logs."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Any, *_rest: Any) -> None:
        """Note it."""
        metrics = trainer.callback_metrics.items()
        self.seen.append({k: float(v) for k, v in metrics if k.startswith("train/")})


@pytest.mark.costly
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_every_term_is_logged_and_the_loss_is_their_weighted_sum(
    toys: Path, tmp_path: Path, activation: str
) -> None:
    terms = {"displacement": 0.5, "team": 0.25, "phase": 0.4}
    config = toy_config(
        toys,
        network=network(scores={"activation": activation}, **OUTPUTS),
        loss={"terms": terms},
        optimiser={"steps": 3, "warmup_steps": 0, "mixup": 0.2},
        augment={"flip": 0.5, "camera": 1.0, "motion_blur": 0.5},
    )
    logged, lines = Logged(), []  # type: ignore[var-annotated] # of strings

    best = train(config, tmp_path, report=lines.append, callbacks=[logged])

    assert len(logged.seen) == 3
    for seen in logged.seen:
        total = seen["train/scores"] + sum(
            weight * seen[f"train/{name}"] for name, weight in terms.items()
        )
        assert seen["train/loss"] == pytest.approx(total, rel=1e-4)
    assert "no team is trained from match_2: their labels have none" in lines
    manifest = Checkpoint.open(best).manifest
    assert set(manifest.config.outputs) >= set(OUTPUTS)


def test_a_mirror_image_swaps_the_sides(toys: Path) -> None:
    config = toy_config(toys, network=network(**OUTPUTS), batch=1)
    data = load_data(config, report=print)

    def first(flip: float) -> Any:
        changed = replace(config, augment=replace(config.augment, flip=flip))
        batches = Batches(data.train, data.labels, changed)
        return [batches.make(n).targets["team"] for n in range(8)]

    plain, mirrored = first(0.0), first(1.0)

    assert any(made.weight.any() for made in plain)
    for one, other in zip(plain, mirrored, strict=True):
        assert torch.equal(one.weight, other.weight)
        assert torch.equal(one.values.flip(-1), other.values)


def test_padding_is_zero_after_normalisation_whatever_is_augmented(toys: Path) -> None:
    config = toy_config(
        toys,
        clips={"steps": 16, "padding": 12, "event_bias": 0.0},
        augment={"jitter": 1.0, "noise": 5.0},
        optimiser={"mixup": 0.5},
        batch=3,
    )
    data = load_data(config, report=print)
    batches = Batches(data.train, data.labels, config)
    normalise = Spotter(ModelConfig("rny002", "", 16, 2)).normalise

    alone = 0
    plain = Batches(
        data.train,
        data.labels,
        replace(config, optimiser=replace(config.optimiser, mixup=0.0)),
    )
    for number in range(12):
        batch, mixed = plain.make(number), batches.make(number)
        shown = normalise(batch.frames)[batch.is_padding]
        alone += len(shown)
        assert not len(shown) or float(shown.abs().max()) < 0.01
        assert not (mixed.is_padding & ~batch.is_padding).any()
    assert alone > 0


@pytest.mark.nightly
def test_a_run_goes_on_from_a_network_with_fewer_outputs(
    toys: Path, tmp_path: Path
) -> None:
    short = {"steps": 1, "warmup_steps": 0, "lr": 1e-9, "ema": 0.0}
    plain = toy_config(toys, optimiser=short, network=network())
    first = train(plain, tmp_path / "first", report=print)
    lines: list[str] = []

    config = toy_config(toys, optimiser=short, network=network(**OUTPUTS))
    more = train(config, tmp_path / "more", report=lines.append, start_from=first)
    fewer = train(plain, tmp_path / "fewer", report=print, start_from=more)

    added = [line for line in lines if "starts from noise: the checkpoint" in line]
    assert [line.split()[0] for line in added] == ["displacement", "team"]
    weights = [Checkpoint.open(path).read_weights() for path in (first, more, fewer)]
    assert set(weights[1]) - set(weights[0]) == {
        f"_output_heads.{name}.{part}"
        for name in OUTPUTS
        for part in ("weight", "bias")
    }
    assert set(weights[2]) == set(weights[0])
    key = "_features.stem.conv.weight"
    assert np.allclose(weights[0][key], weights[2][key], atol=1e-3)


def test_labels_without_the_sides_that_are_to_be_trained_are_refused(
    toys: Path, tmp_path: Path
) -> None:
    config = toy_config(toys, network=network(team={"sides": ["home", "away"]}))

    with pytest.raises(BadAnnotations, match=r"home, away.*labels name left, right"):
        train(config, tmp_path, report=print)


@pytest.mark.costly
def test_a_staged_run_keeps_the_best_of_its_last_size(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.training import module

    values = iter([0.9, 0.3, 0.5, 0.4])

    def measures(*_: object, **__: object) -> dict[str, float]:
        return {"choice": next(values), "mAP": 0.0, "AP/PASS": 0.0}

    monkeypatch.setattr(module, "measures", measures)
    config = toy_config(
        toys,
        input={"width": 64, "height": 48, "crop": [8, 6, 48, 36], "fps": 10},
        optimiser={"steps": 8, "warmup_steps": 0},
    )
    stages = (Stage(0.5, size=(36, 32)), Stage(1.0))
    config = replace(config, stages=stages, run=replace(config.run, validate_steps=2))
    sizes: list[tuple[int, int]] = []

    class Sizes(lightning.Callback):
        def on_validation_end(self, trainer: Any, _module: Any) -> None:
            spec = Checkpoint.open(tmp_path / "best.touchline").manifest.frame_spec
            sizes.append((spec.out_width, spec.out_height))

    best = train(config, tmp_path, report=print, callbacks=[Sizes()])

    # At step 4 the second size begins: 0.3 there does not compete with 0.9.
    assert sizes == [(36, 32), (48, 36), (48, 36), (48, 36)]
    manifest = Checkpoint.open(best).manifest
    assert manifest.provenance.steps == 6
    assert manifest.provenance.val["choice within +-0.5 s"] == 0.5


def test_an_average_of_an_earlier_release_is_taken_up() -> None:
    spotter = Spotter(ModelConfig("rny002", "", 4, 1))
    other = Spotter(ModelConfig("rny002", "", 4, 1))
    average = averaged_spotter(other, decay=0.9)

    load_averaged(average, {"steps": 7, **spotter.state_dict()})

    assert int(average.n_averaged) == 7
    kept = average.module.state_dict()
    assert all(torch.equal(kept[k], v) for k, v in spotter.state_dict().items())


def test_an_average_moves_by_the_decay_of_its_step() -> None:
    spotter = Spotter(ModelConfig("rny002", "", 4, 1))
    weight = spotter.get_parameter("_pred_fine._fc_out.bias")
    average = averaged_spotter(spotter, decay=0.5)
    seen = []

    for value in (0.0, 1.0, 1.0):
        weight.data.fill_(value)
        average.update_parameters(spotter)
        state = average.module.state_dict()
        seen.append(float(state["_pred_fine._fc_out.bias"][0]))

    # The first copies; then by 1 - min(0.5, (1 + n) / (10 + n)), n the step.
    second = 1 - 3 / 12
    assert seen == pytest.approx([0, second, second + (1 - second) * (1 - 4 / 13)])


@pytest.mark.nightly
def test_a_run_in_bfloat16_with_phases_keeps_the_network_alone(tmp_path: Path) -> None:
    config = toy_config(
        toy_data(tmp_path, seconds=4),
        loss={"terms": {"phase": 0.5}},
        optimiser={"steps": 3, "warmup_steps": 0, "clip_norm": 0.5, "mixup": 0.2},
    )
    config = replace(
        config, run=replace(config.run, precision="bf16-mixed", validate_steps=3)
    )
    values: list[float] = []

    class Logged(lightning.Callback):
        def on_train_batch_end(self, trainer: Any, *_rest: Any) -> None:
            values.append(float(trainer.callback_metrics["train/phase"]))

    best = train(config, tmp_path / "run", report=print, callbacks=[Logged()])

    assert len(values) == 3
    assert all(math.isfinite(value) for value in values)
    kept = Checkpoint.open(best).read_weights()
    assert set(kept) == set(Spotter(config.model_config(("A", "B"))).state_dict())


def test_a_term_without_its_teacher_is_refused(toys: Path, tmp_path: Path) -> None:
    config = toy_config(toys, loss={"terms": {"distillation": 2.0}})

    with pytest.raises(BadAnnotations, match="--distill-from"):
        train(config, tmp_path / "run", report=print)
