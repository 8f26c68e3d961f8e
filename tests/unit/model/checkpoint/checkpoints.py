"""Make small checkpoints for tests, without torch and without training."""

from dataclasses import replace
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


def live_manifest(name: str = "live") -> Manifest:
    """A manifest of a causal network that looks 3 steps ahead, 0.2 s."""
    config = ModelConfig(
        "rny002_gsm",
        "causal_gru",
        clip_len=16,
        num_classes=2,
        options={"look_ahead": 1},
        look_ahead_sites=1,
    )
    return replace(tiny_manifest(name), config=config)


def tiny_checkpoint(
    folder: Path, name: str = "tiny", *, manifest: Manifest | None = None
) -> Checkpoint:
    """An archive whose weights are whole but fit no network."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_checkpoint(
        folder / f"{name}.touchline",
        manifest or tiny_manifest(name),
        weights={"_features.a": np.arange(6.0).reshape(2, 3)},
    )
