"""The ONNX form: the same scores in a third-party runtime, at any frame size."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from model.checkpoint.archive import ENGINES, Checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotter_io import load_spotter, save_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import EngineError
from model.export import onnx as onnx_export
from model.export.onnx import MEMBER, ClipOutputs, attach_onnx
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec
from tests.unit.model.engines.networks import ALL_OUTPUTS

pytestmark = [pytest.mark.slow, pytest.mark.costly]

LABELS = ("PASS", "DRIVE")


def lively(config: ModelConfig, seed: int = 0) -> Spotter:
    """A network whose gates are open and whose branches are not closed."""
    torch.manual_seed(seed)
    spotter = Spotter(config).eval()
    with torch.no_grad():
        for name, value in spotter.named_parameters():
            if "conv3D" in name:
                value.normal_(std=0.1)
            elif value.dim() == 1 and name.endswith("weight"):
                value.uniform_(0.5, 1.0)
            elif name.endswith("_fc_out.weight"):
                value.mul_(20)
    return spotter


def saved(
    path: Path,
    feature_arch: str,
    temporal_arch: str,
    outputs: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """A checkpoint of such a network for small frames."""
    config = ModelConfig(feature_arch, temporal_arch, 4, 2, outputs=outputs or {})
    spotter = lively(config)
    manifest = Manifest(
        name="small",
        config=spotter.config,
        labels=LABELS,
        frame_spec=FrameSpec(64, 48),
        spotting=SpottingOptions.default(LABELS),
    )
    return save_spotter(path, spotter, manifest, precision="fp32")


def agrees_at_any_size(checkpoint: Checkpoint) -> None:
    """Compare a third-party runtime with torch, for two sizes of frame."""
    content = checkpoint.read_member(ENGINES + MEMBER)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    network = ClipOutputs(load_spotter(checkpoint)).eval()
    for shape in ((1, 4, 3, 48, 64), (3, 4, 3, 51, 77)):
        clip = torch.randint(0, 256, shape, dtype=torch.uint8)
        found = session.run(None, {"frames": clip.numpy()})
        with torch.no_grad():
            expected = network(clip)
        assert [output.name for output in session.get_outputs()] == list(network.names)
        for ours, theirs in zip(found, expected, strict=True):
            assert np.abs(ours - theirs.numpy()).max() < 1e-5


@pytest.mark.parametrize(
    ("feature_arch", "temporal_arch"),
    [("rn18_tsm", "transformer"), ("rn18", "multiscale"), ("rn18", "causal_gru")],
)
def test_another_runtime_gives_torchs_scores_at_any_size(
    tmp_path: Path, feature_arch: str, temporal_arch: str
) -> None:
    path = saved(tmp_path / "small.touchline", feature_arch, temporal_arch).path

    checkpoint = attach_onnx(path)

    agrees_at_any_size(checkpoint)


@pytest.mark.nightly
def test_the_difference_and_the_form_are_kept(tmp_path: Path) -> None:
    path = saved(tmp_path / "small.touchline", "rny002_gsm", "gru", ALL_OUTPUTS).path
    frames = [np.full((48, 64, 3), shade, np.uint8) for shade in range(0, 60, 10)]

    checkpoint = attach_onnx(path, frames=frames)

    facts = Checkpoint.open(path).manifest.engines["onnx"]
    found = facts["precisions"]["float32"]
    assert found["checked_on"] == "your video"
    assert found["checked_steps"] == 6
    assert found["max_score_difference"] < 1e-5
    assert max(found["max_differences"].values()) < 1e-5
    assert facts["outputs"] == ["scores", "displacement", "team"]
    graph = onnx.load_from_string(checkpoint.read_member(ENGINES + MEMBER))
    assert [entry.version for entry in graph.opset_import] == [18]
    agrees_at_any_size(checkpoint)


def test_a_form_whose_scores_differ_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "small.touchline", "rn18", "").path
    before = path.read_bytes()
    other = lively(ModelConfig("rn18", "", 4, 2), seed=1)
    content = onnx_export.to_onnx(ClipOutputs(other).eval(), FrameSpec(64, 48))
    monkeypatch.setattr(onnx_export, "to_onnx", lambda *_: content)

    with pytest.raises(EngineError, match="differ from torch's"):
        attach_onnx(path)

    assert path.read_bytes() == before
