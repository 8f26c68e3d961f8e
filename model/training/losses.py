"""Losses over the steps of a clip."""

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax


class SpottingLoss(nn.Module):
    """Weighted cross entropy over steps; focal where `gamma` is not zero.

    Source: E2E-Spot, train_e2e.py (foreground weight); focal loss: Lin et al.,
    ICCV 2017, here for soft targets: each class's share is scaled by
    (1 - its score)^gamma.
    """

    weights: Tensor

    def __init__(
        self, weights: list[float], *, gamma: float = 0.0, smoothing: float = 0.0
    ) -> None:
        """Take a weight for each class, the background first.

        Args:
            weights: one a class, > 0.
            gamma: of the focal loss, >= 0; 0 is plain cross entropy.
            smoothing: share of each target spread over all classes, in [0, 1).

        Raises:
            ValueError: a number out of range.
        """
        super().__init__()
        if min(weights, default=0) <= 0:
            raise ValueError(f"class weights must be > 0, got {weights}")
        if gamma < 0 or not 0 <= smoothing < 1:
            raise ValueError(f"gamma {gamma} or smoothing {smoothing} out of range")
        self.register_buffer("weights", torch.tensor(weights), persistent=False)
        self.gamma = gamma
        self.smoothing = smoothing

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Give the mean loss, each step counted by the weight of its target.

        Shapes, with B clips, T steps, K classes: logits (B, T, K), targets
        (B, T, K), each step's shares adding to one -> a scalar.
        """
        per_clip, weight = self.per_clip(logits, targets)
        return per_clip.sum() / weight.sum()

    def per_clip(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Give each clip's summed loss and summed weight: (B,) and (B,)."""
        if self.smoothing:
            spread = self.smoothing / targets.shape[-1]
            targets = targets * (1 - self.smoothing) + spread
        log_scores = log_softmax(logits.float(), dim=-1)
        share = targets * self.weights
        loss = -share * log_scores
        if self.gamma:
            loss = loss * (1 - log_scores.exp()).clamp_min(1e-6) ** self.gamma
        return loss.sum(dim=(1, 2)), share.sum(dim=(1, 2))
