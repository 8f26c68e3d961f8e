"""Phases: what each step comes after, and the loss that names it."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.data.frame_store import StoredMatch
from model.data.labels import Event, MatchLabels
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.training.phases import PhaseLoss, step_phases
from model.training.train import train
from tests.unit.model.training.toys import toy_config, toy_data


def stored(events: list[tuple[float, str]], *, steps: int) -> StoredMatch:
    listed = tuple(Event(label, time_s) for time_s, label in events)
    labels = MatchLabels("m", listed, Path("labels.csv"))
    index = np.arange(steps)
    frames = np.zeros((steps, 4, 4, 3), np.uint8)
    return StoredMatch("m", frames, index / 10, index, index, labels)


def test_a_step_is_named_after_the_latest_event() -> None:
    match = stored([(0.5, "PASS"), (0.2, "DRIVE"), (0.6, "GOAL")], steps=8)

    phases = step_phases(match, ("PASS", "DRIVE"))

    assert phases.tolist() == [0, 0, 2, 2, 2, 1, 1, 1]


def test_a_match_without_events_has_no_phase() -> None:
    assert not step_phases(stored([], steps=3), ("PASS",)).any()


@pytest.mark.parametrize("head", ["", "gru", "transformer", "multiscale"])
def test_the_loss_is_that_of_a_slow_loop(head: str) -> None:
    torch.manual_seed(3)
    network = Spotter(ModelConfig("rny002", head, 16, 2)).eval()
    loss_of = PhaseLoss(network)
    contexts: list[torch.Tensor] = []
    loss_of.classify.register_forward_pre_hook(lambda _, args: contexts.append(args[0]))
    phases = torch.zeros(1, 6, 2)
    phases[0, 2:4, 1] = 1
    phases[0, 4:, 0] = 1

    network.head(torch.randn(1, 6, network.feature_dim))
    loss = loss_of(phases)

    total = 0.0
    rows = loss_of.classify(contexts[0])[0].tolist()
    for row, share in zip(rows, phases[0].tolist(), strict=True):
        odds = [math.exp(x) for x in row]
        total -= sum(
            s * math.log(o / sum(odds)) for s, o in zip(share, odds, strict=True)
        )
    assert float(loss.detach()) == pytest.approx(total / 4, rel=1e-5)


def test_phases_train_the_trunk() -> None:
    torch.manual_seed(4)
    network = Spotter(ModelConfig("rny002_gsm", "gru", 4, 2))
    loss_of = PhaseLoss(network)
    phases = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])

    network(torch.randint(0, 256, (1, 4, 3, 32, 32), dtype=torch.uint8))
    loss_of(phases).backward()

    stem = network.get_parameter("_features.stem.conv.weight")
    assert stem.grad is not None
    assert stem.grad.abs().sum() > 0


def test_a_clip_before_the_first_event_costs_nothing() -> None:
    network = Spotter(ModelConfig("rny002", "gru", 4, 2))
    loss_of = PhaseLoss(network)

    network.head(torch.randn(1, 4, network.feature_dim))

    assert float(loss_of(torch.zeros(1, 4, 2)).detach()) == 0


def test_a_run_in_bfloat16_with_phases_keeps_the_network_alone(tmp_path: Path) -> None:
    config = toy_config(
        toy_data(tmp_path, seconds=4),
        loss={"phase": 0.5},
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
