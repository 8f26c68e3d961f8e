"""From torch to ONNX, for third-party runtimes; checked before it is kept.

One graph, clip by clip as E2E-Spot runs: raw frames in, named outputs out, any number
of clips and any frame size. The check needs no ONNX Runtime: OpenVINO reads it too.
"""

import io
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.spotter_io import load_spotter
from model.engines.openvino_core import openvino_core
from model.engines.runtime import Frames
from model.export.differences import (
    Differences,
    check_differences,
    difference_facts,
    largest,
)
from model.export.sample import sample_frames
from model.network.activations import activate
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec

KIND = "onnx"
MEMBER = f"{KIND}/network.onnx"
OPSET = 18


class ClipOutputs(nn.Module):
    """Frames (B, clip_len, 3, H, W), uint8 RGB -> each output (B, clip_len, columns).

    Attributes:
        names: of the outputs, in their order.
    """

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        self.spotter = spotter
        self.names = tuple(output.name for output in spotter.config.declared_outputs)

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Run whole clips through the network, its outputs activated."""
        found = activate(self.spotter(frames), self.spotter.config)
        return tuple(found[name] for name in self.names)


def attach_onnx(
    checkpoint_path: Path,
    *,
    frames: Sequence[Frames] = (),
    out: Path | None = None,
) -> Checkpoint:
    """Put the ONNX form into a checkpoint, once its outputs are torch's.

    Args:
        checkpoint_path: the file to export.
        frames: (H, W, 3) RGB of the checkpoint's size to compare outputs on; those
            of the sample if left out.
        out: where to write; the file itself by default.

    Raises:
        EngineError: an output differs from torch's by more than is allowed.
        BadCheckpoint: the file cannot be read.
    """
    checkpoint = Checkpoint.open(checkpoint_path)
    config, spec = checkpoint.manifest.config, checkpoint.manifest.frame_spec
    network = ClipOutputs(load_spotter(checkpoint)).eval()
    content = to_onnx(network, spec)

    samples = list(frames or sample_frames(spec))
    clips = list(_clips(samples, config.clip_len))
    differences = _differences(content, network, clips)
    check_differences(differences, "the ONNX network")
    found = {
        **difference_facts(differences),
        "checked_on": "your video" if frames else "the sample video",
        "checked_steps": len(samples),
    }
    facts = {
        "opset": OPSET,
        "input": ["clips", config.clip_len, 3, "height", "width"],
        "outputs": list(network.names),
        "precisions": {"float32": found},
    }
    return with_changes(
        checkpoint,
        out or checkpoint_path,
        engines={MEMBER: content},
        engine_facts={KIND: facts},
    )


def to_onnx(network: ClipOutputs, spec: FrameSpec) -> bytes:
    """Write the graph: frames -> outputs; clips, height and width are free."""
    size = (1, network.spotter.config.clip_len, 3, spec.out_height, spec.out_width)
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        torch.no_grad(),
    ):
        # The exporter that traces is called old, but it leaves sizes free and
        # recurrent layers whole; it warns of what our own checks decide.
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            (torch.zeros(size, dtype=torch.uint8),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["frames"],
            output_names=list(network.names),
            dynamic_axes={
                "frames": {0: "clips", 3: "height", 4: "width"},
                **{name: {0: "clips"} for name in network.names},
            },
        )
        return path.read_bytes()


def _differences(
    content: bytes, network: ClipOutputs, clips: Sequence[npt.NDArray[np.uint8]]
) -> Differences:
    """Give the largest difference from torch of each output."""
    core = openvino_core()
    exact: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(io.BytesIO(content)), "CPU", exact)
    found, expected = [], []
    for clip in clips:
        results = compiled(clip)
        found.append({name: np.array(results[name]) for name in network.names})
        with torch.inference_mode():
            tensors = network(torch.from_numpy(clip))
        arrays = (tensor.numpy() for tensor in tensors)
        expected.append(dict(zip(network.names, arrays, strict=True)))
    return largest(found, expected)


def _clips(frames: Sequence[Frames], clip_len: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Cut frames into clips (1, clip_len, 3, H, W), the last one filled up."""
    for start in range(0, len(frames), clip_len):
        clip = list(islice(cycle(frames[start : start + clip_len]), clip_len))
        yield np.ascontiguousarray(np.stack(clip).transpose(0, 3, 1, 2)[None])
