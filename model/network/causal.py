"""A head for live use: the past without end, the future only so far.

Keeps to its own part of the delay: the gate shift of a backbone looks ahead too.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from model.network.registries import CausalOptions
from model.network.temporal_head import TemporalHead


class Carried(NamedTuple):
    """What is carried from one piece of a stream to the next.

    Attributes:
        memory: the recurrent layers' state, (layers, B, hidden).
        waiting: the last `look_ahead` contexts, not answered yet, at most
            (B, look_ahead, hidden).
    """

    memory: Tensor
    waiting: Tensor


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
        self.look_ahead, self.classes = look_ahead, classes
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

    def stream(
        self, features: Tensor, carried: Carried | None = None, *, is_last: bool = False
    ) -> tuple[Tensor, Carried]:
        """Go on where the last piece of a stream ended.

        Args:
            features: the next T >= 1 steps, (B, T, D).
            carried: what the last call returned; None at the start.
            is_last: nothing follows; answer for the steps that are still waiting.

        Returns:
            Logits of the steps whose future is known by now, `look_ahead` steps
            behind the input until the last piece, and what to carry on. Put
            together they are those of `forward` over the whole.
        """
        memory = None if carried is None else carried.memory
        context, memory = self._gru(features, memory)
        if carried is not None:
            context = torch.cat((carried.waiting, context), dim=1)
        if is_last:
            context = pad(context, (0, 0, 0, self.look_ahead))
        ready = max(context.shape[1] - self.look_ahead, 0)
        logits = (
            self.classify(self._blend(context))
            if ready
            else features.new_empty((len(features), 0, self.classes))
        )
        return logits, Carried(memory, context[:, ready:])

    def _blend(self, memory: Tensor) -> Tensor:
        blend = self._ahead(memory.transpose(1, 2)).transpose(1, 2)
        out: Tensor = self._dropout(blend)
        return out
