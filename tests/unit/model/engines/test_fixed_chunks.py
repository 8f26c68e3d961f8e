"""Chunks in fixed buffers, videos side by side: the features of each one alone."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from model.engines import fixed_chunks, torch_engine
from model.engines.fixed_chunks import FixedChunks
from model.engines.shared_runtime import SharedRuntime, share
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import TorchRuntime
from model.errors import EngineError, EngineUnavailable
from model.spotting.inference import one_pass
from model.spotting.windows import Windows
from tests.unit.model.engines.networks import SIZE, draw_frames, noisy_spotter

pytestmark = pytest.mark.slow

CHUNK = 8
WINDOWS = Windows(16, 8)


def chunks_of(count: int, *, seed: int) -> list[tuple[Any, Any, Any]]:
    """Whole chunks of a drawn video, all of it video."""
    frames, marks = draw_frames(count * CHUNK, seed=seed), np.ones(CHUNK, np.float32)
    return [
        (frames[at * CHUNK : (at + 1) * CHUNK], marks, marks) for at in range(count)
    ]


def features_alone(trunk: StreamingTrunk, chunks: list[Any]) -> list[torch.Tensor]:
    """What the trunk gives chunk by chunk, its state handed on."""
    state: tuple[torch.Tensor, ...] = ()
    found = []
    with torch.inference_mode():
        for chunk in chunks:
            features, *rest = trunk(*map(torch.from_numpy, chunk), *state)
            state = tuple(rest)
            found.append(features)
    return found


@pytest.fixture(scope="module")
def trunk() -> StreamingTrunk:
    """The trunk of a network from noise."""
    return StreamingTrunk(noisy_spotter())


def test_fixed_buffers_give_the_streams_features_to_the_bit(
    trunk: StreamingTrunk,
) -> None:
    chunks = chunks_of(4, seed=1)
    fixed = FixedChunks(trunk, chunk_len=CHUNK, size=SIZE)

    for _ in range(2):  # The second video begins anew.
        fixed.reset()
        for chunk, expected in zip(chunks, features_alone(trunk, chunks), strict=True):
            (found,) = fixed.run([chunk])
            assert found is not None
            assert torch.equal(found, expected)


def test_what_a_graph_runs_to_settle_leaves_no_trace(trunk: StreamingTrunk) -> None:
    runs: list[str] = []

    def capture(step: Callable[[], None]) -> Callable[[], None]:
        for _ in range(3):
            step()

        def replay() -> None:
            runs.append("replayed")
            step()

        return replay

    chunks = chunks_of(2, seed=2)
    fixed = FixedChunks(trunk, chunk_len=CHUNK, size=SIZE, capture=capture)

    for chunk, expected in zip(chunks, features_alone(trunk, chunks), strict=True):
        (found,) = fixed.run([chunk])
        assert found is not None
        assert torch.equal(found, expected)
    assert runs == ["replayed", "replayed"]


@pytest.mark.costly
def test_lanes_keep_apart_and_wait_for_nobody(trunk: StreamingTrunk) -> None:
    one, two = chunks_of(3, seed=3), chunks_of(2, seed=4)
    fixed = FixedChunks(trunk, chunk_len=CHUNK, size=SIZE, lanes=2)
    # The second video misses a turn.
    turns = [(one[0], two[0]), (one[1], None), (one[2], two[1])]

    got: list[list[torch.Tensor]] = [[], []]
    for turn in turns:
        for lane, features in enumerate(fixed.run(turn)):
            if features is not None:
                got[lane].append(features.clone())

    for found, chunks in zip(got, (one, two), strict=True):
        expected = features_alone(trunk, chunks)
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            assert torch.allclose(mine, theirs, atol=1e-5)


@pytest.mark.costly
def test_a_runtime_in_fixed_buffers_is_the_runtime(tmp_path: Path) -> None:
    spotter, frames = noisy_spotter(), draw_frames(45)
    plain = TorchRuntime(spotter, chunk_len=CHUNK)
    fixed = TorchRuntime(spotter, chunk_len=CHUNK, size=SIZE)

    expected, found = (one_pass(frames, one, WINDOWS) for one in (plain, fixed))

    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        assert np.array_equal(found[name], rows)


@pytest.mark.costly
def test_without_memory_for_the_buffers_it_goes_on_in_smaller_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spotter, frames = noisy_spotter(), draw_frames(45)
    expected = one_pass(frames, TorchRuntime(spotter, chunk_len=CHUNK), WINDOWS)
    calls = 0
    run = FixedChunks.run

    def out_of_memory_later(self: FixedChunks, chunks: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise torch.OutOfMemoryError("no memory")
        return run(self, chunks)

    monkeypatch.setattr(FixedChunks, "run", out_of_memory_later)
    runtime = TorchRuntime(spotter, chunk_len=CHUNK, size=SIZE)

    found = one_pass(frames, runtime, WINDOWS)

    assert calls == 3
    assert np.abs(found["scores"] - expected["scores"]).max() < 1e-5


@pytest.mark.costly
def test_what_cannot_be_recorded_runs_without_a_graph(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spotter, frames = noisy_spotter(), draw_frames(30)
    expected = one_pass(frames, TorchRuntime(spotter, chunk_len=CHUNK), WINDOWS)

    def refuse(_step: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(fixed_chunks, "_capture_on", lambda _device: refuse)
    runtime = TorchRuntime(spotter, chunk_len=CHUNK, size=SIZE)

    found = one_pass(frames, runtime, WINDOWS)

    assert np.array_equal(found["scores"], expected["scores"])
    assert "runs without: operation not permitted" in caplog.text
    assert len(caplog.records) == 1


def _in_lanes(
    shared: SharedRuntime, videos: list[npt.NDArray[np.uint8]]
) -> list[dict[str, Any]]:
    """Run each video in a lane and a thread of its own."""
    found: dict[int, Any] = {}

    def work(number: int) -> None:
        with shared.lane() as lane:
            found[number] = one_pass(videos[number], lane, WINDOWS)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(videos))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return [found[number] for number in range(len(videos))]


@pytest.mark.costly
def test_two_videos_at_once_get_the_scores_they_get_alone() -> None:
    spotter = noisy_spotter()
    videos = [draw_frames(61, seed=5), draw_frames(30, seed=6)]
    alone = [
        one_pass(video, TorchRuntime(spotter, chunk_len=CHUNK), WINDOWS)
        for video in videos
    ]
    shared = share(TorchRuntime(spotter, chunk_len=CHUNK), size=SIZE, lanes=2)

    together = _in_lanes(shared, videos)

    for found, expected in zip(together, alone, strict=True):
        assert found["scores"].shape == expected["scores"].shape
        assert np.abs(found["scores"] - expected["scores"]).max() < 1e-5


@pytest.mark.costly
def test_chunks_of_open_lanes_run_as_one_batch_and_a_slow_lane_is_not_waited_for() -> (
    None
):
    runtime = TorchRuntime(noisy_spotter(), chunk_len=CHUNK)
    shared = share(runtime, size=SIZE, lanes=2, max_wait_s=60)
    chunk = chunks_of(1, seed=7)[0]
    with shared.lane() as one, shared.lane() as two:
        one.reset()
        two.reset()
        thread = threading.Thread(target=one.trunk, args=chunk)
        thread.start()
        two.trunk(*chunk)
        thread.join(120)
        assert shared.batches == [2]
        with pytest.raises(EngineUnavailable, match="all 2 lanes"), shared.lane():
            pass
    with shared.lane() as one:  # The only one: it waits for nobody.
        one.trunk(*chunk)
    shared._max_wait_s = 0.01
    with shared.lane() as one, shared.lane():  # The other gives nothing.
        one.trunk(*chunk)
    assert shared.batches == [2, 1, 1]


def test_what_fails_fails_in_every_lane_of_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = TorchRuntime(noisy_spotter(), chunk_len=CHUNK)
    shared = share(runtime, size=SIZE, lanes=2)

    def fail(*_args: Any) -> Any:
        raise RuntimeError("the card fell off the bus")

    monkeypatch.setattr(FixedChunks, "run", fail)

    with shared.lane() as lane, pytest.raises(EngineError, match="fell off the bus"):
        lane.trunk(*chunks_of(1, seed=8)[0])


@pytest.mark.cuda
@pytest.mark.skipif(not torch_engine.has_cuda(), reason="needs an NVIDIA GPU")
def test_a_cuda_graph_gives_the_streams_features() -> None:
    trunk = StreamingTrunk(noisy_spotter())
    chunks = chunks_of(3, seed=9)
    expected = features_alone(trunk, chunks)
    fixed = FixedChunks(trunk.to("cuda"), chunk_len=CHUNK, size=SIZE, lanes=2)

    for chunk, features in zip(chunks, expected, strict=True):
        found, _ = fixed.run([chunk, None])
        assert found is not None
        assert torch.allclose(found.cpu(), features, atol=1e-3)
