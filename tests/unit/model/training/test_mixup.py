"""Mixup: a partner is always another clip, and targets follow the pictures."""

import pytest
import torch

from model.training.losses import MaskedCrossEntropy, SoftmaxScoreLoss
from model.training.mixup import Mix


def drawn(count: int, seed: int = 3) -> Mix:
    """Draw a mix of so many clips."""
    generator = torch.Generator().manual_seed(seed)
    mix = Mix.draw(count, alpha=0.5, generator=generator)
    assert mix is not None
    return mix


@pytest.mark.parametrize("count", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(5))
def test_a_partner_is_always_another_clip(count: int, seed: int) -> None:
    mix = drawn(count, seed)

    assert sorted(mix.partner.tolist()) == list(range(count))
    assert all(int(other) != own for own, other in enumerate(mix.partner))
    assert ((mix.share >= 0.5) & (mix.share <= 1)).all()


def test_partners_vary_from_batch_to_batch() -> None:
    assert {int(drawn(5, seed).partner[0]) for seed in range(40)} == {1, 2, 3, 4}


@pytest.mark.parametrize(("count", "alpha"), [(1, 0.5), (4, 0.0)])
def test_one_clip_or_no_alpha_mixes_nothing(count: int, alpha: float) -> None:
    assert Mix.draw(count, alpha=alpha, generator=torch.Generator()) is None


def test_pictures_and_targets_are_blended_by_the_same_share() -> None:
    frames = torch.zeros(2, 3, 3, 4, 4, dtype=torch.uint8)
    frames[1] = 200
    values = torch.zeros(2, 3, 2)
    values[0, :, 0] = values[1, :, 1] = 1.0
    mix = drawn(2)

    pictures = mix.pictures(frames)
    shares, weight = mix.targets(values, torch.ones(2, 3), is_blended=True)

    assert torch.allclose(weight, torch.ones(2, 3))
    assert torch.allclose(shares.sum(-1), torch.ones(2, 3))
    assert 0 < float(shares[0, 0, 1]) < 0.5
    for clip, share in zip(pictures, shares, strict=True):
        assert torch.allclose(clip[0, 0].float(), 200 * share[0, 1], atol=0.51)


def test_a_blended_loss_is_the_mean_of_both_losses_where_masks_differ() -> None:
    torch.manual_seed(1)
    raw = torch.randn(2, 6, 2)
    values = torch.eye(2)[torch.randint(0, 2, (2, 6))]
    weight = torch.tensor([[1.0, 1, 0, 0, 1, 0], [1.0, 0, 1, 0, 0, 1]])
    mix, term = drawn(2), MaskedCrossEntropy()

    mixed, count = term.per_clip(raw, *mix.targets(values, weight, is_blended=True))

    for clip in range(2):
        other, share = int(mix.partner[clip]), float(mix.share[clip])
        one = raw[clip : clip + 1]
        own, n = term.per_clip(one, values[clip][None], weight[clip][None])
        far, m = term.per_clip(one, values[other][None], weight[other][None])
        expected = share * float(own) + (1 - share) * float(far)
        assert float(mixed[clip]) == pytest.approx(expected, rel=1e-5)
        assert float(count[clip]) == pytest.approx(
            share * float(n) + (1 - share) * float(m)
        )


def test_what_cannot_be_blended_keeps_the_target_that_counts_more() -> None:
    values = torch.tensor([[[1.0], [2.0], [0.0]], [[-1.0], [0.0], [-2.0]]])
    weight = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    mix = Mix(partner=torch.tensor([1, 0]), share=torch.tensor([0.75, 0.75]))

    chosen, weights = mix.targets(values, weight, is_blended=False)

    assert chosen[0, :, 0].tolist() == [1.0, 2.0, -2.0]
    assert weights[0].tolist() == [0.75, 0.75, 0.25]


def test_scores_keep_their_weight_in_a_mix() -> None:
    torch.manual_seed(2)
    raw, weights = torch.randn(2, 4, 3), [1.0, 5.0, 8.0]
    values = torch.eye(3)[torch.randint(0, 3, (2, 4))]
    mix, term = drawn(2), SoftmaxScoreLoss(weights)

    mixed, _ = term.per_clip(
        raw, *mix.targets(values, torch.ones(2, 4), is_blended=True)
    )

    share = mix.share[0]
    own, _ = term.per_clip(raw[:1], values[:1], torch.ones(1, 4))
    other, _ = term.per_clip(raw[:1], values[1:], torch.ones(1, 4))
    assert float(mixed[0]) == pytest.approx(float(share * own + (1 - share) * other))
