"""The time of each frame is what a player shows, whatever the file does to clocks.

Every drawn frame shows its own number, so a step says which frame it really is.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from model.video.clock import Clock
from model.video.decode import Step, iter_steps
from model.video.frame_spec import FrameSpec
from tests.videos import (
    draw_video,
    join_bytes,
    keep_packets,
    read_number,
    set_edit,
    wrap_as_vfw,
)

MILLISECOND = 0.001


def all_frames(path: Path, *, fps: float = 30.0) -> list[Step]:
    """Decode at a rate that takes every frame of a video of that rate."""
    return list(iter_steps(path, FrameSpec(80, 48, fps=fps)))


def assert_true(steps: list[Step], times_s: list[float]) -> None:
    """Every frame is there, in order, shows its number and has its time."""
    assert [read_number(step.image) for step in steps] == list(range(len(times_s)))
    assert [step.frame for step in steps] == list(range(len(times_s)))
    assert [step.time_s for step in steps] == pytest.approx(times_s, abs=MILLISECOND)


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("plain.mp4", {}),
        ("plain.mov", {}),
        ("plain.mkv", {}),
        ("plain.ts", {}),
        ("plain.avi", {}),
        ("vp9.webm", {"codec": "libvpx-vp9"}),
        ("av1.mp4", {"codec": "libsvtav1"}),
        ("b-frames.mp4", {"b_frames": 3}),
        ("b-frames.mkv", {"b_frames": 3}),
        ("b-frames.ts", {"b_frames": 3}),
        ("b-frames.avi", {"b_frames": 3}),
        ("mpeg4.avi", {"codec": "mpeg4", "b_frames": 2}),
        ("hevc.mp4", {"codec": "libx265", "b_frames": 3}),
        ("ten-bit.mp4", {"pix_fmt": "yuv420p10le", "b_frames": 2}),
        ("hevc-ten-bit.mp4", {"codec": "libx265", "pix_fmt": "yuv420p10le"}),
        ("full-range.mp4", {"full_range": True}),
        ("interlaced.mp4", {"interlaced": True, "b_frames": 2}),
        ("interlaced.ts", {"interlaced": True}),
        ("mpeg2.ts", {"codec": "mpeg2video", "interlaced": True, "b_frames": 2}),
        ("rotated.mp4", {"rotation": 90, "b_frames": 2}),
        ("late.mp4", {"start_ms": 5000}),
        ("late.mkv", {"start_ms": 5000}),
        ("late.ts", {"start_ms": 90_000, "b_frames": 2}),
        ("sound.mp4", {"sound": True}),
        ("sound.mkv", {"sound": True}),
        ("ntsc.mp4", {"fps": Fraction(30_000, 1001)}),
        ("edges.mp4", {"frames": 2}),
        ("one.mp4", {"frames": 1}),
        ("one.mkv", {"frames": 1}),
        ("one.ts", {"frames": 1}),
    ],
)
def test_each_frame_has_its_time(
    tmp_path: Path, name: str, drawn: dict[str, Any]
) -> None:
    times_s = draw_video(tmp_path / name, **{"frames": 20, **drawn})

    assert_true(all_frames(tmp_path / name), times_s)


@pytest.mark.parametrize("name", ["phone.mp4", "phone.mkv", "phone.ts"])
def test_a_variable_rate_keeps_its_times(tmp_path: Path, name: str) -> None:
    times_ms = [0, 33, 70, 100, 167, 180, 250, 1250, 1260, 1300, 1333]
    times_s = draw_video(tmp_path / name, times_ms=times_ms, b_frames=2)

    steps = all_frames(tmp_path / name, fps=100.0)

    first_seen = {read_number(step.image): step.time_s for step in reversed(steps)}
    assert list(reversed(first_seen)) == list(range(11))
    assert [first_seen[number] for number in range(11)] == pytest.approx(
        times_s, abs=MILLISECOND
    )


def test_sound_that_begins_first_sets_the_files_start(tmp_path: Path) -> None:
    times_s = draw_video(tmp_path / "sound.ts", frames=10, sound=True)
    priming_s = 1024 / 48_000  # The AAC encoder's first packet lies before zero.

    steps = all_frames(tmp_path / "sound.ts")

    seen = {step.frame: step.time_s for step in steps}
    wanted = [time_s + priming_s for time_s in times_s]
    assert [seen[frame] for frame in range(10)] == pytest.approx(
        wanted, abs=MILLISECOND
    )


def test_an_edit_list_hides_the_frames_outside_it(tmp_path: Path) -> None:
    path = tmp_path / "trimmed.mp4"
    draw_video(path, frames=20, b_frames=2, key_every=20)
    hidden, ticks_a_frame, delay = 7, 512, 1024
    first = delay + hidden * ticks_a_frame
    set_edit(path, first_ticks=first, length_ms=400)

    steps = all_frames(path)

    assert [read_number(step.image) for step in steps] == list(range(hidden, 19))
    assert [step.frame for step in steps] == list(range(12))
    assert [step.time_s for step in steps] == pytest.approx(
        [frame / 30 for frame in range(12)], abs=MILLISECOND
    )


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("late.ts", "libx264"),
        ("late.mkv", "libx264"),
        ("late.ts", "libx265"),
        ("late.mkv", "mpeg4"),
        ("late.ts", "mpeg2video"),
    ],
)
def test_frames_before_the_first_key_frame_are_left_out(
    tmp_path: Path, name: str, codec: str
) -> None:
    draw_video(tmp_path / "whole.ts", codec=codec, key_every=12, start_ms=1000)
    keep_packets(
        tmp_path / "whole.ts", tmp_path / name, keep=lambda index, _: index >= 5
    )

    steps = all_frames(tmp_path / name)

    numbers = [read_number(step.image) for step in steps if step.frame > 0]
    assert numbers == list(range(13, 30))
    assert all(
        # The file now starts with frame 5, whether that can be shown or not.
        step.time_s == pytest.approx((read_number(step.image) - 5) / 30, abs=0.001)
        for step in steps
    )


@pytest.mark.parametrize(
    ("codec", "b_frames"), [("libx264", 0), ("libx264", 2), ("mpeg4", 0)]
)
def test_frames_before_the_first_key_frame_cost_no_time_in_avi(
    tmp_path: Path, codec: str, b_frames: int
) -> None:
    draw_video(tmp_path / "whole.ts", codec=codec, b_frames=b_frames, key_every=12)
    keep_packets(
        tmp_path / "whole.ts", tmp_path / "late.avi", keep=lambda index, _: index >= 5
    )

    steps = all_frames(tmp_path / "late.avi")

    # AVI counts frames from the file's own zero: those left out leave their room.
    shown = {read_number(step.image): step.time_s for step in reversed(steps)}
    assert set(range(13, 30)) <= set(shown)
    assert [shown[number] for number in range(13, 30)] == pytest.approx(
        [number / 30 for number in range(13, 30)], abs=MILLISECOND
    )


@pytest.mark.parametrize("b_frames", [0, 2])
def test_matroska_made_of_avi_keeps_every_frame(tmp_path: Path, b_frames: int) -> None:
    times_s = draw_video(tmp_path / "old.avi", b_frames=b_frames)
    wrap_as_vfw(tmp_path / "old.avi", tmp_path / "vfw.mkv", tmp_path / "mpeg4.avi")

    assert_true(all_frames(tmp_path / "vfw.mkv"), times_s)


def test_a_clock_that_starts_again_goes_on(tmp_path: Path) -> None:
    draw_video(tmp_path / "one.ts", frames=60, start_ms=2000)
    draw_video(tmp_path / "two.ts", frames=60, start_ms=0)
    join_bytes([tmp_path / "one.ts", tmp_path / "two.ts"], tmp_path / "both.ts")

    steps = all_frames(tmp_path / "both.ts")

    assert [read_number(step.image) for step in steps] == [*range(60), *range(60)]
    assert [step.time_s for step in steps] == pytest.approx(
        [frame / 30 for frame in range(120)], abs=MILLISECOND
    )


def test_a_change_of_size_and_rate_half_way_is_followed(tmp_path: Path) -> None:
    draw_video(tmp_path / "one.ts", frames=30, size=(160, 96), start_ms=1000)
    draw_video(tmp_path / "two.ts", frames=15, fps=15, size=(320, 240), start_ms=2000)
    join_bytes([tmp_path / "one.ts", tmp_path / "two.ts"], tmp_path / "both.ts")

    steps = list(iter_steps(tmp_path / "both.ts", FrameSpec(80, 48, fps=15.0)))

    numbers = [read_number(step.image) for step in steps]
    assert numbers == [*range(0, 30, 2), *range(15)]
    assert [step.time_s for step in steps] == pytest.approx(
        [step / 15 for step in range(30)], abs=MILLISECOND
    )


@pytest.mark.parametrize("name", ["damaged.mp4", "damaged.ts"])
def test_damage_in_the_middle_costs_no_time_after_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    draw_video(path, frames=60, key_every=12)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(bytes(data))

    steps = all_frames(path)

    assert len(steps) == 60
    assert [read_number(step.image) for step in steps[-12:]] == list(range(48, 60))
    assert steps[-1].time_s == pytest.approx(59 / 30, abs=MILLISECOND)


def test_frames_without_any_time_follow_at_the_rate_of_the_header() -> None:
    clock: Clock[int] = Clock(Fraction(1, 90_000), Fraction(0), frame_s=Fraction(1, 25))
    for number in range(3):
        assert list(clock.push(number, None)) == []

    timed = list(clock.close())

    assert [one.item for one in timed] == [0, 1, 2]
    assert [one.time_s for one in timed] == [0, Fraction(1, 25), Fraction(2, 25)]
    assert [one.pts for one in timed] == [0, 3600, 7200]
