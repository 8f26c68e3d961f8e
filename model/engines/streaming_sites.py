"""The shift sites of a streaming trunk: each keeps what it needs of the steps before.

A site that looks ahead answers late by what it needs of the future, a causal one at
once. `model.engines.streaming` puts them into a network.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu

from model.network.gate_shift import GatedShift


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
        self.marks = self.extend(is_video, self.delay + 3) if self.delay else is_video

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


class StreamedGate(nn.Module):
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


class CausalGate(nn.Module):
    """A causal gate shift and the convolution behind it, in step with their input.

    The first half of the folded channels stays where it is, so that its gate decides
    nothing: the second half alone is computed.
    """

    delay = 0

    def __init__(self, site: GatedShift, state: StreamState, behind: int) -> None:
        super().__init__()
        self.state, self.behind = state, behind
        self.fold, self.middle = site.fold, site.fold // 2
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
        shift = bn.bias - bn.running_mean * scale
        self.scale = nn.Parameter(scale[self.middle :].view(-1, 1, 1), False)
        self.shift = nn.Parameter(shift[self.middle :].view(-1, 1, 1), False)
        conv3d: Any = site.gsm.conv3D
        before, here, after = conv3d.weight[1].transpose(0, 1)  # (F / 2, 3, 3) each.
        self.taps = nn.Parameter(torch.stack((before, here + after)), False)
        self.bias = nn.Parameter(conv3d.bias[1].view(1, 1, 1).clone(), False)
        self.moved: list[Tensor] = []

    def enter(self, _block: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Gate the second half; the block begins with its input as it is."""
        second = args[0][:, self.middle : self.fold]
        is_video = self.state.is_video(self.behind)
        taps = conv2d(relu(second * self.scale + self.shift), self.taps, padding=1)
        taps = taps * is_video
        total = self.state.delayed(taps[:, :1], 1) + taps[:, 1:]
        gated = second * (torch.tanh(total + self.bias) * is_video)
        self.moved = [self.state.delayed(gated, 1) - gated]
        return args

    def forward(self, x: Tensor) -> Tensor:
        moved = self.moved.pop()
        out: Tensor
        if self.conv.groups > 1:
            second = x[:, self.middle : self.fold] + moved
            folded = torch.cat((x[:, : self.middle], second), dim=1)[:, self.order]
            out = self.net(torch.cat((folded, x[:, self.fold :]), dim=1))
            return out
        out = self.conv(x) + conv2d(
            moved,
            self.conv.weight[:, self.middle : self.fold],
            stride=self.conv.stride,
            padding=self.conv.padding,
        )
        if self.net is not self.conv:
            out = self.net.bn(out)  # The activation; the rest is in the weights.
        return out


class CausalShift(nn.Module):
    """A causal temporal shift at the input of a block, in step with its input."""

    delay = 0

    def __init__(self, state: StreamState, behind: int) -> None:
        super().__init__()
        self.state, self.behind = state, behind

    def enter(self, _block: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Shift what the block begins with, its shortcut too."""
        x = args[0]
        fold = x.shape[1] // 8
        marked = x[:, fold : 2 * fold] * self.state.is_video(self.behind)
        earlier = self.state.delayed(marked, 1)
        return (torch.cat((x[:, :fold], earlier, x[:, 2 * fold :]), dim=1),)


class StreamedShift(nn.Module):
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


class FoldedConv(nn.Conv2d):
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


def stream_site(block: Any, name: str, state: StreamState, behind: int) -> Any:
    """Replace a block's shift by the streamed one, `behind` steps behind the input."""
    block._forward_pre_hooks.clear()  # TSM's own shift over whole clips.
    old = getattr(block, name)
    site: StreamedGate | StreamedShift | CausalGate | CausalShift
    if isinstance(old, GatedShift):
        kind = CausalGate if old.gsm.is_causal else StreamedGate
        site = kind(old, state, behind)
        setattr(block, name, site)
    else:
        shift = CausalShift if old.is_causal else StreamedShift
        site = shift(state, behind)
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
