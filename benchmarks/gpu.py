"""What a graphics card does with this product, as a Markdown table for README.

    python -m benchmarks.gpu [CHECKPOINT] [--device cuda] [--size 398x224]

Times, one after the other: decoding in software and by the card, conversion on the
processor and on the device, the trunk step by step and as a CUDA graph, two videos one
after the other and as one batch, the head, and ONNX Runtime with its providers where
the checkpoint has its form. `--device cpu` runs every line of it on the processor, on
small pictures, to see that it works: its numbers mean nothing. What is not on this
machine is named, not left out. Without a card it ends with exit code 2.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from benchmarks.machine import processor
from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import BUNDLED_DIR
from model.checkpoint.spotter_io import load_spotter
from model.engines.card_pictures import CardPictures, Colours
from model.engines.fixed_chunks import FixedChunks
from model.engines.onnx_engine import CPU, CUDA, TENSORRT, open_runtime
from model.engines.runtime import WINDOWS_AT_ONCE
from model.engines.torch_engine import TorchRuntime, cuda_chunk_len, has_cuda
from model.errors import EngineError
from model.export.onnx_stream import attach_onnx_stream
from model.network.memory import DEFAULT_BUDGET_BYTES
from model.network.spotter import Spotter
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.hardware import is_usable
from model.video.picture import FrameConverter
from tests.videos import draw_video, match_picture

NO_CARD = (
    "There is no NVIDIA GPU that torch can use: nothing was measured. "
    "`--device cpu` runs every line on the processor instead."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: frames a second, or why there is none."""

    name: str
    frames_s: float | None
    note: str = ""

    def __str__(self) -> str:
        rate = "not run" if self.frames_s is None else f"{self.frames_s:,.0f}"
        return f"| {self.name} | {rate} | {self.note} |"


