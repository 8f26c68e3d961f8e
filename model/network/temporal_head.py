"""What every temporal head has in common."""

from torch import Tensor, nn


class TemporalHead(nn.Module):
    """From the features of a clip's steps to a context, and from that to logits.

    The context is what the classifier sees; further outputs are read from it, too.

    Attributes:
        context_dim: length of a step's context.
    """

    context_dim: int
    _fc_out: nn.Module

    def context(self, features: Tensor) -> Tensor:
        """Shapes: features (B, T, D) -> (B, T, context_dim)."""
        raise NotImplementedError

    @property
    def classifier(self) -> nn.Module:
        """The layer that turns contexts into logits."""
        return self._fc_out

    def classify(self, context: Tensor) -> Tensor:
        """Shapes: context (B, T, context_dim) -> logits (B, T, K)."""
        logits: Tensor = self._fc_out(context)
        return logits

    def forward(self, features: Tensor) -> Tensor:
        """Shapes: features (B, T, D) -> logits (B, T, K), index 0 the background."""
        return self.classify(self.context(features))
