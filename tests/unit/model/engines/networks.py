"""Networks with weights from noise for the tests of engines, and slow truths."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from model.checkpoint.archive import Checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotter_io import Precision, save_spotter
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.export.openvino import attach_engines
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec
from tests.checkpoints import made_once

# Every kind of output that a network can have.
ALL_OUTPUTS: Mapping[str, Any] = {
    "scores": {"activation": "sigmoid"},
    "displacement": {"radius": 2},
    "team": {"sides": ["left", "right"]},
}
SIZE = (64, 48)  # Width and height of a test's frames.
LABELS = ("PASS", "DRIVE")


def noisy_spotter(
    feature_arch: str = "rny002_gsm",
    temporal_arch: str = "gru",
    *,
    clip_len: int = 16,
    outputs: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    look_ahead_sites: int | None = None,
) -> Spotter:
    """Make a network whose gates, batch norms and scores are all alive.

    Untrained, the gates are shut and the batch norms do nothing: a wrong shift
    would go unseen.
    """
    torch.manual_seed(0)
    config = ModelConfig(
        feature_arch,
        temporal_arch,
        clip_len,
        len(LABELS),
        options=options or {},
        outputs=outputs or {},
        look_ahead_sites=look_ahead_sites,
    )
    spotter = Spotter(config)
    for name, parameter in spotter.named_parameters():
        if "conv3D" in name:
            nn.init.normal_(parameter, std=0.1)
    for module in spotter.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type] # Is there.
            nn.init.uniform_(module.running_var, 0.8, 1.5)  # type: ignore[arg-type] # Is there.
    return spotter.eval()


def noisy_checkpoint(
    folder: Path,
    spotter: Spotter,
    *,
    fps: float = 15.0,
    precision: Precision = "fp16",
) -> Checkpoint:
    """Write a network from noise as a checkpoint for small frames."""
    manifest = Manifest(
        name="noise",
        config=spotter.config,
        labels=LABELS,
        frame_spec=FrameSpec(*SIZE, fps=fps),
        spotting=SpottingOptions({label: LabelOptions(0.3, 0.4) for label in LABELS}),
    )
    path = folder / "noise.touchline"
    return save_spotter(path, spotter, manifest, precision=precision)


def exported_noise(
    cache: Path,
    feature_arch: str = "rny002_gsm",
    temporal_arch: str = "gru",
    *,
    outputs: Mapping[str, Any] | None = None,
) -> Path:
    """Give a network from noise with its CPU form, made once for all tests.

    Not to be written to: copy it first.
    """

    def make(path: Path) -> None:
        spotter = noisy_spotter(feature_arch, temporal_arch, outputs=outputs)
        noisy_checkpoint(path.parent, spotter).path.replace(path)
        attach_engines(path)

    words = [feature_arch, temporal_arch, *(outputs or ())]
    return made_once(cache, "-".join(words), make)


def draw_frames(count: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Draw frames (count, H, W, 3) that differ from one another."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, SIZE[1] // 8, SIZE[0] // 8, 3))
    shaded = small * rng.random((count, 1, 1, 1))
    return shaded.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)


def uncut_features(
    spotter: Spotter, frames: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Run the trunk over all frames at once: (T, H, W, 3) -> (T, D)."""
    with torch.inference_mode():
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2)
        features = spotter.trunk(spotter.normalise(pictures)[None])[0]
    return np.asarray(features.numpy(), dtype=np.float32)
