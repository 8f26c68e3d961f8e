"""Timelines: shapes, temperature, and the trip through bytes."""

import numpy as np
import pytest

from model.spotting.timeline import Timeline
from tests.unit.model.spotting.timelines import timeline_of


def test_a_timeline_survives_the_trip_through_bytes() -> None:
    rng = np.random.default_rng(1)
    timeline = timeline_of(
        {"PASS": rng.random(50) / 2, "TIR AU BUT é": rng.random(50) / 2}
    )

    again = Timeline.from_bytes(timeline.to_bytes())

    assert again.labels == timeline.labels
    for name in ("scores", "time_s", "frame", "pts"):
        before, after = getattr(timeline, name), getattr(again, name)
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)


def test_an_empty_timeline_survives_too() -> None:
    timeline = timeline_of({"PASS": []})

    assert len(Timeline.from_bytes(timeline.to_bytes())) == 0


def test_damaged_bytes_are_refused() -> None:
    data = timeline_of({"PASS": [0.1, 0.9]}).to_bytes()

    for damaged in (b"", b"not a timeline", data[: len(data) // 2]):
        with pytest.raises(ValueError, match=r"."):
            Timeline.from_bytes(damaged)


def test_shapes_that_contradict_each_other_are_refused() -> None:
    good = timeline_of({"PASS": [0.1, 0.9]})

    with pytest.raises(ValueError, match="scores"):
        Timeline(("PASS", "SHOT"), good.scores, good.time_s, good.frame, good.pts)
    with pytest.raises(ValueError, match="time_s"):
        Timeline(good.labels, good.scores, good.time_s[:1], good.frame, good.pts)
    with pytest.raises(ValueError, match="time order"):
        Timeline(good.labels, good.scores, good.time_s[::-1], good.frame, good.pts)


def test_temperature_is_the_division_of_logits() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(20, 3)) * 3
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    steps = np.arange(20)
    timeline = Timeline(
        ("PASS", "SHOT"), softmax.astype(np.float32), steps / 10.0, steps, steps
    )

    cooled = timeline.at_temperature(2.5)

    expected = np.exp(logits / 2.5)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(cooled, expected, atol=1e-6)
