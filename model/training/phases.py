"""What a step comes after: a second, denser thing to learn beside the spots.

A spot marks a few steps; whether a touch begins a carry shows in the seconds that
follow it. A run that also learns to name the latest event of every step learns from
those seconds too. The extra layer is dropped when the run ends.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from model.data.frame_store import StoredMatch
from model.network.spotter import Spotter


def step_phases(match: StoredMatch, labels: Sequence[str]) -> NDArray[np.int64]:
    """Give each step the class of the latest event: (T,), 0 before the first.

    Classes count from 1, as the network's outputs do. Of two events at one time the
    later in the list counts; events of a label that is not in `labels` are left out.
    """
    phases = np.zeros(len(match), dtype=np.int64)
    events = [event for event in match.labels.events if event.label in labels]
    for event in sorted(events, key=lambda event: event.time_s):
        first = int(np.searchsorted(match.time_s, event.time_s))
        phases[first:] = labels.index(event.label) + 1
    return phases


class PhaseLoss(nn.Module):
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

    def forward(self, phases: Tensor) -> Tensor:
        """Give the mean cross entropy of the batch that the head saw last.

        Shapes, with B clips, T steps and C labels: phases (B, T, C), each step's
        shares adding to one, or all zero where nothing has happened yet; such steps
        do not count -> a scalar.
        """
        log_scores = log_softmax(self.classify(self._contexts.pop()).float(), dim=-1)
        total: Tensor = -(phases * log_scores).sum()
        return total / phases.sum().clamp_min(1.0)

    def _keep_context(self, _layer: nn.Module, args: tuple[Tensor]) -> None:
        if torch.is_grad_enabled():
            self._contexts = [args[0]]
