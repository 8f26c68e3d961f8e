"""A new engine is one registration; the best one that can is taken."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.checkpoint.archive import Checkpoint
from model.engines.choose import choose_runtime
from model.engines.registry import ENGINES, Engine, register_engine
from model.engines.runtime import Floats, Frames
from model.errors import EngineUnavailable
from model.spotting.inference import stream_features
from tests.unit.model.engines.networks import (
    draw_frames,
    noisy_checkpoint,
    noisy_spotter,
)


class ToyRuntime:
    """Gives each frame's mean brightness as its feature, and as its score."""

    name, chunk_len, delay, feature_dim = "toy/float32", 4, 0, 1

    def reset(self) -> None:
        """Nothing is kept."""

    def trunk(self, frames: Frames, is_video: Floats, is_not_padding: Floats) -> Floats:
        """Average the pixels."""
        means = frames.mean(axis=(1, 2, 3), keepdims=True).reshape(-1, 1)
        return np.asarray(means / 255, dtype=np.float32)

    def head(self, features: Floats) -> dict[str, Floats]:
        """Repeat the feature."""
        return {"scores": np.repeat(features, 3, axis=2)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """A network that was not exported."""
    return noisy_checkpoint(tmp_path, noisy_spotter("rny002", ""))


@pytest.fixture
def state() -> Iterator[dict[str, Any]]:
    """Register the toy; what it says of itself can be changed."""
    state: dict[str, Any] = {"here": True, "can": True, "opened": None}

    def open_toy(
        checkpoint: Checkpoint,
        *,
        precision: str,
        threads: int | None,
        budget_bytes: int | None,
    ) -> ToyRuntime:
        state["opened"] = {
            "precision": precision,
            "threads": threads,
            "budget_bytes": budget_bytes,
        }
        return ToyRuntime()

    register_engine(
        Engine(
            name="toy",
            precisions=("float32", "int4"),
            preference=100,
            is_available=lambda: bool(state["here"]),
            can_run=lambda _: bool(state["can"]),
            open=open_toy,
        )
    )
    yield state
    del ENGINES["toy"]


def choose(
    checkpoint: Checkpoint, engine: str = "auto", precision: str = "auto"
) -> str:
    """Open a runtime and give its name."""
    runtime = choose_runtime(
        checkpoint, engine=engine, precision=precision, threads=1, gpu_budget_bytes=9
    )
    return runtime.name


def test_a_registered_engine_runs_by_its_name(
    checkpoint: Checkpoint, state: dict[str, Any]
) -> None:
    frames = draw_frames(6)

    runtime = choose_runtime(checkpoint, engine="toy", precision="auto", threads=2)

    features = np.concatenate(list(stream_features(frames, runtime)))
    np.testing.assert_allclose(features[:, 0], frames.mean(axis=(1, 2, 3)) / 255, 1e-5)
    assert state["opened"] == {
        "precision": "float32",
        "threads": 2,
        "budget_bytes": None,
    }


@pytest.mark.slow
def test_the_preferred_engine_is_taken_if_it_is_here_and_can(
    checkpoint: Checkpoint, state: dict[str, Any]
) -> None:
    assert choose(checkpoint) == "toy/float32"
    for reason in ("here", "can"):
        state |= {"here": True, "can": True, reason: False}
        assert choose(checkpoint).startswith("torch-")


def test_a_precision_chooses_an_engine_that_has_it(
    checkpoint: Checkpoint, state: dict[str, Any]
) -> None:
    choose(checkpoint, precision="int4")

    assert state["opened"]["precision"] == "int4"
    with pytest.raises(EngineUnavailable, match=r"has no openvino form in int8"):
        choose(checkpoint, precision="int8")
    with pytest.raises(EngineUnavailable, match=r"int2.*float32.*int4"):
        choose(checkpoint, precision="int2")


def test_an_engine_that_nobody_registered_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(
        EngineUnavailable, match=r"'toy'.*auto, onnxruntime, .*openvino, .*torch-cpu"
    ):
        choose(checkpoint, "toy")
