"""Heads: the features of a clip's steps to logits, step by step.

Attribute names are E2E-Spot's, for they are the keys of its checkpoints.
"""

from torch import Tensor, nn

from model.network.config import ModelConfig
from model.network.registries import HEADS, NoOptions, load_build
from model.network.temporal_head import TemporalHead

MAX_HIDDEN = 768
NO_OPTIONS = NoOptions()


class LinearHead(TemporalHead):
    """Classify each step by itself."""

    def __init__(
        self, feature_dim: int, classes: int, _options: NoOptions = NO_OPTIONS
    ) -> None:
        super().__init__()
        self.context_dim = feature_dim
        self._fc_out = nn.Linear(feature_dim, classes)

    def context(self, features: Tensor) -> Tensor:
        """Give the features as they are: (B, T, D)."""
        return features


class GruHead(TemporalHead):
    """Let every step see the steps before and after it, then classify.

    Source: E2E-Spot, model/modules.py (GRUPrediction).
    """

    layers = 1

    def __init__(
        self, feature_dim: int, classes: int, _options: NoOptions = NO_OPTIONS
    ) -> None:
        super().__init__()
        hidden = min(feature_dim, MAX_HIDDEN)
        self.context_dim = 2 * hidden
        self._gru = nn.GRU(
            feature_dim, hidden, self.layers, batch_first=True, bidirectional=True
        )
        # One within the other: so E2E-Spot's keys have it.
        self._fc_out = LinearHead(2 * hidden, classes)
        self._dropout = nn.Dropout(0.5)

    def context(self, features: Tensor) -> Tensor:
        """Shapes: features (B, T, D) -> (B, T, 2 * hidden)."""
        memory, _ = self._gru(features)
        out: Tensor = self._dropout(memory)
        return out


class DeeperGruHead(GruHead):
    """The same with three layers."""

    layers = 3


def build_head(config: ModelConfig, feature_dim: int) -> TemporalHead:
    """Build the head a config names: (B, T, D) -> logits (B, T, K)."""
    build = load_build(HEADS[config.temporal_arch].build)
    head: TemporalHead = build(feature_dim, config.num_classes + 1, config.head_options)
    return head
