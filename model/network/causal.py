"""A head for live use: all of the past, and only so much of the future.

Keeps to its own part of the delay: the gate shift of a backbone looks ahead too.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from model.network.registries import CausalOptions
from model.network.temporal_head import TemporalHead


class CausalHead(TemporalHead):
    """A forward GRU and, for every step, a blend of the next few contexts.

    The answer for step t depends on no step after t + look_ahead.

    Source: the look-ahead convolution of Deep Speech 2 (Amodei et al., ICML 2016).
    """

    def __init__(
        self,
        feature_dim: int,
        classes: int,
        options: CausalOptions,
    ) -> None:
        super().__init__()
        look_ahead, layers = options.look_ahead, options.layers
        self.look_ahead = look_ahead
        self.hidden = self.context_dim = min(feature_dim, 768)
        self._gru = nn.GRU(feature_dim, self.hidden, layers, batch_first=True)
        self._ahead = nn.Conv1d(
            self.hidden, self.hidden, look_ahead + 1, groups=self.hidden
        )
        with torch.no_grad():  # begin by looking at the step itself
            self._ahead.weight[:, :, 0] += 1
        self._dropout = nn.Dropout(options.dropout)
        self._fc_out = nn.Linear(self.hidden, classes)

    def context(self, features: Tensor) -> Tensor:
        """Shapes: features (B, T, D) -> (B, T, hidden)."""
        memory, _ = self._gru(features)
        return self._blend(pad(memory, (0, 0, 0, self.look_ahead)))

    def _blend(self, memory: Tensor) -> Tensor:
        blend = self._ahead(memory.transpose(1, 2)).transpose(1, 2)
        out: Tensor = self._dropout(blend)
        return out
