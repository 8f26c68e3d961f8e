"""Phases: the layer that names the event each step follows."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.training.losses import MaskedCrossEntropy
from model.training.phases import PhaseLayer
from model.training.train import train
from tests.unit.model.training.toys import toy_config, toy_data


@pytest.mark.parametrize("head", ["", "gru", "transformer", "multiscale"])
def test_the_layer_is_given_what_the_classifier_is_given(head: str) -> None:
    torch.manual_seed(3)
    network = Spotter(ModelConfig("rny002", head, 16, 2)).eval()
    layer = PhaseLayer(network)
    features = torch.randn(1, 6, network.feature_dim)

    network.head(features)
    raw = layer()

    expected = layer.classify(network.temporal_head.context(features))
    assert torch.allclose(raw, expected)


def test_phases_train_the_trunk() -> None:
    torch.manual_seed(4)
    network = Spotter(ModelConfig("rny002_gsm", "gru", 4, 2))
    layer = PhaseLayer(network)
    values = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])

    network(torch.randint(0, 256, (1, 4, 3, 32, 32), dtype=torch.uint8))
    MaskedCrossEntropy()(layer(), values, values.sum(-1)).backward()

    stem = network.get_parameter("_features.stem.conv.weight")
    assert stem.grad is not None
    assert stem.grad.abs().sum() > 0


@pytest.mark.slow
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
