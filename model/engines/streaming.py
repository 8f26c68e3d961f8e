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
    start) are marked so and have no say in the others.

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
        self.tape = _Tape()
        self.delay = 0
        for block, name in _shift_sites(self.net):
            site = _stream_site(block, name, self.tape, self.delay)
            self.delay += site.delay
        self.tape.delay = self.delay
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
        self, frames: Tensor, inside: Tensor, shown: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Take the next chunk.

        Shapes, with T steps: frames (T, H, W, 3) uint8 RGB; inside (T,), 1 for a
        frame of the video and 0 for any other; shown (T,), 0 for a frame that is
        zero after normalisation, as E2E-Spot pads its clips; state: nothing for
        the first chunk, then what the call before returned.

        Returns:
            Features (T, D) of the steps `delay` before those that went in, then
            the state for the next chunk.
        """
        mean, scale = self.get_buffer("mean"), self.get_buffer("scale")
        pictures = (frames.permute(0, 3, 1, 2).to(mean.dtype) - mean) * scale
        pictures = (pictures * shown.view(-1, 1, 1, 1)).to(self.dtype)
        self.tape.start(list(state), inside.to(self.dtype))
        features: Tensor = self.net(pictures)
        return (features, *self.tape.finish())


class _Tape:
    """Hands each site its state in the order the sites are met, and takes the new."""

    def __init__(self) -> None:
        self.delay = 0
        self.steps = 0
        self.marks = torch.empty(0)
        self.old: list[Tensor] = []
        self.new: list[Tensor] = []

    def start(self, state: list[Tensor], inside: Tensor) -> None:
        self.old, self.new, self.steps = state, [], inside.shape[0]
        if self.delay:
            self.marks = self.extend(inside, self.delay + 3)

    def extend(self, x: Tensor, steps: int) -> Tensor:
        """Put the last `steps` of earlier chunks before x, and keep its last."""
        held = self.old.pop(0) if self.old else x.new_zeros((steps, *x.shape[1:]))
        longer = torch.cat((held, x))
        self.new.append(longer[x.shape[0] :])
        return longer

    def delayed(self, x: Tensor, steps: int) -> Tensor:
        """Give the chunk that is so many steps behind x."""
        if x.shape[0] <= steps:
            return self.extend(x, steps)[:-steps]
        held = self.old.pop(0) if self.old else x.new_zeros((steps, *x.shape[1:]))
        # Cut from what holds the old state too: OpenVINO's int8 passes cannot take a
        # state that is nothing but a piece of x.
        self.new.append(torch.cat((held, x[-steps - 1 :]))[steps + 1 :])
        return torch.cat((held, x[:-steps]))

    def inside(self, delay: int, earlier: int = 0) -> Tensor:
        """Say which of the steps `delay` behind the input are in the video.

        Of the T steps of a chunk and so many earlier ones.
        """
        past = len(self.marks) - delay
        return self.marks[past - self.steps - earlier : past].view(-1, 1, 1, 1)

    def finish(self) -> list[Tensor]:
        return self.new


class _StreamedGate(nn.Module):
    """A gate shift and the convolution behind it, two steps behind their input."""

    delay = 2

    def __init__(self, site: GatedShift, tape: _Tape, behind: int) -> None:
        super().__init__()
        self.tape, self.behind, self.fold = tape, behind, site.fold
        self.net: Any = site.net
        net: Any = site.net
        self.conv: nn.Conv2d = net.conv if hasattr(net, "conv") else net
        self.place = _interleaved(site.fold)
        if self.conv.groups == 1:
            for weight in (self.conv.weight.data, getattr(self.conv, "raw", None)):
                if weight is not None:
                    weight[:, : self.fold] = weight[:, self.place]
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
        self.first = nn.Parameter(is_first.view(-1, 1, 1), False)
        self.second = nn.Parameter(1 - is_first.view(-1, 1, 1), False)
        self.moved: list[Tensor] = []

    def enter(self, _block: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Gate the folded channels; let the block begin with its delayed input.

        Comments count steps from n, the first that is new.
        """
        x = args[0]  # n to n + T - 1.
        folded = x[:, : self.fold]
        gate = self._spread(self._gate(folded))  # n - 1 to n + T - 2.
        following = self.tape.delayed(folded, 1) * gate  # Of n - 2 to n + T - 3,
        here = self.tape.delayed(following, 1)  # like all that follows.
        before = self.tape.delayed(here, 1)
        self.moved = [following * self.first + before * self.second - here]
        return (self.tape.delayed(x, 2),)

    def forward(self, x: Tensor) -> Tensor:
        moved = self.moved.pop()
        out: Tensor
        if self.conv.groups > 1:
            folded = (x[:, : self.fold] + moved)[:, self.place]
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
        taps = self.tape.extend(taps * self.tape.inside(self.behind), 2)
        total = taps[:-2, :2] + taps[1:-1, 2:4] + taps[2:, 4:]
        return torch.tanh(total + self.bias) * self.tape.inside(self.behind + 1)

    def _spread(self, gate: Tensor) -> Tensor:
        """Give each half's channels its gate: (T, 2, H, W) -> (T, fold, H, W)."""
        return gate[:, :1] * self.first + gate[:, 1:] * self.second


class _StreamedShift(nn.Module):
    """A temporal shift at the door of a block, one step behind its input."""

    delay = 1

    def __init__(self, tape: _Tape, behind: int) -> None:
        super().__init__()
        self.tape, self.behind = tape, behind

    def enter(self, _block: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Shift what the block begins with, its shortcut too."""
        x = self.tape.extend(args[0], 2)  # From n - 2.
        fold = x.shape[1] // 8
        marked = x[:, : 2 * fold] * self.tape.inside(self.behind, 2)
        later, earlier = marked[2:, :fold], marked[:-2, fold:]
        return (torch.cat((later, earlier, x[1:-1, 2 * fold :]), dim=1),)


def _fold_batch_norms(net: nn.Module) -> None:
    """Put every batch norm that stands behind a convolution into its weights."""
    for module in net.modules():
        place: Any = module
        conv, bn = getattr(place, "conv", None), getattr(place, "bn", None)
        if isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d):
            place.conv = _FoldedConv(conv, bn)
            place.bn = getattr(bn, "act", nn.Identity())


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
        for name in ("conv1", "conv_dw"):
            if isinstance(getattr(block, name, None), GatedShift | TemporalShift):
                yield block, name


def _stream_site(block: Any, name: str, tape: _Tape, behind: int) -> Any:
    """Replace a block's shift by the streamed one, `behind` steps behind the input."""
    block._forward_pre_hooks.clear()  # TSM's own shift over whole clips.
    old = getattr(block, name)
    site: _StreamedGate | _StreamedShift
    if isinstance(old, GatedShift):
        site = _StreamedGate(old, tape, behind)
        setattr(block, name, site)
    else:
        site = _StreamedShift(tape, behind)
        setattr(block, name, old.net)
    block.register_forward_pre_hook(site.enter)
    return site


def _interleaved(fold: int) -> Tensor:
    """For each folded channel before the interleaving, its place after it.

    Each half's two quarters are interleaved: channel q of quarter j goes to 2q + j.
    """
    places = torch.arange(fold).view(2, fold // 4, 2)
    return places.transpose(1, 2).reshape(-1)


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
