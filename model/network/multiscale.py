"""A head of several time scales: a touch is short, an attack is long.

Parallel branches look at each step's neighbours over different spans of time;
what they saw is fused, step by step, before the classifier.
"""

import torch
from torch import Tensor, nn

from model.network.registries import MultiscaleOptions
from model.network.temporal_head import TemporalHead


class MultiscaleHead(TemporalHead):
    """Branches over spans of time, weighed against each other at every step.

    A branch of span s sees s / 2 steps to each side and no more, so the whole
    head reaches half of the longest span, and T is free.
    """

    def __init__(
        self,
        feature_dim: int,
        classes: int,
        options: MultiscaleOptions,
    ) -> None:
        super().__init__()
        width, spans = options.width, options.spans
        self.context_dim = width
        self._in_proj = nn.Linear(feature_dim, width)
        self._branches = nn.ModuleList(Branch(width, span) for span in spans)
        self._gate = nn.Linear(width * len(spans), len(spans))
        self._norm = nn.LayerNorm(width)
        self._dropout = nn.Dropout(options.dropout)
        self._fc_out = nn.Linear(width, classes)

    def context(self, features: Tensor) -> Tensor:
        """Shapes: features (B, T, D) -> (B, T, width)."""
        x = self._in_proj(features)
        views = torch.stack([branch(x) for branch in self._branches], dim=2)
        share = torch.softmax(self._gate(views.flatten(2)), dim=2)  # (B, T, spans)
        fused = x + (views * share.unsqueeze(3)).sum(dim=2)
        out: Tensor = self._dropout(self._norm(fused))
        return out


class Branch(nn.Module):
    """Two convolutions over time that together see just one span."""

    def __init__(self, width: int, span: int) -> None:
        super().__init__()
        near = span // 4
        self.near = TimeConv(width, near)
        self.far = TimeConv(width, span // 2 - near)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (B, T, width) -> the same."""
        seen: Tensor = self.far(self.near(x))
        return seen


class TimeConv(nn.Module):
    """A depthwise convolution over time, then a pointwise MLP, with a residual."""

    def __init__(self, width: int, radius: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.time = nn.Conv1d(
            width, width, 2 * radius + 1, padding=radius, groups=width
        )
        self.pointwise = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (B, T, width) -> the same."""
        seen = self.time(self.norm(x).transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.pointwise(seen)
        return out
