"""Mixup: each clip of a batch blended with another one, pictures and targets alike.

Source: mixup (Zhang et al., ICLR 2018), for clips as in E2E-Spot.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mix:
    """Which clips are blended, and how.

    Attributes:
        partner: (B,) the other clip of each.
        share: (B,) what a clip keeps of itself, in [0.5, 1].
    """

    partner: Tensor
    share: Tensor

    @classmethod
    def draw(
        cls, count: int, *, alpha: float, generator: torch.Generator
    ) -> Self | None:
        """Draw how a batch of `count` clips is mixed; None where nothing is.

        A partner is always another clip, the same number of places further on for
        all; the other's share is drawn from Beta(alpha, alpha), at most half.
        """
        if alpha <= 0 or count < 2:
            return None
        shift = int(torch.randint(1, count, (), generator=generator))
        partner = (torch.arange(count) + shift) % count
        rates = torch.full((count, 2), alpha)
        gamma = torch._standard_gamma(rates, generator=generator)
        share = (gamma[:, 0] / gamma.sum(1).clamp_min(1e-9)).clamp(0, 1)
        return cls(partner, torch.maximum(share, 1 - share))

    def pictures(self, frames: Tensor) -> Tensor:
        """Blend (B, T, 3, H, W) uint8."""
        share = self.share.view(-1, 1, 1, 1, 1)
        mixed = frames.float() * share + frames[self.partner].float() * (1 - share)
        return mixed.round().to(torch.uint8)

    def targets(
        self, values: Tensor, weight: Tensor, *, is_blended: bool
    ) -> tuple[Tensor, Tensor]:
        """Blend values (B, T, C) and weights (B, T) of an output's targets.

        Blended values and weights give the loss of either clip's targets by its share,
        for losses that are linear in the values. Others keep, step by step, the values
        of the clip that counts more there.
        """
        own = self.share.unsqueeze(1) * weight
        other = (1 - self.share).unsqueeze(1) * weight[self.partner]
        if not is_blended:
            is_own = own >= other
            chosen = torch.where(is_own.unsqueeze(-1), values, values[self.partner])
            return chosen, torch.maximum(own, other)
        total = own + other
        mixed = own.unsqueeze(-1) * values + other.unsqueeze(-1) * values[self.partner]
        return mixed / total.clamp_min(1e-9).unsqueeze(-1), total
