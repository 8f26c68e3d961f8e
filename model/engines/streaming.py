"""The trunk as a stream: each frame is computed once, whatever the clip length.

A shift site looks at steps before and after. Here it keeps what it needs of the
past and answers late by what it needs of the future, so that chunks of any length
give the features of the uncut sequence; a causal site is never late. Needs torch;
OpenVINO's trunk is made from this one (`model.export.openvino`).
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from model.engines.streaming_sites import (
    CausalGate,
    FoldedConv,
    StreamedGate,
    StreamState,
    stream_site,
)
from model.network.gate_shift import GatedShift, TemporalShift
from model.network.spotter import IMAGENET_MEAN, IMAGENET_STD, Spotter


class StreamingTrunk(nn.Module):
    """A spotter's trunk that takes a video chunk by chunk.

    `delay` steps after a frame went in, its feature comes out; frames that are
    not in the video (the flush after its end, and what a site sees before its
    start) are marked so and do not change the others.

    Attributes:
        delay: steps between a frame and its feature.
        feature_dim: D.

    Source: the gate shift of `model.network.gate_shift`, rewritten: with y the
    gated part of the folded channels, the convolution W behind the shift becomes
    W x[t] + W_fold d[t], where d is y[t + 1] - y[t] for the first half of them and
    y[t - 1] - y[t] for the second, and W has the interleaving in its columns.
    """

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        self.feature_dim = spotter.feature_dim
        self.net = copy.deepcopy(spotter._features).eval().requires_grad_(False)
        _fold_batch_norms(self.net)
        self.state = StreamState()
        self.delay = 0
        for block, name in _shift_sites(self.net):
            site = stream_site(block, name, self.state, self.delay)
            self.delay += site.delay
        self.state.delay = self.delay
        mean = 255 * torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
        scale = 1 / (255 * torch.tensor(IMAGENET_STD).view(3, 1, 1))
        # Pixels are normalised in float32, whatever the precision of the network.
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    def products(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Give the weights (O, ...) and scales (O,) whose products the trunk uses."""
        for module in self.modules():
            if isinstance(module, FoldedConv):
                yield module.raw, module.scale
            elif isinstance(module, StreamedGate | CausalGate):
                conv = module.conv
                first = module.middle if isinstance(module, CausalGate) else 0
                if isinstance(conv, FoldedConv):
                    yield conv.raw[:, first : module.fold], conv.scale

    @property
    def dtype(self) -> torch.dtype:
        """Precision that the network computes in."""
        return next(self.net.parameters()).dtype

    def forward(
        self, frames: Tensor, is_video: Tensor, is_not_padding: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Take the next chunk.

        Shapes, with T steps: frames (T, H, W, 3) uint8 RGB; is_video (T,), 1 for a
        frame of the video and 0 for any other; is_not_padding (T,), 0 for a frame
        that is zero after normalisation, as E2E-Spot pads its clips; state: nothing for
        the first chunk, then what the call before returned.

        Returns:
            Features (T, D) of the steps `delay` before those that went in, then
            the state for the next chunk.
        """
        mean, scale = self.get_buffer("mean"), self.get_buffer("scale")
        pictures = (frames.permute(0, 3, 1, 2).to(mean.dtype) - mean) * scale
        pictures = (pictures * is_not_padding.view(-1, 1, 1, 1)).to(self.dtype)
        self.state.start(list(state), is_video.to(self.dtype))
        features: Tensor = self.net(pictures)
        return (features, *self.state.finish())


def _fold_batch_norms(net: nn.Module) -> None:
    """Put every batch norm that stands behind a convolution into its weights."""
    for module in net.modules():
        layer: Any = module
        conv, bn = getattr(layer, "conv", None), getattr(layer, "bn", None)
        if isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d):
            layer.conv = FoldedConv(conv, bn)
            layer.bn = getattr(bn, "act", nn.Identity())


def _shift_sites(net: nn.Module) -> Iterator[tuple[Any, str]]:
    """Give each block that shifts, and the name of its shifting convolution."""
    for block in list(net.modules()):
        for name, child in list(block.named_children()):
            if isinstance(child, GatedShift | TemporalShift):
                yield block, name
