"""The trunk as a stream: each frame is computed once, whatever the clip length.

A shift site looks at steps before and after. Here it keeps what it needs of the
past and answers late by what it needs of the future, so that chunks of any length
give the features of the uncut sequence. Needs torch; OpenVINO's trunk is made from
this one (`model.export.openvino`).
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu

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
            site = _stream_site(block, name, self.state, self.delay)
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
            if isinstance(module, _FoldedConv):
                yield module.raw, module.scale
            elif isinstance(module, _StreamedGate):
                conv = module.conv
                if isinstance(conv, _FoldedConv):
                    yield conv.raw[:, : module.fold], conv.scale

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


class StreamState:
    """What the shift sites carry from chunk to chunk, in the order they run.

    During a pass each site takes its old state from here and leaves its new one.
    """

    def __init__(self) -> None:
        self.delay = 0
        self.steps = 0
        self.marks = torch.empty(0)
        self.old: list[Tensor] = []
        self.new: list[Tensor] = []

    def start(self, state: list[Tensor], is_video: Tensor) -> None:
        self.old, self.new, self.steps = state, [], is_video.shape[0]
        if self.delay:
            self.marks = self.extend(is_video, self.delay + 3)

    def extend(self, x: Tensor, steps: int) -> Tensor:
        """Put the last `steps` of earlier chunks before x, and keep its last."""
        carried = self.old.pop(0) if self.old else x.new_zeros((steps, *x.shape[1:]))
        longer = torch.cat((carried, x))
        self.new.append(longer[x.shape[0] :])
        return longer

    def delayed(self, x: Tensor, steps: int) -> Tensor:
        """Give the chunk that is so many steps behind x."""
        if x.shape[0] <= steps:
            return self.extend(x, steps)[:-steps]
        carried = self.old.pop(0) if self.old else x.new_zeros((steps, *x.shape[1:]))
        # Cut from what holds the old state too: OpenVINO's int8 passes cannot take a
        # state that is nothing but a piece of x.
        self.new.append(torch.cat((carried, x[-steps - 1 :]))[steps + 1 :])
        return torch.cat((carried, x[:-steps]))

    def is_video(self, delay: int, earlier: int = 0) -> Tensor:
        """Say which of the steps `delay` behind the input are in the video.

        Of the T steps of a chunk and so many earlier ones.
        """
        end = len(self.marks) - delay
        return self.marks[end - self.steps - earlier : end].view(-1, 1, 1, 1)

    def finish(self) -> list[Tensor]:
        return self.new


class _StreamedGate(nn.Module):
    """A gate shift and the convolution behind it, two steps behind their input."""

    delay = 2

    def __init__(self, site: GatedShift, state: StreamState, behind: int) -> None:
        super().__init__()
        self.state, self.behind, self.fold = state, behind, site.fold
        self.net: Any = site.net
        net: Any = site.net
        self.conv: nn.Conv2d = net.conv if hasattr(net, "conv") else net
        self.order = _interleaved(site.fold)
        if self.conv.groups == 1:
            for weight in (self.conv.weight.data, getattr(self.conv, "raw", None)):
                if weight is not None:
                    weight[:, : self.fold] = weight[:, self.order]
        bn: Any = site.gsm.bn
        scale = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
        self.scale = nn.Parameter(scale.view(-1, 1, 1), False)
        self.shift = nn.Parameter(
            (bn.bias - bn.running_mean * scale).view(-1, 1, 1), False
        )
        conv3d: Any = site.gsm.conv3D
        self.taps = nn.Parameter(_taps_as_conv(conv3d.weight), False)
        self.bias = nn.Parameter(conv3d.bias.view(2, 1, 1).clone(), False)
        is_first = (torch.arange(site.fold) < site.fold // 2).float()
        self.first_half = nn.Parameter(is_first.view(-1, 1, 1), False)
        self.second_half = nn.Parameter(1 - is_first.view(-1, 1, 1), False)
        self.moved: list[Tensor] = []

    def enter(self, _block: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Gate the folded channels; let the block begin with its delayed input.

        Comments count steps from n, the first that is new.
        """
        x = args[0]  # n to n + T - 1.
        folded = x[:, : self.fold]
        gate = self._spread(self._gate(folded))  # n - 1 to n + T - 2.
        following = self.state.delayed(folded, 1) * gate  # Of n - 2 to n + T - 3,
        here = self.state.delayed(following, 1)  # like all that follows.
        before = self.state.delayed(here, 1)
        self.moved = [following * self.first_half + before * self.second_half - here]
        return (self.state.delayed(x, 2),)

    def forward(self, x: Tensor) -> Tensor:
        moved = self.moved.pop()
        out: Tensor
        if self.conv.groups > 1:
            folded = (x[:, : self.fold] + moved)[:, self.order]
            out = self.net(torch.cat((folded, x[:, self.fold :]), dim=1))
            return out
        out = self.conv(x) + conv2d(
            moved,
            self.conv.weight[:, : self.fold],
            stride=self.conv.stride,
            padding=self.conv.padding,
        )
        if self.net is not self.conv:
            out = self.net.bn(out)  # The activation; the rest is in the weights.
        return out

    def _gate(self, folded: Tensor) -> Tensor:
        """Say how much moves: channels from n on -> (T, 2, H, W) from n - 1 on."""
        taps = conv2d(relu(folded * self.scale + self.shift), self.taps, padding=1)
        taps = self.state.extend(taps * self.state.is_video(self.behind), 2)
        total = taps[:-2, :2] + taps[1:-1, 2:4] + taps[2:, 4:]
        return torch.tanh(total + self.bias) * self.state.is_video(self.behind + 1)

    def _spread(self, gate: Tensor) -> Tensor:
        """Give each half's channels its gate: (T, 2, H, W) -> (T, fold, H, W)."""
        return gate[:, :1] * self.first_half + gate[:, 1:] * self.second_half


