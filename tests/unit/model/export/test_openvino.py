"""The OpenVINO form: torch's features and scores, small, and refused when wrong."""

import zipfile
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.engines.openvino_engine import OpenVinoRuntime, open_runtime
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import TorchRuntime
from model.errors import BadCheckpoint, EngineError, EngineUnavailable
from model.export.openvino import attach_engines, head_model, trunk_model
from model.export.tracing import serialise
from model.spotting.inference import one_pass, stream_features
from model.spotting.windows import Windows
from model.video.frame_spec import FrameSpec
from tests.unit.model.engines.networks import (
    ALL_OUTPUTS,
    SIZE,
    draw_frames,
    exported_noise,
    noisy_checkpoint,
    noisy_spotter,
    uncut_features,
)

pytestmark = pytest.mark.slow

# Largest difference of a feature, and of a score, between OpenVINO and torch.
FEATURES = 1e-4
SCORES = 1e-4


@pytest.fixture(scope="module")
def checkpoint(export_cache: Path) -> Checkpoint:
    return Checkpoint.open(exported_noise(export_cache, outputs=ALL_OUTPUTS))


@pytest.mark.costly
@pytest.mark.parametrize(
    ("arch", "head", "has_all"),
    [
        ("rny002_tsm", "", False),
        ("rn18_gsm", "deeper_gru", False),
        ("rny002", "gru", True),
        ("rny002", "transformer", False),
        ("rny002", "multiscale", True),
        ("rny002", "causal_gru", True),
    ],
)
def test_openvino_gives_the_uncut_features_and_outputs_of_torch(
    arch: str, head: str, has_all: bool
) -> None:
    spotter = noisy_spotter(arch, head, outputs=ALL_OUTPUTS if has_all else None)
    delay = StreamingTrunk(spotter).delay
    runtime = OpenVinoRuntime(
        trunk_model(spotter, FrameSpec(*SIZE), chunk_len=4),
        head_model(spotter),
        delay=delay,
        threads=1,
    )
    frames = draw_frames(19)

    features = np.concatenate(list(stream_features(frames, runtime)))
    found = runtime.head(features[None, :16])

    expected = uncut_features(spotter, frames)
    largest = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(features, expected, atol=FEATURES * largest)
    outputs = TorchRuntime(spotter).head(features[None, :16])
    assert list(found) == list(outputs)
    assert [array.shape[2] for array in found.values()] == (
        [3, 1, 2] if has_all else [3]
    )
    for name, values in outputs.items():
        np.testing.assert_allclose(found[name], values, atol=SCORES)


@pytest.mark.costly
def test_an_exported_checkpoint_spots_like_torch(checkpoint: Checkpoint) -> None:
    frames = draw_frames(30, seed=3)
    reference = TorchRuntime(load_spotter(checkpoint))

    scores = one_pass(frames, open_runtime(checkpoint, threads=1), Windows(16, 8))[
        "scores"
    ]

    expected = one_pass(frames, reference, Windows(16, 8))["scores"]
    assert np.ptp(expected, axis=0).max() > 100 * SCORES  # The frames do matter.
    np.testing.assert_allclose(scores, expected, atol=SCORES)


@pytest.mark.costly
def test_a_form_of_an_earlier_release_is_read_by_position() -> None:
    spotter = noisy_spotter("rny002", "")
    trunk, head = trunk_model(spotter, FrameSpec(*SIZE)), head_model(spotter)
    for port, name in zip(trunk.inputs, ("frames", "inside", "shown"), strict=True):
        port.get_tensor().set_names({name})
    frames = draw_frames(11)

    runtime = OpenVinoRuntime(trunk, head, delay=0, threads=1)

    scores = one_pass(frames, runtime, Windows(16, 8))["scores"]
    expected = one_pass(frames, TorchRuntime(spotter), Windows(16, 8))["scores"]
    np.testing.assert_allclose(scores, expected, atol=SCORES)


@pytest.mark.costly
def test_one_video_leaves_no_trace_in_the_next(checkpoint: Checkpoint) -> None:
    runtime = open_runtime(checkpoint, threads=1)
    frames = draw_frames(21)
    first = one_pass(frames, runtime, Windows(16, 8))["scores"]

    one_pass(draw_frames(13, seed=9), runtime, Windows(16, 8))

    np.testing.assert_array_equal(
        first, one_pass(frames, runtime, Windows(16, 8))["scores"]
    )


def test_the_export_says_what_it_is_and_how_far_it_is_from_torch(
    checkpoint: Checkpoint,
) -> None:
    facts = checkpoint.manifest.engines["openvino"]

    form = facts["precisions"]["float32"]
    assert facts["delay"] == 26
    assert facts["openvino_version"] == ov.__version__
    assert 0 <= form["max_score_difference"] <= SCORES
    assert set(form["max_differences"]) == {"displacement", "team"}
    assert 0 <= max(form["max_differences"].values()) <= SCORES
    assert (form["checked_on"], form["checked_steps"]) == ("the sample video", 40)


@pytest.mark.costly
def test_weights_are_kept_in_half_the_bytes_and_stay_the_same(
    checkpoint: Checkpoint,
) -> None:
    spotter = load_spotter(checkpoint)  # Its weights fit half precision.
    parameters = sum(p.numel() for p in spotter.parameters())

    sizes = [len(serialise(trunk_model(spotter, FrameSpec(*SIZE)))[1])]
    sizes.append(len(serialise(head_model(spotter))[1]))

    assert sum(sizes) < 2.3 * parameters


@pytest.mark.costly
def test_an_export_whose_scores_are_not_torchs_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = noisy_checkpoint(tmp_path, noisy_spotter("rny002", "")).path
    before = path.read_bytes()
    monkeypatch.setattr("model.export.differences.TOLERANCE", -1.0)

    with pytest.raises(EngineError, match="not kept"):
        attach_engines(path)

    assert path.read_bytes() == before


def test_a_checkpoint_without_the_form_says_how_to_make_it(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    bare = noisy_checkpoint(tmp_path, noisy_spotter("rny002", ""))

    with pytest.raises(EngineUnavailable, match="touchline export"):
        open_runtime(bare)
    with pytest.raises(EngineUnavailable, match="int8"):
        open_runtime(checkpoint, precision="int8")


def test_a_damaged_engine_file_is_refused(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    data = bytearray(checkpoint.path.read_bytes())
    with zipfile.ZipFile(checkpoint.path) as archive:
        member = archive.getinfo("engines/openvino/trunk.bin")
        content = archive.read(member)
    data[data.index(content, member.header_offset) + len(content) // 2] ^= 0xFF
    path = tmp_path / "damaged.touchline"
    path.write_bytes(data)

    with pytest.raises(BadCheckpoint, match="damaged"):
        open_runtime(Checkpoint.open(path))
