"""Clips hold exactly the frames asked for, with the sound in step.

What is written is read by PyAV as it stands; frames show their numbers.
"""

import tempfile
from contextlib import ExitStack, nullcontext
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from model.errors import Canceled, DecoderCrashed, NoRoom, UnreadableVideo
from model.video import clips, packet_reader
from model.video.clip_sources import open_sound
from model.video.clips import cut_in_child
from model.video.cut_reader import SeekingReader
from model.video.cuts import Cut
from model.video.frame_times import FrameTimes
from model.video.input_file import open_input
from model.video.limits import DEFAULT_LIMITS
from model.video.packet_reader import CannotCopy, PacketReader
from model.video.picture import Image
from model.video.proxy_sound import Offsets
from model.video.source import Tally, open_video
from model.video.timing import time_frames_in_child
from tests.made_clips import IN_STEP_S, assert_shows, beeps, make, shown
from tests.mpegts import edit_times
from tests.sounds import beep, heard
from tests.videos import draw_video, join_bytes

pytestmark = pytest.mark.slow

UNEVEN_MS = list(accumulate([0, *([33, 17, 20, 330, 33, 8, 59, 20, 13, 67] * 6)]))

CASES: dict[str, dict[str, Any]] = {
    "h264.mp4": {"b_frames": 3},
    "long-gop.mp4": {"b_frames": 2, "key_every": 250},
    "hevc.mkv": {"codec": "libx265", "b_frames": 2},
    "hevc-10-bit.mp4": {"codec": "libx265", "pix_fmt": "yuv420p10le", "b_frames": 2},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "mpeg2.ts": {"codec": "mpeg2video", "fps": 25, "b_frames": 2},
    "h264.ts": {"b_frames": 2, "start_ms": 7000, "sound": True},
    "mpeg4.avi": {"codec": "mpeg4"},
    "h264.avi": {"b_frames": 2},
    "ntsc.mkv": {"fps": Fraction(30_000, 1001), "b_frames": 2},
    "ntsc.mp4": {"fps": Fraction(60_000, 1001), "b_frames": 2, "sound": True},
    "uneven.mkv": {"times_ms": UNEVEN_MS, "b_frames": 2},
    "uneven-late.mp4": {"times_ms": UNEVEN_MS, "start_ms": 3456, "sound": True},
    "interlaced.ts": {"codec": "mpeg2video", "fps": 25, "interlaced": True},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "upright.mov": {"rotation": 90, "size": (160, 96)},
}
# Out of order, touching, overlapping, of one frame, at both ends.
REEL = [Cut(40, 52), Cut(0, 5), Cut(5, 6), Cut(3, 30), Cut(58, 60)]


