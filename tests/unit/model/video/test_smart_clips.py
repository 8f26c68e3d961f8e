"""Smart cuts: the frames asked for, only the borders encoded anew, sound in step.

Files are decoded by PyAV and by the `ffmpeg` program, which stops at any error.
"""

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from model.video.cuts import Cut
from model.video.h264 import Framing, UnsupportedStream, read_extradata, with_lengths
from tests.made_clips import IN_STEP_S, assert_shows, beeps, make
from tests.sounds import beep, heard
from tests.videos import draw_video

pytestmark = pytest.mark.slow

UNEVEN_MS = [n * 40 + (n % 3) * 7 + (n >= 70) * 500 for n in range(150)]
SMART: dict[str, dict[str, Any]] = {
    "plain.mp4": {},
    "b-frames.mp4": {"b_frames": 3, "sound": True},
    "b-frames.mkv": {"b_frames": 2, "sound": True},
    "b-frames.ts": {"b_frames": 2, "sound": True, "start_ms": 5000},
    "ntsc.mp4": {"fps": Fraction(30_000, 1001), "b_frames": 2},
    "uneven.mkv": {"times_ms": UNEVEN_MS, "b_frames": 2},
    "upright.mov": {"rotation": 90, "size": (160, 96)},
    "full-range.mp4": {"full_range": True, "pix_fmt": "yuvj420p"},
    "odd.mp4": {"size": (178, 100)},
}
# On and off key frames (each 12th), in the middle of groups, without one inside.
CUTS = [Cut(100, 140), Cut(12, 36), Cut(13, 50), Cut(3, 9), Cut(0, 150)]


@pytest.mark.costly
@pytest.mark.parametrize("name", SMART)
def test_only_borders_are_encoded_and_every_frame_is_there(
    tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    draw_video(source, **{"frames": 150, "fps": 25, **SMART[name]})
    files = [CUTS, CUTS[:1]]

    made, times, paths = make(source, tmp_path, files, mode="smart")

    assert made.mode == "smart"
    for path, cuts in zip(paths, files, strict=True):
        assert_shows(path, cuts, times)
        assert_plays(path)
    # All but what lies before the first key frame of a cut and behind the last frame
    # that may end one: the same bytes as in the video.
    assert made.copied_frames > made.frames / 2
    assert sum(copied(source, path) for path in paths) >= made.copied_frames


def assert_plays(path: Path) -> None:
    """FFmpeg decodes it to the end without a word."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "md5", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def copied(source: Path, clip: Path) -> int:
    """Count the pictures of a clip that stand in its source byte by byte."""
    known = pictures(source)
    return sum(one in known for one in pictures(clip))


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        framing, sets = read_extradata(stream.codec_context.extradata or b"")
        return [
            with_lengths(framing.units(bytes(packet)), sets)
            for packet in container.demux(stream)
            if packet.size
        ]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hevc.mp4", {"codec": "libx265"}),
        ("h264.avi", {"b_frames": 2}),
        ("deep.mkv", {"pix_fmt": "yuv420p10le"}),
        ("rich.mkv", {"pix_fmt": "yuv444p"}),
        ("one-group.mp4", {"key_every": 250}),
        ("fields.mp4", {"interlaced": True}),
    ],
)
def test_what_cannot_be_cut_smartly_is_encoded(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    source, cuts = tmp_path / name, [Cut(5, 40), Cut(61, 80)]
    draw_video(source, **{"frames": 90, **options})

    made, times, (path,) = make(source, tmp_path, [cuts], mode="smart")

    assert (made.mode, made.copied_frames) == ("exact", 0)
    assert_shows(path, cuts, times)


@pytest.mark.costly
def test_open_groups_are_copied_from_the_next_closed_one_only(tmp_path: Path) -> None:
    """x264 writes IDR pictures at the beginning alone, then open groups."""
    drawn, source = tmp_path / "drawn.mkv", tmp_path / "open.mp4"
    draw_video(drawn, frames=120, key_every=1)
    subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-i", drawn, "-c:v", "libx264", "-bf", "3"),
            *("-x264-params", "open-gop=1:keyint=12:scenecut=0", source),
        ],
        check=True,
    )
    cuts = [Cut(30, 100), Cut(0, 60)]

    made, times, (path,) = make(source, tmp_path, [cuts], mode="smart")

    assert_shows(path, cuts, times)
    assert_plays(path)
    assert 40 <= made.copied_frames <= 60  # of the second cut alone


@pytest.mark.costly
@pytest.mark.parametrize("name", ["aac.mp4", "aac.ts", "mp2.ts", "opus.mkv"])
def test_the_sound_of_smart_cuts_is_in_step(tmp_path: Path, name: str) -> None:
    bare, source = tmp_path / f"bare-{name}", tmp_path / name
    codecs = {"mp2.ts": "mp2", "opus.mkv": "libopus"}
    draw_video(bare, frames=150)
    beep(
        *(source, bare, [0.75, 1.5, 2.25, 4.0]),
        length_s=5.0,
        codec=codecs.get(name, "aac"),
    )
    cuts = [Cut(100, 140), Cut(10, 40), Cut(61, 75)]

    made, times, (path,) = make(source, tmp_path, [cuts], mode="smart")

    assert made.mode == "smart"
    assert heard(path) == pytest.approx(beeps(source, times, cuts), abs=IN_STEP_S)


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x01\x64\x00\x1f\xff\xe1\x00\xff", b"\x00\x00\x01\x09\x10"]
)
def test_what_is_no_head_of_a_stream_is_not_understood(data: bytes) -> None:
    with pytest.raises(UnsupportedStream):
        read_extradata(data)


def test_a_unit_that_is_cut_off_is_not_understood() -> None:
    with pytest.raises(UnsupportedStream):
        list(Framing(4).units(b"\x00\x00\x00\x09\x65"))
