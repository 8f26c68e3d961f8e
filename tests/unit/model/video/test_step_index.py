"""The index of a video's steps: exact, and refused where it cannot be one."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from model.video.step_index import StepIndex, Stretch

FPS = Fraction(30000, 1001)
FRAMES, STEPS = 3000, 1001


@pytest.fixture
def index() -> StepIndex:
    frames = np.arange(FRAMES, dtype=np.int64)
    return StepIndex(
        pts=frames * 3003 + 900_000,
        ticks=frames * 1001,
        ticks_per_s=30000,
        keys=frames[::250] * 3003 + 900_000,
        frames=np.arange(STEPS, dtype=np.int64) * (FRAMES - 1) // (STEPS - 1),
        until_s=float(FRAMES / FPS),
    )


def test_times_are_those_of_exact_fractions(index: StepIndex) -> None:
    exact = [float(frame / FPS) for frame in range(FRAMES)]

    assert index.frame_times.times_s.tolist() == exact
    assert index.longest_group_s == pytest.approx(float(250 / FPS))


def test_a_stretch_begins_at_the_key_frame_before_it(index: StepIndex) -> None:
    found = Stretch.from_bytes(index.stretch(400, 500).to_bytes())

    first, last = index.frames[400], index.frames[499]
    assert found.key == index.keys[first // 250]
    assert found.first == first
    assert found.pts.tolist() == index.pts[first : last + 1].tolist()
    assert found.ticks.tolist() == index.ticks[first : last + 1].tolist()
    assert found.frames.tolist() == index.frames[400:500].tolist()
    assert found.ticks_per_s == index.ticks_per_s


@pytest.mark.parametrize(("first", "end"), [(-1, 5), (5, 5), (990, 1002)])
def test_steps_that_are_not_there_are_refused(
    index: StepIndex, first: int, end: int
) -> None:
    with pytest.raises(ValueError, match="there are no steps"):
        index.stretch(first, end)


def test_written_and_read_it_is_the_same(index: StepIndex) -> None:
    data = index.to_bytes()
    found = StepIndex.from_bytes(data)

    for name in ("pts", "ticks", "keys", "frames"):
        np.testing.assert_array_equal(getattr(found, name), getattr(index, name))
    assert (found.ticks_per_s, found.until_s) == (index.ticks_per_s, index.until_s)
    assert len(data) < 16 * 1024


def test_damaged_bytes_are_refused(index: StepIndex) -> None:
    data = index.to_bytes()
    for bad in (b"", b"damaged", data[: len(data) // 2]):
        with pytest.raises(ValueError, match="not the index"):
            StepIndex.from_bytes(bad)


@pytest.mark.parametrize("bit", [0, 6])
def test_a_bit_that_flips_is_refused_or_changes_nothing(
    index: StepIndex, bit: int
) -> None:
    data = index.to_bytes()
    for place in range(len(data)):
        bad = bytearray(data)
        bad[place] ^= 1 << bit
        try:
            found = StepIndex.from_bytes(bytes(bad))
        except ValueError:
            continue
        assert found.to_bytes() == data


@pytest.mark.parametrize(
    "change",
    [
        {"pts": np.arange(3)},
        {"pts": np.zeros((2, 2), np.int64)},
        {"ticks": np.zeros(FRAMES, np.int64)},
        {"ticks": np.arange(FRAMES, dtype=np.int64) * 2**50},
        {"ticks_per_s": 0},
        {"keys": np.array([], np.int64)},
        {"keys": np.array([900_001], np.int64)},
        {"frames": np.array([0, FRAMES], np.int64)},
        {"frames": np.array([-1], np.int64)},
        {"frames": np.array([5, 4], np.int64)},
        {"until_s": float("nan")},
        {"until_s": 1.0},
    ],
)
def test_what_does_not_fit_together_is_refused(
    index: StepIndex, change: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(index, **change)
