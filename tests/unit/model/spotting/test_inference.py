"""Scores of both modes against slow truths, and engines against each other."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.engines.runtime import Floats
from model.engines.torch_engine import TorchRuntime, has_cuda
from model.errors import EngineError, EngineUnavailable
from model.export.openvino import attach_engines
from model.export.sample import SAMPLE, sample_frames
from model.network.spotter import Spotter
from model.spotting.inference import clip_by_clip, one_pass
from model.spotting.predictor import EnginePredictor, load_predictor
from model.spotting.windows import Windows
from model.video.decode import Step, iter_steps
from model.video.frame_spec import FrameSpec
from tests.unit.model.engines.networks import (
    draw_frames,
    noisy_checkpoint,
    noisy_spotter,
    uncut_features,
)

pytestmark = pytest.mark.slow

SCORES = 1e-4
HALF = 2e-2  # What float16 may do to a score.


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return noisy_spotter(clip_len=12)


def mean_of_votes(
    network: Callable[[int, int], npt.NDArray[np.float32]], steps: int
) -> npt.NDArray[np.float32]:
    """Average what the middle halves of windows of 12 that overlap by 6 say.

    `network` gives the scores of a window, from its first step in the video to the
    one behind its last.
    """
    sums, support = np.zeros((steps, 3)), np.zeros((steps, 1))
    for start in range(-3, steps - 3, 6):
        first = max(start, 0)
        scores = network(first, min(start + 12, steps))
        for step in range(max(start + 3, 0), min(start + 9, steps)):
            sums[step] += scores[step - first]
            support[step] += 1
    return np.asarray(sums / support, dtype=np.float32)


@pytest.mark.parametrize("count", [1, 7, 23, 61])  # Longer than the delay, too.
def test_one_pass_is_the_head_over_windows_of_uncut_features(
    spotter: Spotter, count: int
) -> None:
    frames = draw_frames(count)
    features = torch.from_numpy(uncut_features(spotter, frames))

    def window(first: int, end: int) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            logits = spotter.head(features[None, first:end])["scores"][0]
        return np.asarray(torch.softmax(logits, dim=-1).numpy())

    rows = one_pass(frames, TorchRuntime(spotter), Windows(12, 6))

    expected = mean_of_votes(window, count)
    np.testing.assert_allclose(rows["scores"], expected, atol=SCORES)


@pytest.mark.costly
@pytest.mark.parametrize("count", [1, 9, 23])
def test_clip_by_clip_is_the_network_over_clips_cut_at_the_videos_ends(
    spotter: Spotter, count: int
) -> None:
    frames = draw_frames(count)
    pictures = spotter.normalise(torch.from_numpy(frames).permute(0, 3, 1, 2))

    def window(first: int, end: int) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            logits = spotter.head(spotter.trunk(pictures[None, first:end]))["scores"][0]
        return np.asarray(torch.softmax(logits, dim=-1).numpy())

    rows = clip_by_clip(frames, TorchRuntime(spotter), Windows(12, 6))

    expected = mean_of_votes(window, count)
    np.testing.assert_allclose(rows["scores"], expected, atol=SCORES)


@pytest.mark.costly
def test_a_chunk_that_does_not_fit_is_run_in_smaller_parts(
    spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = draw_frames(20)
    expected = one_pass(frames, TorchRuntime(spotter), Windows(12, 6))["scores"]
    runtime = TorchRuntime(spotter, chunk_len=8)
    run, tried = runtime._trunk.forward, []

    def small(pictures: torch.Tensor, *rest: torch.Tensor) -> tuple[torch.Tensor, ...]:
        tried.append(len(pictures))
        if len(pictures) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return run(pictures, *rest)

    monkeypatch.setattr(runtime._trunk, "forward", small)

    scores = one_pass(frames, runtime, Windows(12, 6))["scores"]

    np.testing.assert_allclose(scores, expected, atol=SCORES)
    assert tried[:3] == [8, 4, 2]
    assert set(tried[3:]) == {2}


def test_a_frame_that_does_not_fit_at_all_is_an_engine_error(
    spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = TorchRuntime(spotter)

    def full(*_: torch.Tensor) -> tuple[torch.Tensor, ...]:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(runtime._trunk, "forward", full)

    with pytest.raises(EngineError, match="openvino"):
        one_pass(draw_frames(3), runtime, Windows(12, 6))


def test_scores_that_are_nan_are_an_engine_error(
    spotter: Spotter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = noisy_checkpoint(tmp_path, spotter).manifest
    runtime = TorchRuntime(spotter)

    def broken(features: Floats) -> dict[str, Floats]:
        return {"scores": np.full((*features.shape[:2], 3), np.nan, np.float32)}

    monkeypatch.setattr(runtime, "head", broken)
    steps = [Step(0, 0, 0.0, draw_frames(1)[0])]

    with pytest.raises(EngineError, match="NaN or infinite"):
        EnginePredictor(manifest, runtime).predict(steps)


def test_no_steps_give_an_empty_timeline(spotter: Spotter, tmp_path: Path) -> None:
    manifest = noisy_checkpoint(tmp_path, spotter).manifest

    one = EnginePredictor(manifest, TorchRuntime(spotter), "one-pass")
    other = EnginePredictor(manifest, TorchRuntime(spotter), "reference")

    assert len(one.predict([])) == len(other.predict([])) == 0


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"engine": "tflite"}, "choose one of auto, onnxruntime, .*, torch-cpu"),
        ({"engine": "torch-cpu", "precision": "int8"}, "float32"),
        ({"windows": "both"}, "one-pass, reference"),
    ],
)
def test_a_choice_that_is_none_says_which_there_are(
    spotter: Spotter, tmp_path: Path, choice: dict[str, str], said: str
) -> None:
    path = noisy_checkpoint(tmp_path, spotter).path

    with pytest.raises(EngineUnavailable, match=said):
        load_predictor(path, **choice)  # type: ignore[arg-type] # Wrong on purpose.


def test_windows_that_do_not_fit_are_taken_in_halves(
    spotter: Spotter, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = TorchRuntime(spotter)
    rng = np.random.default_rng(0)
    windows = rng.random((5, 12, runtime.feature_dim), dtype=np.float32)
    expected = runtime.head(windows)
    whole, tried = runtime._head.forward, []

    def small(features: torch.Tensor) -> tuple[torch.Tensor, ...]:
        tried.append(len(features))
        if len(features) > limit:
            raise torch.OutOfMemoryError("out of memory")
        return whole(features)

    monkeypatch.setattr(runtime._head, "forward", small)
    limit = 1

    found = runtime.head(windows)

    assert list(found) == list(expected) == ["scores"]
    np.testing.assert_allclose(found["scores"], expected["scores"], atol=SCORES)
    assert tried[:3] == [5, 2, 1]

    limit = 0
    with pytest.raises(EngineError, match="single window"):
        runtime.head(windows)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("precision", "worst", "mean"), [("float32", SCORES, SCORES), ("int8", 0.5, 0.05)]
)
def test_the_shipped_forms_give_the_scores_of_the_shipped_weights(
    precision: Literal["float32", "int8"], worst: float, mean: float
) -> None:
    path = find_checkpoint("arena-rny002")
    truth = load_predictor(path, engine="torch-cpu")
    steps = list(islice(iter_steps(SAMPLE, truth.manifest.frame_spec), 30))

    quick = load_predictor(path, engine="openvino", precision=precision).predict(steps)

    expected = truth.predict(steps).scores
    assert expected[:, 1:].max() > 0.5  # It does find something there.
    distance = np.abs(quick.scores - expected)
    assert distance.max() < worst
    assert distance.mean() < mean


@pytest.mark.costly
def test_half_precision_gives_the_scores_of_a_trained_network() -> None:
    # On the CPU, so that what half precision does to a score is seen without a GPU.
    checkpoint = Checkpoint.open(find_checkpoint("arena-rny002"))
    spotter = load_spotter(checkpoint)
    frames = list(sample_frames(FrameSpec(96, 54, fps=10.0), steps=12))
    windows = Windows(12, 6)

    half = TorchRuntime(spotter, precision="float16")
    scores = one_pass(frames, half, windows)["scores"]

    expected = one_pass(frames, TorchRuntime(spotter), windows)["scores"]
    assert np.ptp(expected, axis=0).max() > 10 * HALF  # The frames do matter.
    np.testing.assert_allclose(scores, expected, atol=HALF)


@pytest.mark.parametrize("arch", ["rny002_gsm", "rn18_tsm"])
def test_half_precision_is_of_the_trunk_and_laid_out_channels_last(arch: str) -> None:
    runtime = TorchRuntime(noisy_spotter(arch), precision="float16")
    marks = np.ones(3, dtype=np.float32)

    features = runtime.trunk(draw_frames(3), marks, marks)

    weights = list(runtime._trunk.net.parameters())
    assert {weight.dtype for weight in weights} == {torch.float16}
    assert {state.dtype for state in runtime._state} == {torch.float16}
    assert all(
        weight.is_contiguous(memory_format=torch.channels_last)
        for weight in weights
        if weight.dim() == 4
    )
    # The pixels' mean and the head stay as they are.
    assert runtime._trunk.get_buffer("mean").dtype == torch.float32
    assert {p.dtype for p in runtime._head.parameters()} == {torch.float32}
    assert features.dtype == np.float32


@pytest.mark.skipif(has_cuda(), reason="there is a GPU here")
def test_without_a_gpu_cuda_says_so(spotter: Spotter, tmp_path: Path) -> None:
    path = noisy_checkpoint(tmp_path, spotter).path

    with pytest.raises(EngineUnavailable, match="openvino"):
        load_predictor(path, engine="torch-cuda")


@pytest.mark.cuda
@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-3), ("float16", HALF)]
)
def test_the_gpu_gives_the_cpus_scores(
    spotter: Spotter, precision: str, tolerance: float
) -> None:
    if not has_cuda():
        pytest.skip("torch finds no GPU")
    frames = draw_frames(30)
    expected = one_pass(frames, TorchRuntime(spotter), Windows(12, 6))["scores"]
    runtime = TorchRuntime(
        noisy_spotter(clip_len=12),
        device="cuda",
        precision=precision,  # type: ignore[arg-type] # Parametrised.
        chunk_len=16,
    )

    scores = one_pass(frames, runtime, Windows(12, 6))["scores"]

    np.testing.assert_allclose(scores, expected, atol=tolerance)


@pytest.mark.cuda
def test_a_checkpoint_spots_alike_on_the_gpu_and_on_the_cpu_engine(
    tmp_path: Path,
) -> None:
    if not has_cuda():
        pytest.skip("torch finds no GPU")
    path = attach_engines(noisy_checkpoint(tmp_path, noisy_spotter()).path).path
    steps = [Step(k, k, k / 15, image) for k, image in enumerate(draw_frames(40))]

    expected = load_predictor(path, engine="openvino").predict(steps)
    found = load_predictor(path, engine="torch-cuda").predict(steps)

    np.testing.assert_allclose(found.scores, expected.scores, atol=HALF)
