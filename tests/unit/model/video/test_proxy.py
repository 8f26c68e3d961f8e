"""Proxies: the very same frames at the very same times, in what every browser plays.

What is written is read by PyAV and ffprobe as it stands, not by way of our clock.
"""

import json
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from model.errors import Canceled, NoRoom, UnreadableVideo, UnsupportedMedia
from model.video import proxy
from model.video.faststart import with_index_first
from model.video.probe import probe
from model.video.proxy import Proxy, make_proxy_in_child
from model.video.timing import time_frames_in_child
from tests.shared_data import shared_file
from tests.sounds import beep, heard
from tests.videos import draw_video, join_bytes, read_number

pytestmark = pytest.mark.slow

UNEVEN_MS = [0, 33, 50, 70, 400, 433, 441, 500, 520, 533, 1600, 1633]
SAME_S = 1.5e-6
IN_STEP_S = 0.02


def make(path: Path, folder: Path, **options: Any) -> tuple[Proxy, Path]:
    """Make a proxy and put its index first, as the product does."""
    target = folder / "proxy.mp4"
    facts = probe(path)
    with tempfile.TemporaryFile() as scratch:
        made = make_proxy_in_child(
            path,
            scratch.fileno(),
            duration_s=facts.duration_s,
            fps=facts.fps,
            **options,
        )
        target.write_bytes(b"".join(with_index_first(scratch.fileno())))
    return made, target


def pictures(path: Path) -> list[tuple[float, np.ndarray[Any, Any]]]:
    """Read times as the file states them, with RGB pictures."""
    with av.open(str(path)) as container:
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24"))
            for frame in container.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]


def assert_same_times(path: Path, made: Proxy, source: Path) -> None:
    wanted = time_frames_in_child(source).frame_times.times_s.tolist()
    got = [at for at, _ in pictures(path)]
    assert made.frame_times.times_s.tolist() == wanted
    assert got == pytest.approx(wanted, abs=SAME_S)


