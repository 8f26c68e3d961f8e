"""From a decoded frame to the network's pixels: upright, scaled, cropped, in colour."""

import gc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from model.video.decode import iter_steps
from model.video.frame_spec import FrameSpec
from model.video.picture import FrameConverter, Image
from tests.videos import area_weights, draw_video, match_picture, read_number

COLOURS = ((235, 20, 20), (20, 200, 40), (30, 40, 220), (128, 128, 128))


def first_image(path: Path, spec: FrameSpec) -> Image:
    return next(iter_steps(path, spec)).image


def colour_bars(number: int, width: int, height: int) -> Image:
    image = np.zeros((height, width, 3), np.uint8)
    for at, colour in enumerate(COLOURS):
        image[:, at * width // 4 : (at + 1) * width // 4] = colour
    return image


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_picture_is_put_upright(
    tmp_path: Path, rotation: int, hflip: bool
) -> None:
    path = tmp_path / "turned.mp4"
    draw_video(path, frames=12, size=(160, 96), rotation=rotation, hflip=hflip)

    steps = list(iter_steps(path, FrameSpec(120, 90, fps=30.0)))

    assert [read_number(step.image) for step in steps] == list(range(12))
    assert steps[0].image.shape == (90, 120, 3)


@pytest.mark.parametrize(
    "drawn",
    [
        {},
        {"full_range": True},
        {"pix_fmt": "yuv422p"},
        {"bt709": True},
        {"bt709": True, "full_range": True},
        {"pix_fmt": "yuv420p10le"},
        {"pix_fmt": "yuv444p"},
        {"codec": "libx265", "pix_fmt": "yuv420p10le", "bt709": True},
    ],
)
def test_colours_come_out_as_they_were_painted(
    tmp_path: Path, drawn: dict[str, Any]
) -> None:
    path = tmp_path / "bars.mp4"
    draw_video(path, frames=3, paint=colour_bars, **drawn)

    image = first_image(path, FrameSpec(160, 96))

    for at, colour in enumerate(COLOURS):
        seen = image[40:56, at * 40 + 12 : at * 40 + 28].mean(axis=(0, 1))
        assert seen == pytest.approx(colour, abs=5)


def test_the_crop_is_cut_from_the_scaled_picture(tmp_path: Path) -> None:
    path = tmp_path / "crop.mp4"
    draw_video(path, frames=3)
    whole = first_image(path, FrameSpec(80, 48))

    cropped = first_image(path, FrameSpec(80, 48, crop=(10, 4, 33, 21)))

    assert np.array_equal(cropped, whole[4:25, 10:43])
    assert cropped.flags.c_contiguous


def test_the_picture_is_scaled_by_the_mean_of_the_area(tmp_path: Path) -> None:
    def fine_stripes(number: int, width: int, height: int) -> Image:
        image = np.zeros((height, width, 3), np.uint8)
        image[:, ::2] = 200
        return image

    path = tmp_path / "stripes.mkv"
    draw_video(path, frames=2, paint=fine_stripes, pix_fmt="yuv444p", size=(160, 96))

    image = first_image(path, FrameSpec(40, 24))

    assert image[4:-4, 4:-4].astype(int) == pytest.approx(100, abs=8)


@pytest.mark.costly
@pytest.mark.parametrize("size", [(75, 48), (75, 47), (91, 64)])
@pytest.mark.slow
def test_every_pixel_is_the_mean_of_its_area_to_the_last_column(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=2, size=(320, 192), paint=match_picture)
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
    whole = picture.to_ndarray(format="rgb24").astype(float)

    image = FrameConverter(FrameSpec(*size)).convert(picture)

    across, down = area_weights(320, size[0]), area_weights(192, size[1])
    wanted = np.einsum("yh,hwc,xw->yxc", down, whole, across)
    distance = np.abs(image - wanted)
    assert distance.mean() < 4
    assert distance[:, -3:].mean() < 4
    assert distance[-3:].mean() < 4


def test_a_width_that_is_no_multiple_of_anything_has_no_padding(
    tmp_path: Path,
) -> None:
    path = tmp_path / "odd.mp4"
    draw_video(path, frames=3, size=(162, 98))

    steps = list(iter_steps(path, FrameSpec(37, 23, fps=30.0)))

    assert [read_number(step.image) for step in steps] == [0, 1, 2]
    assert steps[0].image.shape == (23, 37, 3)


def test_a_painted_frame_gives_its_memory_back_at_once(tmp_path: Path) -> None:
    draw_video(tmp_path / "match.mp4", frames=120, rotation=90)
    converter = FrameConverter(FrameSpec(80, 48))
    places = []

    gc.disable()
    try:
        with av.open(str(tmp_path / "match.mp4")) as container:
            for picture in container.decode(video=0):
                converter.convert(picture)
                places.append(picture.planes[0].buffer_ptr)
    finally:
        gc.enable()

    assert len(places) == 120
    assert len(set(places)) < 40  # The decoder takes the same few again and again.
