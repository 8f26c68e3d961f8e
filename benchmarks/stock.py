"""The network as published: the yardstick that the engines are measured against.

timm's backbone, the gate shift as a grouped 3D convolution over the clip, float32,
eager, channels first; clips of clip_len with half of it overlapping, so that every
frame is computed twice.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from model.network.backbone import set_steps
from model.network.gate_shift import GatedShift, GateShift
from model.network.spotter import Spotter


class StockSpotter(nn.Module):
    """A spotter's weights run the published way; the numbers are the same."""

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        self.spotter = copy.deepcopy(spotter).eval()
        for module in self.spotter.modules():
            if isinstance(module, GatedShift):
                site: Any = module
                site.gsm = _StockGateShift(site.gsm)

    def forward(self, frames: Tensor) -> Tensor:
        """Judge one clip: (T, 3, H, W) uint8 -> scores (T, K)."""
        net: Any = self.spotter._features
        set_steps(net, len(frames))
        features = net(self.spotter.normalise(frames).contiguous())
        return torch.softmax(self.spotter.head(features[None])["scores"][0], dim=-1)


class _StockGateShift(nn.Module):
    """The gate shift with its 5D tensors, as the paper's authors compute it."""

    def __init__(self, site: GateShift) -> None:
        super().__init__()
        self.fold, self.bn, self.conv3d = site.fold, site.bn, site.conv3D

    def forward(self, x: Tensor, steps: int) -> Tensor:
        n, fold, h, w = x.shape
        lively = torch.relu(self.bn(x)).view(n // steps, steps, fold, h, w)
        gate = torch.tanh(self.conv3d(lively.transpose(1, 2)))
        x = x.view(n // steps, steps, fold, h, w).transpose(1, 2)
        first, second = x.chunk(2, dim=1)
        y1, y2 = gate[:, :1] * first, gate[:, 1:] * second
        zero = torch.zeros_like(y1[:, :, :1])
        first = torch.cat((y1[:, :, 1:], zero), dim=2) + (first - y1)
        second = torch.cat((zero, y2[:, :, :-1]), dim=2) + (second - y2)
        halves = [_interleave(half) for half in (first, second)]
        return torch.cat(halves, dim=1).transpose(1, 2).reshape(n, fold, h, w)


def _interleave(x: Tensor) -> Tensor:
    b, channels, *rest = x.shape
    return x.view(b, 2, channels // 2, *rest).transpose(1, 2).reshape(x.shape)
