"""Conversion on the card, run on the CPU: against FFmpeg's, which networks know."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.video.frame import VideoFrame

from model.engines.card_pictures import CardPictures, Colours, area_weights
from model.video.frame_spec import FrameSpec
from model.video.picture import FrameConverter
from tests.videos import draw_video, match_picture

SIZE = (320, 180)
MATRICES = {"bt601": 5, "bt709": 1}


def planes(frame: VideoFrame) -> list[torch.Tensor]:
    """The samples of a frame in memory, without the padding of its lines."""
    found = []
    for plane in frame.planes:
        data: Any = plane
        array = np.frombuffer(data, np.uint8).reshape(plane.height, plane.line_size)
        found.append(torch.from_numpy(array[:, : plane.width].copy())[None])
    return found


def drawn(*, matrix: str, is_full_range: bool, size: tuple[int, int] = SIZE) -> Any:
    """A picture of a match in YUV 4:2:0."""
    picture = VideoFrame.from_ndarray(match_picture(7, *size), format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=MATRICES[matrix],
        dst_color_range=2 if is_full_range else 1,
    )
    picture.colorspace = MATRICES[matrix]
    picture.color_range = 2 if is_full_range else 1
    return picture


@pytest.mark.parametrize("matrix", list(MATRICES))
@pytest.mark.parametrize("is_full_range", [False, True])
@pytest.mark.parametrize(
    "spec",
    [FrameSpec(98, 56), FrameSpec(160, 90), FrameSpec(224, 126, (10, 6, 200, 112))],
)
def test_pictures_are_ffmpegs(
    matrix: str, is_full_range: bool, spec: FrameSpec
) -> None:
    frame = drawn(matrix=matrix, is_full_range=is_full_range)
    expected = FrameConverter(spec).convert(frame).astype(int)
    convert = CardPictures(spec, size=SIZE, colours=Colours(matrix, is_full_range))

    found = convert.convert(*planes(frame))[0].numpy().astype(int)

    assert found.shape == expected.shape
    difference = np.abs(found - expected)
    assert difference.mean() < 1.5
    assert difference.max() <= 4
    # A wrong matrix or range is further off than that.
    wrong = Colours(matrix, not is_full_range)
    other = CardPictures(spec, size=SIZE, colours=wrong).convert(*planes(frame))[0]
    assert np.abs(other.numpy().astype(int) - expected).mean() > 2 + difference.mean()


def test_nv12_is_the_same_picture() -> None:
    frame = drawn(matrix="bt709", is_full_range=False)
    convert = CardPictures(FrameSpec(98, 56), size=SIZE, colours=Colours("bt709"))
    y, u, v = planes(frame)

    found = convert.convert_nv12(y, torch.stack((u, v), dim=-1))

    assert torch.equal(found, convert.convert(y, u, v))


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_frames_are_turned_upright_as_on_the_processor(
    turns: int, is_mirrored: bool
) -> None:
    frame = drawn(matrix="bt601", is_full_range=False)
    spec = FrameSpec(64, 64)
    converter = FrameConverter(spec)
    converter._orientation, converter._angle = (turns, is_mirrored), frame.rotation
    expected = converter.convert(frame).astype(int)
    convert = CardPictures(
        spec, size=SIZE, colours=Colours(), turns=turns, is_mirrored=is_mirrored
    )

    found = convert.convert(*planes(frame))[0].numpy().astype(int)

    assert np.abs(found - expected).max() <= 4


def test_pixels_that_are_not_square_fill_the_spec_as_on_the_processor(
    tmp_path: Path,
) -> None:
    path = tmp_path / "anamorphic.mp4"
    draw_video(path, frames=4, fps=10, size=(240, 180))
    spec = FrameSpec(128, 72)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(iter(container.decode(stream)))
    expected = FrameConverter(spec).convert(frame).astype(int)
    convert = CardPictures(spec, size=(240, 180), colours=Colours())

    found = convert.convert(*planes(frame))[0].numpy().astype(int)

    assert np.abs(found - expected).max() <= 4


@pytest.mark.parametrize(("source", "target"), [(1920, 398), (7, 3), (4, 9), (5, 5)])
def test_shares_add_to_one(source: int, target: int) -> None:
    weights = area_weights(source, target)

    assert weights.shape == (target, source)
    assert torch.allclose(weights.sum(1), torch.ones(target), atol=1e-5)
    assert (weights >= 0).all()


def test_what_cannot_be_converted_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        CardPictures(FrameSpec(8, 8), size=(7, 8), colours=Colours())
    with pytest.raises(ValueError, match="bt601"):
        CardPictures(FrameSpec(8, 8), size=(8, 8), colours=Colours("ycgco"))
