"""How fast a video becomes a timeline, and against what.

    python -m benchmarks.speed [--arch rny008_gsm] [--size 398x224] [--int8]
    python -m benchmarks.speed --checkpoint NAME --video match.mp4

Times in turn, several times over, and takes the best of each: decoding to nothing
(`ffmpeg -f null`, or PyAV where ffmpeg is not); decoding to the network's frames; each
engine on frames in memory; file to timeline; the stock network (see
`benchmarks.stock`) on one clip, which counts twice for its overlap; and a product of
two matrices, the roof of this machine. What counts is the ratios: they are taken side
by side. End to end, the stock way is given our decoder. Files are measured whole, the
start of the decoding process and the flush at the end included, so let them be long.
"""

import argparse
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openvino as ov
import torch

from benchmarks.decode import draw_match, start_of_nothing, to_nothing
from benchmarks.machine import processor
from benchmarks.stock import StockSpotter
from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_checkpoint
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotter_io import load_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.engines.openvino_engine import OpenVinoRuntime
from model.engines.runtime import Frames, Runtime
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import TorchRuntime
from model.export.openvino import CHUNK_LEN, head_model, trunk_model
from model.network.config import ModelConfig
from model.network.cost import cost_of
from model.network.spotter import Spotter
from model.spotting.inference import one_pass
from model.spotting.predictor import EnginePredictor
from model.spotting.spot_file import spot_file
from model.spotting.windows import Windows
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.probe import probe

LABELS = ("PASS", "DRIVE")

