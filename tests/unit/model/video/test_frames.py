"""Frames that somebody else decoded become the steps of a decoded file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.video.decode import iter_steps
from model.video.frame_spec import FrameSpec
from model.video.frames import steps_of_frames
from tests.videos import Image, draw_video, number_picture, read_number

SPEC = FrameSpec(width=96, height=54, fps=15.0)


def _numbered(
    times: list[float], size: tuple[int, int] = (160, 96)
) -> Iterator[tuple[float, Image]]:
    return ((time, number_picture(k, *size)) for k, time in enumerate(times))


@pytest.mark.parametrize("fps", [10, 15, 25, 30, 60])
def test_frames_are_chosen_as_those_of_a_file(tmp_path: Path, fps: int) -> None:
    path = tmp_path / "numbers.mp4"
    times = draw_video(path, frames=40, fps=fps)

    steps = list(steps_of_frames(_numbered(times), SPEC))

    of_file = list(iter_steps(path, SPEC))
    assert [step.frame for step in steps] == [step.frame for step in of_file]
    assert [step.time_s for step in steps] == pytest.approx(
        [step.time_s for step in of_file]
    )
    assert [read_number(step.image) for step in steps] == [s.frame for s in steps]


def test_times_count_from_the_first_frame_and_are_told_as_given() -> None:
    later = [3600.0 + k / 30 for k in range(30)]

    steps = list(steps_of_frames(_numbered(later), SPEC))

    assert [step.frame for step in steps] == list(range(0, 30, 2))
    assert [step.time_s for step in steps] == later[::2]


def test_a_picture_of_the_spec_s_size_stays_as_it_is_and_is_a_copy() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (54, 96, 3), dtype=np.uint8)
    before = picture.copy()

    def reused() -> Iterator[tuple[float, Image]]:
        yield 0.0, picture
        picture[:] = 0  # As a decoder does that has one buffer.
        yield 1 / 15, picture

    steps = steps_of_frames(reused(), SPEC)

    assert np.array_equal(next(steps).image, before)
    assert not next(steps).image.any()


def test_frames_are_cropped_and_may_change_their_size() -> None:
    spec = FrameSpec(width=96, height=54, crop=(48, 0, 48, 27), fps=15.0)
    blue = np.zeros((108, 192, 3), np.uint8)
    blue[:54, 96:] = (0, 0, 255)
    small = blue[::2, ::2]  # not contiguous either

    steps = list(steps_of_frames([(0.0, blue), (1 / 15, small)], spec))

    for step in steps:
        assert step.image.shape == (27, 48, 3)
        assert (step.image[1:-1, 1:-1] == (0, 0, 255)).all()


GOOD = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ([], "no frame"),
        ([GOOD, GOOD], "no pair"),
        ([(0.0, GOOD), (0.0, GOOD)], "not later"),
        ([(1.0, GOOD), (0.5, GOOD)], "frame 1 is at 0.5 s"),
        ([(float("nan"), GOOD)], "no time"),
        ([("x", GOOD)], "no pair"),
        ([(0.0, GOOD[..., 0])], r"\(4, 4\) uint8"),
        ([(0.0, GOOD.astype(np.float32))], "float32"),
        ([(0.0, np.zeros((4, 4, 4), np.uint8))], r"\(4, 4, 4\)"),
        ([(0.0, np.zeros((0, 4, 3), np.uint8))], r"\(0, 4, 3\)"),
    ],
)
def test_what_is_no_frame_is_named(frames: list[object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        list(steps_of_frames(frames, SPEC))  # type: ignore[arg-type]  # that is it
