"""Windows over a video, which of their steps vote, and what comes of the votes."""

import numpy as np
import numpy.typing as npt
import pytest

from model.spotting.windows import Rows, Votes, WindowedHead, Windows, join_rows

Floats = npt.NDArray[np.float32]


def window_sensitive_head(features: Floats) -> dict[str, Floats]:
    """Answer in a way that depends on the whole window and the place in it."""
    place = np.arange(features.shape[1], dtype=np.float32)[None, :, None]
    mean = features.mean(axis=(1, 2), keepdims=True)
    scores = np.concatenate((features[..., :1] * 0.5, mean + 0.01 * place), axis=2)
    return {
        "scores": np.asarray(scores, dtype=np.float32),
        "team": np.asarray(features[..., 1:] * mean, dtype=np.float32),
    }


def slow_rows(features: Floats, windows: Windows) -> dict[str, Floats]:
    """Run every window that votes, one by one, from the definition."""
    steps, length = len(features), windows.clip_len
    margin = min(length // 4, windows.overlap // 2)
    hop = length - windows.overlap
    sums = {"scores": np.zeros((steps, 2)), "team": np.zeros((steps, 2))}
    support = np.zeros((steps, 1))
    for start in range(-margin - 1000 * hop, steps, hop):
        votes = [
            step
            for step in range(start + margin, start + length - margin)
            if 0 <= step < steps
        ]
        if not votes:
            continue
        seen = list(range(max(start, 0), min(start + length, steps)))
        answers = window_sensitive_head(features[None, seen])
        for step in votes:
            support[step] += 1
            for name, total in sums.items():
                total[step] += answers[name][0, seen.index(step)]
    return {
        name: np.asarray(total / support, dtype=np.float32)
        for name, total in sums.items()
    }


def streamed(
    features: Floats, windows: Windows, rng: np.random.Generator, *, longest: int = 9
) -> tuple[Rows, list[int]]:
    """Push features in pieces; also say how many rows were final after each."""
    head = WindowedHead(window_sensitive_head, windows, batch=3)
    given: list[Rows] = []
    final, at = [], 0
    while at < len(features):
        end = at + int(rng.integers(1, longest))
        given.append(head.push(features[at:end]))
        final.append(sum(len(rows["scores"]) for rows in given if rows))
        at = end
    given.append(head.close())
    return join_rows(given), final


@pytest.mark.parametrize("steps", [1, 3, 8, 15, 16, 17, 50, 203])
@pytest.mark.parametrize(
    ("clip_len", "overlap"), [(16, 8), (16, 14), (16, 3), (16, 0), (7, 5), (2, 1)]
)
def test_streamed_windows_equal_windows_run_one_by_one(
    steps: int, clip_len: int, overlap: int
) -> None:
    rng = np.random.default_rng(steps)
    features = rng.random((steps, 3)).astype(np.float32)
    windows = Windows(clip_len, overlap)

    rows, _ = streamed(features, windows, rng)

    expected = slow_rows(features, windows)
    for name in ("scores", "team"):
        np.testing.assert_allclose(rows[name], expected[name], atol=1e-5)


@pytest.mark.parametrize("steps", [1, 40, 203])
def test_rows_do_not_depend_on_how_the_features_came(steps: int) -> None:
    rng = np.random.default_rng(steps)
    features = rng.random((steps, 3)).astype(np.float32)
    windows = Windows(16, 14)

    whole, _ = streamed(features, windows, rng, longest=2)
    for _ in range(5):
        rows, _ = streamed(features, windows, rng, longest=60)
        np.testing.assert_array_equal(rows["scores"], whole["scores"])


@pytest.mark.parametrize(
    ("clip_len", "overlap"), [(16, 8), (16, 12), (96, 84), (96, 90), (7, 5)]
)
def test_every_step_gets_as_many_votes_as_any_other(
    clip_len: int, overlap: int
) -> None:
    windows, steps = Windows(clip_len, overlap), 3 * clip_len
    votes = np.zeros(steps, dtype=int)
    for start in windows.starts():
        if not windows.is_needed(start, steps):
            break
        low = max(start + windows.margin, 0)
        votes[low : start + clip_len - windows.margin] += 1

    assert votes.min() >= 1
    assert votes.max() - votes.min() <= 1
    assert set(votes[: clip_len // 2]) == set(votes[clip_len:-clip_len])


def test_a_step_is_seen_from_the_middle_half_of_windows() -> None:
    windows = Windows(96, 84)

    for start in windows.starts():
        if start > 200:
            break
        if start <= 120 - windows.margin < start + 96 - 2 * windows.margin:
            assert 24 <= 120 - start < 72


def test_rows_are_final_half_a_window_and_a_batch_later() -> None:
    features = np.zeros((300, 3), dtype=np.float32)

    _, final = streamed(features, Windows(16, 14), np.random.default_rng(0), longest=2)

    lag = [pushed - done for pushed, done in enumerate(final, start=1)]
    assert max(lag) <= 16 + 3 * 2
    assert final[-1] > 300 - 16 - 3 * 2


def test_the_head_is_given_whole_windows_in_batches() -> None:
    shapes: list[tuple[int, ...]] = []

    def head(features: Floats) -> Rows:
        shapes.append(features.shape)
        return window_sensitive_head(features)

    windowed = WindowedHead(head, Windows(8, 4), batch=4)
    for _ in range(100):
        windowed.push(np.zeros((1, 3), dtype=np.float32))
    windowed.close()

    assert (4, 8, 3) in shapes
    assert max(shape[0] for shape in shapes) == 4


def test_a_long_stream_holds_only_what_windows_still_need() -> None:
    windowed = WindowedHead(window_sensitive_head, Windows(8, 4), batch=4)

    for _ in range(500):
        windowed.push(np.zeros((3, 3), dtype=np.float32))

        assert sum(len(part) for part in windowed._buffer) <= 8 + 4 * 4 + 3
        assert len(windowed._votes._support) <= 8 + 4 * 4 + 3


def test_no_features_give_no_rows() -> None:
    for overlap in (0, 4, 7):
        assert WindowedHead(window_sensitive_head, Windows(8, overlap)).close() == {}


def test_a_step_that_no_window_voted_on_is_noticed() -> None:
    votes = Votes(Windows(8, 4))
    votes.add(0, 0, {"scores": np.ones((8, 2), dtype=np.float32)})

    with pytest.raises(ValueError, match="no window"):
        votes.take(4)


def test_windows_that_do_not_advance_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Windows(8, 8)


@pytest.mark.parametrize(
    ("share", "overlap"), [(0.5, 48), (0.875, 84), (0.9999, 95), (0.0, 0)]
)
def test_an_overlap_may_be_given_as_a_share(share: float, overlap: int) -> None:
    assert Windows.with_share(96, share) == Windows(96, overlap)
