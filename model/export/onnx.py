"""From torch to ONNX, for third-party runtimes; checked before it is kept.

One graph, clip by clip as E2E-Spot runs: raw frames in, scores out, any number of
clips and any frame size. The check needs no ONNX Runtime: OpenVINO reads it too.
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
import openvino as ov
import torch
from torch import Tensor, nn

from model.checkpoint.archive import Checkpoint, with_changes
from model.checkpoint.spotter_io import load_spotter
from model.engines.runtime import Frames
from model.errors import EngineError
from model.export.openvino import TOLERANCE
from model.export.sample import sample_frames
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec

KIND = "onnx"
MEMBER = f"{KIND}/network.onnx"
OPSET = 18


class ClipScores(nn.Module):
    """Frames (B, clip_len, 3, H, W), uint8 RGB -> scores (B, clip_len, K)."""

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        self.spotter = spotter

    def forward(self, frames: Tensor) -> Tensor:
        """Score whole clips."""
        return torch.softmax(self.spotter(frames), dim=-1)


def attach_onnx(
    checkpoint_path: Path,
    *,
    frames: Sequence[Frames] = (),
    out: Path | None = None,
) -> Checkpoint:
    """Put the ONNX form into a checkpoint, once its scores are torch's.

    Args:
        checkpoint_path: the file to export.
        frames: (H, W, 3) RGB of the checkpoint's size to compare scores on; those
            of the sample if left out.
        out: where to write; the file itself by default.

    Raises:
        EngineError: a score differs by more than `TOLERANCE`.
        BadCheckpoint: the file cannot be read.
    """
    checkpoint = Checkpoint.open(checkpoint_path)
    config, spec = checkpoint.manifest.config, checkpoint.manifest.frame_spec
    scores = ClipScores(load_spotter(checkpoint)).eval()
    content = to_onnx(scores, spec)

    samples = list(frames or sample_frames(spec))
    difference = _difference(content, scores, list(_clips(samples, config.clip_len)))
    if not difference <= TOLERANCE:
        raise EngineError(
            f"the ONNX network's scores differ from torch's by {difference:.1e}, more "
            f"than {TOLERANCE:.0e}; the export was not kept"
        )
    found = {
        "max_score_difference": difference,
        "checked_on": "your video" if frames else "the sample video",
        "checked_steps": len(samples),
    }
    facts = {
        "opset": OPSET,
        "input": ["clips", config.clip_len, 3, "height", "width"],
        "precisions": {"float32": found},
    }
    return with_changes(
        checkpoint,
        out or checkpoint_path,
        engines={MEMBER: content},
        engine_facts={KIND: facts},
    )


def to_onnx(scores: ClipScores, spec: FrameSpec) -> bytes:
    """Write the graph: frames -> scores; clips, height and width are free."""
    size = (1, scores.spotter.config.clip_len, 3, spec.out_height, spec.out_width)
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
            scores,
            (torch.zeros(size, dtype=torch.uint8),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["frames"],
            output_names=["scores"],
            dynamic_axes={
                "frames": {0: "clips", 3: "height", 4: "width"},
                "scores": {0: "clips"},
            },
        )
        return path.read_bytes()


def _difference(
    content: bytes, scores: ClipScores, clips: Sequence[npt.NDArray[np.uint8]]
) -> float:
    """Say how far the largest score is from torch's."""
    core = ov.Core()
    exact: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    network = core.compile_model(core.read_model(io.BytesIO(content)), "CPU", exact)
    worst = 0.0
    for clip in clips:
        with torch.inference_mode():
            expected = scores(torch.from_numpy(clip)).numpy()
        worst = max(worst, float(np.abs(network(clip)[0] - expected).max()))
    return worst


def _clips(frames: Sequence[Frames], clip_len: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Cut frames into clips (1, clip_len, 3, H, W), the last one filled up."""
    for start in range(0, len(frames), clip_len):
        clip = list(islice(cycle(frames[start : start + clip_len]), clip_len))
        yield np.ascontiguousarray(np.stack(clip).transpose(0, 3, 1, 2)[None])
