"""Backbones: frames to one feature vector each, with a shift in every block.

Built by timm and torchvision; those with a name of their own under the names that
E2E-Spot's checkpoints use, any other of timm's as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import timm
import torchvision
from torch import nn

from model.errors import UnsupportedCheckpoint
from model.network.config import TIMM, split_arch
from model.network.gate_shift import GatedShift, TemporalShift
from model.network.registries import BACKBONES, load_build

MIN_FRAME_PX = 32

# What the first convolution of a residual block is called.
_FIRST_CONVS = ("conv1", "conv_dw", "conv_pw")


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network without its classifier.

    Attributes:
        net: (N, 3, H, W) -> (N, D).
        feature_dim: D.
        shift_sites: the blocks that can see other steps, in the order they run, each
            with the name of its convolution in front of which channels are shifted:
            the first that the block's input meets.
    """

    net: nn.Module
    feature_dim: int
    shift_sites: list[tuple[nn.Module, str]]


def build_backbone(
    feature_arch: str,
    *,
    is_pretrained: bool = False,
    look_ahead_sites: int | None = None,
) -> tuple[nn.Module, int]:
    """Build a backbone without its classifier, the shift put into every block.

    Args:
        feature_arch: "rny002", "rn50_tsm", "convnextt_gsm", "timm:resnet26d", ...
        is_pretrained: start from ImageNet weights, which are downloaded or come
            from the library's cache; else from noise.
        look_ahead_sites: how many shifts, counted from the last, see later steps,
            too; None is all.

    Returns:
        The network (N, 3, H, W) -> (N, D), and D.

    Raises:
        UnsupportedCheckpoint: no such backbone, or none that can be shifted.
        OSError: the ImageNet weights could not be had.

    Source: E2E-Spot (Hong et al., ECCV 2022), train_e2e.py and model/shift.py.
    """
    name, shift = split_arch(feature_arch)
    if name.startswith(TIMM):
        backbone = from_timm(name.removeprefix(TIMM), is_pretrained=is_pretrained)
    else:
        backbone = load_build(BACKBONES[name])(is_pretrained=is_pretrained)
    if shift and not backbone.shift_sites:
        raise UnsupportedCheckpoint(
            f"{name} has no residual blocks that begin with a convolution, so that "
            f"_{shift} cannot be put into it; use it plain"
        )
    count = len(backbone.shift_sites)
    ahead = count if look_ahead_sites is None else look_ahead_sites
    if shift and ahead > count:
        raise UnsupportedCheckpoint(
            f"look_ahead_sites is {ahead}; {name} has {count} shifts"
        )
    for index, (block, conv) in enumerate(backbone.shift_sites):
        _insert_shift(block, conv, shift, is_causal=index < count - ahead)
    return backbone.net, backbone.feature_dim


def set_steps(net: nn.Module, steps: int) -> None:
    """Tell every shift of a backbone how many steps each clip has."""
    for module in net.modules():
        if isinstance(module, GatedShift | TemporalShift):
            module.steps = steps


def rny002(*, is_pretrained: bool) -> Backbone:
    """RegNetY-200MF, D = 368."""
    return _with_identity("regnety_002", is_pretrained=is_pretrained)


def rny008(*, is_pretrained: bool) -> Backbone:
    """RegNetY-800MF, D = 768."""
    return _with_identity("regnety_008", is_pretrained=is_pretrained)


def convnextt(*, is_pretrained: bool) -> Backbone:
    """ConvNeXt tiny, D = 768."""
    return _with_identity("convnext_tiny", is_pretrained=is_pretrained)


def rn18(*, is_pretrained: bool) -> Backbone:
    """ResNet-18 of torchvision, D = 512."""
    return _from_torchvision("resnet18", is_pretrained=is_pretrained)


def rn50(*, is_pretrained: bool) -> Backbone:
    """ResNet-50 of torchvision, D = 2048."""
    return _from_torchvision("resnet50", is_pretrained=is_pretrained)


def from_timm(name: str, *, is_pretrained: bool) -> Backbone:
    """Take any of timm's networks.

    Raises:
        UnsupportedCheckpoint: timm has none of that name; similar ones are named.
    """
    if not timm.is_model(name):
        close = get_close_matches(name, timm.list_models(), n=3)
        raise UnsupportedCheckpoint(
            f"timm {timm.__version__} has no network {name!r}"
            + (f"; similar are {', '.join(close)}" if close else "")
        )
    net: Any = timm.create_model(name, pretrained=is_pretrained, num_classes=0)
    # What the pooled features have where layers stand between them and the classifier.
    feature_dim = getattr(net, "head_hidden_size", None) or net.num_features
    return Backbone(net, int(feature_dim), list(find_shift_sites(net)))


def find_shift_sites(net: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Give each block inside a network that begins with a convolution.

    Every residual block of RegNet, ResNet, ConvNeXt, MobileNet and EfficientNet does.
    """
    for block in net.modules():
        first = next((name for name, _ in block.named_children()), None)
        if block is not net and first in _FIRST_CONVS:
            yield block, first


def _with_identity(name: str, *, is_pretrained: bool) -> Backbone:
    """Take timm's network with its head, but for the classifier: E2E-Spot's keys."""
    net: Any = timm.create_model(name, pretrained=is_pretrained)
    feature_dim, net.head.fc = net.head.fc.in_features, nn.Identity()
    return Backbone(net, feature_dim, list(find_shift_sites(net)))


def _from_torchvision(name: str, *, is_pretrained: bool) -> Backbone:
    weights = "IMAGENET1K_V1" if is_pretrained else None
    net: Any = torchvision.models.get_model(name, weights=weights)
    feature_dim, net.fc = net.fc.in_features, nn.Identity()
    return Backbone(net, feature_dim, list(find_shift_sites(net)))


def _insert_shift(block: nn.Module, name: str, shift: str, *, is_causal: bool) -> None:
    conv: nn.Conv2d = getattr(block, name)
    if shift == "gsm":
        setattr(block, name, GatedShift(conv, conv.in_channels, is_causal=is_causal))
    elif shift == "tsm":
        site = TemporalShift(conv, is_causal=is_causal)
        setattr(block, name, site)
        block.register_forward_pre_hook(site.shift_input)
