"""Video file in, steps out: the frames a network looks at, with their times.

`iter_steps` decodes in this process, for files one trusts (training, tests).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.video.frame_spec import FrameSpec
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.picture import Painter
from model.video.source import SourceFrame, open_video

__all__ = ["DEFAULT_LIMITS", "MediaLimits", "Step", "choose_frames", "iter_steps"]


@dataclass(frozen=True, slots=True)
class Step:
    """One frame that was taken.

    Attributes:
        frame: index in the source, 0-based.
        pts: presentation time as the file says, in the stream's time base.
        time_s: PTS minus the file's start time, in seconds: what a player shows.
        image: (H, W, 3) uint8 RGB, C-contiguous, of the spec's size.
    """

    frame: int
    pts: int
    time_s: float
    image: NDArray[np.uint8]


def iter_steps(
    path: Path, spec: FrameSpec, *, limits: MediaLimits = DEFAULT_LIMITS
) -> Iterator[Step]:
    """Decode a video in this process, step by step.

    Step k is the frame nearest in time to k / spec.fps (see `choose_frames`). A
    frame that serves for several steps comes with the very same image each time.

    Raises:
        UnreadableVideo, UnsupportedMedia, NoVideoStream, VideoLimitExceeded: see
            `model.video.source`.
    """
    painter = Painter(spec)
    with open_video(path, limits=limits) as source:
        step: Step | None = None
        for chosen in choose_frames(source.frames(), fps=spec.fps):
            if step is None or step.frame != chosen.frame:
                image = painter.paint(chosen.picture)
                step = Step(chosen.frame, chosen.pts, float(chosen.time_s), image)
            yield step


def choose_frames(
    frames: Iterator[SourceFrame], *, fps: float
) -> Iterator[SourceFrame]:
    """Choose for each k the frame nearest in time to k / fps; at a tie the earlier.

    A source slower than `fps` gives some frames twice, so that the network's clock
    stays true; a gap in the source repeats the frames at its rim. The last step is
    found as if one more frame followed, as far off as the last is from the one before.

    Args:
        frames: in order of time, each later than the one before.
        fps: steps a second.
    """
    interval_s = 1 / Fraction(fps).limit_denominator(1_000_000)
    wanted_s = Fraction(0)
    held: SourceFrame | None = None
    gap_s = interval_s
    for frame in frames:
        if held is not None:
            gap_s = frame.time_s - held.time_s
            while 2 * wanted_s <= held.time_s + frame.time_s:
                yield held
                wanted_s += interval_s
        held = frame
    if held is not None:
        while wanted_s <= held.time_s + gap_s / 2:
            yield held
            wanted_s += interval_s
