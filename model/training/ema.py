"""Averaged weights: what a run keeps, for they err less than the last step's."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from model.network.spotter import Spotter


def averaged_spotter(spotter: Spotter, *, decay: float) -> AveragedModel:
    """Make an exponential moving average of a network's weights and statistics.

    Early steps count more, so that noise from the start does not linger: the decay
    is at most (1 + n) / (10 + n) after n steps. Integer buffers are copied.

    Args:
        spotter: to follow; the average begins with a copy of it.
        decay: in [0, 1); 0 follows it exactly.
    """

    @torch.no_grad()
    def move(averaged: Any, latest: Any, count: Tensor | int) -> None:
        step = int(count) + 1
        share = 1 - min(decay, (1 + step) / (10 + step))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, latest, share)
        else:
            torch._foreach_copy_(averaged, latest)

    made = AveragedModel(spotter, multi_avg_fn=move, use_buffers=True)
    made.module.eval()
    return made


def load_averaged(average: AveragedModel, saved: Mapping[str, Any]) -> None:
    """Take up a saved average, also one that an earlier release saved."""
    if "n_averaged" not in saved:
        state = {f"module.{k}": v for k, v in saved.items() if k != "steps"}
        saved = {**state, "n_averaged": torch.tensor(int(saved["steps"]))}
    average.load_state_dict(dict(saved))
