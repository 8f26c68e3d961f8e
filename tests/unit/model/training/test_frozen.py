"""Frozen norms: the same output, statistics that do not move."""

import pytest
import torch
from torch import nn

from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.training.frozen import freeze_norms


@pytest.fixture
def network() -> Spotter:
    """A network whose norms have seen something."""
    torch.manual_seed(0)
    network = Spotter(ModelConfig("rny002_gsm", "gru", 8, 2))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()  # type: ignore[union-attr] # it has one
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr] # likewise
            module.weight.data.uniform_(0.5, 2)
    return network


def test_frozen_norms_give_what_serving_gives(network: Spotter) -> None:
    clip = torch.randint(0, 256, (1, 8, 3, 64, 64), dtype=torch.uint8)
    network.double()  # so that rounding does not hide a difference
    with torch.inference_mode():
        expected = network.eval().trunk(network.normalise(clip))

        network.train()
        freeze_norms(network)
        got = network.trunk(network.normalise(clip))

    assert torch.allclose(got, expected, rtol=1e-8)


def test_a_training_step_leaves_their_statistics_and_trains_their_scales(
    network: Spotter,
) -> None:
    network.train()
    freeze_norms(network)
    figures = {k: v.clone() for k, v in network.state_dict().items() if "running" in k}
    clip = torch.randint(0, 256, (1, 8, 3, 64, 64), dtype=torch.uint8)

    features = network.trunk(network.normalise(clip))
    loss = network.head(features)["scores"].square().sum()
    torch.autograd.backward(loss)

    after = network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in figures.items())
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    taught = [m for m in norms if m.weight.grad is not None and m.weight.grad.any()]
    assert len(taught) >= len(norms) - 13, "all but those behind the 13 closed gates"
