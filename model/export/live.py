"""A causal network as one OpenVINO model that takes a step at a time.

Trunk, head and activations in one, with all state inside. Checked against the network
as torch runs it over the whole sequence, before it is kept. Needs torch and OpenVINO.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import openvino as ov
import torch

from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.spotter_io import load_spotter
from model.engines.openvino_engine import KIND, OpenVinoStream
from model.engines.runtime import Floats, Frames, StreamRuntime
from model.engines.streaming_network import StreamingNetwork
from model.export.differences import check_differences, difference_facts, largest
from model.export.packing import pack
from model.export.tracing import convert, keep_state, members_of, name_ports
from model.network.activations import ActivatedHead
from model.network.cost import cost_of
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec

COST_STEPS = 64


def attach_stream(
    checkpoint: Checkpoint, samples: Sequence[Frames], *, checked_on: str, out: Path
) -> Checkpoint:
    """Put the streaming form into a causal checkpoint, once its outputs are torch's.

    Args:
        checkpoint: of a causal network.
        samples: (H, W, 3) frames to compare outputs on.
        checked_on: what they are, for the manifest.
        out: where to write.

    Raises:
        EngineError: an output differs from torch's by more than is allowed.
        BadCheckpoint: the file cannot be read.
    """
    manifest, spotter = checkpoint.manifest, load_spotter(checkpoint)
    model, delay = stream_model(spotter, manifest.frame_spec)
    found = stream_outputs(samples, OpenVinoStream(model, delay=delay))
    differences = largest([found], [uncut_outputs(samples, spotter)])
    check_differences(differences, "the OpenVINO network")
    form = {
        "stream": "stream",
        **difference_facts(differences),
        "checked_on": checked_on,
        "checked_steps": len(samples),
    }
    facts = {
        "openvino_version": ov.__version__,
        "chunk_len": 1,
        "delay": delay,
        "precisions": {"float32": form},
        "cost": asdict(cost_of(manifest.config, manifest.frame_spec, steps=COST_STEPS)),
    }
    engines = members_of({"stream": model}, kind=KIND)
    return with_changes(checkpoint, out, engines=engines, engine_facts={KIND: facts})


def stream_model(spotter: Spotter, frame_spec: FrameSpec) -> tuple[ov.Model, int]:
    """Make the streaming network for frames of one size, one step at a time.

    Inputs frames (1, H, W, 3), is_video and is_not_padding (1,), a result an output;
    the state is kept in the model and starts at zero when its request is reset.

    Returns:
        The model, and its delay in steps.
    """
    network = StreamingNetwork(spotter)
    size = (1, frame_spec.out_height, frame_spec.out_width, 3)
    inputs = (torch.zeros(size, dtype=torch.uint8), torch.ones(1), torch.ones(1))
    count = len(network.names)
    with torch.no_grad():
        state = network(*inputs)[count:]
        model = convert(network, (*inputs, *state))
    shapes = [tensor.shape for tensor in (*inputs, *state)]
    model.reshape(
        {port: list(shape) for port, shape in zip(model.inputs, shapes, strict=True)}
    )
    name_ports(model.inputs[:3], ["frames", "is_video", "is_not_padding"])
    name_ports(model.outputs[:count], list(network.names))
    keep_state(model, outputs=count)
    products = network.trunk.products()
    pack(model, [(raw.numpy(), scale.numpy()) for raw, scale in products])
    return model, network.delay


def stream_outputs(
    frames: Sequence[Frames], runtime: StreamRuntime
) -> Mapping[str, Floats]:
    """Run a stream over all frames and to its end: each output (T, columns)."""
    runtime.reset()
    blank = np.zeros_like(frames[0])
    rows = [runtime.step(frame) for frame in frames]
    rows += [runtime.step(blank, is_video=False) for _ in range(runtime.delay)]
    rows = rows[runtime.delay :]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@torch.inference_mode()
def uncut_outputs(frames: Sequence[Frames], spotter: Spotter) -> Mapping[str, Floats]:
    """Run a network over all frames as one clip: each output (T, columns)."""
    head = ActivatedHead(spotter).eval()
    pictures = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)
    found = head(spotter.trunk(spotter.normalise(pictures)[None]))
    return {n: values[0].numpy() for n, values in zip(head.names, found, strict=True)}
