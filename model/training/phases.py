"""Which event a step follows: a second, denser target beside the spots.

A spot marks a few steps; whether a touch begins a carry shows in the seconds that
follow it. A run that also learns to name the latest event of every step learns from
those seconds too. The extra layer is dropped when the run ends.
"""

import torch
from torch import Tensor, nn

from model.network.spotter import Spotter


class PhaseLayer(nn.Module):
    """Names each step's phase from what the head's classifier is given.

    Attributes:
        classify: the layer that a run has beside the network.
    """

    def __init__(self, spotter: Spotter) -> None:
        """Hook the classifier of a network's head."""
        super().__init__()
        head = spotter.temporal_head
        self.classify = nn.Linear(head.context_dim, spotter.config.num_classes)
        self._contexts: list[Tensor] = []
        head.classifier.register_forward_pre_hook(self._keep_context)

    def forward(self) -> Tensor:
        """Give the raw phases (B, T, C) of the batch that the head saw last."""
        raw: Tensor = self.classify(self._contexts.pop())
        return raw

    def _keep_context(self, _layer: nn.Module, args: tuple[Tensor]) -> None:
        if torch.is_grad_enabled():
            self._contexts = [args[0]]
