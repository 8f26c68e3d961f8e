"""Let the steps of a clip see each other inside a 2D backbone.

Two ways: the gate shift (GSM) learns how much of each channel moves one step in
time, the temporal shift (TSM) moves a fixed share. Both keep E2E-Spot's names.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu


class GateShift(nn.Module):
    """Gate a fold of channels and move the gated part one step in time.

    The grouped 3D convolution of the original is one 2D convolution that gives
    each of the three temporal taps by itself, and two shifted additions: the same
    numbers without a 5D copy of the activations.

    A causal one takes this step for the next: the gate's last tap and the first half
    of the channels see t where the others see t + 1. The parameters are the same, and
    weights that were trained with t + 1 are a good start.

    Source: GSM (Sudhakaran et al., CVPR 2020) as in E2E-Spot, model/impl/gsm.py.
    """

    def __init__(self, fold: int, *, is_causal: bool = False) -> None:
        super().__init__()
        self.fold = fold
        self.is_causal = is_causal
        # Only the parameters of this module are used; `_taps` does its work.
        self.conv3D = nn.Conv3d(fold, 2, 3, padding=1, groups=2)
        nn.init.zeros_(self.conv3D.weight)
        nn.init.zeros_(self.conv3D.bias)  # type: ignore[arg-type] # has a bias
        self.bn = nn.BatchNorm2d(fold)

    def forward(self, x: Tensor, steps: int) -> Tensor:
        """Move gated channels: the first half from t + 1, the second from t - 1.

        A causal one leaves the first half where it is.

        Shapes, with B clips of T steps: (B * T, fold, H, W) -> the same, each
        half's two quarters interleaved channel by channel.
        """
        n, _, h, w = x.shape
        x = x.view(n // steps, steps, 2, self.fold // 2, h, w)
        gate = self.gate(x.view(n, self.fold, h, w), steps)
        moved = x * gate.unsqueeze(3)
        first, second = moved[:, :, 0], from_previous(moved[:, :, 1])
        first = first if self.is_causal else from_next(first)
        out = x - moved + torch.stack((first, second), dim=2)
        quarters = out.view(n, 2, 2, self.fold // 4, h, w)
        return quarters.transpose(2, 3).reshape(n, self.fold, h, w)

    def gate(self, x: Tensor, steps: int) -> Tensor:
        """Say how much of each half moves, from -1 to 1.

        Shapes: (B * T, fold, H, W) -> (B, T, 2, H, W).
        """
        n, _, h, w = x.shape
        taps = self._taps(relu(self.bn(x)))
        taps = taps.view(n // steps, steps, 2, 3, h, w)
        before, here, after = taps.unbind(dim=3)
        bias = self.conv3D.bias.view(2, 1, 1)  # type: ignore[union-attr] # has one
        after = after if self.is_causal else from_next(after)
        return torch.tanh(from_previous(before) + here + after + bias)

    def _taps(self, x: Tensor) -> Tensor:
        """Apply each temporal tap of each group: (N, fold, H, W) -> (N, 6, H, W)."""
        weight = self.conv3D.weight.transpose(1, 2)
        weight = weight.reshape(6, self.fold // 2, 3, 3)
        return conv2d(x, weight, padding=1, groups=2)


class GatedShift(nn.Module):
    """A convolution `net` whose first quarter of channels passes the gate shift."""

    def __init__(
        self, net: nn.Module, channels: int, *, is_causal: bool = False
    ) -> None:
        super().__init__()
        self.fold = gsm_fold(channels)
        self.gsm = GateShift(self.fold, is_causal=is_causal)
        self.net = net
        self.steps = 1  # steps of a clip; the trunk sets it before every pass

    def forward(self, x: Tensor) -> Tensor:
        """Shift, then convolve: (B * T, C, H, W) -> what `net` makes of it."""
        shifted = self.gsm(x[:, : self.fold], self.steps)
        out: Tensor = self.net(torch.cat((shifted, x[:, self.fold :]), dim=1))
        return out


class TemporalShift(nn.Module):
    """Hold a convolution `net` of a block whose input is shifted in time.

    The shift itself is done where the block begins (`shift_input`), for E2E-Spot
    shifts in place: its shortcut sees the shifted input as well. Checkpoints
    trained there need just that.

    Source: TSM (Lin et al., ICCV 2019) as in E2E-Spot, model/impl/tsm.py.
    """

    def __init__(self, net: nn.Module, *, is_causal: bool = False) -> None:
        super().__init__()
        self.net = net
        self.is_causal = is_causal
        self.steps = 1  # steps of a clip; the trunk sets it before every pass

    def forward(self, x: Tensor) -> Tensor:
        """Convolve what the block has shifted already."""
        out: Tensor = self.net(x)
        return out

    def shift_input(self, _block: nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
        """Shift the input of a block (a forward pre-hook)."""
        return (temporal_shift(args[0], self.steps, is_causal=self.is_causal),)


def temporal_shift(x: Tensor, steps: int, *, is_causal: bool = False) -> Tensor:
    """Move an eighth of the channels from t + 1 and the next from t - 1.

    A causal shift leaves the first eighth where it is.

    Shapes, with B clips of T steps: (B * T, C, H, W) -> the same.
    """
    n, channels, h, w = x.shape
    fold = channels // 8
    x = x.view(n // steps, steps, channels, h, w)
    later, earlier = x[:, :, :fold], from_previous(x[:, :, fold : 2 * fold])
    later = later if is_causal else from_next(later)
    shifted = torch.cat((later, earlier, x[:, :, 2 * fold :]), dim=2)
    return shifted.view(n, channels, h, w)


def gsm_fold(channels: int) -> int:
    """Say how many of a convolution's input channels pass the gate shift."""
    return math.ceil((channels // 4) / 4) * 4


def from_next(x: Tensor) -> Tensor:
    """Give each step what the next one had, the last one zero: (B, T, ...)."""
    return torch.cat((x[:, 1:], torch.zeros_like(x[:, :1])), dim=1)


def from_previous(x: Tensor) -> Tensor:
    """Give each step what the one before had, the first one zero: (B, T, ...)."""
    return torch.cat((torch.zeros_like(x[:, :1]), x[:, :-1]), dim=1)