class _StreamedShift(nn.Module):
    """A temporal shift at the input of a block, one step behind its input."""

    delay = 1

    def __init__(self, state: StreamState, behind: int) -> None:
        super().__init__()
        self.state, self.behind = state, behind

    def enter(self, _block: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Shift what the block begins with, its shortcut too."""
        x = self.state.extend(args[0], 2)  # From n - 2.
        fold = x.shape[1] // 8
        marked = x[:, : 2 * fold] * self.state.is_video(self.behind, 2)
        later, earlier = marked[2:, :fold], marked[:-2, fold:]
        return (torch.cat((later, earlier, x[1:-1, 2 * fold :]), dim=1),)


def _fold_batch_norms(net: nn.Module) -> None:
    """Put every batch norm that stands behind a convolution into its weights."""
    for module in net.modules():
        layer: Any = module
        conv, bn = getattr(layer, "conv", None), getattr(layer, "bn", None)
        if isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d):
            layer.conv = _FoldedConv(conv, bn)
            layer.bn = getattr(bn, "act", nn.Identity())


class _FoldedConv(nn.Conv2d):
    """A convolution with the batch norm behind it in its weights.

    The weights it was made from are kept, for `products`.
    """

    def __init__(self, conv: nn.Conv2d, bn: Any) -> None:
        super().__init__(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,  # type: ignore[arg-type] # A pair.
            conv.stride,  # type: ignore[arg-type] # A pair.
            conv.padding,  # type: ignore[arg-type] # A pair.
            groups=conv.groups,
        )
        bias = 0 if conv.bias is None else conv.bias
        self.raw = conv.weight.detach().clone()
        self.scale = (bn.weight * torch.rsqrt(bn.running_var + bn.eps)).detach()
        self.weight = nn.Parameter(self.raw * self.scale.view(-1, 1, 1, 1), False)
        self.bias = nn.Parameter((bias - bn.running_mean) * self.scale + bn.bias, False)


def _shift_sites(net: nn.Module) -> Iterator[tuple[Any, str]]:
    """Give each block that shifts, and the name of its shifting convolution."""
    for block in list(net.modules()):
        for name, child in list(block.named_children()):
            if isinstance(child, GatedShift | TemporalShift):
                yield block, name


def _stream_site(block: Any, name: str, state: StreamState, behind: int) -> Any:
    """Replace a block's shift by the streamed one, `behind` steps behind the input."""
    block._forward_pre_hooks.clear()  # TSM's own shift over whole clips.
    old = getattr(block, name)
    site: _StreamedGate | _StreamedShift
    if isinstance(old, GatedShift):
        site = _StreamedGate(old, state, behind)
        setattr(block, name, site)
    else:
        site = _StreamedShift(state, behind)
        setattr(block, name, old.net)
    block.register_forward_pre_hook(site.enter)
    return site


def _interleaved(fold: int) -> Tensor:
    """For each folded channel before the interleaving, its index after it.

    Each half's two quarters are interleaved: channel q of quarter j goes to 2q + j.
    """
    order = torch.arange(fold).view(2, fold // 4, 2)
    return order.transpose(1, 2).reshape(-1)


def _taps_as_conv(weight: Tensor) -> Tensor:
    """Make one 2D convolution of a two-group 3D one, tap by tap.

    Shapes: (2, F / 2, 3, 3, 3) -> (6, F, 3, 3), outputs ordered tap before group,
    zero where a group does not see a channel.
    """
    half = weight.shape[1]
    out = weight.new_zeros(3, 2, 2 * half, 3, 3)
    for group in range(2):
        out[:, group, group * half : (group + 1) * half] = weight[group].transpose(0, 1)
    return out.reshape(6, 2 * half, 3, 3)
