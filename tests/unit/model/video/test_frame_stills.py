"""The very frames that are asked for, whatever the file is like."""

from pathlib import Path
from typing import Any

import pytest

from model.errors import ModelError
from model.video.frame_stills import BOX, MAX_FRAMES, frames_in_child
from model.video.frame_times import FrameTimes
from model.video.timing import time_frames_in_child
from tests.videos import draw_video, read_number

pytestmark = pytest.mark.slow

WANTED = (0, 1, 13, 37, 38, 59)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "drawing"),
    [
        ("even.mp4", {"b_frames": 2, "key_every": 24}),
        ("variable.mkv", {"times_ms": [40 * k + 13 * (k % 3) for k in range(60)]}),
        ("late.ts", {"start_ms": 60_000}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
    ],
)
def test_the_frames_given_are_those_asked_for(
    tmp_path: Path, name: str, drawing: dict[str, Any]
) -> None:
    path = tmp_path / name
    draw_video(path, frames=60, **{"fps": 25, **drawing})
    times = time_frames_in_child(path).frame_times
    told: list[int] = []

    found = frames_in_child(path, WANTED[::-1], times=times, on_frame=told.append)

    assert {frame: read_number(image) for frame, image in found.items()} == {
        frame: frame for frame in WANTED
    }
    assert told[-1] == len(WANTED)


def test_times_that_are_not_the_files_own_still_give_the_frame_of_that_number(
    tmp_path: Path,
) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=60, fps=25)
    supposed = FrameTimes.constant(fps=24, frames=60)

    found = frames_in_child(path, [44], times=supposed)

    assert read_number(found[44]) == 44


@pytest.mark.costly
def test_pictures_are_upright_small_and_not_more_than_there_are_frames(
    tmp_path: Path,
) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=10, fps=25, size=(640, 480))
    times = time_frames_in_child(path).frame_times

    found = frames_in_child(path, [3, 10, -1], times=times)

    assert list(found) == [3]
    assert found[3].shape == (BOX.height, BOX.height * 4 // 3, 3)
    assert frames_in_child(path, [], times=times) == {}
    with pytest.raises(ValueError, match="more than"):
        frames_in_child(
            *(path, range(MAX_FRAMES + 1)),
            times=FrameTimes.constant(fps=25, frames=200),
        )


def test_a_file_that_is_no_video_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video at all")

    with pytest.raises(ModelError):
        frames_in_child(path, [1], times=FrameTimes.constant(fps=25, frames=60))