@pytest.mark.costly
@pytest.mark.parametrize("name", CASES)
def test_clips_show_exactly_the_frames_asked_for(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    draw_video(source, **{"frames": 60, **CASES[name]})
    files = [REEL, [REEL[0]], [REEL[2]]]

    made, times, paths = make(source, tmp_path, files)

    assert made.frames == sum(cut.frames for file in files for cut in file)
    for path, cuts in zip(paths, files, strict=True):
        assert_shows(path, cuts, times)
        data = path.read_bytes()
        assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.costly
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.webm"])
def test_only_what_is_near_a_cut_is_decoded(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    draw_video(source, frames=600, b_frames=2, codec=codec, size=(64, 48))
    times, tally = time_frames_in_child(source).frame_times, Tally()

    with (
        open_input(source) as file,
        open_video(file, limits=DEFAULT_LIMITS, tally=tally) as video,
    ):
        reader = SeekingReader(video, times)
        cuts = [Cut(500, 510), Cut(0, 3)]
        found = [number for cut in cuts for number, _ in reader.frames(cut)]

    assert found == [*range(500, 510), *range(3)]
    assert tally.frames < 150


@pytest.mark.costly
def test_where_seeking_finds_no_frame_all_is_decoded_in_order(tmp_path: Path) -> None:
    parts = []
    for number in range(2):
        parts.append(tmp_path / f"part{number}.ts")
        draw_video(parts[-1], frames=60, start_ms=20_000 * (1 - number), b_frames=2)
    joined = tmp_path / "joined.ts"
    join_bytes(parts, joined)
    cuts = [Cut(50, 70), Cut(10, 12), Cut(115, 120)]

    made, _, (path,) = make(joined, tmp_path, [cuts])

    assert [number for number, _ in shown(path)] == [
        number % 60 for cut in cuts for number in range(cut.first, cut.until)
    ]
    assert made.frames == 27


COPIED: dict[str, dict[str, Any]] = {
    "plain.mp4": {"key_every": 12},
    "b-frames.mp4": {"b_frames": 3, "sound": True},
    "b-frames.mkv": {"b_frames": 3, "sound": True},
    "b-frames.ts": {"b_frames": 2, "sound": True, "start_ms": 5000},
    "hevc.mkv": {"codec": "libx265", "b_frames": 3},
    "hevc.mp4": {"codec": "libx265", "b_frames": 2},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "av1.mp4": {"codec": "libsvtav1"},
    "uneven.mkv": {"times_ms": UNEVEN_MS, "b_frames": 2},
    "mpeg4.mp4": {"codec": "mpeg4"},
    "upright.mov": {"rotation": 90, "size": (160, 96)},
}


@pytest.mark.costly
@pytest.mark.parametrize("name", COPIED)
def test_a_copy_begins_at_a_key_frame_and_misses_nothing(
    tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    draw_video(source, **{"frames": 60, **COPIED[name]})
    files = [REEL, [REEL[0]]]

    made, times, paths = make(source, tmp_path, files, mode="copy")

    assert made.copied is not None
    keys = key_frames(source, times)
    for path, wanted, copied in zip(paths, files, made.copied, strict=True):
        assert_shows(path, copied, times)
        for cut, own in zip(wanted, copied, strict=True):
            assert own.first == max(key for key in keys if key <= cut.first)
            assert cut.until <= own.until <= cut.until + 8


def key_frames(path: Path, times: FrameTimes) -> list[int]:
    with av.open(str(path)) as container:
        return [
            number
            for number, frame in enumerate(container.decode(video=0))
            if frame.key_frame
        ]


@pytest.mark.costly
@pytest.mark.parametrize("name", ["prores.mov", "mpeg4.avi", "mpeg2.ts"])
def test_what_cannot_be_copied_is_cut_to_the_frame(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    draw_video(source, **{"frames": 60, **CASES[name]})

    made, times, (path,) = make(source, tmp_path, [REEL], mode="copy")

    assert made.copied is None
    assert_shows(path, REEL, times)


@pytest.mark.parametrize(("most", "is_copied"), [(1000, False), (1 << 20, True)])
def test_a_cut_far_from_the_only_key_frame_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, is_copied: bool
) -> None:
    source = tmp_path / "match.mp4"
    draw_video(source, frames=60, key_every=600)
    times = FrameTimes.constant(fps=30, frames=60)
    monkeypatch.setattr(packet_reader, "_MOST_HELD_BYTES", most, raising=False)

    with (
        open_input(source) as file,
        open_video(file, limits=DEFAULT_LIMITS, tally=Tally()) as video,
        nullcontext() if is_copied else pytest.raises(CannotCopy),
    ):
        reader = PacketReader(video, times)
        first, numbered = reader.from_key_frame(Cut(50, 60))
        assert (first, len(list(numbered))) == (0, 60)


@pytest.mark.costly
@pytest.mark.parametrize("name", ["refreshed.mp4", "refreshed.ts"])
def test_pictures_that_are_refreshed_bit_by_bit_are_not_copied(
    tmp_path: Path, name: str
) -> None:
    source = tmp_path / name
    draw_video(source, frames=60, is_refreshed=True)

    made, times, (path,) = make(source, tmp_path, [REEL], mode="copy")

    assert made.mode == "exact"
    assert_shows(path, REEL, times)


CLOCK_BEGINS_ANEW_S = 2**33 / 90_000
BEEPS_S = [0.75, 1.5, 2.25, 4.0]
SOUNDS: dict[str, dict[str, Any]] = {
    "aac.mp4": {},
    "aac.mkv": {"rate": 44_100},
    "opus.mkv": {"codec": "libopus"},
    "mp2.ts": {"codec": "mp2"},
    "mp3.avi": {"codec": "libmp3lame"},
    "pcm.mov": {"codec": "pcm_s16le"},
    "late.mkv": {"start_s": 0.7},
    "paused.mkv": {"pause": (1.8, 2.1)},
}


@pytest.mark.costly
@pytest.mark.parametrize("name", SOUNDS)
def test_sound_stays_in_step_through_every_cut(tmp_path: Path, name: str) -> None:
    bare, source = tmp_path / f"bare-{name}", tmp_path / name
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    draw_video(bare, frames=150, codec=codec)
    beep(source, bare, BEEPS_S, length_s=5.0, **SOUNDS[name])
    cuts = [Cut(100, 140), Cut(10, 40), Cut(61, 75)]

    made, times, (path,) = make(source, tmp_path, [cuts])

    assert made.has_sound
    assert_shows(path, cuts, times)
    wanted = beeps(source, times, cuts)
    assert len(wanted) == 3
    assert heard(path) == pytest.approx(wanted, abs=IN_STEP_S)


@pytest.mark.costly
@pytest.mark.parametrize("name", ["aac.mp4", "aac.mkv", "mp2.ts", "opus.mkv", "aac.ts"])
def test_the_sound_of_copies_is_in_step(tmp_path: Path, name: str) -> None:
    bare, source = tmp_path / f"bare-{name}", tmp_path / name
    draw_video(bare, frames=150)
    beep(source, bare, BEEPS_S, length_s=5.0, **SOUNDS.get(name, {}))
    cuts = [Cut(100, 140), Cut(10, 40), Cut(61, 75)]

    made, times, (path,) = make(source, tmp_path, [cuts], mode="copy")

    copied = cuts if made.copied is None else made.copied[0]
    assert (made.copied is None) == (name == "mp2.ts")
    assert heard(path) == pytest.approx(beeps(source, times, copied), abs=IN_STEP_S)


@pytest.mark.costly
def test_a_copy_has_sound_before_the_clock_of_its_file_begins_anew(
    tmp_path: Path,
) -> None:
    bare, plain = tmp_path / "bare.ts", tmp_path / "plain.ts"
    draw_video(bare, frames=150)
    beep(plain, bare, BEEPS_S, length_s=5.0)
    source = tmp_path / "match.ts"
    source.write_bytes(plain.read_bytes())
    for pid in (0x100, 0x101):
        edit_times(source, lambda _: CLOCK_BEGINS_ANEW_S - 4.0, pid=pid)
    cuts = [Cut(100, 140), Cut(10, 40), Cut(61, 75)]

    made, times, (path,) = make(source, tmp_path, [cuts], mode="copy")

    assert made.copied is not None
    wanted = beeps(plain, times, made.copied[0])
    assert len(wanted) == 3
    assert heard(path) == pytest.approx(wanted, abs=IN_STEP_S)


@pytest.mark.costly
def test_sound_that_goes_back_is_not_copied(tmp_path: Path) -> None:
    bare, source = tmp_path / "bare.ts", tmp_path / "match.ts"
    draw_video(bare, frames=150)
    beep(source, bare, BEEPS_S, length_s=5.0)
    edit_times(source, lambda number: -0.5 if number == 100 else 0, pid=0x101)
    cuts = [Cut(61, 75), Cut(10, 110)]

    made, times, (path,) = make(source, tmp_path, [cuts], mode="copy")

    assert made.mode == "exact"
    assert_shows(path, cuts, times)


@pytest.mark.costly
def test_sound_does_not_drift_over_many_cuts(tmp_path: Path) -> None:
    bare, source = tmp_path / "bare.mp4", tmp_path / "match.mp4"
    draw_video(bare, frames=90, fps=Fraction(30_000, 1001))
    beep(source, bare, [1.5])
    cuts = [Cut(40, 53)] * 40

    _, times, (path,) = make(source, tmp_path, [cuts])

    length_s = cuts[0].end_s(times) - cuts[0].start_s(times)
    at_s = 1.5 - cuts[0].start_s(times)
    wanted = [number * length_s + at_s for number in range(40)]
    assert heard(path) == pytest.approx(wanted, abs=IN_STEP_S)


@pytest.mark.costly
def test_large_pictures_are_scaled_to_what_is_usual(tmp_path: Path) -> None:
    draw_video(tmp_path / "large.mkv", size=(2560, 1440), frames=3)

    made, _, _ = make(tmp_path / "large.mkv", tmp_path, [[Cut(1, 3)]])

    assert (made.width, made.height, made.has_sound) == (1920, 1080, False)


def test_frames_that_a_file_no_longer_has_are_no_clip(tmp_path: Path) -> None:
    source = tmp_path / "match.mp4"
    draw_video(source, frames=30)
    times = FrameTimes.constant(fps=30, frames=60)

    with (
        tempfile.TemporaryFile() as scratch,
        pytest.raises(DecoderCrashed, match="fewer frames"),
    ):
        cut_in_child(source, scratch.fileno(), [[Cut(20, 40)]], times=times)


@pytest.mark.costly
def test_a_cancel_leaves_no_process_and_no_descriptor(tmp_path: Path) -> None:
    draw_video(tmp_path / "long.mkv", frames=3000, size=(64, 48), fps=100)

    def stop(_: int = 0) -> None:
        raise Canceled("enough")

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(Canceled):
        make(tmp_path / "long.mkv", tmp_path, [[Cut(0, 3000)]], on_wait=stop)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.costly
def test_a_file_that_may_not_grow_is_no_fault_of_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "_HEAD_BYTES", 1000)
    monkeypatch.setattr(clips, "_HEAD_BYTES_A_CUT", 1)
    monkeypatch.setattr(clips, "MAX_BYTES_A_SECOND", 1)
    draw_video(tmp_path / "match.mkv", frames=60, sound=True)

    with pytest.raises(NoRoom, match="disk is full"):
        make(tmp_path / "match.mkv", tmp_path, [[Cut(0, 60)]])


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all")
    times = FrameTimes.constant(fps=30, frames=60)

    with tempfile.TemporaryFile() as scratch, pytest.raises(UnreadableVideo):
        cut_in_child(
            tmp_path / "text.mp4", scratch.fileno(), [[Cut(0, 4)]], times=times
        )


@pytest.mark.costly
def test_only_what_is_near_a_cut_is_read_for_its_sound(tmp_path: Path) -> None:
    source = tmp_path / "match.mkv"
    dice = np.random.default_rng(0)

    def noise(_: int, width: int, height: int) -> Image:
        return dice.integers(0, 256, (height, width, 3), np.uint8)

    draw_video(source, frames=450, paint=noise, sound=True)
    with open_input(source) as file, ExitStack() as cleanup:
        sound = open_sound(file, cleanup, Tally(), can_seek=True)
        assert sound is not None
        before = bytes_read()

        sound.begin(Fraction(14), Offsets(Fraction(0)))
        sound.take(4800)

        assert bytes_read() - before < file.size_bytes / 4


def bytes_read() -> int:
    """Tell how many bytes this process has read so far."""
    told = Path("/proc/self/io").read_text(encoding="ascii")
    return int(told.split("rchar: ")[1].split()[0])
