"""Losses against a slow loop."""

import math

import pytest
import torch

from model.training.losses import (
    LossTerm,
    MaskedCrossEntropy,
    MaskedSmoothL1,
    SigmoidScoreLoss,
    SoftmaxScoreLoss,
)


def mean(term: LossTerm, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The loss where every step counts."""
    loss: torch.Tensor = term(logits, targets, torch.ones(targets.shape[:2]))
    return loss


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

    loss = mean(SoftmaxScoreLoss(weights, gamma=gamma), logits, targets)

    assert float(loss) == pytest.approx(slow_loss(logits, targets, weights, gamma))


def test_plain_weights_give_torchs_own_cross_entropy() -> None:
    torch.manual_seed(2)
    logits, classes = torch.randn(2, 5, 3), torch.randint(0, 3, (2, 5))
    weights = [1.0, 5.0, 8.0]

    loss = mean(SoftmaxScoreLoss(weights), logits, torch.eye(3)[classes])

    theirs = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), classes.flatten(), weight=torch.tensor(weights)
    )
    assert float(loss) == pytest.approx(float(theirs), rel=1e-5)


def test_a_focal_loss_cares_less_about_what_is_sure_already() -> None:
    sure = torch.tensor([[[6.0, 0.0]]])
    unsure = torch.tensor([[[0.5, 0.0]]])
    target = torch.tensor([[[1.0, 0.0]]])
    plain, focal = SoftmaxScoreLoss([1.0, 1.0]), SoftmaxScoreLoss([1.0, 1.0], gamma=2.0)

    shrunk = [
        float(mean(focal, x, target) / mean(plain, x, target)) for x in (sure, unsure)
    ]

    assert shrunk[0] < 0.001 < 0.05 < shrunk[1]


def test_a_gradient_flows_even_where_a_focal_loss_is_certain() -> None:
    logits = torch.tensor([[[80.0, 0.0]]], requires_grad=True)

    term = SoftmaxScoreLoss([1.0, 1.0], gamma=2.0)
    torch.autograd.backward(mean(term, logits, torch.tensor([[[1.0, 0.0]]])))

    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("weights", [[1.0, 0.0], [-1.0, 1.0], []])
@pytest.mark.parametrize("kind", [SoftmaxScoreLoss, SigmoidScoreLoss])
def test_weights_must_be_positive(
    kind: type[SoftmaxScoreLoss | SigmoidScoreLoss], weights: list[float]
) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        kind(weights)


def slow_sigmoid_loss(
    logits: torch.Tensor, targets: torch.Tensor, weights: list[float], gamma: float
) -> float:
    """Binary cross entropy, step by step and label by label."""
    total, weight = 0.0, 0.0
    labels = logits.shape[-1] - 1
    for row, target in zip(logits.flatten(0, 1), targets.flatten(0, 1), strict=True):
        for k in range(1, labels + 1):
            score = 1 / (1 + math.exp(-float(row[k])))
            y, w = float(target[k]), weights[k]
            total -= w * y * (1 - score) ** gamma * math.log(score)
            total -= weights[0] * (1 - y) * score**gamma * math.log(1 - score)
            weight += w * y + weights[0] * (1 - y)
    return total / (weight / labels)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_sigmoid_loss_is_that_of_a_slow_loop(gamma: float) -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 5, 4)
    targets = torch.rand(2, 5, 4)
    weights = [1.0, 5.0, 8.0, 2.0]

    loss = mean(SigmoidScoreLoss(weights, gamma=gamma), logits, targets)

    expected = slow_sigmoid_loss(logits, targets, weights, gamma)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_two_labels_may_share_a_step_under_sigmoid_alone() -> None:
    both = torch.tensor([[[0.0, 1.0, 1.0]]])
    logits = torch.zeros(1, 1, 3, requires_grad=True)
    optimiser = torch.optim.SGD([logits], lr=1.0)

    for _ in range(100):
        optimiser.zero_grad()
        loss = mean(SigmoidScoreLoss([1.0, 1.0, 1.0]), logits, both)
        torch.autograd.backward(loss)
        optimiser.step()

    assert (logits.detach().sigmoid()[0, 0, 1:] > 0.95).all()


@pytest.mark.parametrize("term", [MaskedCrossEntropy(), MaskedSmoothL1()])
def test_masked_steps_neither_count_nor_teach(term: LossTerm) -> None:
    torch.manual_seed(1)
    raw = torch.randn(2, 3, 2, requires_grad=True)
    values = torch.softmax(torch.randn(2, 3, 2), -1)
    weight = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.5]])

    loss = term(raw, values, weight)
    torch.autograd.backward(loss)

    assert raw.grad is not None
    assert raw.grad.abs().sum(-1).bool().tolist() == weight.bool().tolist()
    alone = [
        term(raw[i, k][None, None], values[i, k][None, None], torch.ones(1, 1))
        for i, k in ((0, 0), (1, 2))
    ]
    expected = (alone[0] + 0.5 * alone[1]) / 1.5
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


@pytest.mark.parametrize("term", [MaskedCrossEntropy(), MaskedSmoothL1()])
def test_a_batch_without_a_target_costs_nothing(term: LossTerm) -> None:
    raw = torch.randn(2, 3, 2, requires_grad=True)

    loss = term(raw, torch.zeros(2, 3, 2), torch.zeros(2, 3))
    torch.autograd.backward(loss)

    assert float(loss.detach()) == 0
    assert raw.grad is not None
    assert not raw.grad.any()
