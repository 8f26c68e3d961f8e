"""Checkpoints of one training, averaged."""

from pathlib import Path

import numpy as np
import pytest

from model.checkpoint.archive import Checkpoint
from model.checkpoint.manifest import Manifest, Provenance
from model.checkpoint.spotter_io import save_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import BadCheckpoint
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.training.average import average_checkpoints
from model.video.frame_spec import FrameSpec

LABELS = ("PASS", "DRIVE")


def saved(path: Path, *, head: str = "gru", fps: float = 10.0) -> Path:
    """Write a checkpoint of random weights."""
    spotter = Spotter(ModelConfig("rny002_gsm", head, 8, 2))
    manifest = Manifest(
        name="round",
        config=spotter.config,
        labels=LABELS,
        frame_spec=FrameSpec(64, 48, fps=fps),
        spotting=SpottingOptions.default(LABELS),
        provenance=Provenance(trained_on="toys", steps=7, val={"mAP": 0.5}),
        engines={"openvino": {"delay": 26}},
    )
    save_spotter(path, spotter, manifest)
    return path


@pytest.mark.slow
def test_each_weight_is_the_mean_by_shares(tmp_path: Path) -> None:
    one, two = saved(tmp_path / "1.touchline"), saved(tmp_path / "2.touchline")

    mean = average_checkpoints([one, two], [3, 1], out=tmp_path / "mean.touchline")

    ours, first, second = (
        Checkpoint.open(path).read_weights() for path in (mean.path, one, two)
    )
    for key, weight in first.items():
        expected = 0.75 * weight.astype(np.float64) + 0.25 * second[key]
        assert np.allclose(ours[key], expected, rtol=2e-3, atol=1e-4), key


@pytest.mark.costly
@pytest.mark.slow
def test_what_was_measured_on_other_weights_is_left_out(tmp_path: Path) -> None:
    one, two = saved(tmp_path / "1.touchline"), saved(tmp_path / "2.touchline")

    mean = average_checkpoints([one, two], [1, 1], out=tmp_path / "mean.touchline")

    assert not mean.manifest.engines
    assert not mean.manifest.provenance.val
    assert mean.manifest.provenance.trained_on == "toys"
    assert "0.5 of 1.touchline, 0.5 of 2.touchline" in mean.manifest.provenance.notes


@pytest.mark.parametrize("change", [{"head": ""}, {"fps": 15.0}])
@pytest.mark.slow
def test_other_networks_or_inputs_are_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    one = saved(tmp_path / "1.touchline")
    two = saved(tmp_path / "2.touchline", **change)  # type: ignore[arg-type] # as named

    with pytest.raises(BadCheckpoint, match=r"2\.touchline and .*differ"):
        average_checkpoints([one, two], [1, 1], out=tmp_path / "mean.touchline")
    assert not (tmp_path / "mean.touchline").exists()


@pytest.mark.parametrize("shares", [[1.0], [1.0, 0.0]])
def test_every_checkpoint_needs_a_share(tmp_path: Path, shares: list[float]) -> None:
    paths = [tmp_path / "1.touchline", tmp_path / "2.touchline"]

    with pytest.raises(ValueError, match="2 checkpoints need as many shares"):
        average_checkpoints(paths, shares, out=tmp_path / "mean.touchline")
