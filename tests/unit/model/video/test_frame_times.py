"""The time of every frame: which one is shown when, and what is kept of it."""

from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest

from model.video.frame_times import FrameTimes

UNEVEN_S = list(accumulate([0.02, 0.0334, 0.0041, 1.7, 0.0167, 0.04], initial=0.125))


def uneven() -> FrameTimes:
    return FrameTimes(np.array(UNEVEN_S), until_s=UNEVEN_S[-1] + 0.04)


def ntsc(frames: int = 2000) -> FrameTimes:
    exact = [float(Fraction(1001 * frame, 60_000)) for frame in range(frames)]
    return FrameTimes(np.array(exact), until_s=float(Fraction(1001 * frames, 60_000)))


@pytest.mark.parametrize("times", [uneven(), ntsc()], ids=["uneven", "ntsc"])
def test_a_frame_is_found_by_its_time_its_middle_and_its_rounded_time(
    times: FrameTimes,
) -> None:
    for frame in range(len(times)):
        assert times.frame_at(times.time_of(frame)) == frame
        assert times.frame_at(times.middle_of(frame)) == frame
        assert times.frame_at(round(times.time_of(frame), 3)) == frame


def test_a_time_just_before_a_frame_is_still_of_the_one_before() -> None:
    times = uneven()

    for frame in range(1, len(times)):
        assert times.frame_at(times.time_of(frame) - 0.0011) == frame - 1


def test_times_outside_the_video_are_of_its_first_or_last_frame() -> None:
    times = uneven()

    assert [times.frame_at(at) for at in (-1, 0, 0.1)] == [0, 0, 0]
    assert times.frame_at(1e9) == len(times) - 1 == 6


@pytest.mark.parametrize("frame", [-1, 7])
def test_a_frame_that_is_not_there_has_no_time(frame: int) -> None:
    for ask in (uneven().time_of, uneven().middle_of, uneven().end_of):
        with pytest.raises(IndexError, match=f"no frame {frame}: the video has 7"):
            ask(frame)


def test_the_last_frame_ends_with_the_video() -> None:
    times = uneven()

    assert times.end_of(6) == times.until_s
    assert times.middle_of(6) == pytest.approx(times.until_s - 0.02)


@pytest.mark.parametrize("fps", [25, Fraction(30_000, 1001), Fraction(60_000, 1001)])
def test_milliseconds_of_a_constant_rate_are_constant(fps: Fraction) -> None:
    exact = [float(frame / Fraction(fps)) for frame in range(3000)]
    in_ms = [round(time_s, 3) for time_s in exact]

    times = FrameTimes(np.array(in_ms), until_s=in_ms[-1] + 0.02)

    assert times.is_constant
    assert times.fps == pytest.approx(float(fps), abs=1e-9)


def test_a_rate_that_varies_is_not_constant() -> None:
    late = np.arange(100) / 25.0
    late[50:] += 0.01

    assert not FrameTimes(late, until_s=5.0).is_constant
    assert not uneven().is_constant


def test_one_frame_has_the_rate_at_which_it_is_shown() -> None:
    assert FrameTimes(np.array([0.5]), until_s=0.54).fps == pytest.approx(25)
    assert FrameTimes(np.array([0.5]), until_s=0.5).fps == 0


@pytest.mark.parametrize(
    "times_s",
    [[0.0], [0.25, 0.3], UNEVEN_S, ntsc().times_s.tolist()],
    ids=["one", "two", "uneven", "ntsc"],
)
def test_what_is_stored_comes_back_to_the_bit(times_s: list[float]) -> None:
    times = FrameTimes(np.array(times_s), until_s=times_s[-1] + 1 / 3)

    back = FrameTimes.from_bytes(times.to_bytes())

    assert back.times_s.tolist() == times_s
    assert back.until_s == times.until_s


def test_two_hours_of_an_even_rate_take_little_room() -> None:
    assert len(ntsc(frames=432_000).to_bytes()) < 40_000


@pytest.mark.parametrize(
    "times_s",
    [[], [0.0, 0.0], [1.0, 0.5], [0.0, float("nan")], [0.0, float("inf")]],
)
def test_what_cannot_be_times_of_frames_is_refused(times_s: list[float]) -> None:
    with pytest.raises(ValueError, match=r"frames|times"):
        FrameTimes(np.array(times_s, np.float64), until_s=2.0)


def test_a_last_frame_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="end at"):
        FrameTimes(np.array([0.0, 1.0]), until_s=0.9)


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_bytes_that_are_no_times_are_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="not the times of frames"):
        FrameTimes.from_bytes(uneven().to_bytes()[:cut])


@pytest.mark.parametrize("bit", [0, 6])
def test_a_bit_that_flips_is_refused_or_changes_nothing(bit: int) -> None:
    data = uneven().to_bytes()
    for place in range(len(data)):
        bad = bytearray(data)
        bad[place] ^= 1 << bit
        try:
            found = FrameTimes.from_bytes(bytes(bad))
        except ValueError:
            continue
        assert found.to_bytes() == data
