"""Backbones: frames to one feature vector each, with a shift in every block.

Built by timm and torchvision under the names that E2E-Spot's checkpoints use.
"""

from collections.abc import Iterator
from typing import Any

import timm
import torchvision
from torch import nn

from model.network.config import split_arch
from model.network.gate_shift import GatedShift, TemporalShift

MIN_FRAME_PX = 32

_TIMM_NAMES = {
    "rny002": "regnety_002",
    "rny008": "regnety_008",
    "convnextt": "convnext_tiny",
}


def build_backbone(
    feature_arch: str, *, is_pretrained: bool = False
) -> tuple[nn.Module, int]:
    """Build a backbone without its classifier, the shift put into every block.

    Args:
        feature_arch: "rny002", "rn50_tsm", "convnextt_gsm", ...
        is_pretrained: start from ImageNet weights, which are downloaded or come
            from the library's cache; else from noise.

    Returns:
        The network (N, 3, H, W) -> (N, D), and D.

    Raises:
        UnsupportedCheckpoint: the name is not one of ours.
        OSError: the ImageNet weights could not be had.

    Source: E2E-Spot (Hong et al., ECCV 2022), train_e2e.py and model/shift.py.
    """
    name, shift = split_arch(feature_arch)
    net: Any  # timm's and torchvision's networks share no type
    if name in _TIMM_NAMES:
        net = timm.create_model(_TIMM_NAMES[name], pretrained=is_pretrained)
        feature_dim, net.head.fc = net.head.fc.in_features, nn.Identity()
    else:
        weights = "IMAGENET1K_V1" if is_pretrained else None
        net = torchvision.models.get_model(
            name.replace("rn", "resnet"), weights=weights
        )
        feature_dim, net.fc = net.fc.in_features, nn.Identity()

    for block, conv in _shift_sites(net):
        _insert_shift(block, conv, shift)
    return net, int(feature_dim)


def set_steps(net: nn.Module, steps: int) -> None:
    """Tell every shift of a backbone how many steps each clip has."""
    for module in net.modules():
        if isinstance(module, GatedShift | TemporalShift):
            module.steps = steps


def _shift_sites(net: Any) -> Iterator[tuple[nn.Module, str]]:
    """Give each residual block and the name of the convolution to shift."""
    if isinstance(net, torchvision.models.ResNet):
        stages, conv = [net.layer1, net.layer2, net.layer3, net.layer4], "conv1"
    elif isinstance(net, timm.models.regnet.RegNet):
        stages, conv = [net.s1, net.s2, net.s3, net.s4], "conv1"
    else:
        stages, conv = [stage.blocks for stage in net.stages], "conv_dw"
    for stage in stages:
        for block in stage.children():
            yield block, conv


def _insert_shift(block: nn.Module, name: str, shift: str) -> None:
    conv: nn.Conv2d = getattr(block, name)
    if shift == "gsm":
        setattr(block, name, GatedShift(conv, conv.in_channels))
    elif shift == "tsm":
        site = TemporalShift(conv)
        setattr(block, name, site)
        block.register_forward_pre_hook(site.shift_input)
