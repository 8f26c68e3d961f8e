"""Small stills, evenly spaced, and a poster, from key frames alone."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.errors import (
    DecoderCrashed,
    ModelError,
    NoVideoStream,
    UnreadableVideo,
    UnsupportedMedia,
    VideoLimitExceeded,
)
from model.video.frame_spec import FrameSpec
from model.video.limits import MediaLimits
from model.video.ring import Ring
from model.video.shared_memory import create_memory
from model.video.stills import POSTER, TILE, read_stills, stills_in_child
from tests.videos import (
    Image,
    cut_off,
    draw_sound,
    draw_video,
    keep_packets,
    match_picture,
    read_number,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["match.mp4", "match.mkv", "match.ts", "match.avi"])
def test_every_container_gives_the_key_frames_before_each_second(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    draw_video(path, frames=100, fps=10, key_every=10)

    stills = stills_in_child(path)

    assert [read_number(tile) for tile in stills.tiles] == list(range(0, 100, 10))
    assert stills.times_s == pytest.approx(range(10), abs=0.11)
    assert stills.duration_s == pytest.approx(10, abs=0.11)


@pytest.mark.parametrize(
    ("name", "drawing"),
    [
        ("b-frames.mp4", {"b_frames": 2}),
        ("hevc.mp4", {"codec": "libx265"}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("mpeg4.avi", {"codec": "mpeg4"}),
        ("mpeg2.ts", {"codec": "mpeg2video", "fps": 25, "frames": 75}),
        ("fields.ts", {"interlaced": True}),
        ("ten-bit.mp4", {"pix_fmt": "yuv420p10le"}),
        ("late.ts", {"start_ms": 60_000}),
        ("live.mkv", {"options": {"live": "1"}}),
        ("sound.mp4", {"sound": True}),
    ],
)
def test_any_allowed_kind_of_video_has_tiles_that_are_read_right(
    tmp_path: Path, name: str, drawing: dict[str, object]
) -> None:
    path = tmp_path / name
    draw_video(path, **{"frames": 60, "fps": 20, "key_every": 10, **drawing})  # type: ignore[arg-type]  # options of several types
    fps = float(str(drawing.get("fps", 20)))

    stills = stills_in_child(path)

    numbers = [read_number(tile) for tile in stills.tiles]
    assert len(numbers) == 3
    assert [number / fps for number in numbers] == pytest.approx(
        stills.times_s, abs=0.16
    )
    assert numbers == sorted(set(numbers))


def test_there_are_never_more_tiles_than_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=100, fps=5, key_every=1)

    stills = stills_in_child(path, max_tiles=4)

    assert [read_number(tile) for tile in stills.tiles] == [0, 25, 50, 75]


@pytest.mark.costly
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turned_videos_stand_upright_at_their_aspect(
    tmp_path: Path, rotation: int
) -> None:
    path = tmp_path / "phone.mp4"
    draw_video(
        path, frames=20, fps=10, key_every=1, size=(1280, 720), rotation=rotation
    )

    stills = stills_in_child(path)

    is_portrait = rotation in (90, 270)
    assert stills.tiles[0].shape == ((90, 50, 3) if is_portrait else (90, 160, 3))
    assert stills.poster.shape == ((360, 202, 3) if is_portrait else (360, 640, 3))
    assert read_number(stills.tiles[1]) == 10
    assert read_number(stills.poster) == 2


def test_a_small_video_is_not_blown_up(tmp_path: Path) -> None:
    draw_video(tmp_path / "tiny.mp4", frames=5, size=(96, 54))

    stills = stills_in_child(tmp_path / "tiny.mp4")

    assert stills.tiles[0].shape == stills.poster.shape == (54, 96, 3)


def test_one_key_frame_is_one_tile_and_the_poster(tmp_path: Path) -> None:
    draw_video(tmp_path / "one.mp4", frames=100, fps=10, key_every=1000)

    stills = stills_in_child(tmp_path / "one.mp4")

    assert stills.times_s == (0.0,)
    assert len(stills.tiles) == 1
    assert stills.poster.shape == (96, 160, 3)


def test_a_single_frame_is_enough(tmp_path: Path) -> None:
    draw_video(tmp_path / "still.mp4", frames=1)

    assert len(stills_in_child(tmp_path / "still.mp4").tiles) == 1


def test_a_video_that_lost_its_only_key_frame_is_refused(tmp_path: Path) -> None:
    whole, headless = tmp_path / "whole.ts", tmp_path / "headless.ts"
    draw_video(whole, frames=60, fps=20, key_every=1000)
    keep_packets(whole, headless, keep=lambda index, packet: index > 0)

    with pytest.raises(UnreadableVideo, match="could be decoded"):
        stills_in_child(headless)


def test_a_video_that_lost_its_first_key_frame_starts_with_the_next(
    tmp_path: Path,
) -> None:
    whole, late = tmp_path / "whole.ts", tmp_path / "late.ts"
    draw_video(whole, frames=100, fps=10, key_every=20)
    keep_packets(whole, late, keep=lambda index, packet: index > 0)

    numbers = [read_number(tile) for tile in stills_in_child(late).tiles]

    assert numbers == [20, 40, 60, 80]


def faded_in(number: int, width: int, height: int) -> Image:
    if number < 30:
        return np.zeros((height, width, 3), np.uint8)
    return match_picture(number, width, height)


@pytest.mark.costly
def test_the_poster_is_not_black_if_it_can_be_helped(tmp_path: Path) -> None:
    path = tmp_path / "fade.mp4"
    draw_video(path, frames=100, fps=10, key_every=10, paint=faded_in)

    stills = stills_in_child(path)

    assert stills.poster.mean() > 30
    assert stills.tiles[0].mean() < 5


def black(number: int, width: int, height: int) -> Image:
    return np.zeros((height, width, 3), np.uint8)


def test_a_video_that_is_black_throughout_has_a_black_poster(tmp_path: Path) -> None:
    draw_video(tmp_path / "black.mp4", frames=20, paint=black)

    assert stills_in_child(tmp_path / "black.mp4").poster.mean() < 5


def test_a_poster_comes_from_about_a_tenth_into_the_video(tmp_path: Path) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=200, fps=10, key_every=5)

    assert read_number(stills_in_child(path).poster) == 20


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fast.mp4", {"movflags": "faststart"}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.avi", {}),
    ],
)
def test_a_file_that_ends_early_gives_what_it_has(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    draw_video(tmp_path / name, frames=100, fps=10, key_every=10, options=options)
    cut = tmp_path / f"cut-{name}"
    cut_off(tmp_path / name, cut, keep=0.6)

    stills = stills_in_child(cut)

    numbers = [read_number(tile) for tile in stills.tiles]
    assert numbers == list(range(0, 10 * len(numbers), 10))
    assert 3 <= len(numbers) <= 8


def scratched(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data) // 2, 7):
        data[at] ^= 0xFF
    path.write_bytes(bytes(data))


@pytest.mark.costly
@pytest.mark.parametrize("name", ["match.mp4", "match.mkv", "match.ts", "match.avi"])
def test_a_scratched_file_gives_the_rest(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    draw_video(path, frames=100, fps=10, key_every=10, paint=match_picture)
    scratched(path)

    stills = stills_in_child(path)

    assert stills.poster.std() > 0
    assert list(stills.times_s) == sorted(set(stills.times_s))


def draw_text(path: Path) -> None:
    path.write_text("Dear referee, please find attached...")


def draw_playlist(path: Path) -> None:
    path.write_text("#EXTM3U\nneighbour.mp4\n")


def draw_headless(path: Path) -> None:
    draw_video(path, frames=60)
    cut_off(path, path, keep=0.5)


@pytest.mark.parametrize(
    ("draw", "error"),
    [
        (draw_text, UnreadableVideo),
        (draw_playlist, UnsupportedMedia),
        (draw_sound, NoVideoStream),
        (draw_headless, UnreadableVideo),
        (Path.touch, UnreadableVideo),
    ],
)
def test_what_is_no_video_is_refused_as_for_spotting(
    tmp_path: Path, draw: Callable[[Path], None], error: type[ModelError]
) -> None:
    draw(tmp_path / "match.mp4")

    with pytest.raises(error):
        stills_in_child(tmp_path / "match.mp4")


@pytest.mark.parametrize(
    "limits",
    [MediaLimits(max_duration_s=1.5), MediaLimits(max_pixels=160 * 96 - 1)],
)
def test_limits_hold_as_for_spotting(tmp_path: Path, limits: MediaLimits) -> None:
    draw_video(tmp_path / "match.mp4", frames=60)

    with pytest.raises(VideoLimitExceeded):
        stills_in_child(tmp_path / "match.mp4", limits=limits)


def test_no_time_left_still_gives_a_poster(tmp_path: Path) -> None:
    draw_video(tmp_path / "match.mp4", frames=100, fps=10, key_every=10)

    stills = stills_in_child(tmp_path / "match.mp4", time_limit_s=-1)

    assert len(stills.tiles) == 1
    assert stills.poster.shape == (96, 160, 3)


def empty_ring(spec: FrameSpec, *, slots: int) -> Ring:
    descriptor = create_memory(slots * spec.step_bytes)
    ring = Ring(descriptor, spec, slots=slots)
    os.close(descriptor)
    return ring


SENSE = {"duration_s": 9.0, "times_s": [0, 1], "tile": [16, 9], "poster": [64, 36]}


@pytest.mark.parametrize(
    "nonsense",
    [
        {"times_s": []},
        {"times_s": [1, 1]},
        {"times_s": [2, 1]},
        {"times_s": [0, 1, 2]},
        {"times_s": [float("nan")]},
        {"times_s": [0, float("inf")]},
        {"times_s": [10**400]},
        {"times_s": 7},
        {"duration_s": -1},
        {"duration_s": float("nan")},
        {"duration_s": None},
        {"tile": [161, 90]},
        {"tile": [0, 90]},
        {"tile": [float("inf"), 90]},
        {"poster": [640]},
        {"poster": "poster"},
    ],
    ids=str,
)
def test_what_a_decoding_process_makes_up_is_refused(
    nonsense: dict[str, object],
) -> None:
    tiles, poster = empty_ring(TILE, slots=2), empty_ring(POSTER, slots=1)

    assert len(read_stills(SENSE, tiles, poster).tiles) == 2
    with pytest.raises(DecoderCrashed, match="invalid message"):
        read_stills({**SENSE, **nonsense}, tiles, poster)
