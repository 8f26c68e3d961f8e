"""The shifts against slow, obvious loops over frames and channels."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

from model.errors import UnsupportedCheckpoint
from model.network.backbone import build_backbone, set_steps
from model.network.gate_shift import (
    GatedShift,
    GateShift,
    TemporalShift,
    gsm_fold,
    temporal_shift,
)

Array = np.ndarray[Any, Any]


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter and statistic a value that matters."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.dtype.is_floating_point:
            noise = torch.rand(value.shape, generator=generator)
            value.copy_(noise + 0.5 if "running_var" in name else noise - 0.4)
    return module


def slow_gate_shift(x: Array, gsm: GateShift) -> Array:
    """The gate shift of one clip (T, F, H, W), as the paper writes it.

    A causal one takes each step for the one that comes next.
    """
    steps, fold, height, width = x.shape
    state = {key: value.double().numpy() for key, value in gsm.state_dict().items()}
    scale = state["bn.weight"] / np.sqrt(state["bn.running_var"] + gsm.bn.eps)
    shape = (1, fold, 1, 1)
    normed = (x - state["bn.running_mean"].reshape(shape)) * scale.reshape(shape)
    active = np.maximum(normed + state["bn.bias"].reshape(shape), 0)
    padded = np.pad(active, ((1, 1), (0, 0), (1, 1), (1, 1)))

    half = fold // 2
    shifted = x.copy()
    gates = np.empty((steps, 2, height, width))
    for t in range(steps):
        for group in range(2):
            channels = slice(group * half, (group + 1) * half)
            for i in range(height):
                for j in range(width):
                    cube = padded[t : t + 3, channels, i : i + 3, j : j + 3]
                    if gsm.is_causal:
                        cube = np.stack((cube[0], cube[1], cube[1]))
                    kernel = state["conv3D.weight"][group].transpose(1, 0, 2, 3)
                    bias = state["conv3D.bias"][group]
                    gates[t, group, i, j] = np.tanh((cube * kernel).sum() + bias)
    for t in range(steps):
        for channel in range(fold):
            group = channel // half
            following = t if gsm.is_causal else t + 1
            source = following if group == 0 else t - 1
            shifted[t, channel] -= gates[t, group] * x[t, channel]
            if 0 <= source < steps:
                shifted[t, channel] += gates[source, group] * x[source, channel]

    interleaved = np.empty_like(shifted)
    for channel in range(fold):
        group, place = divmod(channel, half)
        row, column = divmod(place, half // 2)
        interleaved[:, group * half + 2 * column + row] = shifted[:, channel]
    return interleaved


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_gate_shift_is_the_papers(steps: int, is_causal: bool) -> None:
    gsm = GateShift(8, is_causal=is_causal)
    filled(gsm).double().eval()
    x = torch.randn(2 * steps, 8, 4, 5, dtype=torch.float64)

    with torch.no_grad():
        out = gsm(x.contiguous(memory_format=torch.channels_last), steps)

    clips = x.numpy().reshape(2, steps, 8, 4, 5)
    expected = np.concatenate([slow_gate_shift(clip, gsm) for clip in clips])
    assert np.abs(out.numpy() - expected).max() < 1e-12


def test_a_fresh_gate_moves_nothing_but_interleaves() -> None:
    gsm = GateShift(8).eval()
    x = torch.randn(3, 8, 2, 2)

    out = gsm(x, 3)

    assert torch.equal(out, x[:, [0, 2, 1, 3, 4, 6, 5, 7]])


def test_a_gate_learns_what_the_3d_convolution_would() -> None:
    gsm = GateShift(8)
    filled(gsm).double()
    x = torch.randn(6, 8, 3, 3, dtype=torch.float64)
    volume = x.view(2, 3, 8, 3, 3).transpose(1, 2)
    norm = nn.BatchNorm3d(8).double()
    norm.load_state_dict(gsm.bn.state_dict())

    mine = torch.autograd.grad(
        gsm.gate(x, 3).square().sum(), [*gsm.conv3D.parameters(), *gsm.bn.parameters()]
    )
    theirs = torch.autograd.grad(
        torch.tanh(gsm.conv3D(norm(volume).relu())).square().sum(),
        [*gsm.conv3D.parameters(), *norm.parameters()],
    )

    torch.testing.assert_close(mine, theirs, atol=1e-10, rtol=0)
    torch.testing.assert_close(gsm.bn.running_var, norm.running_var)


@pytest.mark.parametrize(
    ("name", "folds"),
    [
        ("rny002_gsm", "8/32 8/24 16/56 40/152 40/152 40/152 40/152 " + "92/368 " * 6),
        ("rny008_gsm", "8/32 16/64 32/128 32/128 32/128 " + "80/320 " * 8 + "192/768"),
    ],
)
def test_folds_are_those_of_the_reference(name: str, folds: str) -> None:
    with torch.device("meta"):
        net, _ = build_backbone(name)

    sites = [module for module in net.modules() if isinstance(module, GatedShift)]

    channels = [site.net.in_channels for site in sites]
    found = [f"{site.fold}/{c}" for site, c in zip(sites, channels, strict=True)]
    assert found == folds.split()


def test_a_fold_is_a_quarter_rounded_up_to_fours() -> None:
    assert [gsm_fold(c) for c in (24, 32, 56, 96, 152, 368)] == [8, 8, 16, 24, 40, 92]


def test_the_temporal_shift_moves_two_eighths() -> None:
    x = torch.arange(2 * 3 * 16, dtype=torch.float32).view(6, 16, 1, 1)

    out = temporal_shift(x, 3).view(2, 3, 16)

    clips = x.view(2, 3, 16)
    for b in range(2):
        for t in range(3):
            for c in range(16):
                source = t + 1 if c < 2 else t - 1 if c < 4 else t
                expected = clips[b, source, c] if 0 <= source < 3 else 0
                assert out[b, t, c] == expected


def test_the_shortcut_sees_the_temporal_shift_too() -> None:
    # E2E-Spot shifts in place, so that the block's own input changes.
    block = BasicBlock(16, 16)
    filled(block).eval()
    x = torch.randn(4, 16, 5, 5)
    with torch.no_grad():
        expected = block(temporal_shift(x, 4))

    site = TemporalShift(block.conv1)
    block.conv1 = site
    block.register_forward_pre_hook(site.shift_input)
    set_steps(block, 4)
    with torch.no_grad():
        out = block(x)

    assert torch.equal(out, expected)


def test_a_causal_temporal_shift_leaves_the_first_eighth_where_it_is() -> None:
    x = torch.arange(3 * 8, dtype=torch.float32).view(3, 8, 1, 1)

    out = temporal_shift(x, 3, is_causal=True).view(3, 8)

    kept = [0, *range(2, 8)]
    assert torch.equal(out[:, kept], x.view(3, 8)[:, kept])
    assert out[:, 1].tolist() == [0, 1, 9]


@pytest.mark.parametrize(("sites", "expected"), [(None, 0), (2, 11), (0, 13)])
def test_the_sites_that_do_not_look_ahead_are_the_first(
    sites: int | None, expected: int
) -> None:
    with torch.device("meta"):
        net, _ = build_backbone("rny002_gsm", look_ahead_sites=sites)

    found = [m.gsm.is_causal for m in net.modules() if isinstance(m, GatedShift)]

    assert found == [True] * expected + [False] * (13 - expected)


def test_more_sites_than_there_are_shifts_are_refused() -> None:
    with torch.device("meta"), pytest.raises(UnsupportedCheckpoint, match="13 shifts"):
        build_backbone("rny002_gsm", look_ahead_sites=14)
