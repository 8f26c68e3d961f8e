"""Which frames are taken: step k is the frame nearest in time to k / fps."""

import random
from fractions import Fraction

import av
import pytest

from model.video.decode import choose_frames
from model.video.source import SourceFrame


def frames_at(times: list[Fraction]) -> list[SourceFrame]:
    blank = av.VideoFrame(2, 2, "gray")
    return [SourceFrame(at, at, time, blank) for at, time in enumerate(times)]


def chosen(times: list[Fraction], *, fps: float) -> list[int]:
    return [frame.frame for frame in choose_frames(iter(frames_at(times)), fps=fps)]


def nearest(times: list[Fraction], *, fps: float) -> list[int]:
    """The definition, spelled out: one more frame is thought to follow the last."""
    gap = times[-1] - times[-2] if len(times) > 1 else 1 / Fraction(fps)
    all_times = [*times, times[-1] + gap]
    answer: list[int] = []
    for step in range(100_000):
        wanted = step / Fraction(fps)
        best = min(range(len(all_times)), key=lambda at: abs(all_times[at] - wanted))
        if best == len(times):
            return answer
        answer.append(best)
    raise AssertionError("the steps never end")


def test_half_the_rate_takes_every_other_frame() -> None:
    times = [Fraction(at, 30) for at in range(7)]

    assert chosen(times, fps=15) == [0, 2, 4, 6]


def test_the_same_rate_takes_every_frame_in_spite_of_rounded_times() -> None:
    times = [Fraction(round(at * 1000 / 30), 1000) for at in range(301)]

    assert chosen(times, fps=30) == list(range(301))


def test_a_slow_source_gives_frames_twice() -> None:
    times = [Fraction(at, 10) for at in range(4)]

    assert chosen(times, fps=20) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_at_a_tie_the_earlier_frame_is_taken() -> None:
    times = [Fraction(0), Fraction(1, 10), Fraction(3, 10)]

    assert chosen(times, fps=5) == [0, 1, 2]


def test_a_gap_repeats_the_frames_at_its_rim() -> None:
    times = [Fraction(0), Fraction(1), Fraction(5), Fraction(6)]

    assert chosen(times, fps=1) == [0, 1, 1, 1, 2, 2, 3]


def test_a_late_first_frame_is_repeated_from_zero() -> None:
    times = [Fraction(2), Fraction(3)]

    assert chosen(times, fps=1) == [0, 0, 0, 1]


def test_one_frame_is_one_step() -> None:
    assert chosen([Fraction(0)], fps=15) == [0]


def test_no_frame_is_no_step() -> None:
    assert chosen([], fps=15) == []


@pytest.mark.parametrize("fps", [0.7, 12.5, 15, 25, 29.97, 60])
def test_every_rate_agrees_with_the_definition(fps: float) -> None:
    dice = random.Random(fps)
    at, times = Fraction(0), []
    for _ in range(60):
        times.append(at)
        at += Fraction(dice.randint(1, 120), 1000)

    assert chosen(times, fps=fps) == nearest(times, fps=fps)