# Times the frames in memory are run through an engine, so that the flush at the end,
# some 28 steps whatever a video's length, does not weigh.
LAPS = 4


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured on.

    Attributes:
        manifest: of the network.
        spotter: the network.
        video: the file that is spotted.
        frames: some of its frames as the network sees them.
        runtimes: the engines.
    """

    manifest: Manifest
    spotter: Spotter
    video: Path
    frames: list[Frames]
    runtimes: list[Runtime] = field(default_factory=list)


def main() -> None:
    """Prepare, time, and print the table."""
    options = _parse_options()
    threads = options.threads or torch.get_num_threads()
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        bench = _prepare(options, Path(folder))
        _describe(bench, threads)
        ways = _ways(bench, options.clip_len)
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(options.rounds):
            for name, way in ways.items():
                best[name] = min(best[name], way())
    _print_table(bench, best)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", default="rny008_gsm")
    parser.add_argument("--size", default="398x224", help="of the network's frames")
    parser.add_argument("--clip-len", type=int, default=100, help="the stock clip's")
    parser.add_argument("--checkpoint", help="measure this one, not a random network")
    parser.add_argument("--video", type=Path, help="else a 720p match is drawn")
    parser.add_argument("--seconds", type=int, default=40, help="of the drawn match")
    parser.add_argument("--frames", type=int, default=96, help="for the engines alone")
    parser.add_argument("--chunk-len", type=int, default=CHUNK_LEN)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--int8", action="store_true", help="measure int8 as well")
    return parser.parse_args()


def _prepare(options: argparse.Namespace, folder: Path) -> Bench:
    if options.checkpoint:
        checkpoint = Checkpoint.open(find_checkpoint(options.checkpoint))
        manifest, spotter = checkpoint.manifest, load_spotter(checkpoint)
    else:
        width, height = (int(side) for side in options.size.split("x"))
        config = ModelConfig(options.arch, "gru", options.clip_len, len(LABELS))
        manifest = Manifest(
            name=f"{options.arch}, random",
            config=config,
            labels=LABELS,
            frame_spec=FrameSpec(width, height, fps=30.0),
            spotting=SpottingOptions.default(LABELS),
        )
        torch.manual_seed(0)
        spotter = Spotter(config).eval()
    video = options.video or folder / "match.mp4"
    if options.video is None:
        draw_match(video, frames=options.seconds * 30, size=(1280, 720))
    frames = _some_frames(video, manifest.frame_spec, options.frames)
    bench = Bench(manifest, spotter, video, frames)
    bench.runtimes.extend(_runtimes(bench, options))
    return bench


def _runtimes(bench: Bench, options: argparse.Namespace) -> Iterator[Runtime]:
    spec, size = bench.manifest.frame_spec, options.chunk_len
    delay = StreamingTrunk(bench.spotter).delay
    trunk, head = trunk_model(bench.spotter, spec, chunk_len=size), None
    head = head_model(bench.spotter)
    yield OpenVinoRuntime(trunk, head, delay=delay, threads=options.threads)
    if options.int8:
        from model.export.int8 import quantise

        quick = quantise(trunk, [bench.frames], chunk_len=size)
        yield OpenVinoRuntime(
            quick, head, delay=delay, name="openvino/int8", threads=options.threads
        )
    yield TorchRuntime(bench.spotter, chunk_len=size)


def _some_frames(video: Path, spec: FrameSpec, count: int) -> list[Frames]:
    frames: list[Frames] = []
    with decode_in_child(video, spec) as steps:
        for step in steps:
            frames.append(step.image)
            if len(frames) == count:
                break
    return frames


def _ways(bench: Bench, clip_len: int) -> dict[str, Callable[[], float]]:
    """Name each measurement; a call gives seconds a step, the roof's a product's."""
    ways: dict[str, Callable[[], float]] = {
        "roof": _time_product,
        "stock network": lambda: _time_stock(bench, clip_len),
        "decode to nothing": lambda: _time_nothing(bench),
        "decode": lambda: _time_decoding(bench),
    }
    for runtime in bench.runtimes:
        ways[f"{runtime.name} network"] = lambda r=runtime: _time_network(bench, r)  # type: ignore[misc]
        if runtime.name.startswith("openvino"):
            ways[f"{runtime.name} file"] = lambda r=runtime: _time_file(bench, r)  # type: ignore[misc]
    return ways


def _time_product(side: int = 2048) -> float:
    left, right = torch.rand(side, side), torch.rand(side, side)
    torch.mm(left, right)
    return _timed(lambda: torch.mm(left, right)) / (2 * side**3)


def _time_stock(bench: Bench, clip_len: int) -> float:
    stock = StockSpotter(bench.spotter)
    frames = (bench.frames * (clip_len // len(bench.frames) + 1))[:clip_len]
    clip = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        seconds = _timed(lambda: stock(clip))
    return 2 * seconds / clip_len


def _time_network(bench: Bench, runtime: Runtime) -> float:
    frames = bench.frames * LAPS
    return _timed(lambda: one_pass(frames, runtime, _windows(bench))) / len(frames)


def _time_nothing(bench: Bench) -> float:
    """Decode without scaling; seconds for each step of the network."""
    # The first start of ffmpeg may read it from disk: longer than all of the rest.
    start_s = min(_timed(lambda: start_of_nothing(bench.video)) for _ in range(3))
    seconds = _timed(lambda: to_nothing(bench.video)) - start_s
    duration_s = probe(bench.video).duration_s
    return seconds / max(1.0, duration_s * bench.manifest.frame_spec.fps)


def _time_decoding(bench: Bench) -> float:
    count = 0
    start_s = time.perf_counter()
    with decode_in_child(bench.video, bench.manifest.frame_spec) as steps:
        for _ in steps:
            count += 1
    return (time.perf_counter() - start_s) / count


def _time_file(bench: Bench, runtime: Runtime) -> float:
    predictor = EnginePredictor(bench.manifest, runtime)
    start_s = time.perf_counter()
    spotted = spot_file(bench.video, predictor=predictor)
    return (time.perf_counter() - start_s) / len(spotted.timeline)


def _windows(bench: Bench) -> Windows:
    clip_len = bench.manifest.config.clip_len
    return Windows(clip_len, clip_len // 2)


def _timed(run: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    run()
    return time.perf_counter() - start_s


def _describe(bench: Bench, threads: int) -> None:
    spec, config = bench.manifest.frame_spec, bench.manifest.config
    print(f"{datetime.now(UTC):%Y-%m-%d}  {processor()}, {threads} threads")
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"OpenVINO {ov.__version__.partition('-')[0]}"
    )
    print(
        f"{bench.manifest.name}: {config.feature_arch} + {config.temporal_arch}, "
        f"clip_len {config.clip_len}, {spec.out_width}x{spec.out_height} at "
        f"{spec.fps:g} steps/s, from {bench.video.name}"
    )


def _print_table(bench: Bench, best: dict[str, float]) -> None:
    gflop = 2 * _gmac(bench)
    roof_s = best.pop("roof") * gflop * 1e9
    stock_s = best["stock network"]
    fps = bench.manifest.frame_spec.fps
    print(f"roof: {gflop / roof_s:.0f} GFLOP/s, {gflop:.2f} GFLOP a step")
    nothing_s = best["decode to nothing"]
    head = "ms/step  steps/s  x real time  x ffmpeg-null  x stock  of the roof"
    print(f"{'':28} {head}")
    rows = {"stock file": best["decode"] + stock_s, **best}
    for name, step_s in sorted(rows.items(), key=lambda row: -row[1]):
        shown = (
            f"{name:28} {step_s * 1e3:7.2f} {1 / step_s:8.1f} {1 / step_s / fps:12.1f}"
            f" {nothing_s / step_s:14.3f}"
        )
        if not name.startswith("decode"):
            same = rows["stock file"] if name.endswith("file") else stock_s
            shown += f" {same / step_s:8.2f} {roof_s / step_s:12.2f}"
        print(shown)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"peak memory of this process, torch and the stock clip included: "
        f"{peak:.0f} MiB"
    )


def _gmac(bench: Bench) -> float:
    return cost_of(
        bench.manifest.config, bench.manifest.frame_spec, steps=1
    ).gmac_per_step


if __name__ == "__main__":
    main()
