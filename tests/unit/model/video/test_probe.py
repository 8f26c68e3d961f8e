"""What is said of a file before anything is spotted in it."""

from fractions import Fraction
from pathlib import Path

import pytest

from model.video.decode import iter_steps
from model.video.frame_spec import FrameSpec
from model.video.probe import probe, probe_in_child
from tests.mpegts import edit_times
from tests.videos import draw_video, set_durations, set_edit, start_fragments_at

SPEC = FrameSpec(80, 48, fps=30.0)


def test_the_facts_of_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=45, fps=25, size=(160, 96), sound=True, b_frames=2)

    facts = probe(path)

    assert (facts.width, facts.height, facts.fps) == (160, 96, 25.0)
    assert (facts.codec, facts.pixel_format, facts.rotation) == ("h264", "yuv420p", 0)
    assert facts.duration_s == pytest.approx(45 / 25, abs=0.001)
    assert facts.frame_count_estimate == 45
    assert facts.has_audio
    assert not facts.is_truncated
    assert facts.size_bytes == path.stat().st_size
    assert "mp4" in facts.container


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "mov"])
@pytest.mark.parametrize("frames", [1, 30])
def test_every_container_tells_its_length(
    tmp_path: Path, suffix: str, frames: int
) -> None:
    path = tmp_path / f"match.{suffix}"
    draw_video(path, frames=frames)

    facts = probe(path)

    assert facts.duration_s == pytest.approx(frames / 30, abs=0.04)
    assert facts.frame_count_estimate == pytest.approx(frames, abs=1)


def test_a_late_start_is_no_part_of_the_length(tmp_path: Path) -> None:
    draw_video(tmp_path / "late.ts", frames=30, start_ms=60_000)

    facts = probe(tmp_path / "late.ts")

    assert facts.duration_s == pytest.approx(1.0, abs=0.04)
    assert facts.start_time_s == pytest.approx(60.0, abs=2.0)


def test_what_lies_before_the_clock_begins_anew_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "match.ts"
    draw_video(path, frames=90)
    edit_times(path, lambda _: 2**33 / 90_000 - 2.0)

    facts = probe(path)

    assert facts.start_time_s < -1
    assert facts.frame_count_estimate == 90
    assert facts.duration_s == pytest.approx(3, abs=0.001)


def test_a_live_recording_without_a_length_is_read_through(tmp_path: Path) -> None:
    draw_video(tmp_path / "live.mkv", frames=60, options={"live": "1"})

    facts = probe(tmp_path / "live.mkv")

    assert facts.duration_s == pytest.approx(2.0, abs=0.04)
    assert facts.frame_count_estimate == pytest.approx(60, abs=2)


def test_an_edit_list_shortens_the_length(tmp_path: Path) -> None:
    path = tmp_path / "trimmed.mp4"
    draw_video(path, frames=60, b_frames=2, key_every=60)
    set_edit(path, first_ticks=1024 + 15 * 512, length_ms=1200)

    facts = probe(path)
    assert facts.duration_s == pytest.approx(1.2, abs=0.04)
    assert facts.frame_count_estimate == len(list(iter_steps(path, SPEC)))


@pytest.mark.parametrize("seconds", [3900, 20_000])
def test_frames_decide_where_the_header_claims_hours(
    tmp_path: Path, seconds: int
) -> None:
    draw_video(tmp_path / "liar.mp4", frames=60)
    set_durations(tmp_path / "liar.mp4", seconds=seconds)

    facts = probe(tmp_path / "liar.mp4")

    assert facts.duration_s == pytest.approx(2.0, abs=0.04)
    assert facts.fps == pytest.approx(30, abs=0.6)
    assert facts.frame_count_estimate == 60


@pytest.mark.parametrize("start_s", [10, 19_999])
def test_a_fragment_of_a_long_recording_is_as_long_as_its_frames(
    tmp_path: Path, start_s: int
) -> None:
    path = tmp_path / "chunk.mp4"
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    draw_video(path, frames=60, options=options)
    start_fragments_at(path, seconds=start_s)

    facts = probe(path)
    steps = list(iter_steps(path, SPEC))

    assert facts.duration_s == pytest.approx(2.0, abs=0.06)
    assert facts.start_time_s == pytest.approx(start_s, abs=0.05)
    assert len(steps) == facts.frame_count_estimate == 60


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_video_is_measured_upright(tmp_path: Path, rotation: int) -> None:
    path = tmp_path / "phone.mp4"
    draw_video(path, frames=5, size=(160, 96), rotation=rotation)

    facts = probe(path)

    assert facts.rotation == rotation
    assert (facts.width, facts.height) == ((160, 96) if rotation == 180 else (96, 160))


def test_ten_bit_and_fields_and_ntsc_are_seen(tmp_path: Path) -> None:
    draw_video(tmp_path / "ten.mp4", frames=10, pix_fmt="yuv420p10le")
    draw_video(tmp_path / "fields.ts", frames=10, interlaced=True)
    draw_video(tmp_path / "ntsc.mp4", frames=10, fps=Fraction(30_000, 1001))

    assert probe(tmp_path / "ten.mp4").pixel_format == "yuv420p10le"
    assert probe(tmp_path / "fields.ts").is_interlaced
    assert not probe(tmp_path / "ten.mp4").is_interlaced
    assert probe(tmp_path / "ntsc.mp4").fps == pytest.approx(29.97, abs=0.001)


def test_a_process_of_its_own_finds_the_same_facts(tmp_path: Path) -> None:
    path = tmp_path / "match.mp4"
    draw_video(path, frames=30, sound=True)

    assert probe_in_child(path) == probe(path)


def test_an_index_without_a_key_frame_at_the_beginning_is_no_obstacle(
    tmp_path: Path,
) -> None:
    path = tmp_path / "match.avi"
    draw_video(path, frames=12, fps=30, key_every=6)
    data = bytearray(path.read_bytes())
    index = data.rindex(b"idx1") + 8
    assert data[index + 4] == 0x10  # AVIIF_KEYFRAME of the first frame
    data[index + 4] = 0
    path.write_bytes(bytes(data))

    facts = probe_in_child(path)

    assert (facts.frame_count_estimate, facts.fps) == (12, 30.0)
