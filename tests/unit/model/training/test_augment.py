"""Augmentation changes all frames of a clip alike, and nothing without options."""

import numpy as np
import pytest
import torch
from torch import Tensor

from model.training.augment import augment_clip, plain_clip
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
    augmented = augment_clip(clip, SPEC, AugmentOptions(), seed=(1, 2)).frames

    assert torch.equal(plain, clip[:, 6:22, 10:30].permute(0, 3, 1, 2))
    assert torch.equal(augmented, plain)


@pytest.mark.parametrize("number", range(12))
def test_equal_frames_stay_equal_whatever_is_done(number: int) -> None:
    clip = picture().expand(4, -1, -1, -1)

    out = augment_clip(clip, SPEC, STRONG, seed=(1, number)).frames

    assert out.shape == (4, 3, 16, 20)
    assert all(torch.equal(out[0], frame) for frame in out[1:])


def test_the_same_seed_gives_the_same_clip_and_another_does_not() -> None:
    clip = torch.stack([picture(k) for k in range(3)])

    first, again, other = (
        augment_clip(clip, SPEC, STRONG, seed=(1, number)).frames
        for number in (5, 5, 6)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_flip_is_a_mirror_image() -> None:
    clip = picture().expand(2, -1, -1, -1)

    flipped = augment_clip(clip, SPEC, AugmentOptions(flip=1.0), seed=(1, 1)).frames

    assert torch.equal(flipped, plain_clip(clip, SPEC).flip(-1))


def test_a_shifted_window_is_another_piece_of_the_same_picture() -> None:
    clip = picture().expand(2, -1, -1, -1)

    for number in range(10):
        options = AugmentOptions(shift_px=6)
        window = augment_clip(clip, SPEC, options, seed=(1, number)).frames[0]
        pieces = [
            torch.equal(clip[0, y : y + 16, x : x + 20].permute(2, 0, 1), window)
            for y in range(15)
            for x in range(21)
        ]
        assert sum(pieces) == 1


def test_an_aspect_of_four_sees_twice_the_width_and_half_the_height() -> None:
    clip = picture().unsqueeze(0)
    options = AugmentOptions(aspect=(4.0, 4.0))

    window = augment_clip(clip, SPEC, options, seed=(1, 1)).frames[0].float().numpy()

    seen = clip[0, 10:18].float().numpy()  # 40 x 8 pixels about the crop's centre
    columns = seen.mean(axis=0).reshape(20, 2, 3).mean(axis=1)
    assert np.abs(window.mean(axis=1) - columns.T).max() <= 8
    flat = clip[:, :, :1].expand(-1, -1, 40, -1)  # every row of one colour
    rows = augment_clip(flat, SPEC, options, seed=(1, 1)).frames[0, :, :, 0].T.float()
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
        round(
            float(augment_clip(clip, SPEC, options, seed=(1, n)).frames.float().std())
        )
        for n in range(12)
    }

    assert spreads == {0, 4}


CAMERA = AugmentOptions(camera=1.0, pan_px=5, zoom_drift=0.1, shake_px=0.0)


def ramp(steps: int) -> Tensor:
    """A clip of one picture whose red is its column and whose green is its row."""
    image = torch.zeros(30, 40, 3, dtype=torch.uint8)
    image[..., 0] = 5 * torch.arange(40)
    image[..., 1] = 5 * torch.arange(30).unsqueeze(1)
    return image.expand(steps, -1, -1, -1)


def test_a_camera_moves_smoothly_within_a_clip_and_stays_inside() -> None:
    for number in range(8):
        moved = augment_clip(ramp(40), SPEC, CAMERA, seed=(1, number)).frames.float()

        centres = moved.mean(dim=(2, 3))[:, :2] / 5  # column and row of the middle
        away = centres - torch.tensor([19.5, 13.5])
        steps = centres.diff(dim=0).abs()
        assert 0.2 < away.abs().max() <= 5.6
        assert away[:, 1].abs().max() <= 3.1
        assert steps.max() < 1.0, "no jump"


def test_a_shaking_camera_differs_from_frame_to_frame() -> None:
    options = AugmentOptions(camera=1.0, pan_px=0, zoom_drift=0, shake_px=1.0)

    moved = augment_clip(ramp(40), SPEC, options, seed=(1, 3)).frames.float()

    columns = moved[:, 0].mean(dim=(1, 2)) / 5
    assert 0.02 < float(columns.diff().std()) < 3


def test_a_camera_that_does_not_move_shows_the_same_crop() -> None:
    clip = torch.stack([picture(k) for k in range(3)])
    options = AugmentOptions(camera=1.0, pan_px=0, zoom_drift=0, shake_px=0)

    still = augment_clip(clip, SPEC, options, seed=(1, 1)).frames

    assert (still.float() - plain_clip(clip, SPEC).float()).abs().max() <= 1


def test_motion_blur_keeps_brightness_and_smears_along_its_line() -> None:
    clip = torch.zeros(4, 30, 40, 3, dtype=torch.uint8)
    clip[:, 14, 20] = 255
    options = AugmentOptions(motion_blur=1.0, motion_blur_px=9)

    spreads = []
    for number in range(20):
        blurred = augment_clip(clip, SPEC, options, seed=(1, number)).frames.float()
        assert blurred[0, 0].sum() == pytest.approx(255, abs=6)
        lit = blurred[:, 0] > 12
        spreads.append((lit.any(dim=1).sum(1).max(), lit.any(dim=2).sum(1).max()))

    across, down = (sum(int(s[k]) for s in spreads) / 20 for k in (0, 1))
    assert across > down > 0.9
    assert across > 3


def test_the_new_changes_are_the_same_for_the_same_seed() -> None:
    clip = torch.stack([picture(k) for k in range(5)])
    options = AugmentOptions(camera=0.7, motion_blur=0.7)

    first = [augment_clip(clip, SPEC, options, seed=(2, n)).frames for n in range(6)]
    again = [augment_clip(clip, SPEC, options, seed=(2, n)).frames for n in range(6)]

    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])
