"""How close decoding to a network's input comes to decoding alone.

    python -m benchmarks.decode [--seconds 6] [--rounds 3]

Draws 720p and 1080p matches in H.264 and HEVC and times, side by side and several
times over, (a) decoding to nothing: `ffmpeg -f null` if it is there, else PyAV
without scaling; (b) `iter_steps`, every frame scaled to 398x224 RGB; (c) the same
through the decoding process and shared memory. What starting ffmpeg or the decoding
process takes is measured by itself and taken off. The ratios are (a) to (b) and (c),
best of all rounds: by the clock, and by processor time, which says the same on a
machine that is busy with other things.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from benchmarks.machine import processor
from model.video.decode import decode_in_child, iter_steps
from model.video.frame_spec import FrameSpec
from tests.videos import Image, draw_video, match_picture

SPEC = FrameSpec(width=398, height=224, fps=30.0)
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
CODECS = {"H.264": "libx264", "HEVC": "libx265"}


def main() -> None:
    """Draw, time, and print the table."""
    options = _parse_options()
    print(f"{processor()}, PyAV {av.__version__}")
    limit = "ffmpeg -f null" if shutil.which("ffmpeg") else "PyAV, no scaling"
    print(f"limit: {limit}; best of {options.rounds}")
    print("               frames/s by the clock   ratio by clock   by processor time")
    print("        video  limit  steps  child     steps   child    steps   child")
    with tempfile.TemporaryDirectory() as folder:
        for size_name, size in SIZES.items():
            for codec_name, codec in CODECS.items():
                path = Path(folder) / f"{size_name}-{codec}.mp4"
                frames = options.seconds * 30
                draw_match(path, frames=frames, size=size, codec=codec)
                clock, work = _best(path, rounds=options.rounds)
                rates = "".join(f"{frames / time_s:7.0f}" for time_s in clock)
                ratios = [clock[0] / clock[1], clock[0] / clock[2]]
                ratios += [work[0] / work[1], work[0] / work[2]]
                shown = "".join(f"{ratio:8.2f}" for ratio in ratios)
                print(f"{size_name + ' ' + codec_name:>13}{rates}  {shown}", flush=True)
                path.unlink()


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6, help="length of each video")
    parser.add_argument("--rounds", type=int, default=3, help="times each is timed")
    return parser.parse_args()


def draw_match(
    path: Path, *, frames: int, size: tuple[int, int], codec: str = "libx264"
) -> None:
    """Draw players on a court with the grain of a camera, at a usual bit rate."""
    dice = np.random.default_rng(7)
    grain = dice.integers(-6, 7, (size[1], size[0] * 2, 1), np.int16)

    def paint(number: int, width: int, height: int) -> Image:
        shift = number * 37 % width
        court = match_picture(number, width, height).astype(np.int16)
        noisy = court + grain[:, shift : shift + width]
        clipped: Image = np.clip(noisy, 0, 255).astype(np.uint8)
        return clipped

    rate = 5_000_000 if size[1] <= 720 else 9_000_000
    draw_video(
        path,
        frames=frames,
        size=size,
        codec=codec,
        b_frames=2,
        key_every=60,
        bit_rate=rate if codec == "libx264" else rate // 2,
        paint=paint,
    )


def _best(path: Path, *, rounds: int) -> tuple[list[float], list[float]]:
    """Return the least time of each way, by the clock and of the processors."""
    ways: tuple[Callable[[Path], None], ...] = (to_nothing, _steps, _child)
    times = [[_timed(way, path) for way in ways] for _ in range(rounds)]
    clock = [min(pair[0] for pair in column) for column in zip(*times, strict=True)]
    work = [min(pair[1] for pair in column) for column in zip(*times, strict=True)]
    for column, start in ((0, start_of_nothing), (2, _child_alone)):
        start_s, start_work_s = min(_timed(start, path) for _ in range(rounds))
        clock[column] -= start_s
        work[column] -= start_work_s
    return clock, work


def _timed(way: Callable[[Path], None], path: Path) -> tuple[float, float]:
    start_s, start_work_s = time.perf_counter(), sum(os.times()[:4])
    way(path)
    return time.perf_counter() - start_s, sum(os.times()[:4]) - start_work_s


def to_nothing(path: Path) -> None:
    """Decode a video and keep nothing: by ffmpeg if it is there, else by PyAV."""
    if shutil.which("ffmpeg"):
        _run_ffmpeg("-i", str(path), "-f", "null", "-")
        return
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(video=0):
            pass


def start_of_nothing(path: Path) -> None:
    """Do of `to_nothing` what does not grow with the video: ffmpeg's start."""
    if shutil.which("ffmpeg"):
        _run_ffmpeg("-i", str(path), "-frames:v", "1", "-f", "null", "-")


def _run_ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", *arguments], check=True)


def _steps(path: Path) -> None:
    for _ in iter_steps(path, SPEC):
        pass


def _child(path: Path) -> None:
    with decode_in_child(path, SPEC) as steps:
        for _ in steps:
            pass


def _child_alone(path: Path) -> None:
    """Start the process and stop it at the first step."""
    with decode_in_child(path, SPEC, ring_steps=1) as steps:
        next(steps)


if __name__ == "__main__":
    main()
