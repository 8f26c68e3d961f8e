"""The network as a whole: sizes, lengths, and input that it refuses."""

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from model.network.config import ModelConfig
from model.network.spotter import Spotter

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    """The smallest network, its gates open."""
    torch.manual_seed(0)
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", clip_len=4, num_classes=2))
    with torch.no_grad():
        for name, value in spotter.named_parameters():
            if "conv3D" in name:
                value.normal_(std=0.2)
    return spotter.eval()


def frames(*shape: int) -> torch.Tensor:
    """Raw frames of noise."""
    return torch.randint(0, 256, shape, dtype=torch.uint8)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("arch", "parameters", "gmac", "gmac_wide"),
    [
        ("rny002_gsm", 4_447_313, 0.206, 0.373),
        ("rny008_gsm", 12_613_519, 0.813, 1.454),
        ("rn50", 36_497_987, 4.100, 7.361),
    ],
)
def test_parameters_and_work_are_as_published(
    arch: str, parameters: int, gmac: float, gmac_wide: float
) -> None:
    with torch.device("meta"):
        spotter = Spotter(ModelConfig(arch, "gru", 1, 2)).eval()

    counted = []
    for width in (224, 398):
        clip = torch.empty((1, 1, 3, 224, width), dtype=torch.uint8, device="meta")
        with FlopCounterMode(display=False) as flops, torch.no_grad():
            spotter(clip)
        counted.append(flops.get_total_flops() / 2e9)

    assert sum(p.numel() for p in spotter.parameters()) == parameters
    assert counted == pytest.approx([gmac, gmac_wide], rel=0.02)


def test_a_short_clip_is_one_padded_with_mean_coloured_frames(
    spotter: Spotter,
) -> None:
    short = frames(1, 3, 3, 64, 64)
    normed = spotter.normalise(short)
    padded = torch.cat((normed, torch.zeros(1, 1, 3, 64, 64)), dim=1)

    with torch.no_grad():
        logits = spotter(short)["scores"]
        expected = spotter.head(spotter.trunk(padded)[:, :3])["scores"]

    assert logits.shape == (1, 3, 3)
    assert torch.allclose(logits, expected, atol=1e-6)


def test_clips_of_a_batch_do_not_see_each_other(spotter: Spotter) -> None:
    batch = frames(2, 4, 3, 48, 64)

    with torch.no_grad():
        together = spotter(batch)["scores"]
        alone = torch.cat([spotter(part)["scores"] for part in (batch[:1], batch[1:])])

    assert torch.allclose(together, alone, atol=1e-5)


def test_the_trunk_takes_any_length_and_reaches_26_steps(spotter: Spotter) -> None:
    clip = spotter.normalise(frames(1, 60, 3, 32, 32))
    other = clip.clone()
    other[:, 0] = 0

    with torch.no_grad():
        change = (spotter.trunk(clip) - spotter.trunk(other)).abs().amax(dim=(0, 2))

    assert change[0] > 0
    assert bool((change[27:] == 0).all())


@pytest.mark.parametrize(("height", "width"), [(33, 47), (90, 160), (61, 32)])
def test_odd_frame_sizes_are_fine(spotter: Spotter, height: int, width: int) -> None:
    with torch.no_grad():
        logits = spotter(frames(1, 4, 3, height, width))["scores"]

    assert bool(logits.isfinite().all())


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (frames(1, 5, 3, 64, 64), "5 steps was given to a network of clip_len 4"),
        (frames(1, 0, 3, 64, 64), "0 steps"),
        (frames(1, 4, 1, 64, 64), "convert grey or RGBA pictures to RGB"),
        (frames(1, 4, 4, 64, 64), "convert grey or RGBA pictures to RGB"),
        (frames(1, 4, 64, 64, 3), "shape (B, T, 3, H, W), got (1, 4, 64, 64, 3)"),
        (frames(4, 3, 64, 64), "shape (B, T, 3, H, W), got (4, 3, 64, 64)"),
        (frames(1, 4, 3, 16, 64), "frames are 64x16; at least 32x32"),
        (frames(1, 4, 3, 64, 64) / 255, "raw uint8 pixels, got torch.float32"),
    ],
)
def test_frames_of_another_form_are_refused(
    spotter: Spotter, clip: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        spotter(clip)


def test_a_plain_backbone_refuses_long_clips_too() -> None:
    spotter = Spotter(ModelConfig("rny002", "", clip_len=2, num_classes=2)).eval()

    with pytest.raises(ValueError, match="3 steps was given"):
        spotter(frames(1, 3, 3, 32, 32))


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", clip_len=4, num_classes=2))
    with torch.no_grad():
        for name, value in spotter.named_parameters():
            if "conv3D" in name:
                value.normal_(std=0.1)
            elif name.endswith("bn.weight"):  # timm closes each block's branch
                value.fill_(1)

    scores = spotter(frames(2, 4, 3, 64, 64))["scores"]
    torch.autograd.backward(scores.square().sum())

    idle = [
        name
        for name, p in spotter.named_parameters()
        if p.grad is None or not p.grad.any()
    ]
    assert idle == []
