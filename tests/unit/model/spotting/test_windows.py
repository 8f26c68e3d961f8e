"""Windows over a video and the averaging of what they say."""

import numpy as np
import numpy.typing as npt
import pytest

from model.spotting.windows import Average, WindowedHead, Windows

Floats = npt.NDArray[np.float32]


def window_sensitive_head(features: Floats) -> Floats:
    """Answer in a way that depends on the whole window and the place in it."""
    place = np.arange(features.shape[1], dtype=np.float32)[None, :, None]
    mean = features.mean(axis=(1, 2), keepdims=True)
    return np.asarray(
        np.concatenate((features[..., :1] * 0.5, mean + 0.01 * place), axis=2),
        dtype=np.float32,
    )


def slow_scores(features: Floats, windows: Windows) -> Floats:
    """Run every window that touches the video, one by one."""
    steps = len(features)
    sums, support = np.zeros((steps, 2)), np.zeros((steps, 1))
    start = -min(5, windows.clip_len // 2)
    while start < max(1, steps - windows.overlap):
        seen = range(max(start, 0), min(start + windows.clip_len, steps))
        scores = window_sensitive_head(features[None, list(seen)])[0]
        for row, step in enumerate(seen):
            sums[step] += scores[row]
            support[step] += 1
        start += windows.clip_len - windows.overlap
    return np.asarray(sums / support, dtype=np.float32)


@pytest.mark.parametrize("steps", [1, 3, 8, 15, 16, 17, 50, 203])
@pytest.mark.parametrize(("clip_len", "overlap"), [(16, 8), (16, 0), (7, 5), (2, 1)])
def test_streamed_windows_equal_windows_run_one_by_one(
    steps: int, clip_len: int, overlap: int
) -> None:
    rng = np.random.default_rng(steps)
    features = rng.random((steps, 3)).astype(np.float32)
    windows = Windows(clip_len, overlap)
    head = WindowedHead(window_sensitive_head, windows, batch=3)

    at = 0
    while at < steps:
        end = at + int(rng.integers(1, 9))
        head.push(features[at:end])
        at = end
    scores = head.finish()

    np.testing.assert_allclose(scores, slow_scores(features, windows), atol=1e-5)


def test_the_head_is_given_whole_windows_in_batches() -> None:
    shapes: list[tuple[int, ...]] = []

    def head(features: Floats) -> Floats:
        shapes.append(features.shape)
        return window_sensitive_head(features)

    windowed = WindowedHead(head, Windows(8, 4), batch=4)
    for _ in range(100):
        windowed.push(np.zeros((1, 2), dtype=np.float32))
    windowed.finish()

    assert (4, 8, 2) in shapes
    assert max(shape[0] for shape in shapes) == 4


def test_a_long_stream_holds_only_what_windows_still_need() -> None:
    windowed = WindowedHead(window_sensitive_head, Windows(8, 4), batch=4)

    for _ in range(500):
        windowed.push(np.zeros((3, 2), dtype=np.float32))

        assert sum(len(part) for part in windowed._buffer) <= 8 + 4 * 4 + 3


def test_no_features_give_no_scores() -> None:
    assert len(WindowedHead(window_sensitive_head, Windows(8, 4)).finish()) == 0


def test_a_step_that_no_window_saw_is_noticed() -> None:
    average = Average(2)
    average.add(0, np.ones((3, 2), dtype=np.float32))

    with pytest.raises(ValueError, match="no window"):
        average.mean(4)


def test_windows_that_do_not_advance_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Windows(8, 8)
