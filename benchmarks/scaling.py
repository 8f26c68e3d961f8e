"""Which way FFmpeg scales a picture to RGB the quickest, and how true each one is.

    python -m benchmarks.scaling [--rounds 7]

Draws a match, scales the same frames by each way, and prints processor time a frame and
the distance to the mean of each pixel's area, worked out in float64: root of the mean
square and the largest, in grey levels of 255. `FrameConverter` takes the way marked
with *.
"""

import argparse
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from benchmarks.decode import draw_match
from benchmarks.machine import processor
from tests.videos import area_weights

Floats = NDArray[np.float64]

WAYS = ("rgb24", "rgba", "yuv444p", "yuv422p", "yuv420p")
TAKEN = "yuv422p"
CASES = (((448, 252), (274, 154)), ((1280, 720), (398, 224)))
FRAMES = 16


def main() -> None:
    """Draw, scale every way, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="times each is timed")
    rounds = parser.parse_args().rounds
    print(f"{processor()}, PyAV {av.__version__}")
    print("from     to       by way of    ms a frame   rms   largest")
    for size, out in CASES:
        frames = _frames(size)
        truths = [area_mean(frame, out) for frame in frames[:4]]
        for way in WAYS:
            pairs = zip(frames, truths, strict=False)
            errors = [scale(f, way, out).to_ndarray() - truth for f, truth in pairs]
            off = np.abs(np.stack(errors))
            mark = "*" if way == TAKEN else " "
            print(
                f"{size[0]}x{size[1]:<5}{out[0]}x{out[1]:<5}{way:>9}{mark}"
                f"{_least_ms(frames, way, out, rounds):13.3f}"
                f"{float((off**2).mean() ** 0.5):7.1f}{off.max():9.0f}",
                flush=True,
            )


def scale(
    frame: VideoFrame,
    way: str,
    out: tuple[int, int],
    tools: tuple[VideoReformatter, VideoReformatter] | None = None,
) -> VideoFrame:
    """Scale a frame to `way` by area averaging, then make that RGB24."""
    first, second = tools or (VideoReformatter(), VideoReformatter())
    small = first.reformat(
        frame,
        width=out[0],
        height=out[1],
        format=way,
        interpolation=Interpolation.AREA,
        dst_color_range=None if way.startswith("yuv") else ColorRange.JPEG,
        threads=1,
    )
    return second.reformat(
        small, format="rgb24", dst_color_range=ColorRange.JPEG, threads=1
    )


def area_mean(frame: VideoFrame, out: tuple[int, int]) -> Floats:
    """Work out in float64 what each pixel should be: (H, W, 3).

    For 4:2:0 in limited range by BT.601, as `draw_match` draws; a colour sample counts
    for the four pixels that it covers.
    """
    planes = [
        np.ndarray((p.height, p.width), np.uint8, p, strides=(p.line_size, 1))  # type: ignore[arg-type] # a plane is a buffer
        for p in frame.planes
    ]
    luma = (planes[0] - 16.0) * 255 / 219
    blue, red = (
        np.kron(p - 128.0, np.ones((2, 2)))[: frame.height, : frame.width] * 255 / 224
        for p in planes[1:]
    )
    rgb = (
        luma + 1.402 * red,
        luma - 0.344136 * blue - 0.714136 * red,
        luma + 1.772 * blue,
    )
    across = area_weights(frame.width, out[0])
    down = area_weights(frame.height, out[1])
    means = [down @ np.clip(plane, 0, 255) @ across.T for plane in rgb]
    return np.stack(means, axis=-1)


def _frames(size: tuple[int, int]) -> list[VideoFrame]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "match.mp4"
        draw_match(path, frames=FRAMES, size=size)
        with av.open(str(path)) as container:
            return list(container.decode(video=0))


def _least_ms(
    frames: list[VideoFrame], way: str, out: tuple[int, int], rounds: int
) -> float:
    tools = VideoReformatter(), VideoReformatter()
    least = float("inf")
    for _ in range(rounds):
        start_s = time.process_time()
        for frame in frames:
            scale(frame, way, out, tools)
        least = min(least, time.process_time() - start_s)
    return least / len(frames) * 1000


if __name__ == "__main__":
    main()
