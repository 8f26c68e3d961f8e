"""Phases: the layer that names the event each step follows."""

import pytest
import torch

from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.training.losses import MaskedCrossEntropy
from model.training.phases import PhaseLayer


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
