"""From torch to ONNX for serving: the streaming trunk and the head, checked.

Two graphs for ONNX Runtime and, by way of it, TensorRT. The trunk's state goes in and
out by name. (`model.export.onnx` is one graph, clip by clip, for other programs.)
"""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.spotter_io import load_spotter
from model.engines.onnx_engine import KIND, OnnxRuntime
from model.engines.runtime import Frames, Runtime
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import TorchRuntime
from model.export.differences import check_differences, difference_facts, largest
from model.export.sample import sample_frames
from model.network.activations import ActivatedHead
from model.network.spotter import Spotter
from model.spotting.inference import stream_features
from model.video.frame_spec import FrameSpec

OPSET = 18
CHUNK_LEN = 16
_FIRST = ("frames", "is_video", "is_not_padding")


@dataclass(frozen=True, slots=True)
class OnnxStream:
    """Both graphs, and what a runtime must know of them."""

    trunk: bytes
    head: bytes
    chunk_len: int
    delay: int
    feature_dim: int
    outputs: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "opset": OPSET,
            "chunk_len": self.chunk_len,
            "delay": self.delay,
            "feature_dim": self.feature_dim,
            "outputs": list(self.outputs),
        }


def attach_onnx_stream(
    checkpoint_path: Path,
    *,
    frames: Sequence[Frames] = (),
    out: Path | None = None,
    chunk_len: int = CHUNK_LEN,
) -> Checkpoint:
    """Put ONNX Runtime's form into a checkpoint, once its outputs are torch's.

    Args:
        checkpoint_path: the file to export.
        frames: (H, W, 3) RGB of the checkpoint's size to compare outputs on; those
            of the sample if left out.
        out: where to write; the file itself by default.
        chunk_len: steps that the trunk takes at once.

    Raises:
        EngineError: an output differs from torch's by more than is allowed.
        EngineUnavailable: ONNX Runtime is not installed.
        BadCheckpoint: the file cannot be read.
    """
    checkpoint = Checkpoint.open(checkpoint_path)
    spotter, spec = load_spotter(checkpoint), checkpoint.manifest.frame_spec
    made = to_onnx_stream(spotter, spec, chunk_len=chunk_len)
    samples = list(frames or sample_frames(spec))
    found = OnnxRuntime(made.trunk, made.head, made.facts)
    torch_runtime = TorchRuntime(spotter, chunk_len=chunk_len)
    clip_len = checkpoint.manifest.config.clip_len
    differences = largest(
        [_outputs(found, samples, clip_len)],
        [_outputs(torch_runtime, samples, clip_len)],
    )
    check_differences(differences, "the ONNX Runtime network")
    facts = {
        **made.facts,
        "precisions": {
            "float32": {
                **difference_facts(differences),
                "checked_on": "your video" if frames else "the sample video",
                "checked_steps": len(samples),
            }
        },
    }
    return with_changes(
        checkpoint,
        out or checkpoint_path,
        engines={f"{KIND}/trunk.onnx": made.trunk, f"{KIND}/head.onnx": made.head},
        engine_facts={KIND: facts},
    )


def to_onnx_stream(spotter: Spotter, spec: FrameSpec, *, chunk_len: int) -> OnnxStream:
    """Write both graphs; chunk and frames have fixed sizes, windows are free."""
    trunk, head = StreamingTrunk(spotter), ActivatedHead(spotter)
    frames = torch.zeros(
        (chunk_len, spec.out_height, spec.out_width, 3), dtype=torch.uint8
    )
    marks = torch.ones(chunk_len)
    with torch.no_grad():
        _, *state = trunk(frames, marks, marks)
    old = [f"old_{index}" for index in range(len(state))]
    new = [f"new_{index}" for index in range(len(state))]
    features = torch.zeros(1, spotter.config.clip_len, trunk.feature_dim)
    return OnnxStream(
        trunk=_written(
            trunk, (frames, marks, marks, *state), [*_FIRST, *old], ["features", *new]
        ),
        head=_written(
            head,
            (features,),
            ["features"],
            list(head.names),
            dynamic_axes={
                name: {0: "windows", 1: "steps"} for name in ("features", *head.names)
            },
        ),
        chunk_len=chunk_len,
        delay=trunk.delay,
        feature_dim=trunk.feature_dim,
        outputs=tuple(head.names),
    )


def _written(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    names: list[str],
    outputs: list[str],
    **options: Any,
) -> bytes:
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        torch.no_grad(),
    ):
        warnings.simplefilter("ignore")  # As in `model.export.onnx`.
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=outputs,
            **options,
        )
        return path.read_bytes()


def _outputs(
    runtime: Runtime, frames: Sequence[Frames], clip_len: int
) -> dict[str, Any]:
    features = np.concatenate(list(stream_features(frames, runtime)))
    window = np.zeros((1, clip_len, features.shape[1]), np.float32)
    kept = features[:clip_len]
    window[0, : len(kept)] = kept
    return {"features": features[None], **runtime.head(window)}