def main() -> None:
    """Measure, and print the table."""
    options = _options()
    if options.device == "cuda" and not has_cuda():
        sys.stderr.write(f"{NO_CARD}\n")
        sys.exit(2)
    print(
        f"{_machine(options.device)}, torch {torch.__version__}, PyAV {av.__version__}"
    )
    if options.device == "cpu":
        print("\n**A dry run on the processor: these are not a card's numbers.**")
    print("\n| | frames/s | |\n|---|---|---|", flush=True)
    for row in measure(options):
        print(row, flush=True)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Give line by line."""
    checkpoint = Checkpoint.open(options.checkpoint)
    spotter = load_spotter(checkpoint)
    width, height = options.size
    spec = FrameSpec(width, height, fps=30.0)
    with tempfile.TemporaryDirectory() as name:
        video = Path(name) / "match.mp4"
        draw_video(video, frames=options.frames, fps=30, size=options.video)
        yield from decoding(video, spec, options)
        yield from converting(spec, options)
        yield from network(spotter, spec, options)
        yield from onnx(checkpoint, Path(name) / "onnx.touchline", options)


def decoding(video: Path, spec: FrameSpec, options: Any) -> Iterator[Row]:
    """The decoding process, with scaling, in software and by the card."""
    for wanted in ("off", "cuda", "vaapi"):
        name = "in software" if wanted == "off" else f"by {wanted}"
        title = f"decode {options.video[0]}x{options.video[1]} H.264 {name}"
        if wanted != "off" and not is_usable(wanted):
            yield Row(title, None, f"no {wanted} here")
            continue
        started = time.perf_counter()
        with decode_in_child(video, spec, hardware=wanted) as steps:
            count = sum(1 for _ in steps)
        yield Row(title, count / (time.perf_counter() - started), "with its start")


def converting(spec: FrameSpec, options: Any) -> Iterator[Row]:
    """YUV to RGB and scaling: FFmpeg on one core, and torch on the device."""
    size, count = options.video, 16
    frame = av.VideoFrame.from_ndarray(match_picture(1, *size), format="rgb24")
    frame = frame.reformat(format="yuv420p")
    converter = FrameConverter(spec)
    rate = count / _seconds(
        lambda: _times(count, lambda: converter.convert(frame)), "cpu"
    )
    yield Row("convert and scale, FFmpeg on one core", rate)
    pictures = CardPictures(
        spec, size=size, colours=Colours("bt709"), device=options.device
    )
    width, height = size
    host = [
        _pinned(torch.zeros(shape, dtype=torch.uint8), options.device)
        for shape in (
            (count, height, width),
            (count, height // 2, width // 2),
            (count, height // 2, width // 2),
        )
    ]
    rate = count / _seconds(lambda: pictures.convert(*host), options.device)
    yield Row(f"the same, torch on {options.device}", rate, "from pinned memory")


def network(spotter: Spotter, spec: FrameSpec, options: Any) -> Iterator[Row]:
    """Trunk and head: step by step, as a graph, and two videos at once."""
    device, precision = options.device, options.precision
    chunk = options.chunk or cuda_chunk_len(
        spotter, spec, precision=precision, budget_bytes=DEFAULT_BUDGET_BYTES // 2
    )
    frames = np.zeros((chunk, spec.height, spec.width, 3), np.uint8)
    marks = np.ones(chunk, np.float32)
    parts = (frames, marks, marks)
    size = (spec.width, spec.height)
    make: dict[str, Any] = {
        "device": device,
        "precision": precision,
        "chunk_len": chunk,
    }
    plain = TorchRuntime(spotter, **make)
    once = _seconds(lambda: plain.trunk(*parts), device)
    yield Row(f"trunk, chunks of {chunk}, {plain.name}", chunk / once, "each afresh")
    fixed = TorchRuntime(spotter, **make, size=size)
    again = _seconds(lambda: fixed.trunk(*parts), device)
    kind = "CUDA graph" if device == "cuda" else "fixed buffers"
    yield Row(f"trunk, {kind}", chunk / again, f"{once / again:.2f} x each afresh")
    shared = FixedChunks(plain.network, chunk_len=chunk, size=size, lanes=2)
    both = _seconds(lambda: _fetched(shared.run([parts, parts])), device)
    yield Row("trunk, two videos as one batch", 2 * chunk / both, _peak(device))
    windows = np.zeros(
        (WINDOWS_AT_ONCE, spotter.config.clip_len, plain.feature_dim), np.float32
    )
    head = _seconds(lambda: plain.head(windows), device)
    yield Row("head", windows.shape[0] * windows.shape[1] / head, "overlap not counted")


def onnx(checkpoint: Checkpoint, path: Path, options: Any) -> Iterator[Row]:
    """ONNX Runtime by its providers, at the checkpoint's own size."""
    spec = checkpoint.manifest.frame_spec
    made = attach_onnx_stream(checkpoint.path, out=path, chunk_len=options.chunk or 16)
    for provider in (CPU,) if options.device == "cpu" else (CUDA, TENSORRT):
        title = f"trunk, ONNX Runtime, {provider}"
        try:
            runtime = open_runtime(made, provider=provider)
        except EngineError as exc:
            yield Row(title, None, str(exc).split(";")[0])
            continue
        count = runtime.chunk_len
        frames = np.zeros((count, spec.out_height, spec.out_width, 3), np.uint8)
        marks = np.ones(count, np.float32)

        def work(
            runtime: Any = runtime, frames: Any = frames, marks: Any = marks
        ) -> Any:
            return runtime.trunk(frames, marks, marks)

        note = f"{spec.out_width}x{spec.out_height}"
        yield Row(title, count / _seconds(work, options.device), note)


def _seconds(work: Callable[[], Any], device: str, *, rounds: int = 3) -> float:
    """Give the best of some rounds, after one that warms up."""
    found = []
    for _ in range(rounds + 1):
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        found.append(time.perf_counter() - started)
    return min(found[1:])


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _times(count: int, work: Callable[[], Any]) -> None:
    for _ in range(count):
        work()


def _fetched(found: list[torch.Tensor | None]) -> list[Any]:
    return [each.float().cpu() for each in found if each is not None]


def _pinned(tensor: torch.Tensor, device: str) -> torch.Tensor:
    return tensor.pin_memory() if device == "cuda" else tensor


def _peak(device: str) -> str:
    if device != "cuda":
        return "memory is counted on a card"
    return f"peak {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB"


def _machine(device: str) -> str:
    card = torch.cuda.get_device_name() if device == "cuda" else "no GPU"
    return f"{card}; {processor()}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "checkpoint",
        nargs="?",
        type=Path,
        default=BUNDLED_DIR / "arena-rny002.touchline",
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--size", type=_size, help="of the network's input")
    parser.add_argument("--video", type=_size, help="of the drawn match")
    parser.add_argument("--frames", type=int, help="of the drawn match")
    parser.add_argument("--chunk", type=int, help="steps; by memory if left out")
    options = parser.parse_args()
    is_dry = options.device == "cpu"
    options.precision = "float32" if is_dry else "float16"
    options.size = options.size or ((96, 54) if is_dry else (398, 224))
    options.video = options.video or ((320, 180) if is_dry else (1920, 1080))
    options.frames = options.frames or (30 if is_dry else 900)
    options.chunk = options.chunk or (8 if is_dry else None)
    return options


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


if __name__ == "__main__":
    main()