CASES: dict[str, dict[str, Any]] = {
    "hevc.mkv": {"codec": "libx265", "b_frames": 2},
    "hevc-10-bit.mp4": {"codec": "libx265", "pix_fmt": "yuv420p10le", "b_frames": 2},
    "h264-10-bit.mp4": {"pix_fmt": "yuv420p10le", "b_frames": 3},
    "h264-422.mov": {"pix_fmt": "yuv422p"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "mpeg2.ts": {"codec": "mpeg2video", "fps": 25, "b_frames": 2},
    "h264.ts": {"b_frames": 2, "start_ms": 7000, "sound": True},
    "mpeg4.avi": {"codec": "mpeg4"},
    "ntsc.mkv": {"fps": Fraction(30_000, 1001), "b_frames": 2},
    "uneven.mkv": {"times_ms": UNEVEN_MS, "b_frames": 2},
    "uneven-late.mkv": {"times_ms": UNEVEN_MS, "start_ms": 3456, "sound": True},
    "full-range.mp4": {"full_range": True},
    "interlaced.ts": {"codec": "mpeg2video", "fps": 25, "interlaced": True},
    "vp9.webm": {"codec": "libvpx-vp9", "frames": 12},
    "upright.mov": {"rotation": 90, "size": (160, 96)},
    "upside-down.mov": {"rotation": 180},
    "mirrored.mov": {"rotation": 270, "hflip": True},
    "large.mkv": {"size": (2560, 1440), "frames": 4},
    "tall.mkv": {"size": (720, 1600), "frames": 4},
    "one-frame.mkv": {"frames": 1},
}


@pytest.mark.costly
@pytest.mark.parametrize("name", CASES)
def test_each_frame_is_there_at_its_time_and_shows_what_it_showed(
    tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    options: dict[str, Any] = {"frames": 30, **CASES[name]}
    draw_video(source, **options)

    made, path = make(source, tmp_path)

    assert_same_times(path, made, source)
    frames = len(options.get("times_ms", range(options["frames"])))
    shown = [read_number(picture) for _, picture in pictures(path)]
    assert shown == list(range(frames))
    facts = probe(path)
    assert (facts.codec, facts.pixel_format, facts.rotation) == ("h264", "yuv420p", 0)
    assert (facts.width, facts.height) == (made.width, made.height)
    assert max(facts.width, facts.height) <= 1280
    assert facts.width % 2 == facts.height % 2 == 0


@pytest.mark.costly
def test_sides_that_are_turned_or_too_long_or_odd_come_out_right(
    tmp_path: Path,
) -> None:
    sizes = {}
    for name in ("upright.mov", "large.mkv", "tall.mkv"):
        draw_video(tmp_path / name, **{"frames": 2, **CASES[name]})
        made, _ = make(tmp_path / name, tmp_path)
        sizes[name] = (made.width, made.height)
    draw_video(
        tmp_path / "odd.mkv",
        codec="libx264rgb",
        pix_fmt="rgb24",
        frames=2,
        size=(101, 77),
    )
    made, _ = make(tmp_path / "odd.mkv", tmp_path)

    assert sizes == {
        "upright.mov": (96, 160),
        "large.mkv": (1280, 720),
        "tall.mkv": (576, 1280),
    }
    assert abs(made.width - 101) <= 1
    assert abs(made.height - 77) <= 1


@pytest.mark.costly
def test_the_index_comes_first_and_key_frames_often(tmp_path: Path) -> None:
    draw_video(tmp_path / "match.mkv", codec="libx265", frames=120, key_every=120)

    _, path = make(tmp_path / "match.mkv", tmp_path)

    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        keys = [one.pts for one in container.demux(video=0) if one.is_keyframe]
    assert len(keys) >= 4


@pytest.mark.costly
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe on the PATH")
@pytest.mark.parametrize("name", ["uneven-late.mkv", "h264.ts", "hevc-10-bit.mp4"])
def test_ffprobe_reads_the_same_times(tmp_path: Path, name: str) -> None:
    draw_video(tmp_path / name, **{"frames": 30, **CASES[name]})

    made, path = make(tmp_path / name, tmp_path)

    asked = "-v error -select_streams v:0 -show_entries frame=pts_time -of json"
    command = ["ffprobe", *asked.split(), str(path)]
    said = subprocess.run(command, capture_output=True, check=True)
    got = [float(one["pts_time"]) for one in json.loads(said.stdout)["frames"]]
    assert got == pytest.approx(made.frame_times.times_s.tolist(), abs=SAME_S)


@pytest.mark.nightly
def test_videos_of_others_keep_their_times(tmp_path: Path) -> None:
    folder, encrypted = shared_file("cases/video/lpms__skip_1.ts").parent, 0
    for source in sorted(folder.iterdir()):
        try:
            made, path = make(source, tmp_path)
        except UnsupportedMedia:
            encrypted += 1
            continue
        assert_same_times(path, made, source)
    assert encrypted == 1


SOUNDS: dict[str, dict[str, Any]] = {
    "aac.mp4": {},
    "aac.mkv": {"rate": 44_100},
    "opus.mkv": {"codec": "libopus"},
    "mp2.ts": {"codec": "mp2"},
    "mp3.avi": {"codec": "libmp3lame"},
    "pcm.mov": {"codec": "pcm_s16le"},
    "late.mkv": {"start_s": 0.7},
    "early.mkv": {"start_s": -0.4},
    "paused.mkv": {"pause": (0.8, 1.4)},
}


@pytest.mark.costly
@pytest.mark.parametrize("name", SOUNDS)
def test_sound_stays_in_step(tmp_path: Path, name: str) -> None:
    beeps_s = [0.75, 1.5, 2.25]
    bare, source = tmp_path / f"bare-{name}", tmp_path / name
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    start_ms = 1000 if name == "early.mkv" else 0
    draw_video(bare, frames=90, start_ms=start_ms, codec=codec)
    options = dict(SOUNDS[name])
    first_s = start_ms / 1000
    if name == "early.mkv":  # The file's start is that of its sound then.
        options["start_s"] += first_s
        beeps_s = [at + first_s for at in beeps_s]
    beep(source, bare, beeps_s, **options)

    made, path = make(source, tmp_path)

    assert made.has_sound
    assert_same_times(path, made, source)
    with av.open(str(source)) as container:
        start_s = probe(source).start_time_s
        assert container.streams.audio[0].codec_context.name
    in_source = [at - start_s for at in heard(source)]
    assert len(in_source) == 3
    assert heard(path) == pytest.approx(in_source, abs=IN_STEP_S)


@pytest.mark.costly
def test_sound_goes_on_where_the_clock_of_joined_recordings_begins_again(
    tmp_path: Path,
) -> None:
    parts = []
    for number in range(2):
        bare, part = tmp_path / f"bare{number}.ts", tmp_path / f"part{number}.ts"
        draw_video(bare, frames=90, start_ms=20_000 * (1 - number))
        start_s = 20.0 * (1 - number)
        beep(part, bare, [start_s + 1.0], codec="mp2", start_s=start_s)
        parts.append(part)
    joined = tmp_path / "joined.ts"
    join_bytes(parts, joined)

    made, path = make(joined, tmp_path)

    assert made.tally.restarts == 1
    assert_same_times(path, made, joined)
    second_s = made.frame_times.time_of(90)
    assert heard(path) == pytest.approx([1.0, second_s + 1.0], abs=IN_STEP_S)


def test_a_sound_that_cannot_be_decoded_leaves_a_silent_proxy(tmp_path: Path) -> None:
    bare, source = tmp_path / "bare.avi", tmp_path / "adpcm.avi"
    draw_video(bare, codec="mpeg4", frames=30)
    beep(source, bare, [0.5], codec="adpcm_ms")

    made, path = make(source, tmp_path)

    assert not made.has_sound
    with av.open(str(path)) as container:
        assert not container.streams.audio


@pytest.mark.costly
def test_a_cancel_leaves_no_process(tmp_path: Path) -> None:
    draw_video(tmp_path / "long.mkv", frames=3000, size=(64, 48), fps=100)

    def stop(time_s: float) -> None:
        raise Canceled("enough")

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(Canceled):
        make(tmp_path / "long.mkv", tmp_path, on_time=stop)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_may_not_grow_is_no_fault_of_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "_HEAD_BYTES", 1000)
    monkeypatch.setattr(proxy, "MAX_BYTES_A_SECOND", 1)
    draw_video(tmp_path / "match.mkv", frames=60, sound=True)

    with pytest.raises(NoRoom, match="disk is full"):
        make(tmp_path / "match.mkv", tmp_path)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all")

    with tempfile.TemporaryFile() as scratch, pytest.raises(UnreadableVideo):
        make_proxy_in_child(
            tmp_path / "text.mp4", scratch.fileno(), duration_s=1.0, fps=25.0
        )
