"""AdamW as a run uses it, and how its rate rises and falls."""

import math

import torch
from torch import nn

from model.training.settings import OptimiserSettings


def make_optimiser(
    network: nn.Module, settings: OptimiserSettings, *, is_fused: bool
) -> torch.optim.AdamW:
    """Build AdamW; norms and biases do not decay.

    `is_fused` is several times quicker on a CPU, but cannot be clipped where the loss
    is scaled (float16).
    """
    heavy = [p for p in network.parameters() if p.dim() > 1]
    light = [p for p in network.parameters() if p.dim() <= 1]
    groups = [
        {"params": heavy, "weight_decay": settings.weight_decay},
        {"params": light, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, fused=is_fused)


def lr_share(step: int, settings: OptimiserSettings) -> float:
    """Give the share of the highest rate a step has: linear warm-up, then cosine."""
    warmup = settings.warmup_steps
    if step < warmup:
        return 0.01 + 0.99 * step / warmup
    done = (step - warmup) / max(1, settings.steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
