"""Time stamps that are wrong cost no frame, and leave the others their times."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from model.video.clock import Clock
from model.video.decode import Step, iter_steps
from model.video.frame_spec import FrameSpec
from model.video.probe import probe
from model.video.source import Tally
from tests.mpegts import edit_times
from tests.shared_data import shared_file
from tests.videos import draw_video, join_bytes, read_number

MILLISECOND = 0.001
FRAMES = 60


def decoded(path: Path) -> tuple[list[Step], Tally]:
    """Decode every frame of a video of 30 frames a second."""
    tally = Tally()
    return list(iter_steps(path, FrameSpec(80, 48, fps=30.0), tally=tally)), tally


def assert_even(steps: list[Step], count: int = FRAMES) -> None:
    """All frames are there, one every thirtieth of a second."""
    assert [read_number(step.image) for step in steps] == list(range(count))
    assert [step.time_s for step in steps] == pytest.approx(
        [number / 30 for number in range(count)], abs=MILLISECOND
    )


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("wrong", [0, 1, 25, 57, FRAMES - 1])
@pytest.mark.parametrize("shift_s", [30.0, -5.0, -30.0, 0.8, -0.8, 0.1, -0.1, 40_000.0])
def test_one_wrong_time_stamp_leaves_the_others_alone(
    tmp_path: Path, shift_s: float, wrong: int, b_frames: int
) -> None:
    if abs(shift_s) <= 0.1 and wrong in (0, FRAMES - 1):
        pytest.skip("could as well be a gap after the first frame or before the last")
    path = tmp_path / "outlier.ts"
    draw_video(path, frames=FRAMES, b_frames=b_frames, start_ms=10_000)
    edit_times(path, lambda number: shift_s if number == wrong else 0)

    steps, tally = decoded(path)

    assert_even(steps)
    assert (tally.wrong_times, tally.restarts) == (1, 0)
    assert tally.until_s == pytest.approx(FRAMES / 30, abs=MILLISECOND)
    assert probe(path).duration_s == pytest.approx(FRAMES / 30, abs=0.05)


@pytest.mark.parametrize("shift_s", [30.0, -5.0, 0.8])
def test_several_wrong_time_stamps_are_counted(tmp_path: Path, shift_s: float) -> None:
    path = tmp_path / "outliers.ts"
    draw_video(path, frames=FRAMES, start_ms=10_000)
    edit_times(path, lambda number: shift_s if number in (7, 8, 30, 44) else 0)

    steps, tally = decoded(path)

    assert_even(steps)
    assert (tally.wrong_times, tally.restarts) == (4, 0)


@pytest.mark.parametrize("back_s", [0.1, 0.5, 0.9, 1.5, 9.0])
def test_a_clock_that_falls_back_and_stays_there_was_restarted(
    tmp_path: Path, back_s: float
) -> None:
    path = tmp_path / "restart.ts"
    draw_video(path, frames=FRAMES, start_ms=10_000)
    edit_times(path, lambda number: -back_s if number >= 30 else 0)

    steps, tally = decoded(path)

    assert_even(steps)
    assert (tally.wrong_times, tally.restarts) == (0, 1)


def test_another_recordings_clock_hours_ahead_is_a_restart(tmp_path: Path) -> None:
    one, two = tmp_path / "one.ts", tmp_path / "two.ts"
    draw_video(one, frames=30, start_ms=1000)
    draw_video(two, frames=30, start_ms=50_000_000)
    join_bytes([one, two], tmp_path / "both.ts")

    steps, tally = decoded(tmp_path / "both.ts")

    assert [step.time_s for step in steps] == pytest.approx(
        [number / 30 for number in range(60)], abs=MILLISECOND
    )
    assert (tally.wrong_times, tally.restarts) == (0, 1)


def test_a_real_gap_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "gap.ts"
    draw_video(path, frames=FRAMES, start_ms=1000)
    edit_times(path, lambda number: 12.0 if number >= 30 else 0)

    steps, tally = decoded(path)

    assert steps[-1].time_s == pytest.approx(59 / 30 + 12, abs=MILLISECOND)
    assert (tally.wrong_times, tally.restarts) == (0, 0)


def test_time_stamps_that_go_back_again_and_again_lose_no_frame() -> None:
    path = shared_file("cases/video/lpms__skip_1.ts")
    tally = Tally()

    seen = list(iter_steps(path, FrameSpec(64, 36, fps=120.0), tally=tally))

    times = {step.frame: step.time_s for step in seen}
    wanted = [number * 1001 / 30_000 for number in range(171)]
    assert list(times.values()) == pytest.approx(wanted, abs=MILLISECOND)
    assert tally.frames == 171
    assert tally.wrong_times > 20


@pytest.mark.parametrize(
    "pts",
    [
        [0, 0, 0, 0],
        [5, 4, 3, 2, 1, 0],
        [0, 10_000, 1, 9_000, 2, 20_000, 3, 3, 4, 1],
        [None, 7, None, 3, None, 3, 90_000, None],
        [2**33 - 1, 0, 2**33 - 2, 1],
        [0, 3600, 7200, 7200, 10_800, 14_400, 14_400, 18_000],
    ],
)
def test_no_pts_make_the_clock_drop_a_frame_or_go_back(pts: list[int | None]) -> None:
    clock: Clock[int] = Clock(Fraction(1, 90_000), Fraction(0), frame_s=Fraction(1, 25))

    timed = [one for k, at in enumerate(pts) for one in clock.push(k, at)]
    timed += clock.close()

    assert [one.item for one in timed] == list(range(len(pts)))
    times = [one.time_s for one in timed]
    assert all(a < b for a, b in pairwise(times))
