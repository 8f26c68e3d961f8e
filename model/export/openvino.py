"""From torch to the CPU engine's form, checked against torch before it is kept.

Two OpenVINO models: the streaming trunk, whose state lives inside it, and the head
with its activations. Needs torch and OpenVINO.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import openvino as ov
import torch

from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.spotter_io import load_spotter
from model.engines.openvino_engine import KIND, OpenVinoRuntime
from model.engines.runtime import Floats, Frames, Runtime
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import TorchRuntime
from model.export.differences import check_differences, difference_facts, largest
from model.export.live import attach_stream
from model.export.packing import pack
from model.export.sample import sample_frames
from model.export.tracing import convert, keep_state, members_of, name_ports
from model.network.activations import ActivatedHead
from model.network.cost import cost_of
from model.network.spotter import Spotter
from model.spotting.inference import stream_features
from model.video.frame_spec import FrameSpec

# Steps the trunk takes at once: few enough to stay in cache, see docs/performance.md.
CHUNK_LEN = 8

# Steps at once that the cost is counted for, here where torch is at hand.
COST_STEPS = 64


def attach_engines(
    checkpoint_path: Path,
    *,
    frames: Sequence[Frames] = (),
    out: Path | None = None,
) -> Checkpoint:
    """Put the OpenVINO form into a checkpoint, once its outputs are torch's.

    A causal network gets the form that runs step by step (see `model.export.live`).

    Args:
        checkpoint_path: the file to export.
        frames: (H, W, 3) RGB of the checkpoint's size to compare outputs on; those
            of the sample if left out.
        out: where to write; the file itself by default.

    Returns:
        The new checkpoint; `manifest.engines["openvino"]` holds chunk length,
        delay, cost, and by precision the largest difference of a score from torch's.

    Raises:
        EngineError: an output differs from torch's by more than is allowed.
        BadCheckpoint: the file cannot be read.
    """
    checkpoint = Checkpoint.open(checkpoint_path)
    manifest = checkpoint.manifest
    samples = list(frames or sample_frames(manifest.frame_spec))
    checked_on = "your video" if frames else "the sample video"
    target = out or checkpoint_path
    if manifest.config.look_ahead is not None:
        return attach_stream(checkpoint, samples, checked_on=checked_on, out=target)
    spotter = load_spotter(checkpoint)
    reference = TorchRuntime(spotter)
    trunk, head = trunk_model(spotter, manifest.frame_spec), head_model(spotter)
    engines = members_of({"trunk": trunk, "head": head}, kind=KIND)
    runtime = OpenVinoRuntime(trunk, head, delay=reference.delay)

    found = _outputs(samples, runtime, manifest.config.clip_len)
    expected = _outputs(samples, reference, manifest.config.clip_len)
    differences = largest(found, expected)
    check_differences(differences, "the OpenVINO network")
    facts = {
        "openvino_version": ov.__version__,
        "chunk_len": CHUNK_LEN,
        "delay": reference.delay,
        "precisions": {
            "float32": {
                "trunk": "trunk",
                "head": "head",
                **difference_facts(differences),
                "checked_on": checked_on,
                "checked_steps": len(samples),
            }
        },
        "cost": asdict(cost_of(manifest.config, manifest.frame_spec, steps=COST_STEPS)),
    }
    return with_changes(
        checkpoint,
        target,
        engines=engines,
        engine_facts={KIND: facts},
    )


def trunk_model(
    spotter: Spotter, frame_spec: FrameSpec, *, chunk_len: int = CHUNK_LEN
) -> ov.Model:
    """Make the streaming trunk for frames of one size.

    Inputs frames, is_video, is_not_padding, output features as in `StreamingTrunk`; the
    state is kept in the model and starts at zero when its request is reset.
    """
    trunk = StreamingTrunk(spotter)
    size = (chunk_len, frame_spec.out_height, frame_spec.out_width, 3)
    marks = torch.ones(chunk_len)
    inputs = (torch.zeros(size, dtype=torch.uint8), marks, marks)
    with torch.no_grad():
        _, *state = trunk(*inputs)
        model = convert(trunk, (*inputs, *state))
    shapes = [tensor.shape for tensor in (*inputs, *state)]
    model.reshape(
        {port: list(shape) for port, shape in zip(model.inputs, shapes, strict=True)}
    )
    name_ports(model.inputs[:3], ["frames", "is_video", "is_not_padding"])
    name_ports(model.outputs[:1], ["features"])
    keep_state(model, outputs=1)
    pack(model, [(raw.numpy(), scale.numpy()) for raw, scale in trunk.products()])
    return model


def head_model(spotter: Spotter) -> ov.Model:
    """Make the head with its activations: features (N, L, D) -> a result an output."""
    clip_len, dim = spotter.config.clip_len, spotter.feature_dim
    head = ActivatedHead(spotter)
    with torch.no_grad():
        model = convert(head, (torch.zeros(2, clip_len, dim),))
    model.reshape([-1, -1, dim])
    name_ports(model.inputs, ["features"])
    name_ports(model.outputs, list(head.names))
    pack(model, [])
    return model


def _outputs(
    frames: Sequence[Frames], runtime: Runtime, clip_len: int
) -> list[dict[str, Floats]]:
    """Run a network over some frames, the head over one clip after the other."""
    features = np.concatenate(list(stream_features(frames, runtime)))
    clips = [features[i : i + clip_len] for i in range(0, len(features), clip_len)]
    return [runtime.head(np.ascontiguousarray(clip[None])) for clip in clips]
