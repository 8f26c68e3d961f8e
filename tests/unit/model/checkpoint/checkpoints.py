"""Make small checkpoints for tests, without torch and without training."""

from pathlib import Path

import numpy as np

from model.checkpoint.archive import Checkpoint, write_checkpoint
from model.checkpoint.manifest import Manifest, Provenance
from model.checkpoint.spotting_options import SpottingOptions
from model.network.config import ModelConfig
from model.video.frame_spec import FrameSpec

LABELS = ("PASS", "DRIVE")


def tiny_manifest(name: str = "tiny") -> Manifest:
    """A manifest that agrees with itself."""
    return Manifest(
        name=name,
        config=ModelConfig("rny002_gsm", "gru", clip_len=16, num_classes=2),
        labels=LABELS,
        frame_spec=FrameSpec(width=160, height=90, fps=15.0),
        spotting=SpottingOptions.default(LABELS),
        provenance=Provenance(trained_on="noise", steps=3, val={"mAP": 0.5}),
    )


def tiny_checkpoint(folder: Path, name: str = "tiny") -> Checkpoint:
    """An archive whose weights are whole but fit no network."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_checkpoint(
        folder / f"{name}.touchline",
        tiny_manifest(name),
        weights={"_features.a": np.arange(6.0).reshape(2, 3)},
    )
