"""Camera motion within a clip: the crop pans, its zoom drifts, and it shakes."""

import math

import torch
from torch import Tensor

from model.training.augment_options import AugmentOptions

# How long the camera takes from one side to the other and back, in seconds.
PERIODS_S = (2.0, 14.0)


def camera_path(
    steps: int, options: AugmentOptions, rng: torch.Generator, *, fps: float
) -> Tensor:
    """Draw how the crop moves: (T, 3), right and down in pixels, and log zoom.

    Each is smooth, of two slow sines, about zero; shake is drawn anew for each step.

    Args:
        steps: of the clip, T.
        options: how far the crop may move.
        rng: decides the path.
        fps: steps a second.
    """
    time_s = torch.arange(steps) / fps
    reach = (options.pan_px, options.pan_px / 2, options.zoom_drift)
    path = torch.stack([_swing(time_s, rng) * each for each in reach], dim=1)
    strength = torch.rand((), generator=rng)
    shake = torch.randn((steps, 2), generator=rng) * options.shake_px * strength
    path[:, :2] += shake
    return path


def _swing(time_s: Tensor, rng: torch.Generator) -> Tensor:
    """Draw a smooth curve (T,) in [-1, 1]."""
    low, high = (math.log(period) for period in PERIODS_S)
    out = torch.zeros_like(time_s)
    for _ in range(2):
        draws = torch.rand(3, generator=rng).tolist()
        period_s = math.exp(low + (high - low) * draws[0])
        turns = time_s / period_s + draws[1]
        out = out + 0.5 * (2 * draws[2] - 1) * torch.sin(2 * math.pi * turns)
    return out
