"""Augmentation changes all frames of a clip alike, and nothing without options."""

import numpy as np
import pytest
import torch
from torch import Tensor

from model.training.augment import augment_clip, mix_clips, plain_clip
from model.training.augment_options import AugmentOptions
from model.video.frame_spec import FrameSpec

SPEC = FrameSpec(width=40, height=30, crop=(10, 6, 20, 16), fps=10)
STRONG = AugmentOptions(
    shift_px=6, zoom=(0.8, 1.3), flip=0.5, jitter=0.9, shuffle=0.5, blur=0.5
)


def picture(seed: int = 0) -> Tensor:
    """One random picture (30, 40, 3)."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (30, 40, 3), generator=rng, dtype=torch.uint8)


def test_no_options_leave_what_serving_sees() -> None:
    clip = torch.stack([picture(k) for k in range(3)])

    plain = plain_clip(clip, SPEC)
    augmented = augment_clip(clip, SPEC, AugmentOptions(), seed=(1, 2))

    assert torch.equal(plain, clip[:, 6:22, 10:30].permute(0, 3, 1, 2))
    assert torch.equal(augmented, plain)


@pytest.mark.parametrize("number", range(12))
def test_equal_frames_stay_equal_whatever_is_done(number: int) -> None:
    clip = picture().expand(4, -1, -1, -1)

    out = augment_clip(clip, SPEC, STRONG, seed=(1, number))

    assert out.shape == (4, 3, 16, 20)
    assert all(torch.equal(out[0], frame) for frame in out[1:])


def test_the_same_seed_gives_the_same_clip_and_another_does_not() -> None:
    clip = torch.stack([picture(k) for k in range(3)])

    first, again, other = (
        augment_clip(clip, SPEC, STRONG, seed=(1, number)) for number in (5, 5, 6)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_flip_is_a_mirror_image() -> None:
    clip = picture().expand(2, -1, -1, -1)

    flipped = augment_clip(clip, SPEC, AugmentOptions(flip=1.0), seed=(1, 1))

    assert torch.equal(flipped, plain_clip(clip, SPEC).flip(-1))


def test_a_shifted_window_is_another_piece_of_the_same_picture() -> None:
    clip = picture().expand(2, -1, -1, -1)

    for number in range(10):
        options = AugmentOptions(shift_px=6)
        window = augment_clip(clip, SPEC, options, seed=(1, number))[0]
        pieces = [
            torch.equal(clip[0, y : y + 16, x : x + 20].permute(2, 0, 1), window)
            for y in range(15)
            for x in range(21)
        ]
        assert sum(pieces) == 1


def test_an_aspect_of_four_sees_twice_the_width_and_half_the_height() -> None:
    clip = picture().unsqueeze(0)
    options = AugmentOptions(aspect=(4.0, 4.0))

    window = augment_clip(clip, SPEC, options, seed=(1, 1))[0].float().numpy()

    seen = clip[0, 10:18].float().numpy()  # 40 x 8 pixels about the crop's centre
    columns = seen.mean(axis=0).reshape(20, 2, 3).mean(axis=1)
    assert np.abs(window.mean(axis=1) - columns.T).max() <= 8
    flat = clip[:, :, :1].expand(-1, -1, 40, -1)  # every row of one colour
    rows = augment_clip(flat, SPEC, options, seed=(1, 1))[0, :, :, 0].T.float()
    row = flat[0, :, 0].float()
    assert (rows[1::2] - (0.75 * row[10:18] + 0.25 * row[11:19])).abs().max() <= 0.51
    assert (rows[2::2] - (0.75 * row[11:18] + 0.25 * row[10:17])).abs().max() <= 0.51


def test_half_the_size_is_the_mean_of_four_pixels() -> None:
    clip = picture().unsqueeze(0)

    small = plain_clip(clip, SPEC, size=(10, 8))

    window = clip[0, 6:22, 10:30].float().numpy()
    means = window.reshape(8, 2, 10, 2, 3).mean(axis=(1, 3))
    assert np.abs(small[0].permute(1, 2, 0).numpy() - means).max() <= 0.51


def test_noise_is_the_only_thing_that_differs_between_frames() -> None:
    clip = torch.full((6, 30, 40, 3), 128, dtype=torch.uint8)
    options = AugmentOptions(noise=4.0)

    spreads = {
        round(float(augment_clip(clip, SPEC, options, seed=(1, n)).float().std()))
        for n in range(12)
    }

    assert spreads == {0, 4}


def test_mixing_blends_pictures_and_targets_by_the_same_share() -> None:
    frames = torch.zeros(2, 3, 3, 4, 4, dtype=torch.uint8)
    frames[1] = 200
    targets = torch.zeros(2, 3, 2)
    targets[0, :, 0] = targets[1, :, 1] = 1.0
    rng = torch.Generator().manual_seed(3)

    mixed, shares = mix_clips(frames, targets, alpha=1.0, generator=rng)

    assert torch.allclose(shares.sum(-1), torch.ones(2, 3))
    for clip, share in zip(mixed, shares, strict=True):
        assert torch.allclose(clip[0, 0].float(), 200 * share[0, 1], atol=0.51)


def test_no_mixing_leaves_the_batch_alone() -> None:
    frames = torch.randint(0, 255, (2, 3, 3, 4, 4), dtype=torch.uint8)

    mixed, _ = mix_clips(
        frames, torch.ones(2, 3, 1), alpha=0.0, generator=torch.Generator()
    )

    assert mixed is frames
