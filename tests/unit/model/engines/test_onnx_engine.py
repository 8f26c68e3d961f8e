"""ONNX Runtime as an engine: torch's scores, on the CPU here."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.engines import onnx_engine
from model.engines.choose import choose_runtime
from model.engines.onnx_engine import CUDA, TENSORRT, open_runtime
from model.engines.registry import ENGINES
from model.engines.torch_engine import TorchRuntime
from model.errors import EngineError, EngineUnavailable
from model.export.onnx_stream import attach_onnx_stream
from model.spotting.inference import one_pass
from model.spotting.predictor import load_predictor
from model.spotting.windows import Windows
from tests.unit.model.engines.networks import (
    ALL_OUTPUTS,
    draw_frames,
    noisy_checkpoint,
    noisy_spotter,
)

WINDOWS = Windows(16, 8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with ONNX Runtime's form, and every kind of output."""
    folder = tmp_path_factory.mktemp("onnx")
    path = noisy_checkpoint(folder, noisy_spotter(outputs=ALL_OUTPUTS)).path
    attach_onnx_stream(path, frames=list(draw_frames(20)), chunk_len=8)
    return path


@pytest.mark.slow
def test_every_output_is_torchs(exported: Path) -> None:
    checkpoint, frames = Checkpoint.open(exported), draw_frames(61, seed=1)
    runtime = open_runtime(checkpoint, threads=1)
    plain = TorchRuntime(load_spotter(checkpoint))
    expected = one_pass(frames, plain, WINDOWS)

    for _ in range(2):  # The second video begins anew.
        found = one_pass(frames, runtime, WINDOWS)
        assert found.keys() == expected.keys()
        for name, rows in expected.items():
            assert np.abs(found[name] - rows).max() < 1e-4, name


@pytest.mark.costly
@pytest.mark.slow
def test_it_is_an_engine_like_the_others(exported: Path) -> None:
    predictor = load_predictor(exported, engine="onnxruntime")

    assert predictor.engine == "onnxruntime/float32"
    facts = Checkpoint.open(exported).manifest.engines["onnxruntime"]
    assert facts["precisions"]["float32"]["max_score_difference"] < 1e-4
    # Nobody gets it who has not asked for it.
    assert not load_predictor(exported).engine.startswith("onnxruntime")


def test_a_checkpoint_without_the_form_says_how_to_make_it(tmp_path: Path) -> None:
    checkpoint = noisy_checkpoint(tmp_path, noisy_spotter())

    with pytest.raises(EngineUnavailable, match="--format onnxruntime"):
        open_runtime(checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize("provider", [CUDA, TENSORRT])
@pytest.mark.skipif(
    CUDA in onnxruntime.get_available_providers(), reason="there is a GPU's build here"
)
def test_a_build_without_the_provider_is_named(exported: Path, provider: str) -> None:
    name = {CUDA: "onnxruntime-cuda", TENSORRT: "tensorrt"}[provider]
    assert not ENGINES[name].is_available()

    with pytest.raises(EngineUnavailable, match=f"has no {provider}"):
        choose_runtime(
            Checkpoint.open(exported), engine=name, precision="auto", threads=None
        )


@pytest.mark.slow
def test_a_provider_that_could_not_start_is_not_taken_for_the_card(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # ONNX Runtime then goes on with the CPU by itself.
    monkeypatch.setattr(
        onnxruntime,
        "get_available_providers",
        lambda: [TENSORRT, CUDA, onnx_engine.CPU],
    )
    session = onnxruntime.InferenceSession

    def without_libraries(content: bytes, options: Any, **_providers: Any) -> Any:
        return session(content, options, providers=[onnx_engine.CPU])

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_libraries)

    with pytest.raises(EngineUnavailable, match="could not start Tensorrt"):
        open_runtime(Checkpoint.open(exported), provider=TENSORRT)


@pytest.mark.slow
def test_frames_of_another_size_fail_as_an_engine_does(exported: Path) -> None:
    runtime = open_runtime(Checkpoint.open(exported))
    marks = np.ones(8, np.float32)

    with pytest.raises(EngineError, match="ONNX Runtime failed"):
        runtime.trunk(np.zeros((8, 10, 10, 3), np.uint8), marks, marks)
