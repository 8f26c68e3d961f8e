"""Score curves: read as the worker stores them, cut and thinned by maximum."""

import io

import numpy as np
import pytest

from app.timelines.scores import DamagedScores, ScoreCurves, read_scores
from model.spotting.timeline import Timeline

STEPS, FPS = 1000, 15.0


@pytest.fixture
def curves() -> ScoreCurves:
    return read_scores(_stored().to_bytes())


def test_curves_are_what_the_timeline_held(curves: ScoreCurves) -> None:
    timeline = _stored()

    assert curves.labels == timeline.labels
    np.testing.assert_array_equal(curves.scores, timeline.scores[:, 1:])
    np.testing.assert_array_equal(curves.time_s, timeline.time_s)
    np.testing.assert_array_equal(curves.frame, timeline.frame)


@pytest.mark.parametrize("points", [1, 2, 7, 333, 999])
def test_thinning_keeps_every_maximum(curves: ScoreCurves, points: int) -> None:
    thin = curves.thinned(points)

    assert len(thin) == points
    starts = [index * STEPS // points for index in range(points)] + [STEPS]
    for index in range(points):
        run = curves.scores[starts[index] : starts[index + 1]]
        np.testing.assert_array_equal(thin.scores[index], run.max(axis=0))
        step, _ = np.unravel_index(run.argmax(), run.shape)
        assert thin.time_s[index] == curves.time_s[starts[index] + int(step)]
        assert thin.frame[index] == curves.frame[starts[index] + int(step)]
    assert np.all(np.diff(thin.time_s) > 0)


def test_few_steps_stay_as_they_are(curves: ScoreCurves) -> None:
    assert curves.thinned(STEPS) is curves


def test_a_stretch_includes_both_its_ends(curves: ScoreCurves) -> None:
    stretch = curves.between(2.0, 4.0)

    assert stretch.time_s[0] == 2.0
    assert stretch.time_s[-1] == 4.0
    assert len(stretch) == 31
    assert len(curves.between(None, None)) == STEPS
    assert len(curves.between(1e6, None)) == 0
    assert len(curves.between(4.0, 2.0)) == 0
    assert len(curves.between(4.0, 2.0).thinned(10)) == 0


@pytest.mark.parametrize("cut", [0, 10, 500])
def test_damaged_bytes_are_no_timeline(cut: int) -> None:
    with pytest.raises(DamagedScores):
        read_scores(_stored().to_bytes()[:cut])


def test_no_damaged_byte_raises_anything_else() -> None:
    whole = _stored(steps=3).to_bytes()
    refused = 0

    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        try:
            read_scores(bytes(damaged))
        except DamagedScores:
            refused += 1

    assert refused > len(whole) / 2


@pytest.mark.parametrize("shape", [(), (3,), (3, 3, 3)])
def test_scores_of_another_shape_are_no_timeline(shape: tuple[int, ...]) -> None:
    buffer, at = io.BytesIO(), np.arange(3)
    labels, scores = np.array(["A", "B"]), np.zeros(shape)
    np.savez(buffer, labels=labels, scores=scores, time_s=at, frame=at, pts=at)

    with pytest.raises(DamagedScores):
        read_scores(buffer.getvalue())


def test_other_arrays_are_no_timeline() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, scores=np.zeros((3, 4)))

    with pytest.raises(DamagedScores):
        read_scores(buffer.getvalue())


def test_pickles_are_never_opened() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, labels=np.array([object()], dtype=object))

    with pytest.raises(DamagedScores):
        read_scores(buffer.getvalue())


def _stored(steps: int = STEPS) -> Timeline:
    random = np.random.default_rng(3)
    at = np.arange(steps)
    return Timeline(
        labels=("PASS", "DRIVE"),
        scores=random.random((steps, 3)).astype(np.float32),
        time_s=at / FPS,
        frame=at * 2,
        pts=at * 1024,
    )
