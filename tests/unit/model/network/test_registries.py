"""A new head or backbone is one module and one registration."""

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from model.checkpoint.spotter_io import load_spotter
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import TorchRuntime
from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network import registries
from model.network.backbone import Backbone, build_backbone, find_shift_sites
from model.network.config import ModelConfig
from model.network.gate_shift import GatedShift
from model.network.registries import register_backbone, register_head
from model.network.spotter import Spotter
from model.network.temporal_head import TemporalHead
from model.spotting.inference import stream_features
from tests.unit.model.engines.networks import (
    ALL_OUTPUTS,
    draw_frames,
    noisy_checkpoint,
    uncut_features,
)


@dataclass(frozen=True, slots=True)
class ToyOptions:
    """Options of the toy head."""

    span: Annotated[int, Field(ge=1, multiple_of=2, strict=True)] = 2


class ToyHead(TemporalHead):
    """A mean over the steps around."""

    def __init__(self, feature_dim: int, classes: int, options: ToyOptions) -> None:
        super().__init__()
        self.context_dim = feature_dim
        self.mean = nn.AvgPool1d(options.span + 1, 1, options.span // 2)
        self._fc_out = nn.Linear(feature_dim, classes)

    def context(self, features: Tensor) -> Tensor:
        """Average: (B, T, D) -> the same."""
        out: Tensor = self.mean(features.transpose(1, 2)).transpose(1, 2)
        return out


class ToyBlock(nn.Module):
    """A residual block of one convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (N, width, H, W) -> the same."""
        out: Tensor = x + self.conv1(x)
        return out


def toy_backbone(*, is_pretrained: bool) -> Backbone:
    """Build two blocks behind a stem."""
    assert not is_pretrained
    blocks = [ToyBlock(16), ToyBlock(16)]
    net = nn.Sequential(
        nn.Conv2d(3, 16, 4, 4), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return Backbone(net, 16, [(block, "conv1") for block in blocks])


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    """Register the toys, for one test."""
    register_head("toy", ToyOptions, ToyHead)
    register_backbone("toy", toy_backbone)
    yield
    del registries.HEADS["toy"], registries.BACKBONES["toy"]


def toy_spotter() -> Spotter:
    """Build the toys' network, its gates open."""
    torch.manual_seed(0)
    config = ModelConfig("toy_gsm", "toy", 8, 2, {"span": 4}, ALL_OUTPUTS)
    spotter = Spotter(config).eval()
    for name, parameter in spotter.named_parameters():
        if "conv3D" in name:
            nn.init.normal_(parameter, std=0.3)
    return spotter


def test_a_toy_network_streams_and_is_kept_like_any_other(tmp_path: Path) -> None:
    spotter = toy_spotter()
    frames = draw_frames(13)

    again = load_spotter(noisy_checkpoint(tmp_path, spotter, precision="fp32").path)

    runtime = TorchRuntime(again)
    features = np.concatenate(list(stream_features(frames, runtime)))
    np.testing.assert_allclose(features, uncut_features(spotter, frames), atol=1e-5)
    assert runtime.delay == StreamingTrunk(spotter).delay == 4
    assert again.config.head_options == ToyOptions(span=4)
    outputs = runtime.head(features[None, :8])
    assert {name: values.shape[2] for name, values in outputs.items()} == {
        "scores": 3,
        "displacement": 1,
        "team": 2,
    }


def test_a_toys_options_are_checked_kept_and_frozen() -> None:
    config = ModelConfig("toy", "toy", 8, 2, {"span": 6})

    assert ModelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(FrozenInstanceError):
        config.head_options.span = 8
    with pytest.raises(BadCheckpoint, match=r"'toy'\.span.*multiple of 2, got 3"):
        ModelConfig("toy", "toy", 8, 2, {"span": 3})
    with pytest.raises(UnsupportedCheckpoint, match="'reach' means nothing"):
        ModelConfig("toy", "toy", 8, 2, {"reach": 3})


@pytest.mark.parametrize(
    ("name", "sites", "dim"),
    [("resnet18", 8, 512), ("convnext_atto", 12, 320), ("mobilenetv3_small_050", 0, 0)],
)
def test_any_network_of_timms_can_be_a_backbone(
    name: str, sites: int, dim: int
) -> None:
    net, feature_dim = build_backbone(f"timm:{name}_gsm")

    with torch.no_grad():
        features = net.eval()(torch.zeros(2, 3, 64, 64))

    found = [module for module in net.modules() if isinstance(module, GatedShift)]
    assert features.shape == (2, feature_dim)
    assert feature_dim == (dim or feature_dim)
    assert len(found) == (sites or len(found)) > 0


@pytest.mark.slow
def test_a_shifted_network_of_timms_streams_its_uncut_features() -> None:
    torch.manual_seed(0)
    spotter = Spotter(ModelConfig("timm:resnet18_gsm", "", 8, 2)).eval()
    for name, parameter in spotter.named_parameters():
        if "conv3D" in name:
            nn.init.normal_(parameter, std=0.1)
    frames = draw_frames(9)

    features = np.concatenate(list(stream_features(frames, TorchRuntime(spotter))))

    expected = uncut_features(spotter, frames)
    largest = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(features, expected, atol=1e-4 * largest)


def test_a_name_that_timm_does_not_know_is_refused_with_similar_ones() -> None:
    with pytest.raises(
        UnsupportedCheckpoint, match=r"'resnet19'; similar are .*resnet"
    ):
        build_backbone("timm:resnet19_gsm")


@pytest.mark.costly
@pytest.mark.slow
def test_a_network_without_a_place_for_the_shift_is_refused() -> None:
    assert list(find_shift_sites(nn.Sequential(nn.Linear(2, 2)))) == []
    with pytest.raises(UnsupportedCheckpoint, match="use it plain"):
        build_backbone("timm:vgg11_gsm")
