"""Averaged weights: what a run keeps, for they err less than the last step's."""

import torch
from torch import Tensor, nn


class AveragedWeights:
    """An exponential moving average of a network's state.

    Early steps count more, so that noise from the start does not linger: the decay
    is at most (1 + n) / (10 + n) after n steps. Integer buffers are copied.
    """

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        """Start from the network as it is.

        Args:
            network: to follow.
            decay: in [0, 1); 0 follows it exactly.
        """
        self.decay = decay
        self.steps = 0
        self.state = {
            key: value.detach().clone() for key, value in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards the network by one step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)

    @torch.no_grad()
    def swap(self, network: nn.Module) -> None:
        """Trade states with the network; a second call trades them back."""
        for key, value in network.state_dict().items():
            mine = self.state[key].clone()
            self.state[key].copy_(value)
            value.copy_(mine)

    def state_dict(self) -> dict[str, Tensor | int]:
        """Give what a resumed run needs."""
        return {"steps": self.steps, **self.state}

    def load_state_dict(self, saved: dict[str, Tensor | int]) -> None:
        """Take up where `state_dict` left off."""
        self.steps = int(saved["steps"])
        for key, value in self.state.items():
            kept = saved[key]
            if isinstance(kept, Tensor):
                value.copy_(kept)
