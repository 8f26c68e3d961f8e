"""A head of attention: every step looks at all others, by how far they are."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from model.network.registries import TransformerOptions
from model.network.temporal_head import TemporalHead

OUT_OF_REACH = -1e4
# Useful biases reach several units: scaled, they learn quicker than the other weights.
BIAS_SCALE = 4.0


class TransformerHead(TemporalHead):
    """A pre-norm encoder whose positions are relative, so that T is free.

    How a step weighs another depends on their contents and on the distance between
    them, never on where the clip was cut. A layer sees `reach` steps to each side and
    no more: with all of them in view, a network trained on short clips is worse on
    long ones.

    Source: pre-norm (Xiong et al., ICML 2020); a learned bias for each distance and
    head as in T5 (Raffel et al., JMLR 2020), without its buckets.
    """

    def __init__(
        self,
        feature_dim: int,
        classes: int,
        options: TransformerOptions,
    ) -> None:
        super().__init__()
        width, heads = options.width, options.heads
        self.context_dim = width
        self._in_proj = nn.Linear(feature_dim, width)
        self._distance = RelativeBias(heads, options.reach)
        self._layers = nn.ModuleList(
            EncoderLayer(width, heads, options.dropout) for _ in range(options.layers)
        )
        self._norm = nn.LayerNorm(width)
        self._fc_out = nn.Linear(width, classes)

    def context(self, features: Tensor) -> Tensor:
        """Shapes: features (B, T, D) -> (B, T, width)."""
        bias = self._distance(features.shape[1], features)
        x = self._in_proj(features)
        for layer in self._layers:
            x = layer(x, bias)
        out: Tensor = self._norm(x)
        return out


class RelativeBias(nn.Module):
    """What each head adds to its attention for every distance up to `reach`."""

    def __init__(self, heads: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.bias = nn.Parameter(torch.zeros(2 * reach + 1, heads))
        nn.init.trunc_normal_(self.bias, std=0.02)

    def forward(self, steps: int, like: Tensor) -> Tensor:
        """Lay the biases out for `steps` steps: (1, heads, steps, steps)."""
        index = torch.arange(steps, device=like.device)
        distance = index[None, :] - index[:, None]
        near = distance.clamp(-self.reach, self.reach)
        bias = BIAS_SCALE * self.bias[near + self.reach]  # (steps, steps, heads)
        # Finite, so that half precision and every export can hold it.
        bias = bias.masked_fill((distance != near)[:, :, None], OUT_OF_REACH)
        return bias.permute(2, 0, 1)[None].to(like.dtype)


class EncoderLayer(nn.Module):
    """Attention, then an MLP for each step, each with a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Shapes: x (B, T, width), bias (1, heads, T, T) -> (B, T, width)."""
        x = x + self.dropout(self._attend(self.norm1(x), bias))
        out: Tensor = x + self.dropout(self.mlp(self.norm2(x)))
        return out

    def _attend(self, x: Tensor, bias: Tensor) -> Tensor:
        clips, steps, width = x.shape
        packed = self.query_key_value(x).view(clips, steps, 3, self.heads, -1)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, T, _)
        seen = scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out: Tensor = self.project(seen.transpose(1, 2).reshape(clips, steps, width))
        return out
