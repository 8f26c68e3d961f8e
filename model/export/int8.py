"""The trunk in 8-bit integers, kept only where it stays as accurate.

Ranges are calibrated on real frames by nncf; the head stays in float32. Needs torch,
OpenVINO and nncf (the extra int8).
"""

import copy
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino._offline_transformations import (
    compress_quantize_weights_transformation,
)

from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.spotter_io import load_spotter
from model.engines.openvino_engine import KIND, OpenVinoRuntime, open_runtime
from model.engines.runtime import Frames
from model.errors import EngineUnavailable
from model.export.openvino import trunk_model
from model.export.tracing import members_of
from model.spotting.predictor import EnginePredictor, Predictor

# Largest fall of the mean AP on validation data that is worth the speed.
MAX_LOSS = 0.01

# Chunks that the ranges are taken from; more changed nothing.
CALIBRATION_CHUNKS = 150


@dataclass(frozen=True, slots=True)
class Int8Outcome:
    """How the 8-bit trunk did.

    Attributes:
        checkpoint: with the 8-bit form if it was kept.
        float32: mean AP of the float32 form.
        int8: mean AP of the 8-bit form.
        is_kept: whether the loss is small enough.
    """

    checkpoint: Checkpoint
    float32: float
    int8: float
    is_kept: bool


def attach_int8(
    checkpoint_path: Path,
    videos: Iterable[Iterable[Frames]],
    *,
    measure: Callable[[Predictor], float],
    out: Path | None = None,
) -> Int8Outcome:
    """Add the 8-bit form to an exported checkpoint if it is accurate enough.

    Args:
        checkpoint_path: the file; it must hold the float32 form.
        videos: frames (H, W, 3) of some validation videos, to take ranges from.
        measure: scores a predictor on other validation videos: its mean AP, 0 to 1.
        out: where to write; the file itself by default.

    Raises:
        EngineUnavailable: nncf is not installed, there is no float32 form, or that
            finds nothing in the validation data.
        BadCheckpoint: the file cannot be read.
    """
    checkpoint = Checkpoint.open(checkpoint_path)
    manifest = checkpoint.manifest
    exact = open_runtime(checkpoint)
    facts = manifest.engines[KIND]
    model = trunk_model(
        load_spotter(checkpoint), manifest.frame_spec, chunk_len=exact.chunk_len
    )
    trunk = quantise(model, videos, chunk_len=exact.chunk_len)
    target = out or checkpoint_path
    quick = OpenVinoRuntime(
        trunk, exact.head_model, delay=exact.delay, name=f"{KIND}/int8"
    )
    before = measure(EnginePredictor(manifest, exact))
    after = measure(EnginePredictor(manifest, quick))
    if not before > 0:
        raise EngineUnavailable(
            f"float32 scores {before:g} on these matches: they do not show what 8 bits "
            "lose. Take matches with events that the checkpoint finds."
        )
    if not before - after < MAX_LOSS:
        left = _without_int8(checkpoint, target)
        return Int8Outcome(left, before, after, is_kept=False)

    form = {"trunk": "trunk-int8", "head": "head", "val": [before, after]}
    facts = {**facts, "precisions": {**facts["precisions"], "int8": form}}
    checkpoint = with_changes(
        checkpoint,
        target,
        engines=members_of({"trunk-int8": trunk}, kind=KIND),
        engine_facts={KIND: facts},
    )
    return Int8Outcome(checkpoint, before, after, is_kept=True)


def _without_int8(checkpoint: Checkpoint, target: Path) -> Checkpoint:
    """Take out an 8-bit form that was kept on other matches, if there is one."""
    facts = checkpoint.manifest.engines[KIND]
    others = {k: form for k, form in facts["precisions"].items() if k != "int8"}
    if others == facts["precisions"]:
        return checkpoint
    return with_changes(
        checkpoint,
        target,
        engine_facts={KIND: {**facts, "precisions": others}},
        without=[f"{KIND}/trunk-int8.xml", f"{KIND}/trunk-int8.bin"],
    )


def quantise(
    model: ov.Model, videos: Iterable[Iterable[Frames]], *, chunk_len: int
) -> ov.Model:
    """Make the 8-bit form of a streaming trunk.

    The ranges are taken while videos stream through it, state and all.

    Raises:
        EngineUnavailable: nncf is not installed.
    """
    try:
        import nncf
    except ImportError as exc:
        raise EngineUnavailable(
            "int8 needs nncf: `make dev`, or the package's extra int8"
        ) from exc
    logging.getLogger("nncf").setLevel(logging.WARNING)
    chunks = [chunk for video in videos for chunk in _chunks(video, chunk_len)]
    if not model.get_variables():  # A trunk without shifts keeps nothing to reset.
        for chunk in chunks:
            del chunk["nncf_reset_state"]
    quantised: ov.Model = nncf.quantize(
        copy.deepcopy(model),
        nncf.Dataset(chunks[:CALIBRATION_CHUNKS]),
        subset_size=min(len(chunks), CALIBRATION_CHUNKS),
        preset=nncf.QuantizationPreset.MIXED,
    )
    compress_quantize_weights_transformation(quantised)
    return quantised


def _chunks(video: Iterable[Frames], size: int) -> Iterator[dict[str, Any]]:
    """Give a video's whole chunks as the trunk's inputs; the first one resets it."""
    marks = np.ones(size, dtype=np.float32)
    images: list[Frames] = []
    is_first = True
    for image in video:
        images.append(image.copy())
        if len(images) == size:
            yield {
                "frames": np.stack(images),
                "is_video": marks,
                "is_not_padding": marks,
                "nncf_reset_state": is_first,
            }
            images, is_first = [], False
