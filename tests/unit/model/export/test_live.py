"""The streaming form of OpenVINO: one step at a time, torch's outputs."""

from pathlib import Path

import numpy as np
import pytest

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.engines.choose import choose_stream
from model.engines.openvino_engine import open_runtime
from model.errors import EngineUnavailable
from model.export.live import stream_outputs, uncut_outputs
from model.export.openvino import attach_engines
from model.spotting.predictor import load_predictor
from model.video.decode import Step
from tests.unit.model.engines.networks import (
    ALL_OUTPUTS,
    draw_frames,
    noisy_checkpoint,
    noisy_spotter,
)

pytestmark = [pytest.mark.slow, pytest.mark.costly]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    spotter = noisy_spotter(
        "rny002_gsm",
        "causal_gru",
        outputs=ALL_OUTPUTS,
        options={"look_ahead": 2},
        look_ahead_sites=1,
    )
    made = noisy_checkpoint(tmp_path_factory.mktemp("live"), spotter)
    return attach_engines(made.path, frames=list(draw_frames(6)))


def test_both_engines_give_the_outputs_of_the_uncut_sequence(
    checkpoint: Checkpoint,
) -> None:
    frames = list(draw_frames(14, seed=3))
    expected = uncut_outputs(frames, load_spotter(checkpoint))

    for engine in ("openvino", "torch-cpu"):
        stream = choose_stream(checkpoint, engine=engine, precision="auto", threads=1)
        found = stream_outputs(frames, stream)

        assert stream.delay == checkpoint.manifest.config.look_ahead == 4
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-4)


def test_a_live_checkpoint_runs_over_files_as_the_same_stream(
    checkpoint: Checkpoint,
) -> None:
    predictor = load_predictor(checkpoint.path, threads=1)
    frames = list(draw_frames(9, seed=4))
    steps = [Step(n, n, n / 15, frame) for n, frame in enumerate(frames)]

    for count in (9, 2, 0):  # The second is shorter than the look-ahead.
        found = predictor.predict(steps[:count]).scores

        assert len(found) == count
        if count:
            expected = uncut_outputs(frames[:count], load_spotter(checkpoint))
            np.testing.assert_allclose(found, expected["scores"], atol=1e-4)
    assert predictor.engine == "openvino/float32"
    with pytest.raises(EngineUnavailable, match="runs as a stream"):
        open_runtime(checkpoint)


def test_a_checkpoint_of_windows_has_no_stream(tmp_path: Path) -> None:
    spotter = noisy_spotter("rny002", "gru")
    made = noisy_checkpoint(tmp_path, spotter)

    with pytest.raises(EngineUnavailable, match="touchline export"):
        choose_stream(made, engine="openvino", precision="auto", threads=1)
