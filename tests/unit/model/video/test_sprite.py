"""JPEG files, sheets of tiles, and the cues that find each tile again."""

import io
import re

import av
import numpy as np
import pytest

from model.video.jpeg import encode_jpeg
from model.video.picture import Image
from model.video.sprite import make_cues, make_sheet
from tests.videos import match_picture, number_picture, read_number


def decoded(data: bytes) -> Image:
    with av.open(io.BytesIO(data), "r", format="jpeg_pipe") as file:
        return np.asarray(
            next(file.decode(video=0)).to_ndarray(format="rgb24"), np.uint8
        )


@pytest.mark.parametrize("size", [(640, 360), (161, 91), (2, 2), (1600, 900)])
def test_a_jpeg_shows_what_went_in(size: tuple[int, int]) -> None:
    image = match_picture(7, *size)

    data = encode_jpeg(image)

    assert data.startswith(b"\xff\xd8\xff")
    assert data.endswith(b"\xff\xd9")
    back = decoded(data)
    assert back.shape == image.shape
    assert np.abs(back.astype(int) - image).mean() < 8


def test_levels_keep_their_whole_range() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 255

    back = decoded(encode_jpeg(image))

    assert back[:, :24].max() < 6
    assert back[:, 40:].min() > 249


@pytest.mark.parametrize("count", [1, 9, 10, 11, 100])
def test_each_cue_points_at_its_tile_in_the_sheet(count: int) -> None:
    tiles = [number_picture(number, 80, 48) for number in range(count)]
    times_s = [number * 1.5 for number in range(count)]

    back = decoded(encode_jpeg(make_sheet(tiles)))
    cues = make_cues(
        times_s, duration_s=count * 1.5, width=80, height=48, image="sheet.jpg"
    )

    places = re.findall(r"sheet\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)", cues)
    cut_out = [
        back[int(y) : int(y) + int(h), int(x) : int(x) + int(w)]
        for x, y, w, h in places
    ]
    assert [read_number(tile) for tile in cut_out] == list(range(count))


def test_cues_cover_the_video_without_a_gap() -> None:
    cues = make_cues(
        [0.25, 10.0, 3661.5], duration_s=3700, width=160, height=90, image="s.jpg"
    )

    assert cues == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:10.000\ns.jpg#xywh=0,0,160,90\n\n"
        "00:00:10.000 --> 01:01:01.500\ns.jpg#xywh=160,0,160,90\n\n"
        "01:01:01.500 --> 01:01:40.000\ns.jpg#xywh=320,0,160,90\n"
    )


def test_the_last_cue_has_a_length_even_if_the_header_lies() -> None:
    cues = make_cues([0.0, 5.0], duration_s=3, width=16, height=9, image="s.jpg")

    assert "00:00:05.000 --> 00:00:05.001" in cues


def test_a_sheet_needs_a_tile() -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_sheet([])
