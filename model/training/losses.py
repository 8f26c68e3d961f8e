"""Loss terms: raw outputs of a clip's steps against their targets.

Shapes, with B clips, T steps and C columns: raw (B, T, C) before activation, values
(B, T, C) and weight (B, T) as `StepTargets` has them.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid, smooth_l1_loss


class LossTerm(nn.Module):
    """A term of the loss: the weighted mean over the steps that count."""

    def forward(self, raw: Tensor, values: Tensor, weight: Tensor) -> Tensor:
        """Give the mean loss, a scalar; 0 where no step counts."""
        loss, count = self.per_clip(raw, values, weight)
        return loss.sum() / count.sum().clamp_min(1e-6)

    def per_clip(
        self, raw: Tensor, values: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Give each clip's summed loss and summed weight: (B,) and (B,)."""
        raise NotImplementedError


class _ScoreTerm(LossTerm):
    """What both losses of scores have: a weight for each class, focus, smoothing."""

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

    def _focal(self, log_scores: Tensor) -> Tensor:
        return (1 - log_scores.exp()).clamp_min(1e-6) ** self.gamma


class SoftmaxScoreLoss(_ScoreTerm):
    """Weighted cross entropy over steps; focal where `gamma` is not zero.

    Each step counts by the weight of its target.

    Source: E2E-Spot, train_e2e.py (foreground weight); focal loss: Lin et al.,
    ICCV 2017, here for soft targets: each class's share is scaled by
    (1 - its score)^gamma.
    """

    def per_clip(
        self, raw: Tensor, values: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Each step's values add to one; column 0 is the background."""
        if self.smoothing:
            spread = self.smoothing / values.shape[-1]
            values = values * (1 - self.smoothing) + spread
        log_scores = log_softmax(raw.float(), dim=-1)
        share = values * self.weights * weight.unsqueeze(-1)
        loss = -share * log_scores
        if self.gamma:
            loss = loss * self._focal(log_scores)
        return loss.sum(dim=(1, 2)), share.sum(dim=(1, 2))


class SigmoidScoreLoss(_ScoreTerm):
    """Weighted binary cross entropy, label by label: two labels may share a step.

    A step with a label counts by the label's weight, one without by the
    background's. The mean is over steps and summed over labels, so that its size is
    that of cross entropy. Column 0, the background, has no target of its own.
    """

    def per_clip(
        self, raw: Tensor, values: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Each label's value is in [0, 1]; column 0 is left out."""
        logits, shares = raw[..., 1:].float(), values[..., 1:]
        if self.smoothing:
            shares = shares * (1 - self.smoothing) + self.smoothing / 2
        steps = weight.unsqueeze(-1)
        present, absent = shares * self.weights[1:] * steps, (1 - shares) * steps
        absent = absent * self.weights[0]
        log_yes, log_no = logsigmoid(logits), logsigmoid(-logits)
        yes, no = -present * log_yes, -absent * log_no
        if self.gamma:
            yes, no = yes * self._focal(log_yes), no * self._focal(log_no)
        count = (present + absent).sum(dim=(1, 2)) / logits.shape[-1]
        return (yes + no).sum(dim=(1, 2)), count


class MaskedCrossEntropy(LossTerm):
    """Cross entropy over the steps that count; values are shares adding to one."""

    def per_clip(
        self, raw: Tensor, values: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """A weight between 0 and 1 is the share of a mixed clip with a target."""
        loss = -(values * log_softmax(raw.float(), dim=-1)).sum(-1) * weight
        return loss.sum(1), weight.sum(1)


class MaskedSmoothL1(LossTerm):
    """Smooth L1 (Huber) distance over the steps that count."""

    def per_clip(
        self, raw: Tensor, values: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The distance is summed over columns."""
        distance = smooth_l1_loss(raw.float(), values, reduction="none").sum(-1)
        return (distance * weight).sum(1), weight.sum(1)
