"""Frames that somebody else decoded, as the steps a network looks at."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import ArrayLike

from model.video.decode import Step, choose_frames
from model.video.frame_spec import FrameSpec
from model.video.picture import FrameConverter, Image
from model.video.source import SourceFrame


def steps_of_frames(
    frames: Iterable[tuple[float, ArrayLike]], spec: FrameSpec
) -> Iterator[Step]:
    """Choose, scale and crop frames as a decoded file's are.

    Step k is the frame nearest to k / spec.fps after the first one's time; a frame
    serves for several steps where they are fewer than the spec asks for.

    Args:
        frames: times in seconds, each later than the one before, with (H, W, 3) uint8
            RGB images of any size; an image may be reused once the next is asked for.
        spec: what the network is fed.

    Yields:
        Steps whose `frame` counts the frames given, whose `time_s` is the frame's own
        time, and whose `pts` is its `frame`.

    Raises:
        ValueError: no frame, or one that is no image or not later than the one before.
    """
    converter = FrameConverter(spec)
    times: dict[int, float] = {}  # Of the frames that may still be chosen.
    step: Step | None = None
    for chosen in choose_frames(_checked(frames, times), fps=spec.fps):
        if step is None or step.frame != chosen.frame:
            for frame in [frame for frame in times if frame < chosen.frame]:
                del times[frame]
            image = converter.convert(chosen.picture)
            step = Step(chosen.frame, chosen.pts, times[chosen.frame], image)
        yield step
    if step is None:
        raise ValueError("there is no frame: give pairs of a time and an image")


def _checked(
    frames: Iterable[tuple[float, ArrayLike]], times: dict[int, float]
) -> Iterator[SourceFrame]:
    first_s = last_s = -np.inf
    for index, pair in enumerate(frames):
        time_s, image = _pair(pair, index)
        if index == 0:
            first_s = time_s
        if not time_s > last_s:
            raise ValueError(
                f"frame {index} is at {time_s} s, not later than the one before "
                f"({last_s} s): give frames in order of time"
            )
        times[index] = last_s = time_s
        picture = VideoFrame.from_ndarray(image, format="rgb24")
        yield SourceFrame(index, index, Fraction(time_s) - Fraction(first_s), picture)


def _pair(pair: Any, index: int) -> tuple[float, Image]:
    try:
        time_s, image = pair
        seconds, pixels = float(time_s), np.ascontiguousarray(image)
    except (TypeError, ValueError) as exc:
        raise ValueError(
            f"frame {index} is no pair of a time in seconds and an image"
        ) from exc
    if not np.isfinite(seconds):
        raise ValueError(f"frame {index} has no time: {seconds}")
    if pixels.dtype != np.uint8 or pixels.shape[2:] != (3,) or not pixels.size:
        raise ValueError(
            f"frame {index} must be (height, width, 3) uint8 RGB, got "
            f"{pixels.shape} {pixels.dtype}"
        )
    return seconds, pixels
