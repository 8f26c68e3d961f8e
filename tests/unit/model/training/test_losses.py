"""Losses against a slow loop."""

import math

import pytest
import torch

from model.training.losses import SpottingLoss


def slow_loss(
    logits: torch.Tensor, targets: torch.Tensor, weights: list[float], gamma: float
) -> float:
    """The weighted focal cross entropy, step by step."""
    total, weight = 0.0, 0.0
    for row, target in zip(logits.flatten(0, 1), targets.flatten(0, 1), strict=True):
        odds = [math.exp(float(x)) for x in row]
        scores = [odd / sum(odds) for odd in odds]
        for score, share, w in zip(scores, target.tolist(), weights, strict=True):
            total -= share * w * (1 - score) ** gamma * math.log(score)
            weight += share * w
    return total / weight


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_loss_is_that_of_a_slow_loop(gamma: float) -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 5, 3)
    targets = torch.softmax(torch.randn(2, 5, 3), -1)
    weights = [1.0, 5.0, 8.0]

    loss = SpottingLoss(weights, gamma=gamma)(logits, targets)

    assert float(loss) == pytest.approx(slow_loss(logits, targets, weights, gamma))


def test_plain_weights_give_torchs_own_cross_entropy() -> None:
    torch.manual_seed(2)
    logits, classes = torch.randn(2, 5, 3), torch.randint(0, 3, (2, 5))
    weights = [1.0, 5.0, 8.0]

    loss = SpottingLoss(weights)(logits, torch.eye(3)[classes])

    theirs = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), classes.flatten(), weight=torch.tensor(weights)
    )
    assert float(loss) == pytest.approx(float(theirs), rel=1e-5)


def test_a_focal_loss_cares_less_about_what_is_sure_already() -> None:
    sure = torch.tensor([[[6.0, 0.0]]])
    unsure = torch.tensor([[[0.5, 0.0]]])
    target = torch.tensor([[[1.0, 0.0]]])
    plain, focal = SpottingLoss([1.0, 1.0]), SpottingLoss([1.0, 1.0], gamma=2.0)

    shrunk = [float(focal(x, target) / plain(x, target)) for x in (sure, unsure)]

    assert shrunk[0] < 0.001 < 0.05 < shrunk[1]


def test_a_gradient_flows_even_where_a_focal_loss_is_certain() -> None:
    logits = torch.tensor([[[80.0, 0.0]]], requires_grad=True)

    SpottingLoss([1.0, 1.0], gamma=2.0)(logits, torch.tensor([[[1.0, 0.0]]])).backward()

    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("weights", [[1.0, 0.0], [-1.0, 1.0], []])
def test_weights_must_be_positive(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        SpottingLoss(weights)
